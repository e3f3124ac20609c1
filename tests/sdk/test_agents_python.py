"""The Agents SDK for Python through the gateway: two function tools in parallel, on every kind of upstream."""

import dataclasses
from collections.abc import AsyncIterator

import pytest
from agents import (
    Agent,
    ModelProvider,
    ModelSettings,
    OpenAIProvider,
    RunConfig,
    Runner,
    function_tool,
    set_tracing_disabled,
)
from openai import AsyncOpenAI
from openai.types.shared import Reasoning

from real_gateway import KEY, Gateway, model_of

pytestmark = pytest.mark.slow

BOTH = "What are the weather and the time in Oslo?"
ANSWER = "The tools say: sunny in Oslo; noon in Oslo."


@function_tool
def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"sunny in {city}"


@function_tool
def get_time(city: str) -> str:
    """The local time in a city."""
    return f"noon in {city}"


@pytest.fixture(params=["responses", "chat"])
async def provider(request: pytest.FixtureRequest, gateway: Gateway) -> AsyncIterator[ModelProvider]:
    """The SDK's own provider, over each of its two APIs."""
    set_tracing_disabled(True)
    async with AsyncOpenAI(base_url=gateway.base_url, api_key=KEY, max_retries=0) as client:
        yield OpenAIProvider(openai_client=client, use_responses=request.param == "responses")


def make_agent(kind: str) -> Agent:
    return Agent(name="Assistant", instructions="Be brief.", model=model_of(kind), tools=[get_weather, get_time])


async def test_tools(provider: ModelProvider, kind: str) -> None:
    """Both tools are called, and their results answered."""
    result = await Runner.run(make_agent(kind), BOTH, run_config=RunConfig(model_provider=provider))
    assert result.final_output == ANSWER
    assert len(result.raw_responses) == 2
    assert result.context_wrapper.usage.total_tokens > 0


async def test_streamed_tools(provider: ModelProvider, kind: str) -> None:
    """Streamed it is the same, and the answer comes in pieces."""
    result = Runner.run_streamed(make_agent(kind), BOTH, run_config=RunConfig(model_provider=provider))
    pieces = [
        event.data.delta
        async for event in result.stream_events()
        if event.type == "raw_response_event" and event.data.type == "response.output_text.delta"
    ]
    assert result.final_output == "".join(pieces) == ANSWER
    assert len(pieces) > 1
    calls = [item.raw_item.call_id for item in result.new_items if item.type == "tool_call_item"]
    assert len(set(calls)) == 2


async def test_request_id(provider: ModelProvider, kind: str) -> None:
    """The SDK knows the id of the request that it made here."""
    result = await Runner.run(make_agent(kind), BOTH, run_config=RunConfig(model_provider=provider))
    assert all((response.request_id or "req_").startswith("req_") for response in result.raw_responses)


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
async def test_reasoning_loop(provider: ModelProvider, gateway: Gateway, kind: str, streamed: bool) -> None:
    """What a model thought before its calls comes back to it unchanged: an upstream that signs it would refuse.

    Over Chat the SDK keeps nothing of it, so it comes back out of the gateway's memory.
    """
    settings = ModelSettings(reasoning=Reasoning(effort="high", summary="auto"))
    agent = dataclasses.replace(make_agent(kind), model_settings=settings)
    run_config = RunConfig(model_provider=provider)
    if streamed:
        running = Runner.run_streamed(agent, BOTH, run_config=run_config)
        async for _ in running.stream_events():
            pass
        answer = running.final_output
    else:
        answer = (await Runner.run(agent, BOTH, run_config=run_config)).final_output
    assert answer == ANSWER
    if kind == "messages":
        thoughts = [
            block
            for turn in gateway.fakes[kind].stage.received[-1].json["messages"]
            for block in turn["content"]
            if isinstance(block, dict) and block["type"] == "thinking"
        ]
        assert len(thoughts) == 1
