"""openai-python through the gateway, onto every kind of upstream."""

from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI
from pydantic import BaseModel

from real_gateway import KEY, UPSTREAM_KEY, Gateway, model_of

pytestmark = pytest.mark.slow

CITY = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
FUNCTIONS = [{"name": name, "parameters": CITY, "strict": True} for name in ("get_weather", "get_time")]
RESPONSES_TOOLS: list[Any] = [{"type": "function", **function} for function in FUNCTIONS]
CHAT_TOOLS: list[Any] = [{"type": "function", "function": function} for function in FUNCTIONS]
PICTURE = "data:image/png;base64,iVBORw0KGgo="
BOTH = "What are the weather and the time in Oslo?"


class Place(BaseModel):
    city: str
    country: str | None


@pytest.fixture
async def client(gateway: Gateway) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=gateway.base_url, api_key=KEY, max_retries=0) as client:
        yield client


async def test_responses(client: AsyncOpenAI, kind: str) -> None:
    """A response has its text, its usage and its end."""
    response = await client.responses.create(model=model_of(kind), input="Reply with exactly ok.")
    assert (response.output_text, response.status) == ("ok", "completed")
    assert response.usage is not None
    assert response.usage.total_tokens == response.usage.input_tokens + response.usage.output_tokens > 0


async def test_responses_raw_stream(client: AsyncOpenAI, kind: str) -> None:
    """The events of a response are numbered without a gap, and end with the whole response."""
    stream = await client.responses.create(model=model_of(kind), input="Hello there", stream=True)
    events = [event async for event in stream]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert [event.type for event in events[:2]] == ["response.created", "response.in_progress"]
    final = events[-1]
    assert final.type == "response.completed"
    assert final.response.output_text == "ok, you said: Hello there"
    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert "".join(deltas) == final.response.output_text
    assert len(deltas) > 1


async def test_responses_stream_helper(client: AsyncOpenAI, kind: str) -> None:
    """The SDK's own accumulator takes text, and finds nothing wrong."""
    async with client.responses.stream(model=model_of(kind), input="Hello there") as stream:
        async for _ in stream:
            pass
        response = await stream.get_final_response()
    assert response.output_text == "ok, you said: Hello there"


async def test_responses_tools(client: AsyncOpenAI, kind: str) -> None:
    """Two calls in parallel, streamed, have ids of their own; their results are answered."""
    async with client.responses.stream(model=model_of(kind), input=BOTH, tools=RESPONSES_TOOLS) as stream:
        async for _ in stream:
            pass
        response = await stream.get_final_response()
    calls = [item for item in response.output if item.type == "function_call"]
    assert [(call.name, call.arguments) for call in calls] == [
        ("get_weather", '{"city":"Oslo"}'),
        ("get_time", '{"city":"Oslo"}'),
    ]
    assert len({call.call_id for call in calls}) == 2
    outputs = [{"type": "function_call_output", "call_id": call.call_id, "output": call.name} for call in calls]
    history: list[Any] = [{"role": "user", "content": BOTH}, *(call.to_dict() for call in calls), *outputs]
    for call in history:
        call.pop("parsed_arguments", None)
    answered = await client.responses.create(model=model_of(kind), input=history, tools=RESPONSES_TOOLS)
    assert answered.output_text == "The tools say: get_weather; get_time."


async def test_responses_schema(client: AsyncOpenAI, kind: str) -> None:
    """A schema is answered by an instance."""
    format: Any = {"type": "json_schema", "name": "place", "schema": CITY, "strict": True}
    response = await client.responses.create(model=model_of(kind), input="I am in Oslo.", text={"format": format})
    assert response.output_text == '{"city":"Oslo"}'


async def test_responses_cut_short_by_limit(client: AsyncOpenAI, kind: str) -> None:
    """An answer that the limit ended is incomplete, and says why."""
    response = await client.responses.create(model=model_of(kind), input="and " * 30, max_output_tokens=16)
    assert response.status == "incomplete"
    assert response.incomplete_details is not None
    assert response.incomplete_details.reason == "max_output_tokens"


async def test_chat(client: AsyncOpenAI, kind: str) -> None:
    """A chat completion has its text, its usage and its reason to end."""
    completion = await client.chat.completions.create(
        model=model_of(kind), messages=[{"role": "user", "content": "Reply with exactly ok."}]
    )
    assert (completion.choices[0].message.content, completion.choices[0].finish_reason) == ("ok", "stop")
    assert completion.usage is not None
    assert completion.usage.total_tokens > 0


@pytest.mark.parametrize("include_usage", [True, False])
async def test_chat_raw_stream(client: AsyncOpenAI, kind: str, include_usage: bool) -> None:
    """Usage comes in a chunk of its own if it was asked for, and in none if not."""
    asked: dict[str, Any] = {"stream_options": {"include_usage": True}} if include_usage else {}
    stream = await client.chat.completions.create(
        model=model_of(kind), messages=[{"role": "user", "content": "Hello there"}], stream=True, **asked
    )
    chunks = [chunk async for chunk in stream]
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == "ok, you said: Hello there"
    assert [chunk.usage is not None for chunk in chunks].count(True) == int(include_usage)
    assert [chunk.choices == [] for chunk in chunks].count(True) == int(include_usage)


async def test_chat_tools(client: AsyncOpenAI, kind: str) -> None:
    """Two calls in parallel, streamed, are put together by the SDK's own accumulator."""
    messages: list[Any] = [{"role": "user", "content": BOTH}]
    async with client.chat.completions.stream(model=model_of(kind), messages=messages, tools=CHAT_TOOLS) as stream:
        async for _ in stream:
            pass
        completion = await stream.get_final_completion()
    message = completion.choices[0].message
    assert completion.choices[0].finish_reason == "tool_calls"
    calls = message.tool_calls or []
    assert [(call.function.name, call.function.arguments) for call in calls] == [
        ("get_weather", '{"city":"Oslo"}'),
        ("get_time", '{"city":"Oslo"}'),
    ]
    asked = [
        {"id": c.id, "type": "function", "function": {"name": c.function.name, "arguments": c.function.arguments}}
        for c in calls
    ]
    messages.append({"role": "assistant", "content": None, "tool_calls": asked})
    messages += [{"role": "tool", "tool_call_id": call.id, "content": call.function.name} for call in calls]
    answered = await client.chat.completions.create(model=model_of(kind), messages=messages, tools=CHAT_TOOLS)
    assert answered.choices[0].message.content == "The tools say: get_weather; get_time."


@pytest.mark.parametrize("model", ["compatible/chat-model", "openai/responses-model"])
async def test_embeddings(client: AsyncOpenAI, model: str) -> None:
    """Embeddings are vectors, in the order of their texts."""
    reply = await client.embeddings.create(model=model, input=["a", "b"], dimensions=4)
    assert [len(row.embedding) for row in reply.data] == [4, 4]
    assert reply.data[0].embedding != reply.data[1].embedding


async def test_models(client: AsyncOpenAI) -> None:
    """The list names what every provider lists, and each can be asked for."""
    names = {model.id async for model in client.models.list()}
    wanted = {"compatible/chat-model", "anthropic/messages-model", "openai/responses-model"}
    assert wanted <= names or {name.partition("/")[2] for name in wanted} <= names
    some = min(names)
    assert (await client.models.retrieve(some)).id == some


async def test_torn_stream(client: AsyncOpenAI, kind: str) -> None:
    """An upstream that tears its events, and ends its lines with CRLF, is read all the same."""
    stream = await client.responses.create(model=f"{kind}-torn", input="Grüße nach 東京", stream=True)
    events = [event async for event in stream]
    assert events[-1].type == "response.completed"
    assert events[-1].response.output_text == "ok, you said: Grüße nach 東京"


async def test_wrong_key(gateway: Gateway) -> None:
    """A wrong key is the SDK's own authentication error."""
    async with AsyncOpenAI(base_url=gateway.base_url, api_key="wrong", max_retries=0) as client:
        with pytest.raises(openai.AuthenticationError) as caught:
            await client.responses.create(model="gpt-5-mini", input="x")
    assert caught.value.code == "invalid_api_key"


async def test_unknown_model(client: AsyncOpenAI) -> None:
    """An unknown model is a 404 with the code that SDKs look for, and an id to ask about."""
    with pytest.raises(openai.NotFoundError) as caught:
        await client.responses.create(model="no-such-model", input="x")
    assert caught.value.code == "model_not_found"
    assert caught.value.request_id


async def test_busy(client: AsyncOpenAI, kind: str) -> None:
    """A provider's 429 arrives as one, with its hint."""
    with pytest.raises(openai.RateLimitError) as caught:
        await client.responses.create(model=f"{kind}-busy", input="x")
    assert caught.value.response.headers["retry-after"] == "7"
    assert caught.value.response.headers["x-should-retry"] == "true"
    assert "Slow down." in caught.value.message


async def test_refused(client: AsyncOpenAI, kind: str) -> None:
    """A provider's 400 arrives with its message, and with the field where the provider named one."""
    with pytest.raises(openai.BadRequestError) as caught:
        await client.chat.completions.create(model=f"{kind}-refused", messages=[{"role": "user", "content": "x"}])
    assert "That is too hot." in caught.value.message
    assert caught.value.param == (None if kind == "messages" else "temperature")


async def test_own_refusal(client: AsyncOpenAI) -> None:
    """A request that is wrong in itself is refused with the field that is."""
    wrong: Any = [{"role": "user", "content": 7}]
    with pytest.raises(openai.BadRequestError) as caught:
        await client.chat.completions.create(model=model_of("messages"), messages=wrong)
    assert caught.value.param is not None
    assert caught.value.param.startswith("messages[0]")


async def test_denied(client: AsyncOpenAI, kind: str) -> None:
    """That our credential was refused is not the caller's fault, and does not show the credential."""
    with pytest.raises(openai.InternalServerError) as caught:
        await client.responses.create(model=f"{kind}-denied", input="x")
    assert caught.value.status_code == 502
    assert UPSTREAM_KEY not in str(caught.value.body)


@pytest.mark.parametrize("failure", ["cut", "reset"])
async def test_cut_stream(client: AsyncOpenAI, kind: str, failure: str) -> None:
    """A stream that is cut short is never a success."""
    stream = await client.responses.create(model=f"{kind}-{failure}", input="one two three four", stream=True)
    types: list[str] = []
    with pytest.raises(openai.APIError):
        types += [event.type async for event in stream]
    assert "response.completed" not in types


async def test_picture(client: AsyncOpenAI, gateway: Gateway, kind: str) -> None:
    """A picture reaches the upstream in its own words."""
    content: list[Any] = [
        {"type": "input_text", "text": "See"},
        {"type": "input_image", "image_url": PICTURE, "detail": "auto"},
    ]
    response = await client.responses.create(model=model_of(kind), input=[{"role": "user", "content": content}])
    names = {"chat": "image_url", "messages": "image", "responses": "input_image", "gemini": "inlineData"}
    assert response.output_text == f"ok, you said: See [{names[kind]}]"
    assert "iVBORw0KGgo=" in gateway.fakes[kind].stage.received[-1].body.decode()


async def test_parsed_responses(client: AsyncOpenAI, kind: str) -> None:
    """The SDK's own parser makes an object of a structured answer."""
    response = await client.responses.parse(model=model_of(kind), input="I am in Oslo.", text_format=Place)
    assert response.output_parsed == Place(city="Oslo", country="word")


async def test_parsed_chat(client: AsyncOpenAI, kind: str) -> None:
    """Over Chat likewise."""
    completion = await client.chat.completions.parse(
        model=model_of(kind), messages=[{"role": "user", "content": "I am in Oslo."}], response_format=Place
    )
    assert completion.choices[0].message.parsed == Place(city="Oslo", country="word")


async def test_custom_tool(client: AsyncOpenAI) -> None:
    """A custom tool reaches an upstream that has them."""
    tools: list[Any] = [{"type": "custom", "name": "shell", "description": "Run a line."}]
    asked = client.responses.create(model=model_of("responses"), input="Use the shell to list", tools=tools)
    calls = [item for item in (await asked).output if item.type == "custom_tool_call"]
    assert [(call.name, call.input) for call in calls] == [("shell", "Use the shell to list")]


@pytest.mark.parametrize("choice", ["none", "required", {"type": "function", "name": "get_time"}], ids=str)
async def test_tool_choice(client: AsyncOpenAI, kind: str, choice: Any) -> None:
    """A tool choice is obeyed by every kind of upstream."""
    response = await client.responses.create(
        model=model_of(kind), input="Hello", tools=RESPONSES_TOOLS, tool_choice=choice
    )
    wanted = {"none": [], "required": ["get_weather"]}.get(choice if isinstance(choice, str) else "", ["get_time"])
    assert [item.name for item in response.output if item.type == "function_call"] == wanted


async def test_one_call_at_a_time(client: AsyncOpenAI, kind: str) -> None:
    """Parallel calls can be switched off."""
    response = await client.responses.create(
        model=model_of(kind), input=BOTH, tools=RESPONSES_TOOLS, parallel_tool_calls=False
    )
    assert [item.name for item in response.output if item.type == "function_call"] == ["get_weather"]
