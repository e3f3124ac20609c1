"""Anthropic's Python SDK through the gateway, onto every kind of upstream that Messages callers reach today."""

from collections.abc import AsyncIterator
from typing import Any

import anthropic
import pytest
from anthropic import AsyncAnthropic, beta_async_tool

from real_gateway import KEY, Gateway, model_of

pytestmark = pytest.mark.slow

CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS: list[Any] = [{"name": name, "input_schema": CITY} for name in ("get_weather", "get_time")]
BOTH = "What are the weather and the time in Oslo?"


@pytest.fixture
async def client(gateway: Gateway) -> AsyncIterator[AsyncAnthropic]:
    """A client that takes nothing that its types do not allow."""
    strict = AsyncAnthropic(base_url=gateway.url, api_key=KEY, max_retries=0, _strict_response_validation=True)
    async with strict as client:
        yield client


def say(text: str) -> list[Any]:
    return [{"role": "user", "content": text}]


async def test_messages(client: AsyncAnthropic, kind: str) -> None:
    """A message has its text, its usage and its reason to stop."""
    message = await client.messages.create(model=model_of(kind), max_tokens=99, messages=say("Reply with exactly ok."))
    assert [block.text for block in message.content if block.type == "text"] == ["ok"]
    assert message.stop_reason == "end_turn"
    assert message.usage.input_tokens > 0
    assert message.usage.output_tokens > 0


async def test_stream(client: AsyncAnthropic, kind: str) -> None:
    """The SDK's own accumulator puts the streamed text together."""
    async with client.messages.stream(model=model_of(kind), max_tokens=99, messages=say("Hello there")) as stream:
        pieces = [text async for text in stream.text_stream]
        message = await stream.get_final_message()
    assert "".join(pieces) == "ok, you said: Hello there"
    assert len(pieces) > 1
    assert message.usage.output_tokens > 0


async def test_tools(client: AsyncAnthropic, kind: str) -> None:
    """Two calls in parallel, streamed, have ids of their own; their results are answered."""
    messages = say(BOTH)
    async with client.messages.stream(model=model_of(kind), max_tokens=99, messages=messages, tools=TOOLS) as stream:
        message = await stream.get_final_message()
    calls = [block for block in message.content if block.type == "tool_use"]
    assert [(call.name, call.input) for call in calls] == [
        ("get_weather", {"city": "Oslo"}),
        ("get_time", {"city": "Oslo"}),
    ]
    assert message.stop_reason == "tool_use"
    results = [{"type": "tool_result", "tool_use_id": call.id, "content": call.name} for call in calls]
    asked = [{"type": "tool_use", "id": call.id, "name": call.name, "input": call.input} for call in calls]
    messages += [{"role": "assistant", "content": asked}, {"role": "user", "content": results}]
    answered = await client.messages.create(model=model_of(kind), max_tokens=99, messages=messages, tools=TOOLS)
    assert [block.text for block in answered.content if block.type == "text"] == [
        "The tools say: get_weather; get_time."
    ]


async def test_tool_runner(client: AsyncAnthropic, kind: str) -> None:
    """The SDK's own loop asks for a thread, is told that there is none, and goes on with the whole conversation."""
    asked = []

    @beta_async_tool
    async def get_weather(city: str) -> str:
        """The weather of a city."""
        asked.append(city)
        return f"sunny in {city}"

    runner = client.beta.messages.tool_runner(
        model=model_of(kind), max_tokens=99, messages=say("Call get_weather for Oslo."), tools=[get_weather]
    )
    message = await runner.until_done()
    assert asked == ["Oslo"]
    assert [block.text for block in message.content if block.type == "text"] == ["The tools say: sunny in Oslo."]


async def test_limit(client: AsyncAnthropic, kind: str) -> None:
    """An answer that the limit ended says so."""
    message = await client.messages.create(model=model_of(kind), max_tokens=3, messages=say("and " * 30))
    assert message.stop_reason == "max_tokens"


async def test_count_tokens(client: AsyncAnthropic) -> None:
    """Counting is the provider's where it can, and an estimate that says so elsewhere."""
    exact = await client.messages.with_raw_response.count_tokens(model=model_of("messages"), messages=say("Hello"))
    guess = await client.messages.with_raw_response.count_tokens(model=model_of("chat"), messages=say("Hello"))
    assert (await exact.parse()).input_tokens == 4
    assert (await guess.parse()).input_tokens > 0
    assert "x-trunkline-token-count" not in exact.headers
    assert guess.headers["x-trunkline-token-count"] == "estimated"


async def test_models(client: AsyncAnthropic) -> None:
    """The list has this API's shape for this SDK."""
    models = [model async for model in client.models.list()]
    assert models
    assert all(model.type == "model" for model in models)
    before = [model.id async for model in client.models.list(limit=2, before_id=models[5].id)]
    assert sorted(before) == sorted(model.id for model in models[:5])


async def test_wrong_key(gateway: Gateway) -> None:
    """A wrong key is the SDK's own authentication error."""
    async with AsyncAnthropic(base_url=gateway.url, api_key="wrong", max_retries=0) as client:
        with pytest.raises(anthropic.AuthenticationError) as caught:
            await client.messages.create(model="claude", max_tokens=9, messages=say("x"))
    assert caught.value.body["error"]["type"] == "authentication_error"  # type: ignore[index]


async def test_unknown_model(client: AsyncAnthropic) -> None:
    """An unknown model is this API's own 404, with an id to ask about."""
    with pytest.raises(anthropic.NotFoundError) as caught:
        await client.messages.create(model="no-such-model", max_tokens=9, messages=say("x"))
    assert caught.value.body["error"]["type"] == "not_found_error"  # type: ignore[index]
    assert caught.value.request_id


async def test_busy(client: AsyncAnthropic, kind: str) -> None:
    """A provider's 429 arrives as one, with its hint."""
    with pytest.raises(anthropic.RateLimitError) as caught:
        await client.messages.create(model=f"{kind}-busy", max_tokens=9, messages=say("x"))
    assert caught.value.response.headers["retry-after"] == "7"


@pytest.mark.parametrize("failure", ["cut", "reset"])
async def test_cut_stream(client: AsyncAnthropic, kind: str, failure: str) -> None:
    """A stream that is cut short raises."""
    with pytest.raises(anthropic.APIError):
        async with client.messages.stream(
            model=f"{kind}-{failure}", max_tokens=99, messages=say("one two three four")
        ) as stream:
            await stream.get_final_message()


# --- files --------------------------------------------------------------------------------------------------------


async def test_a_files_life(client: AsyncAnthropic, kind: str) -> None:
    """A file is uploaded, listed, found, named, read and deleted by Anthropic's own client, whoever answers."""
    file = await client.files.upload(file=("notes.txt", b"Some notes.", "text/plain"), expires_in_seconds=3_600)
    assert (file.type, file.filename, file.mime_type, file.size_bytes) == ("file", "notes.txt", "text/plain", 11)
    assert file.expires_at is not None
    assert (file.expires_at - file.created_at).total_seconds() == 3_600
    other = await client.files.upload(file=("other.txt", b"Others."))
    assert await client.files.retrieve_metadata(file.id) == file
    listed = [found.id async for found in client.files.list(limit=1)]
    assert listed[:2] == [other.id, file.id]
    assert [found.id async for found in client.beta.files.list(limit=1)] == listed
    assert await (await client.files.download(file.id)).read() == b"Some notes."
    document: Any = {"type": "document", "source": {"type": "file", "file_id": file.id}}
    asked: list[Any] = [{"role": "user", "content": [document]}]
    assert (await client.messages.create(model=model_of(kind), max_tokens=100, messages=asked)).content
    for made in (file, other):
        assert (await client.files.delete(made.id)).type == "file_deleted"
    with pytest.raises(anthropic.NotFoundError, match="No such File object"):
        await client.files.retrieve_metadata(file.id)
