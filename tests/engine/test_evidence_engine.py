"""What is said in a request is gathered where the audit keeps bodies, and nowhere else."""

from typing import Any, cast

import pytest
from stored_scene import StoredScene

from memory_store import MemoryEvidence
from scripted_gateway import Scene, json_reply, make_call, question, stream
from trunkline.errors import Failed
from trunkline.evidence import Evidence

_CHAT = {
    "id": "c",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "yes"}, "finish_reason": "stop"}],
}
_CHUNK = b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"yes"}}]}\n\n'
_END = b'data: {"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'


def _taken(scene: StoredScene) -> Evidence:
    (evidence,) = _evidence(scene).taken
    return evidence


def _evidence(scene: StoredScene) -> MemoryEvidence:
    return cast(MemoryEvidence, scene.kept.evidence)


async def test_nothing_is_gathered_unasked() -> None:
    """Bodies are not kept unless an operator wants them."""
    scene = StoredScene()
    await scene.generate("chat", "native_chat", json_reply(_CHAT))
    assert _evidence(scene).taken == []
    assert scene.records.only.bodies == ""


@pytest.mark.parametrize("caller", ["chat", "responses", "messages"])
async def test_all_that_is_said_is_gathered(caller: str) -> None:
    """What the client sent, what went upstream, and what the client got."""
    scene = StoredScene(evidence_bytes=1000)
    answer = await scene.generate(caller, "native_chat", json_reply(_CHAT))
    taken = _taken(scene)
    assert b"Hi?" in taken.request
    assert taken.sent == [("native_chat/native_chat-model", scene.upstream.body)]
    assert b"".join(taken.reply) == answer.body
    assert (scene.records.only.bodies, scene.records.only.request_bytes) == ("kept", len(taken.request))


@pytest.mark.parametrize("caller", ["chat", "responses", "messages", "gemini"])
async def test_a_stream_is_heard(caller: str) -> None:
    """What went to the client, event for event."""
    scene = StoredScene(evidence_bytes=10_000)
    answer = await scene.generate(caller, "native_chat", stream(_CHUNK, _END), stream=True)
    assert answer.status == 200
    assert b"".join(_taken(scene).reply).startswith((b"event:", b"data:"))
    assert b"yes" in b"".join(_taken(scene).reply)
    assert scene.records.only.bodies == "kept"


async def test_a_stream_is_heard_so_far_and_no_further() -> None:
    """Memory for a stream is bounded; how long it was is known."""
    scene = StoredScene(evidence_bytes=10)
    answer = await scene.generate("chat", "native_chat", stream(_CHUNK, _CHUNK, _END), stream=True)
    taken = _taken(scene)
    assert taken.reply == [_CHUNK]
    assert taken.reply_bytes == len(answer.body)


async def test_what_a_client_that_left_did_not_get_is_not_gathered() -> None:
    """Its stream ends where it left."""
    scene = StoredScene(evidence_bytes=1000)
    scene.upstream.answer = stream(_CHUNK, ending="open")
    call = make_call("/v1/chat/completions", question("chat", "native_chat-model", stream=True))
    reply = await scene.gateway.handle(call)
    assert not isinstance(reply.body, bytes)
    reply.body.close()
    assert (_taken(scene).reply, _taken(scene).reply_bytes) == ([_CHUNK], len(_CHUNK))


async def test_an_error_is_gathered() -> None:
    """What a client got in the place of an answer."""
    scene = StoredScene(evidence_bytes=1000)
    scene.upstream.answer = Failed("it broke")
    answer = await scene.ask("/v1/chat/completions", question("chat", "native_chat-model"))
    assert answer.status >= 500
    assert b"".join(_taken(scene).reply) == answer.body


async def test_what_there_is_no_room_for_is_recorded_as_lost() -> None:
    """Nothing is lost in silence."""
    scene = StoredScene(evidence_bytes=1000)
    _evidence(scene).room = False
    await scene.generate("chat", "native_chat", json_reply(_CHAT))
    assert scene.records.only.bodies == "lost"


async def test_what_asks_no_model_is_not_gathered() -> None:
    """Lists and objects are kept elsewhere, or nothing."""
    scene = StoredScene(evidence_bytes=1000)
    await scene.get("/v1/models")
    assert _evidence(scene).taken == []


async def test_a_gateway_without_a_store_says_so() -> None:
    """There is nowhere to keep what is said."""
    scene: Any = Scene(evidence_bytes=1000)
    await scene.generate("chat", "native_chat", json_reply(_CHAT))
    assert scene.records.only.bodies == "lost"


async def test_the_trace_of_a_request_is_recorded() -> None:
    """So that an entry of the audit is found from a trace."""
    scene = StoredScene()
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    await scene.ask("/v1/models", method="GET", traceparent=trace)
    assert scene.records.only.trace == trace
