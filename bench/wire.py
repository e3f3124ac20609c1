"""The bytes of the bench: what the mock upstream answers in each dialect, and the request bodies sent to it.

It knows the wire shapes only; which workload uses which, `workloads` says.
"""

import json
import struct
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

EVENTS = 100
FIRST_WORD = "Trunkline"
"""The first delta of every stream: a client that has read it has seen the first content."""

END_MARKS = {"chat": b"data: [DONE]", "responses": b'"type":"response.completed"', "messages": b'"message_stop"'}
PATHS = {"chat": "/v1/chat/completions", "responses": "/v1/responses", "messages": "/v1/messages"}
MODELS = {
    "openai": "bench-openai",
    "anthropic": "bench-anthropic",
    "compatible": "bench-compatible",
}
KINDS = ("", "-kilobyte", "-paced", "-brief")
"""Marks in the model's name, by which the mock chooses its reply (see `mock.c`)."""

_TEXT = "a line carries every call to the model that was asked for and brings the answer home unchanged"
_WORDS = _TEXT.split()
_CREATED = 1790000000
_PADDING = "Q7xkT2mB9vLp"
_OWN_NUMBER = "0" * 16
"""The mock puts the reply's own number in its place: what is stored goes by its ids."""
_USAGE_CHAT = {
    "prompt_tokens": 182,
    "completion_tokens": 100,
    "total_tokens": 282,
    "prompt_tokens_details": {"cached_tokens": 64, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
}
_USAGE_RESPONSES = {
    "input_tokens": 182,
    "input_tokens_details": {"cached_tokens": 64, "cache_write_tokens": 0},
    "output_tokens": 100,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": 282,
}
_USAGE_MESSAGES = {
    "input_tokens": 118,
    "cache_creation_input_tokens": 0,
    "cache_read_input_tokens": 64,
    "output_tokens": 100,
}

Json = dict[str, Any]


def words(count: int) -> list[str]:
    """Deltas of a stream: the first is `FIRST_WORD`, the others are words with a blank before."""
    return [FIRST_WORD, *(f" {_WORDS[i % len(_WORDS)]}" for i in range(count - 1))]


def write_replies(folder: Path) -> None:
    """Writes every reply that the mock serves, one file each."""
    folder.mkdir(parents=True, exist_ok=True)
    for dialect, (whole, events) in _DIALECTS.items():
        _write(folder / f"{dialect}.json", [_json_reply(whole("".join(words(_JSON_WORDS[dialect]))))])
        _write(folder / f"{dialect}.kilobyte", [_json_reply(whole("".join(words(_JSON_WORDS[dialect] + 80))))])
        groups = _stream_groups(events(words(EVENTS)), EVENTS)
        _write(folder / f"{dialect}.burst", [b"".join(groups)])
        _write(folder / f"{dialect}.paced", groups)
        _write(folder / f"{dialect}.brief", _stream_groups(events(words(2)), 2))
    listed = [name + kind for name in MODELS.values() for kind in KINDS]
    models = [{"id": name, "object": "model", "created": _CREATED, "owned_by": "bench"} for name in listed]
    _write(folder / "models.json", [_json_reply({"object": "list", "data": models})])
    error = {"error": {"message": "The mock upstream has no such route", "type": "invalid_request_error"}}
    _write(folder / "missing.json", [_json_reply(error, "404 Not Found")])


def request_body(dialect: str, model: str, *, streamed: bool) -> bytes:
    """A request of about 1 KB, with a system text, a short conversation and one function tool."""
    body = {"model": model, **_REQUESTS[dialect]}
    if streamed:
        body["stream"] = True
    if streamed and dialect == "chat":
        # The Agents SDK asks for it, and without it a gateway has to take the usage chunk out again.
        body["stream_options"] = {"include_usage": True}
    return _dump(body)


def reply_size(folder: Path, dialect: str, kind: str) -> int:
    """Bytes of a whole reply as the mock sends it, head and chunk framing included."""
    data = (folder / f"{dialect}.{kind}").read_bytes()
    size = at = 0
    while at < len(data):
        (length,) = struct.unpack_from("<I", data, at)
        at += 4 + length
        size += length
    return size


def _write(path: Path, groups: Sequence[bytes]) -> None:
    path.write_bytes(b"".join(struct.pack("<I", len(group)) + group for group in groups))


def _dump(value: Json) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _head(status: str, kind: str, framing: str) -> bytes:
    return (
        f"HTTP/1.1 {status}\r\ndate: Mon, 02 Nov 2026 10:00:00 GMT\r\ncontent-type: {kind}\r\n"
        f"x-request-id: req_5f2c7a1e9b\r\nopenai-processing-ms: 412\r\n"
        f"x-ratelimit-remaining-requests: 9999\r\n{framing}\r\n\r\n"
    ).encode()


def _json_reply(body: Json, status: str = "200 OK") -> bytes:
    data = _dump(body)
    return _head(status, "application/json", f"content-length: {len(data)}") + data


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def _stream_groups(events: Iterable[tuple[str, bytes]], count: int) -> list[bytes]:
    """A stream in `count` groups, one a delta: what comes before rides with the first, what comes after with the last.

    Every event is an HTTP chunk of its own, as servers that flush per event send them.
    """
    groups: list[bytes] = []
    pending = _head("200 OK", "text/event-stream; charset=utf-8", "transfer-encoding: chunked")
    for role, data in events:
        pending += _chunk(data)
        if role == "delta" and len(groups) < count - 1:
            groups.append(pending)
            pending = b""
    return [*groups, pending + b"0\r\n\r\n"]


# Chat


def _chat_whole(text: str) -> Json:
    message: Json = {"role": "assistant", "content": text, "refusal": None, "annotations": []}
    return {
        "id": "chatcmpl-B4nc7h0Zq8",
        "object": "chat.completion",
        "created": _CREATED,
        "model": "bench-openai",
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
        "usage": _USAGE_CHAT,
        "service_tier": "default",
        "system_fingerprint": None,
    }


def _chat_events(deltas: Sequence[str]) -> Iterable[tuple[str, bytes]]:
    def chunk(delta: Json, finish: str | None = None) -> bytes:
        choices = [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]
        return _data({**frame, "choices": choices, "usage": None, "obfuscation": _PADDING})

    frame = {
        "id": "chatcmpl-B4nc7h0Zq8",
        "object": "chat.completion.chunk",
        "created": _CREATED,
        "model": "bench-openai",
        "service_tier": "default",
        "system_fingerprint": None,
    }
    yield "before", chunk({"role": "assistant", "content": "", "refusal": None})
    for delta in deltas:
        yield "delta", chunk({"content": delta})
    yield "after", chunk({}, "stop")
    yield "after", _data({**frame, "choices": [], "usage": _USAGE_CHAT, "obfuscation": ""})
    yield "after", b"data: [DONE]\n\n"


def _data(value: Json) -> bytes:
    return b"data: %s\n\n" % _dump(value)


def _named(value: Json) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (value["type"].encode(), _dump(value))


# Responses


def _response(status: str, output: list[Json], usage: Json | None) -> Json:
    return {
        "id": f"resp_68f0a1b2{_OWN_NUMBER}",
        "object": "response",
        "created_at": _CREATED,
        "status": status,
        "background": False,
        "completed_at": _CREATED + 2 if usage else None,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "max_output_tokens": 512,
        "max_tool_calls": None,
        "model": "bench-openai",
        "output": output,
        "parallel_tool_calls": True,
        "presence_penalty": 0.0,
        "frequency_penalty": 0.0,
        "previous_response_id": None,
        "prompt_cache_key": None,
        "reasoning": {"effort": None, "summary": None},
        "safety_identifier": None,
        "service_tier": "default",
        "store": False,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_logprobs": 0,
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": usage,
        "metadata": {},
    }


def _message(status: str, content: list[Json]) -> Json:
    return {
        "id": f"msg_68f0a1b2{_OWN_NUMBER}",
        "type": "message",
        "status": status,
        "role": "assistant",
        "content": content,
    }


def _text(text: str) -> Json:
    return {"type": "output_text", "annotations": [], "logprobs": [], "text": text}


def _responses_whole(text: str) -> Json:
    return _response("completed", [_message("completed", [_text(text)])], _USAGE_RESPONSES)


def _responses_events(deltas: Sequence[str]) -> Iterable[tuple[str, bytes]]:
    text = "".join(deltas)
    where = {"item_id": f"msg_68f0a1b2{_OWN_NUMBER}", "output_index": 0, "content_index": 0}
    message = _message("completed", [_text(text)])
    events: list[tuple[str, str, Json]] = [
        ("before", "response.created", {"response": _response("in_progress", [], None)}),
        ("before", "response.in_progress", {"response": _response("in_progress", [], None)}),
        ("before", "response.output_item.added", {"output_index": 0, "item": _message("in_progress", [])}),
        ("before", "response.content_part.added", {**where, "part": _text("")}),
    ]
    for word in deltas:
        delta = {**where, "delta": word, "logprobs": [], "obfuscation": _PADDING}
        events.append(("delta", "response.output_text.delta", delta))
    events += [
        ("after", "response.output_text.done", {**where, "text": text, "logprobs": []}),
        ("after", "response.content_part.done", {**where, "part": _text(text)}),
        ("after", "response.output_item.done", {"output_index": 0, "item": message}),
        ("after", "response.completed", {"response": _response("completed", [message], _USAGE_RESPONSES)}),
    ]
    for number, (role, kind, fields) in enumerate(events):
        yield role, _named({"type": kind, "sequence_number": number, **fields})


# Messages


def _messages_frame(content: list[Json], stop: str | None, usage: Json) -> Json:
    return {
        "id": "msg_01XFDUDYJgAACzvnptvVoYEL",
        "type": "message",
        "role": "assistant",
        "model": "bench-anthropic",
        "content": content,
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": usage,
    }


def _messages_whole(text: str) -> Json:
    return _messages_frame([{"type": "text", "text": text}], "end_turn", _USAGE_MESSAGES)


def _messages_events(deltas: Sequence[str]) -> Iterable[tuple[str, bytes]]:
    opening = _messages_frame([], None, {**_USAGE_MESSAGES, "output_tokens": 1})
    yield "before", _named({"type": "message_start", "message": opening})
    block = {"type": "text", "text": ""}
    yield "before", _named({"type": "content_block_start", "index": 0, "content_block": block})
    yield "before", _named({"type": "ping"})
    for word in deltas:
        delta = {"type": "text_delta", "text": word}
        yield "delta", _named({"type": "content_block_delta", "index": 0, "delta": delta})
    yield "after", _named({"type": "content_block_stop", "index": 0})
    ending = {"stop_reason": "end_turn", "stop_sequence": None}
    yield "after", _named({"type": "message_delta", "delta": ending, "usage": _USAGE_MESSAGES})
    yield "after", _named({"type": "message_stop"})


_DIALECTS = {
    "chat": (_chat_whole, _chat_events),
    "responses": (_responses_whole, _responses_events),
    "messages": (_messages_whole, _messages_events),
}
_JSON_WORDS = {"chat": 16, "responses": 16, "messages": 56}
"""So many words make a Chat and a Messages reply of about 600 bytes; a Responses reply is larger by its own fields."""

_SYSTEM = (
    "You are the clerk of a railway museum. Answer in one short paragraph, name the year when you know it, "
    "and say so plainly when the register of the museum does not hold what the visitor asks for."
)
_CONVERSATION = [
    ("user", "Which line was the first to run a timetable that was printed and sold at its stations?"),
    (
        "assistant",
        "That depends on what counts as a line; shall I keep to passenger lines that used steam from the start?",
    ),
    ("user", "Yes, keep to those, and tell me how long the whole way took on the day it was opened to the public."),
]
_TOOL_ABOUT = "Looks a line up in the register of the museum"
_TOOL_SHAPE = {
    "type": "object",
    "properties": {"name": {"type": "string", "description": "The name of the line"}},
    "required": ["name"],
    "additionalProperties": False,
}
_TURNS: list[Json] = [{"role": role, "content": text} for role, text in _CONVERSATION]
_FUNCTION: Json = {"name": "find_line", "description": _TOOL_ABOUT, "parameters": _TOOL_SHAPE}
_REQUESTS: dict[str, Json] = {
    "chat": {
        "messages": [{"role": "system", "content": _SYSTEM}, *_TURNS],
        "tools": [{"type": "function", "function": _FUNCTION}],
        "max_tokens": 512,
        "temperature": 0.7,
        "user": "visitor-17",
    },
    "responses": {
        "instructions": _SYSTEM,
        "input": _TURNS,
        "tools": [{"type": "function", "strict": False, **_FUNCTION}],
        "max_output_tokens": 512,
        "temperature": 0.7,
        "store": False,
    },
    "messages": {
        "system": _SYSTEM,
        "messages": _TURNS,
        "tools": [{"name": "find_line", "description": _TOOL_ABOUT, "input_schema": _TOOL_SHAPE}],
        "max_tokens": 512,
        "temperature": 0.7,
        "metadata": {"user_id": "visitor-17"},
    },
}
