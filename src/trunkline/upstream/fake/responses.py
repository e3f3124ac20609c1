"""The Responses API as its vendor speaks it. Source: https://platform.openai.com/docs/api-reference/responses."""

from collections.abc import Mapping, Sequence
from typing import Any

from trunkline.upstream.fake.chat import refuse as refuse
from trunkline.upstream.fake.model import Answer, Ask, Entry, Tool, ToolCall, count, split_arguments, split_text
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

_ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}

# Items of a history that say nothing to this model.
_SILENT = frozenset({"reasoning", "compaction", "item_reference", "web_search_call", "file_search_call"})
_CALLS = {"function_call": "arguments", "custom_tool_call": "input"}
_OUTPUTS = frozenset({"function_call_output", "custom_tool_call_output"})

_LOWEST_LIMIT = 16

_SEALED = "c2VhbGVkIHJlYXNvbmluZw=="


def read(body: Body) -> Ask:
    """What is asked, or `BadRequest`."""
    if body.get("previous_response_id"):
        raise BadRequest(
            f"Previous response with id '{body['previous_response_id']}' not found.",
            param="previous_response_id",
            code="previous_response_not_found",
        )
    limit = body.get("max_output_tokens")
    if limit is not None and limit < _LOWEST_LIMIT:
        raise BadRequest(
            f"Invalid 'max_output_tokens': integer below minimum value. Expected a value >= {_LOWEST_LIMIT}.",
            param="max_output_tokens",
            code="integer_below_min_value",
        )
    given = require(body, "input", (str, list))
    items = [{"role": "user", "content": given}] if isinstance(given, str) else given
    entries = [Entry("system", body["instructions"])] if body.get("instructions") else []
    for at, item in enumerate(items):
        entries += _read_item(item, f"input[{at}]")
    effort = (body.get("reasoning") or {}).get("effort")
    return check_choice(
        Ask(
            entries=check_pairs(entries, "input"),
            tools=_read_tools(body.get("tools") or (), body.get("tool_choice")),
            choice=_read_choice(body.get("tool_choice") or "auto"),
            parallel=body.get("parallel_tool_calls") is not False,
            schema=_read_schema((body.get("text") or {}).get("format") or {}),
            limit=limit,
            reasons=effort not in (None, "none"),
        )
    )


def _read_item(item: Any, where: str) -> list[Entry]:
    if not isinstance(item, Mapping):
        raise BadRequest(f"Invalid type for '{where}': expected an object.", param=where, code="invalid_type")
    kind = item.get("type") or "message"
    if kind == "message":
        role = item.get("role")
        if role not in _ROLES:
            raise BadRequest(f"Invalid value: '{role}'.", param=f"{where}.role", code="invalid_value")
        return [Entry(_ROLES[role], text_of(item.get("content"), f"{where}.content"))]
    if kind in _CALLS:
        given = item.get(_CALLS[kind])
        if not isinstance(given, str):
            raise BadRequest("Invalid type: expected a string.", param=f"{where}.{_CALLS[kind]}", code="invalid_type")
        return [Entry("call", given, item.get("call_id") or "", item.get("name") or "")]
    if kind in _OUTPUTS:
        return [Entry("output", text_of(item.get("output"), f"{where}.output"), item.get("call_id") or "")]
    if kind in _SILENT:
        return []
    raise BadRequest(f"Invalid value: '{kind}'.", param=f"{where}.type", code="invalid_value")


# Hosted tools, and groups of functions: taken, and never used.
_IDLE_TOOLS = frozenset(
    "code_interpreter computer file_search image_generation mcp namespace tool_search web_search web_search_preview"
    " shell".split()
)


def _read_tools(tools: Sequence[Any], choice: Any) -> tuple[Tool, ...]:
    """The tools that may be called: those that the choice allows, if it allows some alone."""
    found = [_read_tool(tool, f"tools[{at}]") for at, tool in enumerate(tools)]
    listed = choice.get("tools") if isinstance(choice, Mapping) else None
    allowed = None if listed is None else {tool.get("name") for tool in listed}
    return tuple(tool for tool in found if tool is not None and (allowed is None or tool.name in allowed))


def _read_tool(tool: Any, where: str) -> Tool | None:
    kind = tool.get("type") if isinstance(tool, Mapping) else None
    if kind in _IDLE_TOOLS:
        return None
    if kind not in ("function", "custom"):
        raise BadRequest(f"Hosted tool '{kind}' is not supported with this model.", param=f"{where}.type")
    name = check_name(tool.get("name"), f"{where}.name", 128)
    return Tool(name, tool.get("parameters") or {}, kind == "custom")


def _read_choice(choice: Any) -> str:
    return choice if isinstance(choice, str) else str(choice.get("name") or choice.get("mode") or "auto")


def _read_schema(format: Body) -> Mapping[str, Any] | None:
    match format.get("type"):
        case "json_schema":
            schema: Mapping[str, Any] = require(format, "schema", dict)
            return schema
        case "json_object":
            return {"type": "object", "properties": {"ok": {"type": "boolean"}}}
    return None


def write(answer: Answer, body: Body, stamp: Stamp) -> dict[str, Any]:
    """The whole reply."""
    return _close(_open(body, stamp), _write_items(answer, body, stamp), answer, stamp)


def compact(body: Body, stamp: Stamp) -> dict[str, Any]:
    """A compaction: what the user said, and a seal that says nothing to anybody."""
    entries = read(body).entries
    users = [entry.text for entry in entries if entry.kind == "user"]
    tokens = sum(count(entry.text) for entry in entries)
    return {
        "id": stamp.id("resp_"),
        "object": "response.compaction",
        "created_at": stamp.now,
        "output": [
            *(
                {
                    "id": stamp.id("msg_"),
                    "type": "message",
                    "status": "completed",
                    "role": "user",
                    "content": [{"type": "input_text", "text": text}],
                }
                for text in users
            ),
            {"id": stamp.id("cmp_"), "type": "compaction", "encrypted_content": _SEALED},
        ],
        "usage": {
            "input_tokens": tokens,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": 1,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": tokens + 1,
        },
    }


def _open(body: Body, stamp: Stamp) -> dict[str, Any]:
    """The response as it is while nothing has been said: the request's values, else their defaults."""
    text = body.get("text") or {}
    reasoning = body.get("reasoning") or {}
    echoed: dict[str, Any] = {
        "instructions": None,
        "max_output_tokens": None,
        "max_tool_calls": None,
        "metadata": {},
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "prompt_cache_key": None,
        "safety_identifier": None,
        "store": True,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_logprobs": 0,
        "top_p": 1.0,
        "truncation": "disabled",
        "user": None,
    }
    return {
        "id": stamp.id("resp_"),
        "object": "response",
        "created_at": stamp.now,
        "status": "in_progress",
        "background": body.get("background") is True,
        "completed_at": None,
        "error": None,
        "incomplete_details": None,
        "model": body["model"],
        "output": [],
        **{field: body.get(field, default) for field, default in echoed.items()},
        "reasoning": {"effort": reasoning.get("effort"), "summary": reasoning.get("summary")},
        "service_tier": "default",
        "text": {"format": text.get("format") or {"type": "text"}, "verbosity": text.get("verbosity") or "medium"},
        "usage": None,
    }


def _close(opened: Body, items: list[dict[str, Any]], answer: Answer, stamp: Stamp) -> dict[str, Any]:
    is_cut = answer.finish == "length"
    return {
        **opened,
        "status": "incomplete" if is_cut else "completed",
        "completed_at": None if is_cut else stamp.now,
        "incomplete_details": {"reason": "max_output_tokens"} if is_cut else None,
        "output": items,
        "usage": {
            "input_tokens": answer.input_tokens,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": answer.output_tokens,
            "output_tokens_details": {"reasoning_tokens": answer.reasoning_tokens},
            "total_tokens": answer.input_tokens + answer.output_tokens,
        },
    }


def _write_items(answer: Answer, body: Body, stamp: Stamp) -> list[dict[str, Any]]:
    items = []
    if answer.thought:
        items.append(_write_reasoning(answer, body, stamp))
    items += [_write_call(call, stamp) for call in answer.calls]
    if not answer.calls:
        part = {"type": "output_text", "annotations": [], "logprobs": [], "text": answer.text}
        status = "incomplete" if answer.finish == "length" else "completed"
        message = {"id": stamp.id("msg_"), "type": "message", "status": status, "role": "assistant", "content": [part]}
        items.append(message)
    return items


def _write_reasoning(answer: Answer, body: Body, stamp: Stamp) -> dict[str, Any]:
    wants_summary = (body.get("reasoning") or {}).get("summary")
    item = {
        "id": stamp.id("rs_"),
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": answer.thought}] if wants_summary else [],
    }
    if "reasoning.encrypted_content" in (body.get("include") or ()):
        item["encrypted_content"] = _SEALED
    return item


def _write_call(call: ToolCall, stamp: Stamp) -> dict[str, Any]:
    kind, prefix = ("custom_tool_call", "ctc_") if call.is_custom else ("function_call", "fc_")
    return {
        "id": stamp.id(prefix),
        "type": kind,
        "status": "completed",
        _CALLS[kind]: call.arguments,
        "call_id": stamp.id("call_"),
        "name": call.name,
    }


def stream(answer: Answer, body: Body, stamp: Stamp) -> list[bytes]:
    """The reply as events, numbered without a gap. There is no `[DONE]` on this wire."""
    opened = _open(body, stamp)
    items = _write_items(answer, body, stamp)
    closed = _close(opened, items, answer, stamp)
    events = [("created", {"response": opened}), ("in_progress", {"response": opened})]
    for index, item in enumerate(items):
        events += _item_events(index, item)
    events.append((closed["status"], {"response": closed}))
    return [
        frame({"type": f"response.{name}", "sequence_number": number, **fields}, f"response.{name}")
        for number, (name, fields) in enumerate(events)
    ]


Named = tuple[str, dict[str, Any]]


def _item_events(index: int, item: dict[str, Any]) -> list[Named]:
    place = {"item_id": item["id"], "output_index": index}
    match item["type"]:
        case "message":
            begun, inside = {**item, "status": "in_progress", "content": []}, _text_events(place, item["content"][0])
        case "reasoning":
            begun, inside = {**item, "summary": []}, _summary_events(place, item["summary"])
        case kind:
            field = _CALLS[kind]
            begun, inside = {**item, "status": "in_progress", field: ""}, _call_events(place, item, field)
    added = ("output_item.added", {"output_index": index, "item": begun})
    return [added, *inside, ("output_item.done", {"output_index": index, "item": item})]


def _text_events(place: Body, part: dict[str, Any]) -> list[Named]:
    place = {**place, "content_index": 0}
    return [
        ("content_part.added", {**place, "part": {**part, "text": ""}}),
        *(("output_text.delta", {**place, "delta": piece, "logprobs": []}) for piece in split_text(part["text"])),
        ("output_text.done", {**place, "text": part["text"], "logprobs": []}),
        ("content_part.done", {**place, "part": part}),
    ]


def _summary_events(place: Body, summary: list[dict[str, Any]]) -> list[Named]:
    events: list[Named] = []
    for index, part in enumerate(summary):
        here = {**place, "summary_index": index}
        events.append(("reasoning_summary_part.added", {**here, "part": {**part, "text": ""}}))
        events += [("reasoning_summary_text.delta", {**here, "delta": piece}) for piece in split_text(part["text"])]
        events.append(("reasoning_summary_text.done", {**here, "text": part["text"]}))
        events.append(("reasoning_summary_part.done", {**here, "part": part}))
    return events


def _call_events(place: Body, item: dict[str, Any], field: str) -> list[Named]:
    name = "function_call_arguments" if field == "arguments" else "custom_tool_call_input"
    named = {"name": item["name"]} if field == "arguments" else {}
    deltas: list[Named] = [(f"{name}.delta", {**place, "delta": piece}) for piece in split_arguments(item[field])]
    return [*deltas, (f"{name}.done", {**place, **named, field: item[field]})]
