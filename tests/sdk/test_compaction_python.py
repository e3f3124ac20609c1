"""Counting and compaction through openai-python and the Agents SDK, on every kind of upstream."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import openai
import pytest
from agents import Agent, OpenAIProvider, RunConfig, Runner, SQLiteSession, function_tool, set_tracing_disabled
from agents.memory import OpenAIResponsesCompactionSession
from openai import AsyncOpenAI

from real_gateway import KEY, KINDS, Gateway, make_fakes, model_of, running, running_gateway, upstream_environment

pytestmark = pytest.mark.slow

HISTORY: list[Any] = [
    {"role": "user", "content": "Where is the blue lamp?"},
    {"type": "function_call", "call_id": "c1", "name": "look", "arguments": "{}"},
    {"type": "function_call_output", "call_id": "c1", "output": "lamp-4711 stands on shelf 3"},
    {"role": "assistant", "content": "It is lamp-4711."},
]


def alias_of(kind: str) -> str:
    """A name in the only shape that the SDK's compaction takes."""
    return f"gpt-{kind}"


@pytest.fixture(scope="module")
def aliased(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway whose every model has an OpenAI name as well."""
    fakes = make_fakes()
    aliases = ",".join(f"{alias_of(kind)}={model_of(kind)}" for kind in KINDS)
    with running(fakes):
        variables = {**upstream_environment(fakes), "TRUNKLINE_ALIASES": aliases}
        with running_gateway(tmp_path_factory.mktemp("aliased"), **variables) as gateway:
            gateway.fakes = fakes
            yield gateway


@pytest.fixture
async def client(aliased: Gateway) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=aliased.base_url, api_key=KEY, max_retries=0) as client:
        yield client


async def test_tokens_are_counted(client: AsyncOpenAI, kind: str) -> None:
    """`responses.input_tokens.count`: by every provider but the Chat one, whose tokens are estimated."""
    raw = await client.responses.input_tokens.with_raw_response.count(model=model_of(kind), input="Hello there")
    counted = raw.parse()
    assert counted.object == "response.input_tokens"
    assert 0 < counted.input_tokens < 20
    assert (raw.headers.get("x-trunkline-token-count") == "estimated") is (kind == "chat")


async def test_a_conversation_is_compacted(client: AsyncOpenAI, kind: str) -> None:
    """`responses.compact`, and the output of it as the input of the next turn."""
    compacted = await client.responses.compact(model=model_of(kind), input=HISTORY)
    assert compacted.object == "response.compaction"
    assert [item.type for item in compacted.output] == ["message", "compaction"]
    assert compacted.usage.total_tokens > 0
    turn: list[Any] = [item.model_dump(exclude_unset=True, warnings=False) for item in compacted.output]
    turn.append({"role": "user", "content": "Reply with exactly ok."})
    answer = await client.responses.create(model=model_of(kind), input=turn, store=False)
    assert "ok" in answer.output_text


async def test_a_summary_moves_to_any_model(client: AsyncOpenAI, kind: str) -> None:
    """What one model wrote down, another reads."""
    compacted = await client.responses.compact(model=model_of("messages"), input=HISTORY)
    turn: list[Any] = [item.model_dump(exclude_unset=True, warnings=False) for item in compacted.output]
    turn.append({"role": "user", "content": "Hello"})
    answer = await client.responses.create(model=model_of(kind), input=turn, store=False)
    assert answer.status == "completed"


async def test_a_request_compacts_first(client: AsyncOpenAI) -> None:
    """`context_management` in a stream that openai-python puts together: the item is part of the response."""
    items = [*HISTORY[:2], {**HISTORY[2], "output": "lamp-4711 " * 4000}, {"role": "user", "content": "Hello"}]
    async with client.responses.stream(
        model=model_of("messages"),
        input=items,
        context_management=[{"type": "compaction", "compact_threshold": 1000}],
        store=False,
    ) as stream:
        response = await stream.get_final_response()
    assert [item.type for item in response.output] == ["compaction", "message"]


async def test_a_foreign_compaction_is_refused(client: AsyncOpenAI) -> None:
    """What OpenAI has sealed nobody else can read."""
    compacted = await client.responses.compact(model=model_of("responses"), input=HISTORY)
    turn: list[Any] = [item.model_dump(exclude_unset=True, warnings=False) for item in compacted.output]
    with pytest.raises(openai.BadRequestError, match="another provider has sealed"):
        await client.responses.create(model=model_of("messages"), input=turn, store=False)


@function_tool
def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"sunny in {city}"


@pytest.mark.parametrize("mode", ["input", "auto"])
async def test_a_session_compacts_itself(client: AsyncOpenAI, kind: str, mode: Any) -> None:
    """`OpenAIResponsesCompactionSession` unmodified: its history shrinks, and the agent goes on with its tools."""
    set_tracing_disabled(True)
    session = OpenAIResponsesCompactionSession(
        "s",
        SQLiteSession("s"),
        client=client,
        model=alias_of(kind),
        compaction_mode=mode,
        should_trigger_compaction=lambda context: len(context["compaction_candidate_items"]) >= 4,
    )
    agent = Agent(name="Assistant", instructions="Be brief.", model=alias_of(kind), tools=[get_weather])
    config = RunConfig(model_provider=OpenAIProvider(openai_client=client, use_responses=True))
    for city in ("Oslo", "Rome"):
        result = await Runner.run(agent, f"What is the weather in {city}?", session=session, run_config=config)
        assert "The tools say: sunny in" in result.final_output
    items: list[Any] = await session.get_items()
    assert [item.get("type") for item in items].count("compaction") == 1
    result = await Runner.run(agent, "What is the weather in Paris?", session=session, run_config=config)
    assert "The tools say: sunny in" in result.final_output
