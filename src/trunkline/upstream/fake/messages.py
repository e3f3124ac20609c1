"""The Messages API as its vendor speaks it. Source: https://docs.anthropic.com/en/api/messages."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from trunkline.upstream.fake.model import Answer, Ask, Entry, Tool, split_arguments, split_text
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

_FINISH = {"stop": "end_turn", "stop_sequence": "stop_sequence", "length": "max_tokens", "calls": "tool_use"}

_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    529: "overloaded_error",
}

# What a thinking block must be sent back with, byte for byte.
SIGNATURE = "RXJVQkNrZ0lCeEFCR0FJaVFQY3JpcHRlZA=="


def read(body: Body) -> Ask:
    """What is asked, or `BadRequest`: `max_tokens` is required here."""
    return check_choice(_read(body, require(body, "max_tokens", int)))


def read_to_count(body: Body) -> Ask:
    """What is to be counted: the same without a limit."""
    return check_choice(_read(body, None))


def _read(body: Body, limit: int | None) -> Ask:
    if body.get("thread"):
        raise BadRequest("`thread` cannot be used here.", code="thread_unsupported_request")
    messages = require(body, "messages", list)
    if not messages:
        raise BadRequest("messages: at least one message is required", param="messages")
    entries = [Entry("system", text_of(body["system"], "system"))] if body.get("system") else []
    for at, message in enumerate(messages):
        entries += _read_message(message, f"messages.{at}")
    choice = body.get("tool_choice") or {}
    thinking = body.get("thinking") or {}
    reasons = thinking.get("type") in ("enabled", "adaptive")
    if reasons and choice.get("type") in ("any", "tool"):
        raise BadRequest("Thinking may not be enabled when tool_choice forces tool use.", param="tool_choice")
    if thinking.get("type") == "enabled" and _lacks_thinking(messages):
        raise BadRequest(
            "Expected `thinking` or `redacted_thinking`, but found `tool_use`. When `thinking` is enabled, a final"
            " `assistant` message must start with a thinking block.",
            param="messages",
        )
    if limit is not None and thinking.get("budget_tokens", 0) >= limit:
        raise BadRequest("`max_tokens` must be greater than `thinking.budget_tokens`.", param="max_tokens")
    return Ask(
        entries=check_pairs(entries, "messages"),
        tools=_read_tools(body.get("tools") or ()),
        choice=_read_choice(choice),
        parallel=not choice.get("disable_parallel_tool_use"),
        schema=((body.get("output_config") or {}).get("format") or {}).get("schema"),
        limit=limit,
        stops=tuple(body.get("stop_sequences") or ()),
        reasons=reasons,
    )


def _lacks_thinking(messages: list[Any]) -> bool:
    """Whether the turn that calls tools and waits for an answer came back without what was thought before it."""
    contents = [message["content"] for message in messages if message.get("role") == "assistant"]
    blocks = contents[-1] if contents and messages[-1].get("role") == "user" else ()
    kinds = [block.get("type") for block in blocks if isinstance(block, Mapping)]
    return "tool_use" in kinds and kinds[0] not in ("thinking", "redacted_thinking")


def _read_message(message: Any, where: str) -> list[Entry]:
    role = message.get("role") if isinstance(message, Mapping) else None
    if role not in ("user", "assistant"):
        raise BadRequest(f"{where}.role: Input should be 'user' or 'assistant'", param=f"{where}.role")
    content = message.get("content")
    if not content:
        raise BadRequest(f"{where}: all messages must have non-empty content", param=where)
    if isinstance(content, str):
        return [Entry(role, content)]
    entries: list[Entry] = []
    said: list[Any] = []
    for at, block in enumerate(content):
        entry = _read_block(block, f"{where}.content.{at}")
        if entry is not None:
            entries.append(entry)
        elif block.get("type") not in ("thinking", "redacted_thinking"):
            said.append(block)
    if any(entry.kind == "output" for entry in entries) and content[0].get("type") != "tool_result":
        raise BadRequest(f"{where}: tool_result blocks must come first", param=where)
    spoken = [Entry(role, text_of(said, f"{where}.content"))] if said else []
    return entries + spoken if role == "user" else spoken + entries


def _read_block(block: Any, where: str) -> Entry | None:
    """A call or a result; `None` for what is said, or thought as it was sent."""
    kind = block.get("type") if isinstance(block, Mapping) else None
    match kind:
        case "text":
            if not block.get("text"):
                raise BadRequest(f"{where}: text content blocks must be non-empty", param=where)
        case "tool_use":
            if not isinstance(block.get("input"), dict):
                raise BadRequest(f"{where}.input: Input should be a valid dictionary", param=f"{where}.input")
            arguments = msgspec.json.encode(block["input"]).decode()
            return Entry("call", arguments, block.get("id") or "", block.get("name") or "")
        case "tool_result":
            return Entry("output", text_of(block.get("content"), where), block.get("tool_use_id") or "")
        case "thinking":
            if block.get("signature") != SIGNATURE:
                raise BadRequest(f"{where}: Invalid `signature` in `thinking` block", param=where)
        case "image" | "document" | "search_result" | "redacted_thinking":
            pass
        case _:
            raise BadRequest(f"{where}: Input tag '{kind}' does not match any of the expected tags", param=where)
    return None


# Tools that Anthropic's servers run: taken, and never used.
_IDLE_TOOLS = ("web_search_", "web_fetch_", "code_execution_", "tool_search_tool_", "mcp_toolset")

# Tools that Anthropic's models know by themselves, and that callers run.
_CLIENT_TOOLS = ("bash_", "text_editor_", "memory_", "computer_")
_COMMAND = {"type": "object", "properties": {"command": {"type": "string"}}}


def _read_tools(tools: Sequence[Any]) -> tuple[Tool, ...]:
    found = (_read_tool(tool, f"tools.{at}") for at, tool in enumerate(tools))
    return tuple(tool for tool in found if tool is not None)


def _read_tool(tool: Any, where: str) -> Tool | None:
    kind = tool.get("type", "custom") if isinstance(tool, Mapping) else ""
    if kind.startswith(_IDLE_TOOLS):
        return None
    if kind.startswith(_CLIENT_TOOLS):
        return Tool(check_name(tool.get("name"), f"{where}.name", 128), _COMMAND)
    if kind != "custom":
        raise BadRequest(f"{where}: tools of type '{kind}' are not supported by this model", param=where)
    if not isinstance(tool.get("input_schema"), Mapping) or tool["input_schema"].get("type") != "object":
        raise BadRequest(f"{where}.input_schema.type: Field required", param=f"{where}.input_schema.type")
    return Tool(check_name(tool.get("name"), f"{where}.name", 128), tool["input_schema"])


def _read_choice(choice: Body) -> str:
    match choice.get("type", "auto"):
        case "any":
            return "required"
        case "tool":
            return str(choice.get("name"))
        case other:
            return str(other)


def write(answer: Answer, body: Body, stamp: Stamp) -> dict[str, Any]:
    """The whole reply."""
    return {
        **_open(body, stamp),
        "content": _write_blocks(answer, stamp),
        "stop_reason": _FINISH[answer.finish],
        "stop_sequence": answer.stop_sequence,
        "usage": {**_write_usage(answer, answer.output_tokens), **_write_thinking_tokens(answer)},
    }


def _open(body: Body, stamp: Stamp) -> dict[str, Any]:
    return {
        "id": stamp.id("msg_01"),
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
    }


def _write_blocks(answer: Answer, stamp: Stamp) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    if answer.thought:
        blocks.append({"type": "thinking", "thinking": answer.thought, "signature": SIGNATURE})
    for call in answer.calls:
        input = msgspec.json.decode(call.arguments)
        blocks.append({"type": "tool_use", "id": stamp.id("toolu_01"), "name": call.name, "input": input})
    if answer.text:
        blocks.append({"type": "text", "text": answer.text})
    return blocks


def _write_usage(answer: Answer, output_tokens: int) -> dict[str, Any]:
    created = {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0}
    return {**_write_counts(answer, output_tokens), "cache_creation": created, "service_tier": "standard"}


def _write_counts(answer: Answer, output_tokens: int) -> dict[str, Any]:
    """What the end of a stream tells, too: clients are content with that alone."""
    return {
        "input_tokens": answer.input_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": output_tokens,
    }


def _write_thinking_tokens(answer: Answer) -> dict[str, Any]:
    return {"output_tokens_details": {"thinking_tokens": answer.reasoning_tokens}} if answer.thought else {}


def stream(answer: Answer, body: Body, stamp: Stamp) -> list[bytes]:
    """The reply as events; the first usage is a guess, as on the true wire."""
    started = {**_open(body, stamp), "usage": _write_usage(answer, 1)}
    events: list[dict[str, Any]] = [{"type": "message_start", "message": started}, {"type": "ping"}]
    for index, block in enumerate(_write_blocks(answer, stamp)):
        events += _block_events(index, block)
    events.append(
        {
            "type": "message_delta",
            "delta": {"stop_reason": _FINISH[answer.finish], "stop_sequence": answer.stop_sequence},
            "usage": {**_write_counts(answer, answer.output_tokens), **_write_thinking_tokens(answer)},
        }
    )
    events.append({"type": "message_stop"})
    return [frame(event, event["type"]) for event in events]


def _block_events(index: int, block: dict[str, Any]) -> list[dict[str, Any]]:
    match block["type"]:
        case "text":
            begun = {**block, "text": ""}
            deltas = [{"type": "text_delta", "text": piece} for piece in split_text(block["text"])]
        case "thinking":
            begun = {"type": "thinking", "thinking": "", "signature": ""}
            deltas = [{"type": "thinking_delta", "thinking": piece} for piece in split_text(block["thinking"])]
            deltas.append({"type": "signature_delta", "signature": block["signature"]})
        case _:
            begun = {**block, "input": {}}
            pieces = ["", *split_arguments(msgspec.json.encode(block["input"]).decode())]
            deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]
    return [
        {"type": "content_block_start", "index": index, "content_block": begun},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def refuse(status: int, message: str, param: str | None, code: str | None) -> dict[str, Any]:
    """The error envelope. Fields have no place in it; the message names the field."""
    del param
    type = _TYPES.get(status, "api_error" if status >= 500 else "invalid_request_error")
    details = {"details": {"error_code": code}} if code else {}
    return {"type": "error", "error": {"type": type, "message": message, **details}, "request_id": "req_scripted"}
