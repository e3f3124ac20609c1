"""What callers see of what goes wrong: their own errors, an upstream's, and ours."""

import msgspec
import pytest
from gateway_scene import CALLERS, COMPLETION, HELLO, NATIVE, check_envelope

from scripted_gateway import (
    PATHS,
    UPSTREAM_KEY,
    Scene,
    ScriptedReply,
    json_reply,
    question,
    stream,
)
from trunkline.errors import Failed, TimedOut, Unreachable
from trunkline.ports import UpstreamRequest

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
@pytest.mark.parametrize(
    "reply",
    [
        {},
        {"object": "thing"},
        {"choices": [], "usage": {}},
        {"choices": None, "output": None, "content": None, "candidates": None},
        {"detail": "?"},
    ],
)
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
    assert "test_errors.py" in scene.records.only.error_detail
