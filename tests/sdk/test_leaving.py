"""A client that leaves takes its upstream with it, even while that is silent."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from anthropic import AsyncAnthropic
from openai import AsyncOpenAI

from real_gateway import KEY, Gateway

pytestmark = pytest.mark.slow

WITHIN_SECONDS = 1.0
TEXT = "one two three four"


async def stream_responses(gateway: Gateway, model: str) -> None:
    async with AsyncOpenAI(base_url=gateway.base_url, api_key=KEY, max_retries=0) as client:
        asked = client.responses.create(model=model, input=TEXT, stream=True)
        async with await asked as stream:
            async for event in stream:
                if event.type == "response.output_text.delta":
                    return


async def stream_chat(gateway: Gateway, model: str) -> None:
    async with AsyncOpenAI(base_url=gateway.base_url, api_key=KEY, max_retries=0) as client:
        asked = client.chat.completions.create(model=model, messages=[{"role": "user", "content": TEXT}], stream=True)
        async with await asked as stream:
            async for chunk in stream:
                if chunk.choices and chunk.choices[0].delta.content:
                    return


async def stream_messages(gateway: Gateway, model: str) -> None:
    async with AsyncAnthropic(base_url=gateway.url, api_key=KEY, max_retries=0) as client:
        asked = client.messages.stream(model=model, max_tokens=99, messages=[{"role": "user", "content": TEXT}])
        async with asked as stream:
            async for _ in stream.text_stream:
                return


@pytest.mark.parametrize("leave", [stream_responses, stream_chat, stream_messages])
async def test_client_leaves(gateway: Gateway, kind: str, leave: Callable[[Gateway, str], Awaitable[None]]) -> None:
    """Within a second of the client's leaving, the upstream sees it leave too."""
    fake = gateway.fakes[kind]
    await leave(gateway, f"{kind}-silent")
    async with asyncio.timeout(WITHIN_SECONDS):
        while fake.playing:  # noqa: ASYNC110 - what is awaited happens in another thread
            await asyncio.sleep(0.01)
    last = fake.stage.received[-1]
    assert f"{kind}-silent" in (last.json.get("model"), last.path.rpartition("/")[2].partition(":")[0])
