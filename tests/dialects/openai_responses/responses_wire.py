"""What the tests of the Responses dialect share: wire events as bytes, a reply context, what a writer wrote."""

import json
from typing import Any

import msgspec

from trunkline.capabilities import Capabilities
from trunkline.clock import CountingMint
from trunkline.dialects.dialect import ReplyContext
from trunkline.dialects.openai_responses import DIALECT
from trunkline.dialects.sse import Splitter
from trunkline.events import Event
from trunkline.grammar import check
from trunkline.items import Carrier
from trunkline.request import ModelRequest


def no_unseal(_: str) -> Carrier | None:
    """Nothing was sealed here."""
    return None


def seal(carrier: Carrier) -> str:
    """A seal that anybody can read."""
    return "sealed:" + msgspec.json.encode([carrier.family, carrier.kind, carrier.payload]).decode()


def unseal(value: str) -> Carrier | None:
    """What `seal` sealed."""
    if not value.startswith("sealed:"):
        return None
    return Carrier(*msgspec.json.decode(value.removeprefix("sealed:").encode()))


def read(body: dict[str, Any]) -> ModelRequest:
    """A caller's request, with a model and an input if it names none."""
    return DIALECT.read_request({"model": "m", "input": "hi"} | body, unseal)


def context(**body: Any) -> ReplyContext:
    """A reply's context, for a caller who sent `body`."""
    return ReplyContext(request=read(body), model="asked-for", created_at=1_700_000_000, mint=CountingMint(), seal=seal)


def frame(*events: dict[str, Any]) -> bytes:
    """Events as OpenAI frames them."""
    return b"".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events)


def numbered(*events: dict[str, Any]) -> bytes:
    """The same, numbered as a real stream is."""
    return frame(*({**event, "sequence_number": number} for number, event in enumerate(events)))


def read_stream(data: bytes) -> list[Event]:
    """The events of a whole stream, which must keep the grammar."""
    reader = DIALECT.reader()
    return check(reader.feed(data) + reader.end())


def written(data: bytes) -> list[dict[str, Any]]:
    """The events in a written stream, each checked for its name and number; `[DONE]` is the last and left out."""
    frames = Splitter().feed(data)
    assert frames[-1] == (b"", b"[DONE]")
    events = [json.loads(body) for _, body in frames[:-1]]
    assert [name.decode() for name, _ in frames[:-1]] == [event["type"] for event in events]
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    return events


def write_stream(events: list[Event], **body: Any) -> list[dict[str, Any]]:
    """The wire events that some events become, for a caller who sent `body`."""
    return written(DIALECT.writer(context(**body)).write(events))


def without_ids(value: Any) -> Any:
    """The same JSON without the ids that are made anew each time."""
    if isinstance(value, dict):
        return {name: without_ids(member) for name, member in value.items() if name != "id"}
    return [without_ids(member) for member in value] if isinstance(value, list) else value


CREATED: dict[str, Any] = {"type": "response.created", "response": {"id": "resp_up", "model": "up-model"}}


def added(index: int, **item: Any) -> dict[str, Any]:
    return {"type": "response.output_item.added", "output_index": index, "item": item}


def done(index: int, **item: Any) -> dict[str, Any]:
    return {"type": "response.output_item.done", "output_index": index, "item": item}


def text_delta(index: int, text: str, part: int = 0) -> dict[str, Any]:
    return {"type": "response.output_text.delta", "output_index": index, "content_index": part, "delta": text}


def completed(*output: dict[str, Any], **members: Any) -> dict[str, Any]:
    response = {"id": "resp_up", "object": "response", "status": "completed", "output": list(output), **members}
    return {"type": f"response.{response['status']}", "response": response}


def message(text: str, **members: Any) -> dict[str, Any]:
    part = {"type": "output_text", "text": text, "annotations": []}
    return {"type": "message", "id": "msg_up", "role": "assistant", "status": "completed", "content": [part], **members}


def call(name: str, arguments: str, call_id: str, **members: Any) -> dict[str, Any]:
    return {"type": "function_call", "id": "fc_up", "call_id": call_id, "name": name, "arguments": arguments, **members}


def write(request: ModelRequest, **facts: Any) -> dict[str, Any]:
    """The body for an upstream with these facts."""
    return DIALECT.write_request(request, Capabilities(**facts)).body
