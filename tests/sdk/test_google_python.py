"""Google's Python SDK through the gateway, onto every kind of upstream that Gemini callers reach."""

import enum
from collections.abc import AsyncIterator
from typing import Any

import pytest
from google import genai
from google.genai import errors, types
from pydantic import BaseModel

from real_gateway import KEY, Gateway, model_of

pytestmark = [
    pytest.mark.slow,
    # The SDK's own declarations and clean-up, on a newer Python and HTTP client than it was written for.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

BOTH = "What are the weather and the time in Oslo?"
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS: list[Any] = [
    types.Tool(
        function_declarations=[
            types.FunctionDeclaration(name=name, parameters_json_schema=CITY) for name in ("get_weather", "get_time")
        ]
    )
]


@pytest.fixture
async def client(gateway: Gateway) -> AsyncIterator[Any]:
    client = genai.Client(api_key=KEY, http_options=types.HttpOptions(base_url=gateway.url))
    async with client.aio as session:
        yield session
    client.close()


async def gather(stream: Any, words: list[str] | None = None) -> None:
    """Read to the end, as far as there is one."""
    async for piece in stream:
        if words is not None:
            words.append(piece.text or "")


async def test_generate(client: Any, kind: str) -> None:
    """Text, reason and counts."""
    got = await client.models.generate_content(model=model_of(kind), contents="Reply with exactly ok.")
    assert got.text == "ok"
    assert got.candidates[0].finish_reason == types.FinishReason.STOP
    assert got.usage_metadata.prompt_token_count > 0
    assert got.usage_metadata.candidates_token_count > 0


async def test_stream(client: Any, kind: str) -> None:
    """Piece by piece; the last one says why it ended."""
    stream = await client.models.generate_content_stream(model=model_of(kind), contents="Hello there")
    pieces = [piece async for piece in stream]
    assert "".join(piece.text or "" for piece in pieces) == "ok, you said: Hello there"
    assert len(pieces) > 1
    assert pieces[-1].candidates[0].finish_reason == types.FinishReason.STOP
    assert pieces[-1].usage_metadata.total_token_count > 0


@pytest.mark.parametrize("is_stream", [False, True])
async def test_tools(client: Any, kind: str, is_stream: bool) -> None:
    """Two calls in parallel with ids of their own; their results are answered, whatever had been thought."""
    config = types.GenerateContentConfig(
        tools=TOOLS,
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
        thinking_config=types.ThinkingConfig(include_thoughts=True, thinking_level=types.ThinkingLevel.LOW),
        max_output_tokens=4000,
    )
    contents: list[Any] = [types.Content(role="user", parts=[types.Part(text=BOTH)])]
    if is_stream:
        stream = await client.models.generate_content_stream(model=model_of(kind), contents=contents, config=config)
        parts = [part async for piece in stream for part in piece.candidates[0].content.parts or ()]
    else:
        got = await client.models.generate_content(model=model_of(kind), contents=contents, config=config)
        parts = got.candidates[0].content.parts
    calls = [part.function_call for part in parts if part.function_call]
    assert [(call.name, call.args) for call in calls] == [
        ("get_weather", {"city": "Oslo"}),
        ("get_time", {"city": "Oslo"}),
    ]
    assert len({call.id for call in calls}) == 2
    results = [
        types.Part(function_response=types.FunctionResponse(id=call.id, name=call.name, response={"output": call.name}))
        for call in calls
    ]
    contents += [types.Content(role="model", parts=parts), types.Content(role="user", parts=results)]
    last = await client.models.generate_content(model=model_of(kind), contents=contents, config=config)
    assert last.text == "The tools say: get_weather; get_time."


async def test_automatic_calls(client: Any, kind: str) -> None:
    """The SDK's own loop over a Python function."""

    def get_weather(city: str) -> str:
        """The weather in a city."""
        return f"sunny in {city}"

    config = types.GenerateContentConfig(tools=[get_weather])
    got = await client.models.generate_content(
        model=model_of(kind), contents="What is the weather in Oslo?", config=config
    )
    assert got.text == "The tools say: sunny in Oslo."


async def test_structured_output(client: Any, kind: str) -> None:
    """JSON of the schema."""
    config = types.GenerateContentConfig(
        response_mime_type="application/json",
        response_json_schema={"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    )
    got = await client.models.generate_content(model=model_of(kind), contents="A city: Oslo", config=config)
    assert isinstance(got.parsed, dict)
    assert set(got.parsed) == {"city"}


class Place(BaseModel):
    name: str


class Instrument(enum.Enum):
    OBOE = "oboe"
    LUTE = "lute"


@pytest.mark.parametrize(
    ("kind_of_answer", "schema", "parsed"),
    [
        ("application/json", list[Place], [Place(name="Oslo")]),
        ("text/x.enum", Instrument, Instrument.OBOE),
    ],
)
async def test_lists_and_choices(client: Any, kind: str, kind_of_answer: str, schema: Any, parsed: Any) -> None:
    """What is no object comes as its types, streamed as well."""
    config = types.GenerateContentConfig(response_mime_type=kind_of_answer, response_schema=schema)
    asked: dict[str, Any] = {"model": model_of(kind), "contents": "A place like Oslo", "config": config}
    got = await client.models.generate_content(**asked)
    assert got.parsed == parsed
    words: list[str] = []
    await gather(await client.models.generate_content_stream(**asked), words)
    assert "".join(words).strip() == got.text.strip()


async def test_chat(client: Any, kind: str) -> None:
    """Its session sends the history again."""
    chat = client.chats.create(model=model_of(kind))
    await chat.send_message("Hello")
    stream = await chat.send_message_stream("Again")
    assert "".join([piece.text or "" async for piece in stream]) == "ok, you said: Again (turn 2)"


@pytest.mark.parametrize(("name", "code"), [("busy", 429), ("refused", 400), ("broken", 502), ("denied", 502)])
@pytest.mark.parametrize("is_stream", [False, True])
async def test_errors(client: Any, kind: str, name: str, code: int, is_stream: bool) -> None:
    """Typed by status, with the upstream's words where they are for the caller."""
    model = f"{kind}-{name}"
    ask = client.models.generate_content_stream if is_stream else client.models.generate_content
    with pytest.raises(errors.APIError) as caught:
        await gather(await ask(model=model, contents="Hello"))
    assert caught.value.code == code
    assert "upstream-key-of-the-tests" not in str(caught.value)


async def test_a_stream_that_breaks_raises(client: Any, kind: str) -> None:
    """After what had come."""
    stream = await client.models.generate_content_stream(model=f"{kind}-cut", contents="one two three four five six")
    words: list[str] = []
    with pytest.raises(errors.APIError):
        await gather(stream, words)
    assert "".join(words).startswith("ok, ")


async def test_models_and_tokens(client: Any) -> None:
    """Listed under the names that work; counted or estimated."""
    names = [model.name async for model in await client.models.list()]
    assert "models/chat-model" in names
    assert (await client.models.get(model="chat-model")).name == "models/chat-model"
    counted = await client.models.count_tokens(model="chat-model", contents="Hello there")
    assert counted.total_tokens > 0


async def test_a_wrong_key(gateway: Gateway) -> None:
    """401, typed."""
    client = genai.Client(api_key="wrong", http_options=types.HttpOptions(base_url=gateway.url))
    async with client.aio as session:
        with pytest.raises(errors.ClientError) as caught:
            await session.models.generate_content(model="chat-model", contents="Hello")
    assert (caught.value.code, caught.value.status) == (401, "UNAUTHENTICATED")
