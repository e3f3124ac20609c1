"""Responses that nobody waits for: at an upstream that can make them so, and here for all others."""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from stored_scene import StoredScene
from test_context import chunks, completion, native

from scripted_gateway import Client, ScriptedReply, json_reply, make_call, stream
from trunkline.engine.background import follower, runs, tape
from trunkline.ports import UpstreamRequest
from trunkline.state.runs import KeptEvent

IN_TIME = 5.0


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Polls and looks as often as it can."""
    monkeypatch.setattr(follower, "_POLL_SECONDS", (0.01,))
    monkeypatch.setattr(tape, "_LOOK_SECONDS", 0.01)
    monkeypatch.setattr(runs, "_BEAT_SECONDS", 0.02)
    monkeypatch.setattr(runs, "_FLUSH_SECONDS", 0.01)
    monkeypatch.setattr(tape, "_KEEP_ALIVE_AFTER", 0.5)


async def until(condition: Callable[[], Any]) -> Any:
    """What an awaitable condition comes to, once it holds."""
    async with asyncio.timeout(IN_TIME):
        while True:
            found = await condition()
            if found:
                return found
            await asyncio.sleep(0.005)


async def begin(scene: StoredScene, model: str, reply: Any, **members: Any) -> Any:
    scene.upstream.answer = reply
    body = {"model": model, "input": "Hi?", "background": True, **members}
    return await scene.ask("/v1/responses", body)


async def ended(scene: StoredScene, id: str) -> dict[str, Any]:
    async def look() -> dict[str, Any] | None:
        answer = await scene.get(f"/v1/responses/{id}")
        assert answer.status == 200
        return answer.json if answer.json["status"] not in ("queued", "in_progress") else None

    whole: dict[str, Any] = await until(look)
    return whole


async def outcomes(scene: StoredScene) -> list[str]:
    """What was recorded of runs, once anything was: a moment after the response is there."""

    async def look() -> list[str]:
        return [record.outcome for record in scene.records.kept if record.operation == "generate"]

    recorded: list[str] = await until(look)
    return recorded


def numbers(body: bytes) -> list[int]:
    events = [part.partition(b"data: ")[2] for part in body.split(b"\n\n") if part.startswith(b"data: {")]
    return [msgspec.json.decode(event)["sequence_number"] for event in events]


@pytest.mark.parametrize("reply", [stream(*chunks("Hello")), json_reply(completion("Hello"))])
async def test_a_run_here_is_polled_to_its_end(reply: ScriptedReply) -> None:
    """The first reply is queued; what comes of it is kept under that id."""
    scene = StoredScene()
    first = await begin(scene, "chat-model", reply)
    assert (first.status, first.json["status"], first.json["background"]) == (200, "queued", True)
    whole = await ended(scene, first.json["id"])
    assert whole["status"] == "completed"
    assert whole["id"] == first.json["id"]
    assert whole["output"][0]["content"][0]["text"] == "Hello"
    assert (whole["background"], whole["store"]) == (True, True)
    assert "background" not in scene.upstream.json
    assert await outcomes(scene) == ["ok"]


async def test_a_run_here_can_be_gone_on_from() -> None:
    """Once it has ended, and not before."""
    scene = StoredScene()
    reply = ScriptedReply(pieces=chunks("Hel")[:1], ending="open")
    first = await begin(scene, "chat-model", reply)
    body = {"model": "chat-model", "input": "And?", "previous_response_id": first.json["id"]}
    early = await scene.ask("/v1/responses", body)
    assert (early.status, early.error["code"]) == (400, "previous_response_not_completed")

    async def is_heard() -> bool:
        return reply.is_heard

    await until(is_heard)
    reply.say(*chunks("lo"))
    reply.end()
    await ended(scene, first.json["id"])
    scene.upstream.answer = json_reply(completion("Bye"))
    assert (await scene.ask("/v1/responses", body)).status == 200
    assert scene.upstream.json["messages"][1]["content"] == "Hello"


async def test_a_run_that_fails_says_so() -> None:
    """Its error is in the response, not in the poll."""
    scene = StoredScene()
    first = await begin(scene, "chat-model", json_reply({"error": {"message": "no such thing"}}, 400))
    whole = await ended(scene, first.json["id"])
    assert whole["status"] == "failed"
    assert "no such thing" in whole["error"]["message"]
    assert await outcomes(scene) == ["error"]


async def test_a_bad_request_is_refused_at_once() -> None:
    """What can be seen before anything is sent."""
    scene = StoredScene()
    answer = await begin(scene, "chat-model", json_reply(completion("x")), temperature="hot")
    assert (answer.status, answer.error["param"]) == (400, "temperature")


async def test_a_run_is_called_off() -> None:
    """As often as one likes; the upstream is let go."""
    scene = StoredScene()
    reply = ScriptedReply(pieces=chunks("Hel")[:1], ending="open")
    first = await begin(scene, "chat-model", reply)

    async def is_sent() -> bool:
        return bool(scene.upstream.requests)

    await until(is_sent)
    for _ in range(2):
        answer = await scene.ask(f"/v1/responses/{first.json['id']}/cancel")
        assert (answer.status, answer.json["status"]) == (200, "cancelled")
    assert reply.closed
    assert (await ended(scene, first.json["id"]))["status"] == "cancelled"


async def test_an_ended_run_cannot_be_called_off() -> None:
    """It is too late."""
    scene = StoredScene()
    first = await begin(scene, "chat-model", stream(*chunks("Hello")))
    await ended(scene, first.json["id"])
    answer = await scene.ask(f"/v1/responses/{first.json['id']}/cancel")
    assert (answer.status, answer.error["message"]) == (400, "Cannot cancel a completed response.")


async def test_a_stream_goes_on_without_its_client() -> None:
    """Whoever comes back gets the rest from the number that was seen, once and in order."""
    scene = StoredScene()
    reply = ScriptedReply(pieces=chunks("Hel")[:1], ending="open")
    scene.upstream.answer = reply
    body = {"model": "chat-model", "input": "Hi?", "background": True, "stream": True}
    call = make_call("/v1/responses", body)
    first = await scene.gateway.handle(call)
    assert not isinstance(first.body, bytes)
    client = Client()
    pouring = asyncio.create_task(first.body.pour(client))

    async def has_text() -> bool:
        return b"Hel" in client.body

    await until(has_text)
    pouring.cancel()
    await asyncio.wait([pouring])
    seen = numbers(client.body)
    id = msgspec.json.decode(client.body.split(b"data: ")[1].split(b"\n")[0])["response"]["id"]
    coming = asyncio.create_task(scene.get(f"/v1/responses/{id}?stream=true&starting_after={seen[-1]}"))
    await asyncio.sleep(0.02)
    reply.say(*chunks("lo"))
    reply.end()
    rest = await asyncio.wait_for(coming, IN_TIME)
    assert rest.headers["content-type"].startswith("text/event-stream")
    every = seen + numbers(rest.body)
    assert every == list(range(len(every)))
    assert b"response.completed" in rest.body
    await ended(scene, id)
    again = await scene.get(f"/v1/responses/{id}?stream=true&starting_after=2")
    assert numbers(again.body) == every[3:]
    whole = await scene.get(f"/v1/responses/{id}?stream=true")
    assert numbers(whole.body) == every
    nothing = await scene.get(f"/v1/responses/{id}?stream=true&starting_after={every[-1]}")
    assert numbers(nothing.body) == []


async def test_what_a_dead_process_left_ends_failed() -> None:
    """It never hangs."""
    scene = StoredScene()
    kept = await scene.keep("resp_dead", "Hi?", status="in_progress", background=True)
    scene.kept.runs.abandoned = [("/", kept.id)]  # type: ignore[attr-defined]  # the test's own
    scene.gateway.start()
    whole = await ended(scene, kept.id)
    assert whole["status"] == "failed"
    assert whole["error"]["code"] == "server_error"
    await scene.gateway.close()


async def test_a_stop_fails_what_runs_here() -> None:
    """It cannot go on elsewhere."""
    scene = StoredScene()
    first = await begin(scene, "chat-model", ScriptedReply(pieces=chunks("Hel")[:1], ending="open"))
    await asyncio.sleep(0.02)
    await scene.gateway.close()
    assert (await ended(scene, first.json["id"]))["status"] == "failed"


async def test_an_upstream_that_can_does_it_itself() -> None:
    """It is followed to the end, and asked for nothing twice."""
    scene = StoredScene()
    states = iter(["in_progress", "completed"])

    def answer(request: UpstreamRequest) -> ScriptedReply:
        if request.head.startswith(b"POST"):
            return json_reply(native("resp_up", "", status="queued", background=True, output=[]))
        assert request.head.startswith(b"GET /v1/responses/resp_up HTTP/1.1")
        return json_reply(native("resp_up", "Hello", status=next(states), background=True))

    first = await begin(scene, "responses-model", answer)
    assert (first.json["status"], first.json["id"]) == ("queued", "resp_up")
    assert scene.upstream.json["background"] is True
    assert first.headers["x-trunkline-route"] == "tee responses/responses-model"
    whole = await ended(scene, "resp_up")
    assert whole["status"] == "completed"
    assert whole["output"][0]["content"][0]["text"] == "Hello"
    await scene.gateway.close()


async def test_an_upstreams_run_is_called_off_there() -> None:
    """And says what came of it."""
    scene = StoredScene()

    def answer(request: UpstreamRequest) -> ScriptedReply:
        status = "cancelled" if b"/cancel " in request.head else "in_progress"
        return json_reply(native("resp_up", "", status=status, background=True, output=[]))

    await begin(scene, "responses-model", answer)
    cancelled = await scene.ask("/v1/responses/resp_up/cancel")
    assert (cancelled.status, cancelled.json["status"]) == (200, "cancelled")
    assert any(b"POST /v1/responses/resp_up/cancel" in request.head for request in scene.upstream.requests)
    await scene.gateway.close()


async def test_an_upstreams_run_is_streamed_again_by_it() -> None:
    """From the number that was asked for; every byte is its own."""
    scene = StoredScene()
    events = b"".join(
        b"data: %b\n\n"
        % msgspec.json.encode(
            {"type": f"response.{status}", "sequence_number": number, "response": native("resp_up", "")}
        )
        for number, status in enumerate(["created", "completed"])
    )

    def answer(request: UpstreamRequest) -> ScriptedReply:
        if request.head.startswith(b"POST"):
            return stream(events)
        assert request.head.startswith(b"GET /v1/responses/resp_up?stream=true&starting_after=3 HTTP/1.1")
        return stream(events)

    await begin(scene, "responses-model", answer, stream=True)
    again = await scene.get("/v1/responses/resp_up?stream=true&starting_after=3")
    assert again.body == events
    scene.upstream.answer = json_reply({"error": {"message": "more than 5 minutes old"}}, 400)
    late = await scene.get("/v1/responses/resp_up?stream=true&starting_after=3")
    assert (late.status, late.error["message"]) == (400, "more than 5 minutes old")
    await scene.gateway.close()


async def test_what_was_not_asked_as_a_stream_is_none() -> None:
    """However it was made."""
    scene = StoredScene()
    first = await begin(scene, "chat-model", stream(*chunks("Hello")))
    await ended(scene, first.json["id"])
    answer = await scene.get(f"/v1/responses/{first.json['id']}?stream=true")
    assert (answer.status, answer.error["param"]) == (400, "stream")


async def test_a_run_lets_go_of_its_conversation() -> None:
    """Also one that was called off before it began."""
    scene = StoredScene()
    conversation = (await scene.ask("/v1/conversations", {})).json["id"]
    first = await begin(scene, "chat-model", ScriptedReply(ending="open"), conversation=conversation)
    assert not await scene.kept.conversations.hold("/", conversation, "another", 60)
    assert (await scene.ask(f"/v1/responses/{first.json['id']}/cancel")).json["status"] == "cancelled"
    assert await scene.kept.conversations.hold("/", conversation, "another", 60)
    assert await outcomes(scene) == ["cancelled"]


async def test_a_run_of_a_dead_process_is_played_to_its_end() -> None:
    """Its last event was never kept; the response that it ended as was."""
    scene = StoredScene()
    kept = await scene.keep("resp_dead", "Hi?", background=True, stream=True)
    await scene.kept.runs.append(kept.id, [KeptEvent(0, b'data: {"type":"response.created","sequence_number":0}\n\n')])
    answer = await scene.get(f"/v1/responses/{kept.id}?stream=true")
    assert numbers(answer.body) == [0, 1]
    assert b'"type":"response.completed"' in answer.body
