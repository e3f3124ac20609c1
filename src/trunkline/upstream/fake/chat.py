"""Chat Completions as a vendor speaks it. Source: https://platform.openai.com/docs/api-reference/chat."""

from collections.abc import Mapping
from typing import Any

from trunkline.upstream.fake.model import Answer, Ask, Entry, Tool, ToolCall, split_arguments, split_text
from trunkline.upstream.fake.wire import (
    BadRequest,
    Body,
    Stamp,
    check_choice,
    check_name,
    check_pairs,
    frame,
    require,
    text_of,
)

_ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant", "tool": "output"}
_FINISH = {"stop": "stop", "stop_sequence": "stop", "length": "length", "calls": "tool_calls"}

_DONE = b"data: [DONE]\n\n"


def read(body: Body) -> Ask:
    """What is asked, or `BadRequest`."""
    messages = require(body, "messages", list)
    if not messages:
        raise BadRequest("Invalid 'messages': empty array.", param="messages", code="empty_array")
    entries: list[Entry] = []
    for at, message in enumerate(messages):
        found = _read_message(message, f"messages[{at}]")
        is_behind = bool(entries) and entries[-1].kind == "output"
        entries += [Entry("system", entry.text) for entry in found] if is_behind and _shows(message) else found
    stop = body.get("stop") or ()
    ask = Ask(
        entries=check_pairs(entries, "messages"),
        tools=tuple(_read_tool(tool, f"tools[{at}]") for at, tool in enumerate(body.get("tools") or ())),
        choice=_read_choice(body.get("tool_choice") or "auto"),
        parallel=body.get("parallel_tool_calls") is not False,
        schema=_read_schema(body.get("response_format") or {}),
        limit=body.get("max_completion_tokens", body.get("max_tokens")),
        stops=(stop,) if isinstance(stop, str) else tuple(stop),
    )
    if "parallel_tool_calls" in body and not ask.tools:
        raise BadRequest(
            "'parallel_tool_calls' is only allowed when 'tools' are specified.", param="parallel_tool_calls"
        )
    return check_choice(ask)


def _read_message(message: Any, where: str) -> list[Entry]:
    role = message.get("role") if isinstance(message, Mapping) else None
    if role not in _ROLES:
        raise BadRequest(f"Invalid value: '{role}'.", param=f"{where}.role", code="invalid_value")
    text = text_of(message.get("content"), f"{where}.content")
    if role == "tool":
        return [Entry("output", text, message.get("tool_call_id") or "")]
    if role != "assistant":
        return [Entry(_ROLES[role], text)]
    entries = [Entry("assistant", text)] if text else []
    for at, call in enumerate(message.get("tool_calls") or ()):
        function = call.get(call.get("type") or "function")
        if not isinstance(function, Mapping):
            raise BadRequest("Invalid tool call.", param=f"{where}.tool_calls[{at}]")
        given = function.get("arguments", function.get("input"))
        if not isinstance(given, str):
            raise BadRequest("Invalid type: expected a string.", param=f"{where}.tool_calls[{at}].function.arguments")
        entries.append(Entry("call", given, call.get("id") or "", function.get("name") or ""))
    return entries


def _shows(message: Mapping[str, Any]) -> bool:
    """Whether a user message brings pictures or files: behind results they belong to those, which hold words alone."""
    content = message.get("content")
    parts = content if message.get("role") == "user" and isinstance(content, list) else []
    return any(part.get("type") != "text" for part in parts)


def _read_tool(tool: Any, where: str) -> Tool:
    kind = tool.get("type") if isinstance(tool, Mapping) else None
    if kind not in ("function", "custom") or not isinstance(tool.get(kind), Mapping):
        raise BadRequest(
            f"Invalid value: '{kind}'. Supported values are: 'function' and 'custom'.", param=f"{where}.type"
        )
    name = check_name(tool[kind].get("name"), f"{where}.{kind}.name", 64)
    return Tool(name, tool[kind].get("parameters") or {}, kind == "custom")


def _read_choice(choice: Any) -> str:
    if isinstance(choice, str):
        return choice
    named = choice.get(choice.get("type") or "function") or {}
    return str(named.get("name") or "required")


def _read_schema(format: Body) -> Mapping[str, Any] | None:
    match format.get("type"):
        case "json_schema":
            schema: Mapping[str, Any] = format["json_schema"].get("schema") or {}
            return schema
        case "json_object":
            return {"type": "object", "properties": {"ok": {"type": "boolean"}}}
    return None


def write(answer: Answer, body: Body, stamp: Stamp) -> dict[str, Any]:
    """The whole reply."""
    message: dict[str, Any] = {
        "role": "assistant",
        "content": answer.text if not answer.calls else None,
        "refusal": None,
        "annotations": [],
    }
    if answer.calls:
        message["tool_calls"] = [_write_call(call, stamp) for call in answer.calls]
    choice = {"message": message, "logprobs": None, "finish_reason": _FINISH[answer.finish]}
    return {
        "id": stamp.id("chatcmpl-"),
        "object": "chat.completion",
        "created": stamp.now,
        "model": body["model"],
        "choices": [{"index": index, **choice} for index in range(body.get("n") or 1)],
        "usage": write_usage(answer),
        "service_tier": "default",
        "system_fingerprint": "fp_scripted",
    }


def _write_call(call: ToolCall, stamp: Stamp) -> dict[str, Any]:
    kind, field = ("custom", "input") if call.is_custom else ("function", "arguments")
    return {"id": stamp.id("call_"), "type": kind, kind: {"name": call.name, field: call.arguments}}


def write_usage(answer: Answer) -> dict[str, Any]:
    return {
        "prompt_tokens": answer.input_tokens,
        "completion_tokens": answer.output_tokens,
        "total_tokens": answer.input_tokens + answer.output_tokens,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": answer.reasoning_tokens,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def stream(answer: Answer, body: Body, stamp: Stamp) -> list[bytes]:
    """The reply as events: a role first, then deltas, the reason, the usage where it was asked for, and `[DONE]`."""
    include_usage = bool((body.get("stream_options") or {}).get("include_usage"))
    head: dict[str, Any] = {
        "id": stamp.id("chatcmpl-"),
        "object": "chat.completion.chunk",
        "created": stamp.now,
        "model": body["model"],
        "service_tier": "default",
        "system_fingerprint": "fp_scripted",
    }
    tail: dict[str, Any] = {"usage": None} if include_usage else {}

    def chunk(delta: Body, finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return frame({**head, "choices": [choice], **tail})

    first: dict[str, Any] = {"role": "assistant", "content": None if answer.calls else "", "refusal": None}
    frames = [chunk(first)]
    frames += [chunk({"content": piece}) for piece in split_text(answer.text)]
    for index, call in enumerate(answer.calls):
        frames += [chunk({"tool_calls": [delta]}) for delta in _call_deltas(index, call, stamp)]
    frames.append(chunk({}, _FINISH[answer.finish]))
    if include_usage:
        frames.append(frame({**head, "choices": [], "usage": write_usage(answer)}))
    return [*frames, _DONE]


def _call_deltas(index: int, call: ToolCall, stamp: Stamp) -> list[dict[str, Any]]:
    kind, field = ("custom", "input") if call.is_custom else ("function", "arguments")
    head = {"index": index, "id": stamp.id("call_"), "type": kind, kind: {"name": call.name, field: ""}}
    return [head, *({"index": index, kind: {field: piece}} for piece in split_arguments(call.arguments))]


def refuse(status: int, message: str, param: str | None, code: str | None) -> dict[str, Any]:
    """The error envelope of this API and of Responses."""
    types = {401: "invalid_request_error", 403: "permission_error", 429: "rate_limit_error"}
    type = types.get(status, "invalid_request_error" if status < 500 else "server_error")
    return {"error": {"message": message, "type": type, "param": param, "code": code}}
