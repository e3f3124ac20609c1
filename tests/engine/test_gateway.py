"""The whole way of a request: what every caller sees, and what is recorded."""

import asyncio
from typing import Any

import msgspec
import pytest

from scripted_gateway import (
    JSON,
    KEY,
    PATHS,
    UPSTREAM_KEY,
    Client,
    Scene,
    ScriptedReply,
    json_reply,
    make_call,
    question,
    stream,
)
from trunkline.errors import Failed, InvalidRequest, TimedOut, Unreachable
from trunkline.ports import Listed, UpstreamRequest
from trunkline.usage import Usage

# Passed on as they are.
NATIVE = (("chat", "native_chat"), ("responses", "responses"), ("messages", "messages"))
CALLERS = list(PATHS)

COMPLETION = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "up",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9},
}


def chunk(delta: dict[str, Any], finish: str | None = None, **members: Any) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    whole = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "up", "choices": [choice]}
    return b"data: " + msgspec.json.encode(whole | members) + b"\n\n"


DONE = b"data: [DONE]\n\n"
HELLO = chunk({"role": "assistant", "content": "Hello"})
STOP = chunk({}, "stop")
USAGE = chunk({}, choices=[], usage=COMPLETION["usage"])


def check_envelope(caller: str, answer: Any) -> None:
    """An error in the caller's own shape, with a request id in the head."""
    body = answer.json
    assert answer.headers["x-request-id"] == "req_1"
    assert answer.headers["content-type"] == "application/json"
    if caller == "messages":
        assert set(body) == {"type", "error", "request_id"}
        assert set(body["error"]) - {"details"} == {"type", "message"}
        assert body["request_id"] == answer.headers["request-id"] == "req_1"
    else:
        assert set(body) == {"error"}
        assert set(body["error"]) == {"message", "type", "param", "code"}


# --- errors of the caller's -------------------------------------------------------------------------------------


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize(
    ("body", "status", "word"),
    [
        (b"", 400, "empty"),
        (b"{", 400, "JSON"),
        (b"[]", 400, "object"),
        (b"{}", 400, "`model` is missing"),
        (b'{"model":"chat-model","model":"messages-model"}', 400, "more than once"),
        (b'{"model":"chat-model","stream":"yes"}', 400, "`stream`"),
        (b'{"model":"nothing-like-it"}', 404, "does not exist"),
        (b'{"model":"chat-model","x":' + b"[" * 50_000 + b"]" * 50_000 + b"}", 400, "nested"),
    ],
)
async def test_a_bad_body_is_refused(caller: str, body: bytes, status: int, word: str) -> None:
    """In the caller's dialect, and no upstream hears of it."""
    scene = Scene()
    answer = await scene.ask(PATHS[caller], body)
    assert answer.status == status
    assert word in answer.error["message"]
    assert answer.headers["x-should-retry"] == "false"
    check_envelope(caller, answer)
    assert scene.upstream.requests == []
    assert (scene.records.only.status, scene.records.only.outcome) == (status, "error")


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("headers", [{"authorization": "Bearer wrong"}, {"authorization": ""}])
async def test_a_wrong_key_is_refused(caller: str, headers: dict[str, str]) -> None:
    """401 before anything else is looked at, in the caller's dialect."""
    scene = Scene()
    answer = await scene.ask(PATHS[caller], b"{", **headers)
    assert answer.status == 401
    check_envelope(caller, answer)
    assert scene.records.only.key == ""


async def test_an_unknown_route_does_not_tell_strangers() -> None:
    """Without a key every path looks the same."""
    assert (await Scene().ask("/v1/nothing", authorization="Bearer wrong")).status == 401
    assert (await Scene().ask("/v1/nothing")).status == 404


@pytest.mark.parametrize(("path", "caller"), [("/v1/nothing", "chat"), ("/v1/messages/nothing", "messages")])
async def test_an_unknown_route_is_404(path: str, caller: str) -> None:
    """In the dialect that its path suggests."""
    answer = await Scene().ask(path)
    assert answer.status == 404
    check_envelope(caller, answer)


@pytest.mark.parametrize("caller", CALLERS)
async def test_an_unknown_method_is_405(caller: str) -> None:
    """In the caller's dialect."""
    answer = await Scene().ask(PATHS[caller], method="PUT")
    assert answer.status == 405
    check_envelope(caller, answer)


@pytest.mark.parametrize("caller", CALLERS)
async def test_a_request_that_comes_round_is_refused(caller: str) -> None:
    """508, and the upstream is not asked again."""
    scene = Scene()
    body = question(caller, "chat-model")
    answer = await scene.ask(PATHS[caller], body, x_trunkline_hop="other,this-instance")
    assert answer.status == 508
    check_envelope(caller, answer)
    assert scene.upstream.requests == []


async def test_the_hop_header_goes_on() -> None:
    """So that the next gateway can tell."""
    scene = Scene()
    scene.upstream.answer = json_reply(COMPLETION)
    await scene.ask(PATHS["chat"], question("chat", "chat-model"), x_trunkline_hop="other")
    assert scene.upstream.headers["x-trunkline-hop"] == "other,this-instance"


async def test_a_query_names_no_model() -> None:
    """FR-31: the body's model is the model."""
    scene = Scene()
    scene.upstream.answer = json_reply(COMPLETION)
    answer = await scene.ask(PATHS["chat"] + "?model=messages-model", question("chat", "chat-model"))
    assert answer.status == 200
    assert scene.upstream.json["model"] == "chat-model"


# --- errors of the upstream's -----------------------------------------------------------------------------------


@pytest.mark.parametrize("is_stream", [False, True])
@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("upstream", ["chat", "native_chat", "responses", "messages"])
@pytest.mark.parametrize(
    ("status", "headers", "seen", "should_retry"),
    [
        (400, {}, 400, "false"),
        (401, {}, 502, "false"),
        (403, {}, 502, "false"),
        (404, {}, 404, "false"),
        (429, {"retry_after": "7"}, 429, "true"),
        (500, {}, 502, "false"),
        (503, {"retry_after": "3"}, 503, "true"),
        (529, {}, 503, "true"),
    ],
)
async def test_an_upstreams_error_is_a_status(
    is_stream: bool,
    caller: str,
    upstream: str,
    status: int,
    headers: dict[str, str],
    seen: int,
    should_retry: str,
) -> None:
    """T-99: also for a stream, in the caller's dialect, with the truth about retrying; asked once (FR-45)."""
    scene = Scene()
    error = {"type": "error", "error": {"message": "because", "type": "some_error", "code": None, "param": None}}
    reply = json_reply(error, status, x_request_id="up-1", **headers)
    answer = await scene.generate(caller, upstream, reply, stream=is_stream)
    # Anthropic's own word for an overloaded server.
    expected = 529 if seen == 503 and caller == "messages" else seen
    assert answer.status == expected
    check_envelope(caller, answer)
    assert answer.headers["x-should-retry"] == should_retry
    assert answer.headers.get("retry-after") == headers.get("retry_after")
    assert answer.headers["x-trunkline-upstream-request-id"] == "up-1"
    assert "x-trunkline-route" in answer.headers
    if seen != 502 or status == 500:
        assert "because" in answer.error["message"]
    assert reply.closed
    assert len(scene.upstream.requests) == 1
    record = scene.records.only
    assert (record.outcome, record.status, len(record.attempts)) == ("error", expected, 1)


async def test_an_overloaded_provider_has_anthropics_status_whatever_it_calls_it() -> None:
    """OpenAI has codes of its own for that."""
    reply = json_reply({"error": {"message": "because", "type": "server_error", "code": "slow_down"}}, 503)
    answer = await Scene().generate("messages", "native_chat", reply)
    assert (answer.status, answer.error["type"]) == (529, "overloaded_error")


@pytest.mark.parametrize("upstream", ["chat", "responses", "messages"])
async def test_our_credential_is_taken_out_of_messages(upstream: str) -> None:
    """Whole, or starred as vendors quote it; out of the record as well."""
    for quoted in (UPSTREAM_KEY, UPSTREAM_KEY[:8] + "*****7890"):
        for status in (400, 401, 429, 500):
            scene = Scene()
            error = {"type": "error", "error": {"message": f"bad key: {quoted}.", "type": "t", "code": "c"}}
            answer = await scene.generate("chat", upstream, json_reply(error, status))
            assert quoted not in answer.body.decode()
            assert quoted not in scene.records.only.error_detail


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("upstream", ["chat", "native_chat", "responses", "messages"])
async def test_our_credential_is_taken_out_of_streams(caller: str, upstream: str) -> None:
    """An error that comes in mid-stream may quote it as well."""
    scene = Scene()
    error = {"message": f"Incorrect API key provided: {UPSTREAM_KEY}", "type": "server_error", "code": "server_error"}
    prelude = {
        "chat": HELLO,
        "native_chat": HELLO,
        "responses": b"".join(
            b"event: %b\ndata: %b\n\n" % (event["type"].encode(), msgspec.json.encode(event))
            for event in (
                {"type": "response.created", "sequence_number": 0, "response": {"id": "r", "model": "m"}},
                {
                    "type": "response.output_item.added",
                    "sequence_number": 1,
                    "output_index": 0,
                    "item": {"type": "message", "id": "m", "role": "assistant", "content": [], "status": "in_progress"},
                },
                {
                    "type": "response.content_part.added",
                    "sequence_number": 2,
                    "output_index": 0,
                    "content_index": 0,
                    "item_id": "m",
                    "part": {"type": "output_text", "text": "", "annotations": []},
                },
                {
                    "type": "response.output_text.delta",
                    "sequence_number": 3,
                    "output_index": 0,
                    "content_index": 0,
                    "item_id": "m",
                    "delta": "Hello",
                },
            )
        ),
        "messages": b'event: message_start\ndata: {"type":"message_start","message":{"id":"m","type":"message",'
        b'"role":"assistant","model":"m","content":[],"usage":{"input_tokens":1,"output_tokens":1}}}\n\n'
        b'event: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":'
        b'{"type":"text","text":""}}\n\nevent: content_block_delta\ndata: {"type":"content_block_delta",'
        b'"index":0,"delta":{"type":"text_delta","text":"Hello"}}\n\n',
    }[upstream]
    fault = {
        "chat": b"data: %b\n\n",
        "native_chat": b"data: %b\n\n",
        "responses": b"event: error\ndata: %b\n\n",
        "messages": b"event: error\ndata: %b\n\n",
    }[upstream] % msgspec.json.encode({"type": "error", "sequence_number": 4, "error": error})
    answer = await scene.generate(caller, upstream, stream(prelude, fault), stream=True)
    assert answer.status == 200
    assert b"Hello" in answer.body
    assert UPSTREAM_KEY.encode() not in answer.body
    assert scene.records.only.outcome == "error"


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize(
    ("error", "status", "should_retry"),
    [
        (Unreachable("no connection", retry_after_seconds=1), 503, "true"),
        (Failed("it broke"), 502, "false"),
        (TimedOut("no answer"), 504, "false"),
    ],
)
async def test_an_upstream_that_is_not_there(caller: str, error: Exception, status: int, should_retry: str) -> None:
    """Worth another try only where nothing can have been executed."""
    scene = Scene()
    scene.upstream.answer = error
    answer = await scene.ask(PATHS[caller], question(caller, "chat-model"))
    assert answer.status == status
    assert answer.headers["x-should-retry"] == should_retry
    check_envelope(caller, answer)


async def test_a_redirect_is_not_followed() -> None:
    """It would carry our credential to wherever it leads."""
    scene = Scene()
    answer = await scene.generate("chat", "chat", json_reply(b"", 307, location="https://evil.test/"))
    assert answer.status == 502
    assert "redirect" in answer.error["message"]
    assert "evil" not in answer.body.decode() + str(answer.headers)
    assert len(scene.upstream.requests) == 1


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("upstream", ["chat", "responses", "messages"])
async def test_an_error_page_is_an_error(caller: str, upstream: str) -> None:
    """A proxy's HTML, with a status or with a success."""
    page = b"<html><body>502 Bad Gateway</body></html>"
    scene = Scene()
    answer = await scene.generate(caller, upstream, ScriptedReply(502, {b"content-type": b"text/html"}, [page]))
    assert answer.status == 502
    check_envelope(caller, answer)
    assert "<html>" not in answer.body.decode()
    scene = Scene()
    answer = await scene.generate(caller, upstream, ScriptedReply(200, {b"content-type": b"text/html"}, [page]))
    assert answer.status == 502
    check_envelope(caller, answer)


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("upstream", ["chat", "native_chat", "responses", "messages"])
async def test_an_error_in_a_success_is_a_status(caller: str, upstream: str) -> None:
    """FR-01 for JSON, for a stream's first event, and for JSON where a stream was asked for."""
    error = {"type": "error", "error": {"message": "too hot", "type": "invalid_request_error", "code": "bad_value"}}
    event = b"event: error\n" if upstream in ("responses", "messages") else b""
    first = stream(event + b"data: " + msgspec.json.encode(error) + b"\n\n")
    for reply, is_stream in ((json_reply(error), False), (json_reply(error), True), (first, True)):
        scene = Scene()
        answer = await scene.generate(caller, upstream, reply, stream=is_stream)
        assert answer.status == 400
        assert "too hot" in answer.error["message"]
        check_envelope(caller, answer)
        assert scene.records.only.status == 400


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("upstream", ["chat", "native_chat", "responses", "messages"])
@pytest.mark.parametrize("ending", ["end", "cut"])
async def test_an_empty_stream_is_an_error(caller: str, upstream: str, ending: str) -> None:
    """Nothing came: 502, not a 200 that says nothing."""
    scene = Scene()
    answer = await scene.generate(caller, upstream, stream(b": hello\n\n", ending=ending), stream=True)
    assert answer.status == 502
    check_envelope(caller, answer)


@pytest.mark.parametrize(
    ("caller", "upstream"), [*NATIVE, ("chat", "chat"), ("chat", "messages"), ("responses", "chat")]
)
@pytest.mark.parametrize("reply", [{}, {"object": "thing"}, {"choices": [], "usage": {}}, {"detail": "?"}])
async def test_a_success_that_is_no_answer_is_an_error(caller: str, upstream: str, reply: dict[str, object]) -> None:
    """A 200 with JSON of whatever kind: nobody has answered, so nobody is told so."""
    scene = Scene()
    answer = await scene.generate(caller, upstream, json_reply(reply), stream=False)
    assert answer.status == 502
    check_envelope(caller, answer)
    assert scene.records.only.outcome == "error"


@pytest.mark.parametrize("upstream", ["chat", "native_chat"])
async def test_a_stream_that_says_no_more_than_its_end_is_an_error(upstream: str) -> None:
    """`[DONE]` alone is no answer either."""
    scene = Scene()
    answer = await scene.generate("chat", upstream, stream(b"data: [DONE]\n\n"), stream=True)
    assert answer.status == 502
    check_envelope("chat", answer)


# --- bugs of ours -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("caller", CALLERS)
async def test_a_bug_is_a_500_that_tells_nothing(caller: str) -> None:
    """But to the record, which says where."""
    scene = Scene()

    def stumble(_: UpstreamRequest) -> ScriptedReply:
        raise KeyError("secret detail")

    scene.upstream.answer = stumble
    answer = await scene.ask(PATHS[caller], question(caller, "chat-model"))
    assert answer.status == 500
    assert answer.error["message"] == "internal error"
    assert "secret" not in answer.body.decode()
    check_envelope(caller, answer)
    assert "KeyError at " in scene.records.only.error_detail
    assert "test_gateway.py" in scene.records.only.error_detail


# --- records ----------------------------------------------------------------------------------------------------


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


# --- names ------------------------------------------------------------------------------------------------------


async def test_a_bare_name_waits_for_the_first_list() -> None:
    """And is found once it has come."""
    scene = Scene()
    complete = scene.catalog.now
    scene.catalog.now = {**complete, "chat": Listed(frozenset(), complete=False, pending=True)}
    scene.gateway._router = scene.gateway._parts.make_router(scene.catalog.now)

    def arrive() -> None:
        scene.catalog.now = complete

    scene.catalog.arrive = arrive
    answer = await scene.generate("chat", "chat", json_reply(COMPLETION))
    assert answer.status == 200
    assert scene.catalog.settled == 1


async def test_a_name_with_its_provider_does_not_wait() -> None:
    """It is certain already."""
    scene = Scene()
    scene.catalog.now = {**scene.catalog.now, "chat": Listed(frozenset(), complete=False, pending=True)}
    scene.upstream.answer = json_reply(COMPLETION)
    answer = await scene.ask(PATHS["chat"], question("chat", "chat/anything"))
    assert answer.status == 200
    assert scene.catalog.settled == 0


async def test_a_list_that_does_not_come_is_a_503() -> None:
    """Worth another try."""
    scene = Scene()
    scene.catalog.now = {**scene.catalog.now, "chat": Listed(frozenset(), complete=False, pending=True)}
    answer = await scene.ask(PATHS["chat"], question("chat", "chat-model"))
    assert answer.status == 503
    assert answer.headers["x-should-retry"] == "true"
    assert answer.headers["retry-after"] == "1"


async def test_an_alias_leads_to_its_target() -> None:
    """The upstream hears its own model's name."""
    scene = Scene(aliases={"fast": "chat/chat-model"})
    scene.upstream.answer = json_reply(COMPLETION)
    answer = await scene.ask(PATHS["chat"], question("chat", "fast"))
    assert scene.upstream.json["model"] == "chat-model"
    assert answer.headers["x-trunkline-route"] == "patch chat/chat-model"
    assert scene.records.only.model_asked == "fast"


# --- forms ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("accept", ["*/*", "text/event-stream", "application/json"])
async def test_the_body_alone_asks_for_a_stream(caller: str, accept: str) -> None:
    """FR-09: whatever `Accept` says."""
    scene = Scene()
    scene.upstream.answer = json_reply(COMPLETION)
    answer = await scene.ask(PATHS[caller], question(caller, "chat-model"), accept=accept)
    assert answer.headers["content-type"] == "application/json"
    scene.upstream.answer = stream(HELLO, STOP, DONE)
    answer = await scene.ask(PATHS[caller], question(caller, "chat-model", stream=True), accept=accept)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert "content-length" not in answer.headers


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("upstream", ["chat", "native_chat"])
async def test_a_stream_where_json_was_asked_for(caller: str, upstream: str) -> None:
    """FR-03: it is folded."""
    scene = Scene()
    answer = await scene.generate(caller, upstream, stream(HELLO, STOP, USAGE, DONE))
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert "Hello" in answer.body.decode()
    assert scene.records.only.usage == Usage(7, 0, 0, 2)


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("upstream", ["chat", "native_chat"])
async def test_json_where_a_stream_was_asked_for(caller: str, upstream: str) -> None:
    """It is unfolded, and recorded as a stream is."""
    scene = Scene()
    answer = await scene.generate(caller, upstream, json_reply(COMPLETION), stream=True)
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert "Hello" in answer.body.decode()
    assert scene.records.only.usage == Usage(7, 0, 0, 2)


async def test_a_stream_without_a_content_type_is_one() -> None:
    """Some servers forget it; what was asked for counts."""
    scene = Scene()
    answer = await scene.generate("chat", "chat", ScriptedReply(200, {}, [HELLO, STOP, DONE]), stream=True)
    assert b"Hello" in answer.body


# --- strict -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("strict", "header", "status"),
    [(False, None, 200), (True, None, 400), (False, "true", 400), (False, "TRUE", 400), (True, "false", 200)],
)
async def test_strict_refuses_what_would_be_left_out(strict: bool, header: str | None, status: int) -> None:
    """By configuration, or by a header for one request."""
    scene = Scene(strict=strict)
    scene.upstream.answer = json_reply(COMPLETION)
    headers = {} if header is None else {"x_trunkline_strict": header}
    body = question("responses", "chat-model", prompt_cache_key="k")
    answer = await scene.ask(PATHS["responses"], body, **headers)
    assert answer.status == status
    if status == 400:
        assert answer.error["param"] == "prompt_cache_key"
    else:
        assert answer.headers["x-trunkline-dropped"] == "prompt_cache_key"
        assert scene.records.only.dropped == ["prompt_cache_key"]


async def test_what_sdks_send_unasked_is_no_error_under_strict() -> None:
    """But it is still said."""
    scene = Scene(strict=True)
    scene.upstream.answer = json_reply(COMPLETION)
    answer = await scene.ask(
        PATHS["responses"], question("responses", "chat-model", text={"verbosity": "low"}, store=True)
    )
    assert answer.status == 200
    assert set(answer.headers["x-trunkline-dropped"].split(",")) == {"text.verbosity", "store"}


# --- the other operations ---------------------------------------------------------------------------------------


async def test_embeddings_pass_as_they_are() -> None:
    """But for the model's name; usage is read in passing."""
    scene = Scene()
    reply = b'{"object":"list","data":[{"embedding":[0.10]}],"x":1.0,"usage":{"prompt_tokens":5,"total_tokens":5}}'
    scene.upstream.answer = json_reply(reply)
    answer = await scene.ask("/v1/embeddings", b'{"model":"chat/chat-model","input":[ 1.0 ]}')
    assert answer.body == reply
    assert scene.upstream.body == b'{"model":"chat-model","input":[ 1.0 ]}'
    assert scene.upstream.requests[-1].head.startswith(b"POST /v1/embeddings ")
    record = scene.records.only
    assert (record.operation, record.usage) == ("embeddings", Usage(5, 0, 0, 0))


async def test_embeddings_of_a_provider_without_any_are_refused() -> None:
    """It says why."""
    answer = await Scene().ask("/v1/embeddings", {"model": "messages-model", "input": "x"})
    assert answer.status == 400
    assert answer.error["param"] == "model"


async def test_an_error_of_embeddings_is_redacted() -> None:
    """Inside a success as well."""
    for status in (200, 400):
        scene = Scene()
        scene.upstream.answer = json_reply({"error": {"message": f"key {UPSTREAM_KEY}", "code": 400}}, status)
        answer = await scene.ask("/v1/embeddings", {"model": "chat-model", "input": "x"})
        assert answer.status == 400
        assert UPSTREAM_KEY not in answer.body.decode()


async def test_tokens_are_counted_by_anthropic() -> None:
    """Where it serves the model."""
    scene = Scene()
    scene.upstream.answer = json_reply(b'{"input_tokens":17}')
    body = {"model": "messages-model", "messages": [{"role": "user", "content": "x"}]}
    answer = await scene.ask("/v1/messages/count_tokens", body)
    assert answer.json == {"input_tokens": 17}
    assert "x-trunkline-token-count" not in answer.headers


async def test_tokens_are_estimated_elsewhere() -> None:
    """And said to be."""
    scene = Scene()
    body = {"model": "chat-model", "messages": [{"role": "user", "content": "How are you?"}]}
    answer = await scene.ask("/v1/messages/count_tokens", body)
    assert 0 < answer.json["input_tokens"] < 50
    assert answer.headers["x-trunkline-token-count"] == "estimated"
    assert scene.upstream.requests == []
    assert scene.records.only.operation == "count_tokens"


async def test_a_bad_count_is_refused() -> None:
    """In Anthropic's shape."""
    answer = await Scene().ask("/v1/messages/count_tokens", {"model": "chat-model", "messages": 5})
    assert answer.status == 400
    check_envelope("messages", answer)


async def test_health_needs_no_key() -> None:
    """Probes have none."""
    for path in ("/health", "/health/ready"):
        answer = await Scene().ask(path, method="GET", authorization="")
        assert (answer.status, answer.json) == (200, {"status": "ok"})


async def test_models_are_listed_in_both_shapes() -> None:
    """FR-34: Anthropic's when its version is sent."""
    scene = Scene()
    answer = await scene.ask("/v1/models", method="GET")
    assert answer.json["object"] == "list"
    assert {model["id"] for model in answer.json["data"]} >= {"chat-model", "messages-model"}
    answer = await scene.ask("/v1/models?limit=2", method="GET", anthropic_version="2023-06-01")
    page = answer.json
    assert len(page["data"]) == 2
    assert (page["has_more"], page["first_id"], page["last_id"]) == (True, page["data"][0]["id"], page["data"][1]["id"])
    answer = await scene.ask(
        f"/v1/models?limit=1000&after_id={page['last_id']}", method="GET", anthropic_version="2023-06-01"
    )
    assert not answer.json["has_more"]
    assert {model["id"] for model in answer.json["data"]}.isdisjoint(model["id"] for model in page["data"])


async def test_one_model() -> None:
    """By a listed name, by an encoded `provider/model`; an unknown one is a 404."""
    scene = Scene()
    assert (await scene.ask("/v1/models/chat-model", method="GET")).json["id"] == "chat-model"
    assert (await scene.ask("/v1/models/chat%2Fother", method="GET")).json["id"] == "chat/other"
    answer = await scene.ask("/v1/models/unknown", method="GET")
    assert (answer.status, answer.error["code"]) == (404, "model_not_found")
    answer = await scene.ask("/v1/models/unknown", method="GET", anthropic_version="2023-06-01")
    assert (answer.status, answer.error["type"]) == (404, "not_found_error")
    check_envelope("messages", answer)


# --- requests ---------------------------------------------------------------------------------------------------


async def test_only_some_of_the_callers_headers_go_on() -> None:
    """Those that the provider is known to take; never the caller's key."""
    scene = Scene()
    scene.upstream.answer = json_reply(COMPLETION)
    given = {"openai_organization": "org", "cookie": "a=b", "x_api_key": "other", "x_forwarded_for": "1.2.3.4"}
    await scene.ask(PATHS["chat"], question("chat", "native_chat-model"), **given)
    headers = scene.upstream.headers
    assert headers["openai-organization"] == "org"
    assert headers["authorization"] == f"Bearer {UPSTREAM_KEY}"
    assert not {"cookie", "x-api-key", "x-forwarded-for"} & set(headers)
    assert KEY not in scene.upstream.requests[-1].head


async def test_a_trace_goes_through() -> None:
    """`traceparent` reaches the upstream as it came."""
    scene = Scene()
    scene.upstream.answer = json_reply(COMPLETION)
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    await scene.ask(PATHS["chat"], question("chat", "chat-model"), traceparent=trace)
    assert scene.upstream.headers["traceparent"] == trace


async def test_a_callers_header_cannot_split_the_head() -> None:
    """Faces refuse line breaks; a value goes on as one line or not at all."""
    scene = Scene()
    scene.upstream.answer = json_reply(COMPLETION)
    await scene.ask(PATHS["messages"], question("messages", "messages-model"), anthropic_beta="a,b")
    assert scene.upstream.headers["anthropic-beta"] == "a,b"


async def test_what_a_body_needs_joins_what_the_caller_asks_for() -> None:
    """Servers of tools want a beta of Anthropic's, beside the caller's own."""
    scene = Scene()
    said = {"type": "message", "content": [{"type": "text", "text": "Hi."}], "stop_reason": "end_turn"}
    scene.upstream.answer = json_reply(said)
    server = {"type": "mcp", "server_label": "s", "server_url": "https://m.example/", "require_approval": "never"}
    asked = question("responses", "messages-model", tools=[server])
    await scene.ask(PATHS["responses"], asked)
    assert scene.upstream.headers["anthropic-beta"] == "mcp-client-2025-11-20"
    await scene.ask(PATHS["responses"], asked, anthropic_beta="a, mcp-client-2025-11-20")
    assert scene.upstream.headers["anthropic-beta"] == "a,mcp-client-2025-11-20"


async def test_a_reply_that_is_cut_short_is_an_error() -> None:
    """Half a JSON body is none."""
    scene = Scene()
    reply = ScriptedReply(200, JSON, [b'{"choices":['], ending="cut")
    answer = await scene.generate("chat", "native_chat", reply)
    assert answer.status == 502
    assert reply.closed


@pytest.mark.parametrize(
    ("caller", "upstream", "param"), [("chat", "messages", "messages[0].content[1]"), ("messages", "chat", None)]
)
async def test_a_part_that_nobody_knows_is_named_as_the_caller_wrote_it(
    caller: str, upstream: str, param: str | None
) -> None:
    """Neither lost on the way, nor told of in another API's words."""
    scene = Scene()
    messages = [{"role": "user", "content": [{"type": "text", "text": "Hi"}, {"type": "hologram"}]}]
    answer = await scene.generate(caller, upstream, json_reply({}), messages=messages)
    assert answer.status == 400
    assert answer.error.get("param") == param
    assert "messages[0]" in answer.error["message"]
    assert not scene.upstream.requests


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("upstream", ["chat", "responses", "messages"])
async def test_a_loop_that_another_gateway_found_is_told(upstream: str, caller: str) -> None:
    """The client sees the same 508, however many gateways are between."""
    scene = Scene()
    error = {"message": "passed before", "type": "invalid_request_error", "code": "loop_detected", "param": None}
    answer = await scene.generate(caller, upstream, json_reply({"error": error}, 508))
    assert (answer.status, answer.error["message"], answer.headers["x-should-retry"]) == (508, "passed before", "false")
    check_envelope(caller, answer)


def test_a_refusal_does_not_hold_on_to_its_request() -> None:
    """Where it was raised leads back to what was asked: a long body would wait for the collector."""
    try:
        raise InvalidRequest("no")
    except InvalidRequest as error:
        refusal = error
    Scene().gateway.draw(refusal, make_call(PATHS["chat"]))
    assert refusal.__traceback__ is None
