"""Google's routes: who may knock, what the path says, and the two forms of a stream."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from scripted_gateway import JSON, KEY, UPSTREAM_KEY, Scene, json_reply, make_call, stream
from trunkline.engine.routes import find_route
from trunkline.errors import MethodNotAllowed, NotFound

BODY = {"contents": [{"role": "user", "parts": [{"text": "Hi?"}]}]}
CHAT_STREAM = (
    b'data: {"id":"c","model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"hello"}}]}\n\n',
    b'data: {"id":"c","model":"m","choices":[{"index":0,"delta":{"content":" there"},"finish_reason":"stop"}]}\n\n',
    b'data: {"id":"c","choices":[],"usage":{"prompt_tokens":7,"completion_tokens":2,"total_tokens":9}}\n\n',
    b"data: [DONE]\n\n",
)
GEMINI_STREAM = (
    b'data: {"candidates":[{"content":{"parts":[{"text":"hello"}],"role":"model"},"index":0}]}\r\n\r\n',
    (
        b'data: {"candidates":[{"content":{"parts":[{"text":" there"}],"role":"model"},"finishReason":"STOP","index":0}],'
        b'"usageMetadata":{"promptTokenCount":7,"candidatesTokenCount":2,"totalTokenCount":9}}\r\n\r\n'
    ),
)
CHAT = {
    "id": "c",
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 7, "completion_tokens": 1, "total_tokens": 8},
}
GEMINI = {
    "candidates": [{"content": {"parts": [{"text": "hello"}], "role": "model"}, "finishReason": "STOP", "index": 0}],
    "usageMetadata": {"promptTokenCount": 7, "candidatesTokenCount": 1, "totalTokenCount": 8},
}


def frames(body: bytes) -> Iterator[dict[str, Any]]:
    for block in body.split(b"\r\n\r\n"):
        if block:
            assert block.startswith(b"data: ")
            yield json.loads(block[6:])


@pytest.mark.parametrize(
    ("path", "operation", "model", "is_stream", "is_array"),
    [
        ("/v1beta/models/x:generateContent", "generate", "x", False, False),
        ("/v1beta/models/x:streamGenerateContent?alt=sse", "generate", "x", True, False),
        ("/v1beta/models/x:streamGenerateContent", "generate", "x", True, True),
        ("/v1/models/x:generateContent", "generate", "x", False, False),
        ("/v1beta/models/a%2Fb:generateContent", "generate", "a/b", False, False),
        ("/v1beta/models/a/b:3b:countTokens", "count_tokens", "a/b:3b", False, False),
    ],
)
def test_a_path_says_model_and_action(path: str, operation: str, model: str, is_stream: bool, is_array: bool) -> None:
    """Names with slashes come encoded or as they are, and may hold colons."""
    route = find_route(make_call(path))
    assert (route.operation, route.dialect) == (operation, "gemini")
    assert (route.model, route.stream, route.array) == (model, is_stream, is_array)


def test_models_are_read_by_get_alone() -> None:
    """The list, and one of it."""
    assert find_route(make_call("/v1beta/models", method="GET")).operation == "models"
    assert find_route(make_call("/v1beta/models/x", method="GET")).model == "x"
    with pytest.raises(MethodNotAllowed):
        find_route(make_call("/v1beta/models"))
    with pytest.raises(MethodNotAllowed):
        find_route(make_call("/v1beta/models/x:generateContent", method="GET"))


@pytest.mark.parametrize(
    "path",
    ["/v1beta/models/x:embedContent", "/v1beta/files", "/v1beta/models/:generateContent", "/v1beta/chat/completions"],
)
async def test_what_is_not_served_is_unknown_in_googles_words(path: str) -> None:
    """In its envelope, by its word for the status."""
    answer = await Scene().ask(path, BODY)
    assert answer.status == 404
    assert (answer.error["code"], answer.error["status"]) == (404, "NOT_FOUND")
    with pytest.raises(NotFound):
        find_route(make_call(path))


@pytest.mark.parametrize("where", ["x-goog-api-key", "query", "authorization"])
async def test_a_key_comes_as_googles_callers_send_it(where: str) -> None:
    """In its header, in the query, or as everywhere; it goes neither upstream nor into the record."""
    scene = Scene()
    scene.upstream.answer = json_reply(GEMINI)
    path, headers = "/v1beta/models/gemini-model:generateContent", {"authorization": "Basic nothing"}
    if where == "query":
        path += f"?key={KEY.decode()}"
    elif where == "authorization":
        headers = {}
    else:
        headers[where] = KEY.decode()
    answer = await scene.ask(path, BODY, **headers)
    assert answer.status == 200
    request = scene.upstream.requests[0]
    assert KEY not in request.head + request.body
    assert scene.upstream.headers["x-goog-api-key"] == UPSTREAM_KEY
    assert KEY.decode() not in repr(scene.records.only)


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/models", "/v1/models/x"])
async def test_the_query_key_opens_no_other_route(path: str) -> None:
    """Queries end up in the logs of proxies: only Google's callers cannot do otherwise."""
    answer = await Scene().ask(f"{path}?key={KEY.decode()}", b"{}", authorization="Basic nothing")
    assert answer.status == 401
    assert answer.error["code"] == "invalid_api_key"


async def test_a_wrong_key_is_told_in_googles_envelope() -> None:
    """401 UNAUTHENTICATED."""
    answer = await Scene().ask("/v1beta/models/m:generateContent?key=wrong", BODY, authorization="Basic nothing")
    assert answer.status == 401
    assert answer.error["status"] == "UNAUTHENTICATED"
    assert "wrong" not in answer.error["message"]


async def test_a_reply_is_passed_on_byte_for_byte_t96() -> None:
    """The request goes out value for value, to the path that says the model."""
    scene = Scene()
    raw = json.dumps(GEMINI, indent=2).encode()
    body = b'{"contents":[{"parts":[{"text":"Hi?"}]}], "generationConfig":{"temperature": 1.50},"future":{"x":1e2}}'
    scene.upstream.answer = json_reply(raw)
    answer = await scene.ask("/v1beta/models/gemini-model:generateContent", body)
    assert (answer.status, answer.body) == (200, raw)
    assert scene.upstream.requests[0].head.startswith(b"POST /v1/models/gemini-model:generateContent HTTP/1.1\r\n")
    assert b'"generationConfig":{"temperature": 1.50}' in scene.upstream.body
    assert b'"future":{"x":1e2}' in scene.upstream.body
    assert b'"model"' not in scene.upstream.body
    assert scene.records.only.usage.total == 8
    assert scene.records.only.route == "tee gemini/gemini-model"


async def test_a_stream_is_passed_on_byte_for_byte_t96() -> None:
    """CRLF and all; the upstream is asked for events."""
    scene = Scene()
    scene.upstream.answer = stream(*GEMINI_STREAM)
    answer = await scene.ask("/v1beta/models/gemini-model:streamGenerateContent?alt=sse", BODY)
    assert answer.body == b"".join(GEMINI_STREAM)
    assert answer.headers["content-type"].startswith("text/event-stream")
    line = scene.upstream.requests[0].head.partition(b"\r\n")[0]
    assert line == b"POST /v1/models/gemini-model:streamGenerateContent?alt=sse HTTP/1.1"
    assert scene.records.only.usage.total_input == 7


@pytest.mark.parametrize("upstream", ["gemini", "chat"])
async def test_without_alt_a_stream_is_an_array(upstream: str) -> None:
    """Of the same frames, teed and translated."""
    scene = Scene()
    scene.upstream.answer = stream(*(GEMINI_STREAM if upstream == "gemini" else CHAT_STREAM))
    answer = await scene.ask(f"/v1beta/models/{upstream}-model:streamGenerateContent", BODY)
    assert answer.headers["content-type"] == "application/json"
    texts = [frame["candidates"][0]["content"]["parts"][0]["text"] for frame in answer.json]
    assert "".join(texts) == "hello there"
    assert answer.json[-1]["candidates"][0]["finishReason"] == "STOP"


@pytest.mark.parametrize("upstream", ["gemini", "chat"])
async def test_an_array_that_breaks_off_is_still_json(upstream: str) -> None:
    """Its last element is the error."""
    scene = Scene()
    pieces = (GEMINI_STREAM if upstream == "gemini" else CHAT_STREAM)[:1]
    scene.upstream.answer = stream(*pieces, ending="cut")
    answer = await scene.ask(f"/v1beta/models/{upstream}-model:streamGenerateContent", BODY)
    assert answer.status == 200
    assert answer.json[-1]["error"]["status"] == "INTERNAL"
    assert scene.records.only.outcome == "error"


@pytest.mark.parametrize("is_array", [False, True])
async def test_json_where_a_stream_was_asked_for_is_streamed(is_array: bool) -> None:
    """In the form that the caller asked for."""
    scene = Scene()
    scene.upstream.answer = json_reply(CHAT)
    alt = "" if is_array else "?alt=sse"
    answer = await scene.ask(f"/v1beta/models/chat-model:streamGenerateContent{alt}", BODY)
    told = answer.json if is_array else list(frames(answer.body))
    assert told[0]["candidates"][0]["content"]["parts"] == [{"text": "hello"}]


async def test_a_stream_holds_json_alone_fr18() -> None:
    """No `[DONE]`: the official SDK parses whatever stands behind `data:`."""
    scene = Scene()
    scene.upstream.answer = stream(*CHAT_STREAM)
    answer = await scene.ask("/v1beta/models/chat-model:streamGenerateContent?alt=sse", BODY)
    told = list(frames(answer.body))
    assert told[-1]["candidates"][0]["finishReason"] == "STOP"
    assert told[-1]["usageMetadata"]["promptTokenCount"] == 7


async def test_the_body_names_no_model_fr31() -> None:
    """What the path says counts, upstream as well."""
    scene = Scene()
    scene.upstream.answer = json_reply(GEMINI)
    await scene.ask("/v1beta/models/gemini-model:generateContent", {**BODY, "model": "models/other", "stream": True})
    assert scene.upstream.json == BODY
    assert scene.records.only.target == "gemini/gemini-model"


@pytest.mark.parametrize(
    ("status", "word"),
    [(400, "INVALID_ARGUMENT"), (429, "RESOURCE_EXHAUSTED"), (503, "UNAVAILABLE"), (500, "INTERNAL")],
)
async def test_an_upstreams_error_is_told_in_googles_words(status: int, word: str) -> None:
    """With the wait that it asks for."""
    scene = Scene()
    error = {"error": {"message": "No.", "type": "x", "param": None, "code": None}}
    scene.upstream.answer = json_reply(error, status, retry_after="7")
    answer = await scene.ask("/v1beta/models/chat-model:generateContent", BODY)
    assert answer.error["code"] == answer.status
    assert answer.error["status"] == word
    if status == 429:
        assert {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "7s"} in answer.error["details"]


async def test_a_wait_in_googles_body_becomes_a_header() -> None:
    """`retryDelay` rounded up, for clients that look at headers."""
    scene = Scene()
    delay = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.4s"}
    error = {"error": {"code": 429, "message": "Quota.", "status": "RESOURCE_EXHAUSTED", "details": [delay]}}
    answer = await scene.generate("chat", "gemini", json_reply(error, 429))
    assert (answer.status, answer.headers["retry-after"]) == (429, "35")


async def test_tokens_are_counted_where_the_provider_counts() -> None:
    """Passed on, the model in the path."""
    scene = Scene()
    scene.upstream.answer = json_reply({"totalTokens": 5})
    answer = await scene.ask("/v1beta/models/gemini-model:countTokens", BODY)
    assert answer.json == {"totalTokens": 5}
    assert scene.upstream.requests[0].head.startswith(b"POST /v1/models/gemini-model:countTokens HTTP/1.1\r\n")
    assert scene.upstream.json == BODY


@pytest.mark.parametrize("body", [BODY, {"generateContentRequest": BODY}])
async def test_tokens_are_estimated_elsewhere(body: dict[str, Any]) -> None:
    """And the reply says so."""
    answer = await Scene().ask("/v1beta/models/chat-model:countTokens", body)
    assert answer.json["totalTokens"] > 0
    assert answer.headers["x-trunkline-token-count"] == "estimated"


async def test_models_are_listed_in_pages() -> None:
    """Under the names that work here."""
    scene = Scene()
    first = await scene.ask("/v1beta/models?pageSize=2", method="GET")
    assert len(first.json["models"]) == 2
    second = await scene.ask(f"/v1beta/models?pageSize=100&pageToken={first.json['nextPageToken']}", method="GET")
    names = [model["name"] for model in first.json["models"] + second.json["models"]]
    assert "models/gemini-model" in names
    assert "nextPageToken" not in second.json
    one = await scene.ask("/v1beta/models/gemini-model", method="GET")
    assert one.json["name"] == "models/gemini-model"
    assert (await scene.ask("/v1beta/models/nothing", method="GET")).error["status"] == "NOT_FOUND"


async def test_json_is_what_an_error_is() -> None:
    """Also before there is a stream."""
    answer = await Scene().ask("/v1beta/models/nothing:streamGenerateContent", BODY)
    assert answer.headers["content-type"] == JSON[b"content-type"].decode()


async def test_googles_sdk_lists_below_v1_too() -> None:
    """Told from OpenAI's by its header."""
    scene = Scene()
    headers = {"authorization": "Basic nothing", "x-goog-api-key": KEY.decode()}
    listed = await scene.ask("/v1/models", method="GET", **headers)
    assert "models/gemini-model" in [model["name"] for model in listed.json["models"]]
    one = await scene.ask("/v1/models/chat-model", method="GET", **headers)
    assert one.json["name"] == "models/chat-model"
    assert (await scene.ask("/v1/models", method="GET")).json["object"] == "list"


@pytest.mark.parametrize("upstream", ["chat", "responses", "messages"])
@pytest.mark.parametrize("action", ["generateContent", "streamGenerateContent?alt=sse"])
async def test_an_upstream_is_asked_to_stream_as_the_path_says(upstream: str, action: str) -> None:
    """The body never does."""
    scene = Scene()
    scene.upstream.answer = stream(*CHAT_STREAM)
    await scene.ask(f"/v1beta/models/{upstream}-model:{action}", BODY)
    assert bool(scene.upstream.json.get("stream")) == action.startswith("stream")
    assert scene.upstream.json["model"] == f"{upstream}-model"


async def test_a_call_without_its_result_is_told_in_googles_words() -> None:
    """With its own name for the conversation, and no id that the caller has never seen."""
    call = {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}}}]}
    said = {"role": "user", "parts": [{"text": "Never mind."}]}
    answer = await Scene().ask("/v1beta/models/chat-model:generateContent", {"contents": [said, call, said]})
    assert answer.status == 400
    assert "functionCall" in answer.error["message"]
    assert answer.error["details"][0]["fieldViolations"][0]["field"] == "contents"
