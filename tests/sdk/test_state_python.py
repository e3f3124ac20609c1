"""openai-python and what the gateway remembers for it, on every kind of upstream."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI

from real_gateway import KEY, KINDS, Gateway, model_of

pytestmark = pytest.mark.slow

# Said back in more events than come before a scripted stream is cut.
LONG = "Hello to you and to all the others who may be listening to this long sentence"

WEATHER: Any = {
    "type": "function",
    "name": "get_weather",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
    "strict": True,
}


@pytest.fixture
async def client(gateway: Gateway) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=gateway.base_url, api_key=KEY, max_retries=0) as client:
        yield client


@pytest.fixture(params=[False, True], ids=["whole", "streamed"])
def is_stream(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


async def respond(client: AsyncOpenAI, is_stream: bool, **members: Any) -> Any:
    """A response, read to its end if it comes as a stream."""
    if not is_stream:
        return await client.responses.create(**members)
    final = None
    async for event in await client.responses.create(stream=True, **members):
        if event.type in ("response.completed", "response.incomplete", "response.failed"):
            final = event.response
    assert final is not None
    return final


# --- responses --------------------------------------------------------------------------------------------------


async def test_a_response_has_a_life(client: AsyncOpenAI, kind: str, is_stream: bool) -> None:
    """It is kept without being asked for, read back as it was told, listed with its input, and deleted."""
    response = await respond(client, is_stream, model=model_of(kind), input="Hello there", metadata={"team": "alpha"})
    assert response.store is True
    found = await client.responses.retrieve(response.id)
    assert found.to_dict() == response.to_dict()
    assert (found.output_text, found.metadata) == ("ok, you said: Hello there", {"team": "alpha"})
    items = (await client.responses.input_items.list(response.id)).data
    assert [(item.type, item.role, item.content[0].text) for item in items] == [("message", "user", "Hello there")]
    await client.responses.delete(response.id)
    with pytest.raises(openai.NotFoundError, match=f"Response with id '{response.id}' not found."):
        await client.responses.retrieve(response.id)
    with pytest.raises(openai.NotFoundError):
        await client.responses.delete(response.id)


async def test_nothing_is_left_of_a_response_that_is_not_stored(
    client: AsyncOpenAI, kind: str, is_stream: bool
) -> None:
    """It can neither be read nor gone on from."""
    response = await respond(client, is_stream, model=model_of(kind), input="Hello", store=False)
    assert response.store is False
    with pytest.raises(openai.NotFoundError):
        await client.responses.retrieve(response.id)
    with pytest.raises(openai.BadRequestError) as raised:
        await client.responses.create(model=model_of(kind), input="And?", previous_response_id=response.id)
    assert (raised.value.code, raised.value.param) == ("previous_response_not_found", "previous_response_id")


async def test_t89_a_response_can_be_gone_on_from_at_once(client: AsyncOpenAI, kind: str, is_stream: bool) -> None:
    """T-89: the moment its end is told, however it was told; each turn sees all before it."""
    previous = None
    for turn, text in enumerate(("One", "Two", "Three"), 1):
        response = await respond(
            client, is_stream, model=model_of(kind), input=text, previous_response_id=previous and previous.id
        )
        assert response.output_text == f"ok, you said: {text}" + (f" (turn {turn})" if turn > 1 else "")
        assert response.previous_response_id == (previous and previous.id)
        previous = response
    assert previous is not None
    items = (await client.responses.input_items.list(previous.id, order="asc")).data
    assert [item.role for item in items] == ["user", "assistant"] * 2 + ["user"]
    assert [item.content[0].text for item in items][::2] == ["One", "Two", "Three"]


async def test_t89_a_turn_may_be_nothing_but_a_tools_output(client: AsyncOpenAI, kind: str, is_stream: bool) -> None:
    """T-89: the call that it answers is in the response that it goes on from."""
    asked = await respond(client, is_stream, model=model_of(kind), input="The weather in Oslo?", tools=[WEATHER])
    (call,) = (item for item in asked.output if item.type == "function_call")
    output = {"type": "function_call_output", "call_id": call.call_id, "output": "sunny"}
    response = await respond(
        client, is_stream, model=model_of(kind), input=[output], previous_response_id=asked.id, tools=[WEATHER]
    )
    assert response.output_text == "The tools say: sunny."


async def test_a_turn_is_counted_without_naming_the_model(client: AsyncOpenAI, kind: str) -> None:
    """By whoever answered the one before: OpenAI's route takes requests without a model."""
    first = await client.responses.create(model=model_of(kind), input="One two three")
    counted = await client.responses.input_tokens.count(input="And four", previous_response_id=first.id)
    assert counted.input_tokens > 0
    with pytest.raises(openai.BadRequestError) as raised:
        await client.responses.input_tokens.count(input="And four")
    assert raised.value.param == "model"


async def test_t90_instructions_are_not_inherited(client: AsyncOpenAI, gateway: Gateway, kind: str) -> None:
    """T-90: items are, and no setting."""
    first = await client.responses.create(model=model_of(kind), input="One", instructions="Talk like a pirate.")
    second = await client.responses.create(model=model_of(kind), input="Two", previous_response_id=first.id)
    assert second.instructions is None
    assert b"pirate" in gateway.fakes[kind].stage.received[-2].body
    assert b"pirate" not in gateway.fakes[kind].stage.received[-1].body


async def test_a_chain_goes_through_every_kind_of_model(client: AsyncOpenAI, is_stream: bool) -> None:
    """And back: what one said the next one knows."""
    previous = None
    for turn, kind in enumerate([*KINDS, *KINDS], 1):
        previous = await respond(
            client, is_stream, model=model_of(kind), input=f"On {kind}", previous_response_id=previous and previous.id
        )
        assert previous.output_text.endswith(f"On {kind}" + (f" (turn {turn})" if turn > 1 else ""))


async def test_two_children_of_one_parent_know_nothing_of_each_other(client: AsyncOpenAI, kind: str) -> None:
    """Deleting the parent takes nothing from them."""
    parent = await client.responses.create(model=model_of(kind), input="One")
    children = [
        await client.responses.create(model=model_of(kind), input=text, previous_response_id=parent.id)
        for text in ("Left", "Right")
    ]
    await client.responses.delete(parent.id)
    for child in children:
        grandchild = await client.responses.create(model=model_of(kind), input="Down", previous_response_id=child.id)
        assert grandchild.output_text == "ok, you said: Down (turn 3)"


async def test_what_was_not_made_in_the_background_cannot_be_called_off(client: AsyncOpenAI, kind: str) -> None:
    """The error is the API's own."""
    response = await client.responses.create(model=model_of(kind), input="Hello")
    with pytest.raises(openai.BadRequestError, match=r"Cannot cancel a synchronous response\."):
        await client.responses.cancel(response.id)


# --- in the background ------------------------------------------------------------------------------------------


async def poll(client: AsyncOpenAI, id: str) -> Any:
    """The response once it has ended."""
    for _ in range(300):
        response = await client.responses.retrieve(id)
        if response.status not in ("queued", "in_progress"):
            return response
        await asyncio.sleep(0.1)
    raise AssertionError(f"{id} has not ended")


def find_records(gateway: Gateway, request_id: str) -> list[dict[str, Any]]:
    lines = gateway.log.read_text().splitlines()
    records = [json.loads(line) for line in lines if request_id in line]
    return [record for record in records if record["request_id"] == request_id]


async def test_a_response_is_made_while_nobody_waits(client: AsyncOpenAI, gateway: Gateway, kind: str) -> None:
    """By the provider where it can, else by the gateway; polled, gone on from, and recorded once with what it used."""
    asked = await client.responses.with_raw_response.create(model=model_of(kind), input="Hello", background=True)
    queued = asked.parse()
    assert (queued.status, queued.background) == ("queued", True)
    ended = await poll(client, queued.id)
    assert (ended.id, ended.status, ended.output_text) == (queued.id, "completed", "ok, you said: Hello")
    after = await client.responses.create(model=model_of(kind), input="And?", previous_response_id=queued.id)
    assert after.output_text == "ok, you said: And? (turn 2)"
    for _ in range(100):
        if records := find_records(gateway, asked.headers["x-request-id"]):
            break
        await asyncio.sleep(0.1)
    assert [record["usage"]["output_tokens"] for record in records] == [ended.usage.output_tokens]
    with pytest.raises(openai.BadRequestError, match=r"Cannot cancel a completed response\."):
        await client.responses.cancel(queued.id)


async def test_a_stream_in_the_background_is_come_back_for(client: AsyncOpenAI, kind: str) -> None:
    """From the last event that was seen."""
    seen, id = [], ""
    async with await client.responses.create(model=model_of(kind), input=LONG, background=True, stream=True) as events:
        async for event in events:
            id = event.response.id if event.type == "response.created" else id
            seen.append(event.sequence_number)
            if len(seen) == 6:
                break
    async for event in await client.responses.retrieve(id, stream=True, starting_after=seen[-1]):
        seen.append(event.sequence_number)
    assert seen == list(range(len(seen)))
    assert event.type == "response.completed"
    assert (await poll(client, id)).output_text == f"ok, you said: {LONG}"


async def test_a_response_in_the_background_is_called_off(client: AsyncOpenAI, kind: str) -> None:
    """As often as one likes."""
    model = model_of(kind) if kind == "responses" else f"{kind}-silent"
    queued = await client.responses.create(model=model, input=LONG, background=True)
    for _ in range(2):
        assert (await client.responses.cancel(queued.id)).status == "cancelled"
    assert (await poll(client, queued.id)).status == "cancelled"


# --- conversations ----------------------------------------------------------------------------------------------


async def test_a_conversation_has_a_life(client: AsyncOpenAI) -> None:
    """Made, filled, read in pages, changed and deleted by the client's own methods."""
    conversation = await client.conversations.create(items=[], metadata={"topic": "demo"})
    assert (conversation.object, conversation.metadata) == ("conversation", {"topic": "demo"})
    texts = [f"message {number}" for number in range(45)]
    added = await client.conversations.items.create(
        conversation.id, items=[{"role": "user", "content": text} for text in texts]
    )
    assert len(added.data) == len(texts)
    read = [item async for item in client.conversations.items.list(conversation.id, order="asc")]
    assert [item.content[0].text for item in read] == texts  # type: ignore[union-attr]
    newest = await client.conversations.items.list(conversation.id, limit=1)
    assert newest.data[0].id == read[-1].id  # type: ignore[union-attr]
    item_id = str(read[0].id)  # type: ignore[union-attr]
    found = await client.conversations.items.retrieve(item_id, conversation_id=conversation.id)
    assert found.to_dict() == read[0].to_dict()
    gone = await client.conversations.items.delete(item_id, conversation_id=conversation.id)
    assert gone.id == conversation.id
    updated = await client.conversations.update(conversation.id, metadata={"topic": "other"})
    assert (await client.conversations.retrieve(conversation.id)).metadata == updated.metadata == {"topic": "other"}
    assert (await client.conversations.delete(conversation.id)).deleted
    with pytest.raises(openai.NotFoundError, match=f"Conversation with id '{conversation.id}' not found."):
        await client.conversations.retrieve(conversation.id)


async def test_t93_a_conversation_takes_up_what_is_said(client: AsyncOpenAI, kind: str, is_stream: bool) -> None:
    """T-93: the user's turn, then the answer; what is deleted from it the next turn does not see."""
    conversation = await client.conversations.create(
        items=[{"role": "user", "content": "Zero"}, {"role": "assistant", "content": "Nought"}]
    )
    for turn, text in ((2, "One"), (3, "Two")):
        response = await respond(client, is_stream, model=model_of(kind), input=text, conversation=conversation.id)
        assert response.output_text == f"ok, you said: {text} (turn {turn})"
        assert response.conversation.id == conversation.id
    items = [item async for item in client.conversations.items.list(conversation.id, order="asc")]
    assert [item.role for item in items if item.type == "message"] == ["user", "assistant"] * 3
    for item in items[:2]:
        await client.conversations.items.delete(str(item.id), conversation_id=conversation.id)  # type: ignore[union-attr]
    response = await respond(client, is_stream, model=model_of(kind), input="Three", conversation=conversation.id)
    assert response.output_text == "ok, you said: Three (turn 3)"


async def test_t93_what_failed_leaves_nothing_behind(client: AsyncOpenAI, kind: str) -> None:
    """T-93: neither the question nor half an answer, and the conversation is free for the next."""
    conversation = await client.conversations.create()
    for name in ("broken", "cut"):
        with pytest.raises(openai.APIError):
            await respond(client, name == "cut", model=f"{kind}-{name}", input=LONG, conversation=conversation.id)
        assert (await client.conversations.items.list(conversation.id)).data == []
    response = await client.responses.create(model=model_of(kind), input="Hello", conversation=conversation.id)
    assert response.output_text == "ok, you said: Hello"


async def test_a_conversation_takes_up_what_is_not_stored(client: AsyncOpenAI, kind: str) -> None:
    """It was named, so its items are wished for; the response itself is not kept."""
    conversation = await client.conversations.create()
    response = await client.responses.create(
        model=model_of(kind), input="Hello", conversation=conversation.id, store=False
    )
    assert len((await client.conversations.items.list(conversation.id)).data) == 2
    with pytest.raises(openai.NotFoundError):
        await client.responses.retrieve(response.id)


async def test_a_chain_and_a_conversation_exclude_each_other(client: AsyncOpenAI, kind: str) -> None:
    """A request cannot go on from both."""
    conversation = await client.conversations.create()
    response = await client.responses.create(model=model_of(kind), input="Hello")
    with pytest.raises(openai.BadRequestError, match="exclude each other"):
        await client.responses.create(
            model=model_of(kind), input="x", conversation=conversation.id, previous_response_id=response.id
        )


# --- chat completions -------------------------------------------------------------------------------------------


async def test_a_chat_completion_has_a_life(client: AsyncOpenAI, kind: str, is_stream: bool) -> None:
    """Kept because that was asked for, listed by its labels, read, labelled anew and deleted."""
    label = {"test": f"{kind}-{is_stream}"}
    asked: Any = {
        "model": model_of(kind),
        "messages": [{"role": "user", "content": "Hello there"}],
        "store": True,
        "metadata": label,
    }
    if is_stream:
        chunks = [chunk async for chunk in await client.chat.completions.create(stream=True, **asked)]
        id = chunks[0].id
    else:
        id = (await client.chat.completions.create(**asked)).id
    listed = [kept async for kept in client.chat.completions.list(metadata=label)]
    assert [kept.id for kept in listed] == [id]
    found = await client.chat.completions.retrieve(id)
    assert found.to_dict() == listed[0].to_dict()
    assert found.choices[0].message.content == "ok, you said: Hello there"
    assert found.usage is not None
    assert found.usage.total_tokens > 0
    messages = (await client.chat.completions.messages.list(id)).data
    assert [(message.id, message.content) for message in messages] == [(f"{id}-0", "Hello there")]
    updated = await client.chat.completions.update(id, metadata={"seen": "yes"})
    assert updated.to_dict()["metadata"] == {"seen": "yes"}
    assert [kept async for kept in client.chat.completions.list(metadata=label)] == []
    assert (await client.chat.completions.delete(id)).deleted
    with pytest.raises(openai.NotFoundError):
        await client.chat.completions.retrieve(id)
