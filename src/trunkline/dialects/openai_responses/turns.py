"""The history of a request, written for an upstream that speaks Responses. Knows no settings.

Items go out under the upstream's own ids or none: OpenAI refuses ids of the wrong prefix, and binds encrypted
reasoning to the id it was made under.
"""

from collections.abc import Callable
from typing import Any

from trunkline.dialects.openai_responses.items import ENCRYPTED
from trunkline.dialects.openai_responses.parts import DIALECT_NAME, without_none, write_parts
from trunkline.items import Item, Message, OtherItem, Reasoning, Text, ToolCall, ToolOutput

# OpenAI's own limit of a call's id is 64 letters; a longer one of another maker would be refused.
_ID_PREFIXES = {"message": "msg_", "function": "fc_", "custom": "ctc_"}


def write_input(items: list[Item], dropped: list[str]) -> list[dict[str, Any]]:
    """The items this wire can hold; what is left out is noted in `dropped`."""
    written: list[dict[str, Any]] = []
    for item in items:
        body = _WRITERS[type(item)](item)
        if body is not None:
            written.append(body)
        elif isinstance(item, Reasoning):
            _note(dropped, "reasoning")
        if isinstance(item, ToolOutput) and item.is_error:
            _note(dropped, "is_error")
        if isinstance(item, Message) and item.name is not None:
            _note(dropped, "name")
    return written


def _note(names: list[str], name: str) -> None:
    if name not in names:
        names.append(name)


def _own_id(item_id: str | None, kind: str) -> str | None:
    return item_id if item_id is not None and item_id.startswith(_ID_PREFIXES[kind]) else None


def _extras(item: Message | ToolCall | ToolOutput) -> dict[str, Any]:
    return item.extras.get(DIALECT_NAME, {})


def _write_message(item: Message) -> dict[str, Any]:
    """An easy message where that says it all; an answer of the model's own as the item it was."""
    body: dict[str, Any] = {"type": "message", "role": item.role, "content": _write_content(item)}
    item_id = _own_id(item.id, "message")
    if item.role == "assistant":
        body |= without_none({"id": item_id, "phase": item.phase})
        if item_id is not None:
            body["status"] = item.status or "completed"
            body["content"] = write_parts(item.parts, output=True)
    return body | _extras(item)


def _write_content(item: Message) -> str | list[dict[str, Any]]:
    if len(item.parts) == 1 and type(only := item.parts[0]) is Text and not (only.extras or only.annotations):
        return only.text
    return write_parts(item.parts, output=item.role == "assistant") or ""


def _write_reasoning(item: Reasoning) -> dict[str, Any] | None:
    """Only what this family made can be given back; reasoning in plain words has no place in the input."""
    carrier = item.carrier
    if carrier is None or carrier.family != DIALECT_NAME or carrier.kind != ENCRYPTED:
        return None
    payload = carrier.payload if type(carrier.payload) is dict else {"encrypted_content": carrier.payload}
    body = {
        "type": "reasoning",
        "id": payload.get("id"),
        "summary": [{"type": "summary_text", "text": text} for text in payload.get("summary", item.summary)],
        "encrypted_content": payload.get("encrypted_content"),
    }
    return without_none(body)


def _write_call(item: ToolCall) -> dict[str, Any]:
    body = {
        "type": "function_call" if item.kind == "function" else "custom_tool_call",
        "id": _own_id(item.id, item.kind),
        "call_id": item.call_id,
        "name": item.name,
        "namespace": item.namespace,
    }
    body["arguments" if item.kind == "function" else "input"] = item.arguments
    return without_none(body) | _extras(item)


def _write_output(item: ToolOutput) -> dict[str, Any]:
    parts = item.output
    # A tool that gave nothing back gave the empty text: OpenAI takes no empty list.
    output = (parts if type(parts) is str else write_parts(list(parts), output=False)) or ""  # type: ignore[arg-type]
    type_ = "function_call_output" if item.kind == "function" else "custom_tool_call_output"
    return {"type": type_, "call_id": item.call_id, "output": output, **_extras(item)}


def _write_other(item: OtherItem) -> dict[str, Any] | None:
    return item.value if item.dialect == DIALECT_NAME else None


_WRITERS: dict[type, Callable[[Any], dict[str, Any] | None]] = {
    Message: _write_message,
    Reasoning: _write_reasoning,
    ToolCall: _write_call,
    ToolOutput: _write_output,
    OtherItem: _write_other,
}
