"""What is recorded of requests, however they end."""

import asyncio

import msgspec
import pytest
from gateway_scene import CALLERS, COMPLETION, DONE, HELLO, STOP, USAGE, chunk

from scripted_gateway import (
    PATHS,
    Client,
    Scene,
    ScriptedReply,
    json_reply,
    make_call,
    question,
    stream,
)
from trunkline.ports import UpstreamRequest
from trunkline.usage import Usage


async def test_a_good_reply_is_recorded() -> None:
    """Who asked for what, where it went, how long it took, what it used."""
    scene = Scene()

    def answer(_: UpstreamRequest) -> ScriptedReply:
        scene.clock.advance(0.5)
        return json_reply(COMPLETION, x_request_id="up-1")

    scene.upstream.answer = answer
    await scene.ask(PATHS["responses"], question("responses", "chat-model"))
    record = scene.records.only
    assert record.request_id == "req_1"
    assert (record.key, record.peer) == ("master", "127.0.0.1:5")
    assert (record.method, record.url) == ("POST", "/v1/responses")
    assert (record.operation, record.caller_dialect) == ("generate", "responses")
    assert (record.model_asked, record.target) == ("chat-model", "chat/chat-model")
    assert record.route == "translate responses>chat chat/chat-model"
    assert (len(record.attempts), record.status, record.outcome, record.error_code) == (1, 200, "ok", "")
    assert (record.is_stream, record.first_byte_micros, record.duration_micros) == (False, 500_000, 500_000)
    assert record.usage == Usage(7, 0, 0, 2)
    assert record.upstream_request_id == "up-1"


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("upstream", ["chat", "native_chat"])
async def test_a_stream_is_recorded_at_its_end(caller: str, upstream: str) -> None:
    """With its usage, though a Chat caller did not ask for it."""
    scene = Scene()
    answer = await scene.generate(caller, upstream, stream(HELLO, STOP, USAGE, DONE), stream=True)
    assert answer.status == 200
    record = scene.records.only
    assert (record.outcome, record.status, record.is_stream) == ("ok", 200, True)
    assert record.usage == Usage(7, 0, 0, 2)


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("is_stream", [False, True])
async def test_a_cut_answer_is_recorded_as_incomplete(caller: str, is_stream: bool) -> None:
    """A limit was reached."""
    scene = Scene()
    cut = msgspec.json.decode(msgspec.json.encode(COMPLETION))
    cut["choices"][0]["finish_reason"] = "length"
    reply = stream(HELLO, chunk({}, "length"), DONE) if is_stream else json_reply(cut)
    await scene.generate(caller, "chat", reply, stream=is_stream)
    assert scene.records.only.outcome == "incomplete"


@pytest.mark.parametrize("caller", CALLERS)
async def test_a_stream_that_breaks_is_recorded_as_an_error(caller: str) -> None:
    """Its status was 200 all the same."""
    scene = Scene()
    answer = await scene.generate(caller, "chat", stream(HELLO, ending="cut"), stream=True)
    assert answer.status == 200
    assert (scene.records.only.status, scene.records.only.outcome) == (200, "error")


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("upstream", ["chat", "native_chat"])
async def test_a_client_that_leaves_is_recorded_as_cancelled(caller: str, upstream: str) -> None:
    """And its upstream is closed at once."""
    scene = Scene()
    reply = scene.upstream.answer = stream(HELLO, ending="open")
    call = make_call(PATHS[caller], question(caller, f"{upstream}-model", stream=True))
    answer = await scene.gateway.handle(call)
    assert not isinstance(answer.body, bytes)
    pouring = asyncio.create_task(answer.body.pour(Client()))
    await asyncio.sleep(0)
    pouring.cancel()
    with pytest.raises(asyncio.CancelledError):
        await pouring
    assert reply.closed
    assert scene.records.only.outcome == "cancelled"


async def test_a_client_that_leaves_before_the_body_is_recorded() -> None:
    """Between the head and the body."""
    scene = Scene()
    reply = scene.upstream.answer = stream(HELLO, ending="open")
    answer = await scene.gateway.handle(make_call(PATHS["chat"], question("chat", "chat-model", stream=True)))
    assert not isinstance(answer.body, bytes)
    answer.body.close()
    assert reply.closed
    assert scene.records.only.outcome == "cancelled"


@pytest.mark.parametrize("reply", [stream(ending="open"), None])
async def test_a_client_that_leaves_before_the_head_is_recorded(reply: ScriptedReply | None) -> None:
    """While the upstream is silent, before its head or behind it."""
    scene = Scene()
    forever = asyncio.Event()

    class Silent:
        async def send(self, request: UpstreamRequest) -> ScriptedReply:
            if reply is None:
                await forever.wait()
            assert reply is not None
            return reply

    scene.upstream.send = Silent().send  # type: ignore[method-assign]
    call = make_call(PATHS["responses"], question("responses", "chat-model", stream=True))
    handling = asyncio.create_task(scene.gateway.handle(call))
    await asyncio.sleep(0.01)
    handling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await handling
    assert scene.records.only.outcome == "cancelled"
    assert reply is None or reply.closed


async def test_draining_ends_streams_with_an_error_event() -> None:
    """And says that it is not ready any more."""
    scene = Scene()
    scene.upstream.answer = stream(HELLO, ending="open")
    answer = await scene.gateway.handle(make_call(PATHS["responses"], question("responses", "chat-model", stream=True)))
    client = Client()
    assert not isinstance(answer.body, bytes)
    pouring = asyncio.create_task(answer.body.pour(client))
    await asyncio.sleep(0)
    scene.gateway.drain()
    await pouring
    assert b"event: response.failed" in client.body
    assert scene.records.only.outcome == "error"
    assert (await scene.ask("/health/ready", method="GET")).status == 503
    assert (await scene.ask("/health", method="GET")).status == 200


async def test_silence_is_spoken_into_by_the_tick() -> None:
    """In the caller's dialect: Anthropic's SDK expects a `ping` event."""
    for caller, ping in (("responses", b": ping"), ("chat", b": ping"), ("messages", b"event: ping")):
        scene = Scene()
        reply = scene.upstream.answer = stream(HELLO, ending="open")
        answer = await scene.gateway.handle(make_call(PATHS[caller], question(caller, "chat-model", stream=True)))
        client = Client()
        assert not isinstance(answer.body, bytes)
        pouring = asyncio.create_task(answer.body.pour(client))
        await asyncio.sleep(0)
        for _ in range(10):
            scene.gateway.tick()
        assert client.writes[-1].startswith(ping)
        reply.say(STOP, DONE)
        reply.end()
        await pouring
