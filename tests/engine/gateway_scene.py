"""What a scripted upstream says in tests of the whole way, and the shape of errors."""

from typing import Any

import msgspec

from scripted_gateway import PATHS

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
