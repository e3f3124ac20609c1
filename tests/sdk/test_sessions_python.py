"""Sessions of the Agents SDK for Python that the gateway keeps: the SDK's own, on every kind of upstream."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from agents import (
    Agent,
    ModelProvider,
    ModelSettings,
    OpenAIConversationsSession,
    OpenAIProvider,
    RunConfig,
    Runner,
    function_tool,
    set_tracing_disabled,
)
from openai import AsyncOpenAI, NotFoundError
from openai.types.shared import Reasoning

from real_gateway import KEY, Gateway, model_of

pytestmark = pytest.mark.slow

PICTURE = "data:image/png;base64,iVBORw0KGgo="


@function_tool
def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"sunny in {city}"


@pytest.fixture
async def client(gateway: Gateway) -> AsyncIterator[AsyncOpenAI]:
    set_tracing_disabled(True)
    async with AsyncOpenAI(base_url=gateway.base_url, api_key=KEY, max_retries=0) as client:
        yield client


@pytest.fixture
def provider(client: AsyncOpenAI) -> ModelProvider:
    return OpenAIProvider(openai_client=client, use_responses=True)


async def say(agent: Agent, text: Any, session: Any, provider: ModelProvider) -> str:
    result = await Runner.run(agent, text, session=session, run_config=RunConfig(model_provider=provider))
    return str(result.final_output)


async def test_a_conversation_is_a_session(client: AsyncOpenAI, provider: ModelProvider, kind: str) -> None:
    """Three turns, read back in order; the last item is taken off, and all are cleared."""
    session = OpenAIConversationsSession(openai_client=client)
    agent = Agent(name="Assistant", instructions="Be brief.", model=model_of(kind))
    for turn, text in enumerate(("One", "Two", "Three"), 1):
        assert await say(agent, text, session, provider) == f"ok, you said: {text}" + (
            f" (turn {turn})" if turn > 1 else ""
        )
    items: list[Any] = list(await session.get_items())
    assert [item["role"] for item in items] == ["user", "assistant"] * 3
    assert [item["id"] for item in await session.get_items(limit=2)] == [item["id"] for item in items[-2:]]  # type: ignore[typeddict-item]
    popped: Any = await session.pop_item()
    assert popped["id"] == items[-1]["id"]
    assert len(await session.get_items()) == 5
    conversation_id = session.session_id
    await session.clear_session()
    with pytest.raises(NotFoundError):
        await client.conversations.retrieve(conversation_id)


async def test_calls_and_thoughts_survive_in_a_session(
    client: AsyncOpenAI, provider: ModelProvider, gateway: Gateway, kind: str
) -> None:
    """A model that signs what it thought gets it back, turns later, as it was."""
    settings = ModelSettings(reasoning=Reasoning(effort="high", summary="auto"))
    agent = Agent(
        name="Assistant", instructions="Be brief.", model=model_of(kind), tools=[get_weather], model_settings=settings
    )
    session = OpenAIConversationsSession(openai_client=client)
    assert await say(agent, "The weather in Oslo?", session, provider) == "The tools say: sunny in Oslo."
    assert await say(agent, "The weather in Rome?", session, provider) == "The tools say: sunny in Rome."
    kinds = [item.get("type") for item in await session.get_items()]
    assert kinds.count("function_call") == kinds.count("function_call_output") == 2
    if kind == "messages":
        sent = gateway.fakes[kind].stage.received[-1].json["messages"]
        assert any(block["type"] == "thinking" for turn in sent for block in turn["content"] if isinstance(block, dict))


async def test_more_than_a_page_of_items_is_read_back(client: AsyncOpenAI) -> None:
    """Written in pieces of twenty, read in pages, in order."""
    session = OpenAIConversationsSession(openai_client=client)
    texts = [f"message {number}" for number in range(50)]
    await session.add_items([{"role": "user", "content": text} for text in texts])
    items: list[Any] = list(await session.get_items())
    assert [item["content"][0]["text"] for item in items] == texts


async def test_a_picture_in_a_session_is_sent_again(
    client: AsyncOpenAI, provider: ModelProvider, gateway: Gateway, kind: str
) -> None:
    """The SDK reads its history without asking for pictures, and the next request needs them."""
    session = OpenAIConversationsSession(openai_client=client)
    agent = Agent(name="Assistant", instructions="Be brief.", model=model_of(kind))
    content = [
        {"type": "input_text", "text": "What is this?"},
        {"type": "input_image", "image_url": PICTURE, "detail": "auto"},
    ]
    await say(agent, [{"role": "user", "content": content}], session, provider)
    await say(agent, "And now?", session, provider)
    assert PICTURE.partition(",")[2].encode() in gateway.fakes[kind].stage.received[-1].body


async def test_a_run_may_name_its_conversation(client: AsyncOpenAI, provider: ModelProvider, kind: str) -> None:
    """Then the gateway adds what stood before, and takes up what is said: calls and their results too."""
    conversation = await client.conversations.create()
    agent = Agent(name="Assistant", instructions="Be brief.", model=model_of(kind), tools=[get_weather])
    for city in ("Oslo", "Rome"):
        result = await Runner.run(
            agent,
            f"The weather in {city}?",
            conversation_id=conversation.id,
            run_config=RunConfig(model_provider=provider),
        )
        assert result.final_output == f"The tools say: sunny in {city}."
    items = [item async for item in client.conversations.items.list(conversation.id, order="asc")]
    turn = ["message", "function_call", "function_call_output", "message"]
    assert [item.type for item in items if item.type != "reasoning"] == turn * 2


async def test_a_run_may_name_the_response_before_it(provider: ModelProvider, kind: str) -> None:
    """Only what is new is sent."""
    agent = Agent(name="Assistant", instructions="Be brief.", model=model_of(kind), tools=[get_weather])
    previous = None
    for city in ("Oslo", "Rome"):
        result = await Runner.run(
            agent,
            f"The weather in {city}?",
            previous_response_id=previous,
            run_config=RunConfig(model_provider=provider),
        )
        assert result.final_output == f"The tools say: sunny in {city}."
        previous = result.last_response_id
