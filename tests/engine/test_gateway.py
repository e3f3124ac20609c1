"""The whole way of a request: what every caller sees."""

import pytest
from gateway_scene import CALLERS, COMPLETION, DONE, HELLO, STOP, USAGE, check_envelope

from scripted_gateway import (
    JSON,
    KEY,
    PATHS,
    UPSTREAM_KEY,
    Scene,
    ScriptedReply,
    json_reply,
    make_call,
    question,
    stream,
)
from trunkline.errors import InvalidRequest
from trunkline.ports import Listed
from trunkline.usage import Usage

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
