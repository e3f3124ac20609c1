"""An upstream that pauses in the middle of its answer is told to go on; the caller sees one answer."""

import weakref
from typing import Any

import msgspec
import pytest

from scripted_gateway import PATHS, Answer, Scene, ScriptedReply, json_reply, make_call, question, stream
from trunkline.engine.reply.goes import Goes
from trunkline.errors import Failed
from trunkline.ports import UpstreamReply

SEARCH = {"type": "web_search"}
USE = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "q"}}
FOUND = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []}
THOUGHT = {"type": "thinking", "thinking": "Hm.", "signature": "sig"}


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def message(stop_reason: str, *blocks: dict[str, Any], tokens: int = 10) -> dict[str, Any]:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [*blocks],
        "stop_reason": stop_reason,
        "usage": {"input_tokens": tokens, "output_tokens": 1},
    }


def sse(kind: str, **members: Any) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), msgspec.json.encode({"type": kind, **members}))


def messages_stream(whole: dict[str, Any]) -> ScriptedReply:
    """The same message as Anthropic streams it."""
    pieces = [sse("message_start", message={**whole, "content": [], "stop_reason": None})]
    for number, block in enumerate(whole["content"]):
        pieces.append(sse("content_block_start", index=number, content_block=block))
        pieces.append(sse("content_block_stop", index=number))
    pieces.append(sse("message_delta", delta={"stop_reason": whole["stop_reason"]}, usage=whole["usage"]))
    return stream(*pieces, sse("message_stop"))


class Legs:
    """An upstream that gives one reply after another, and keeps what it was sent."""

    def __init__(self, scene: Scene, *replies: ScriptedReply | Exception) -> None:
        self._replies = list(replies)
        self.bodies: list[dict[str, Any]] = []
        scene.upstream.answer = self._answer

    def _answer(self, request: Any) -> ScriptedReply:
        self.bodies.append(msgspec.json.decode(request.body))
        reply = self._replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply


PAUSED = message("pause_turn", THOUGHT, text("Let me see."), USE, FOUND)
REST = message("end_turn", text("It is so."), tokens=20)


async def ask(scene: Scene, caller: str, **members: Any) -> Answer:
    tools = {"tools": [SEARCH]} if caller == "responses" else {}
    return await scene.ask(PATHS[caller], question(caller, "messages-model", **tools, **members))


def texts(response: dict[str, Any]) -> list[str]:
    """What an answer in Responses' words says."""
    return [part["text"] for item in response["output"] if item["type"] == "message" for part in item["content"]]


async def test_a_pause_is_not_the_end() -> None:
    """The answer is asked for again with all that was said, thought and found, byte for byte."""
    scene = Scene()
    legs = Legs(scene, json_reply(PAUSED), json_reply(REST))
    answer = await ask(scene, "responses")
    assert texts(answer.json) == ["Let me see.", "It is so."]
    assert answer.json["status"] == "completed"
    first, second = legs.bodies
    assert second["messages"] == [*first["messages"], {"role": "assistant", "content": PAUSED["content"]}]
    assert {**second, "messages": 0} == {**first, "messages": 0}


async def test_a_stream_goes_on_where_it_paused() -> None:
    """One stream for the caller, with one end."""
    scene = Scene()
    Legs(scene, messages_stream(PAUSED), messages_stream(REST))
    events = [
        msgspec.json.decode(line[6:])
        for line in (await ask(scene, "responses", stream=True)).body.split(b"\n")
        if line.startswith(b"data: {")
    ]
    kinds = [event["type"] for event in events]
    assert kinds.count("response.created") == kinds.count("response.completed") == 1
    assert texts(events[-1]["response"]) == ["Let me see.", "It is so."]
    assert [event["output_index"] for event in events if event["type"] == "response.output_item.added"] == [
        0,
        1,
        2,
        3,
        4,
    ]


@pytest.mark.parametrize("is_stream", [False, True])
async def test_the_tokens_of_all_goes_are_counted(is_stream: bool) -> None:
    """Each is paid for."""
    scene = Scene()
    Legs(scene, *(messages_stream(leg) if is_stream else json_reply(leg) for leg in (PAUSED, REST)))
    await ask(scene, "responses", stream=is_stream)
    usage = scene.records.only.usage
    assert (usage.total_input, usage.total_output) == (30, 2)


async def test_a_stream_that_comes_as_json_goes_on_as_well() -> None:
    """An upstream without streams pauses like others."""
    scene = Scene()
    legs = Legs(scene, json_reply(PAUSED), json_reply(PAUSED), json_reply(REST))
    answer = await ask(scene, "responses", stream=True)
    events = [msgspec.json.decode(line[6:]) for line in answer.body.split(b"\n") if line.startswith(b"data: {")]
    assert texts(events[-1]["response"]) == ["Let me see.", "Let me see.", "It is so."]
    assert [event["type"] for event in events].count("response.completed") == 1
    assert len(legs.bodies) == len(scene.records.only.attempts) == 3
    assert scene.records.only.usage.total_input == 40


async def test_chat_callers_are_not_told_of_the_pause() -> None:
    """Their answer is whole as well."""
    scene = Scene()
    Legs(scene, json_reply(PAUSED), json_reply(REST))
    answer = await ask(scene, "chat")
    choice = answer.json["choices"][0]
    assert choice["message"]["content"] == "Let me see.It is so."
    assert choice["finish_reason"] == "stop"


async def test_callers_of_the_same_api_go_on_themselves() -> None:
    """A tee changes nothing: they know what a pause is."""
    scene = Scene()
    legs = Legs(scene, json_reply(PAUSED))
    answer = await ask(scene, "messages")
    assert answer.json["stop_reason"] == "pause_turn"
    assert len(legs.bodies) == 1


@pytest.mark.parametrize("is_stream", [False, True])
async def test_pauses_without_end_are_ended(is_stream: bool) -> None:
    """Ten goes are enough."""
    scene = Scene()
    legs = Legs(scene, *(messages_stream(PAUSED) if is_stream else json_reply(PAUSED) for _ in range(12)))
    await ask(scene, "responses", stream=is_stream)
    assert len(legs.bodies) == 10
    assert scene.records.only.outcome == "ok"


async def test_a_go_that_fails_ends_the_answer_by_an_error() -> None:
    """What was said before stands, and the caller is told that there is more to come that never came."""
    scene = Scene()
    Legs(scene, messages_stream(PAUSED), Failed("gone"))
    body = (await ask(scene, "responses", stream=True)).body
    assert b"Let me see." in body
    assert b"response.failed" in body
    assert scene.records.only.outcome == "error"


async def test_a_client_that_leaves_stops_the_next_go() -> None:
    """Nobody is there to pay for it."""
    scene = Scene()
    last = stream(ending="open")
    Legs(scene, messages_stream(PAUSED), last)
    reply = await scene.gateway.handle(
        make_call(PATHS["responses"], question("responses", "messages-model", tools=[SEARCH], stream=True))
    )
    assert not isinstance(reply.body, bytes)
    reply.body.close()
    assert not last.is_heard


async def test_gemini_goes_on_by_its_token() -> None:
    """The same request, with the token of the pause."""
    scene = Scene()

    def frame(reason: str, words: str, **members: Any) -> dict[str, Any]:
        parts = [{"text": words}]
        return {"candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": reason, **members}]}

    legs = Legs(
        scene, json_reply(frame("CONTINUATION", "One ", continuationToken="dG9r")), json_reply(frame("STOP", "two."))
    )
    answer = await scene.ask(PATHS["chat"], question("chat", "gemini-model"))
    assert answer.json["choices"][0]["message"]["content"] == "One two."
    assert legs.bodies[1] == {**legs.bodies[0], "continuationToken": "dG9r"}


class Reader:
    """Whoever reads a reply, and closes it."""

    def feed(self, data: bytes) -> None: ...

    def done(self, error: Exception | None) -> None: ...


async def test_who_has_closed_is_let_go() -> None:
    """It holds the reply, and that leads back to it: a long request would wait for the collector with them."""

    async def send(body: bytes) -> UpstreamReply:
        raise AssertionError

    goes, reader = Goes(stream(ending="open"), lambda: None, send), Reader()
    goes.pour(reader.feed, reader.done)
    goes.close()
    gone = weakref.ref(reader)
    del reader
    assert gone() is None
