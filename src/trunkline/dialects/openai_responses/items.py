"""A conversation's items, read from the Responses wire. Knows no request and no stream.

Source: https://platform.openai.com/docs/api-reference/responses/create#responses-create-input
"""

from collections.abc import Callable, Sequence
from typing import Any

from msgspec.structs import replace

from trunkline.dialects.dialect import Unseal
from trunkline.dialects.easy import read_easy_message
from trunkline.dialects.openai_responses.compaction import COMPACTION, open_compactions, read_block
from trunkline.dialects.openai_responses.easy import read_easy_item
from trunkline.dialects.openai_responses.parts import DIALECT_NAME, read_extras, read_parts
from trunkline.dialects.shapes import Fields, missing, read_object, wrong_type
from trunkline.errors import InvalidRequest
from trunkline.items import (
    Carrier,
    Item,
    Message,
    OtherItem,
    Part,
    Reasoning,
    Role,
    Status,
    Text,
    ToolCall,
    ToolOutput,
)

ENCRYPTED = "encrypted_content"
"""The kind of this family's carriers. Their payload holds the value beside the item's id, which it is bound to."""

CALL_CARRIER = "tool_call"
"""The kind of a carrier that belongs to a call. The wire has no place for it there, so it travels as a reasoning item
of its own, whose payload names the call; reading puts it back."""

ROLES: tuple[Role, ...] = ("user", "assistant", "system", "developer")
_EASY_ROLES: dict[str, Role] = {role: role for role in ROLES}
STATUSES: tuple[Status, ...] = ("in_progress", "completed", "incomplete")


def read_items(value: Any, path: str, unseal: Unseal) -> list[Item]:
    """The caller's `input`: a string is one user message. Raises `InvalidRequest`."""
    if type(value) is str:
        return [Message(role="user", parts=[Text(text=value)])]
    if type(value) is not list:
        raise wrong_type(path, "a string or an array of items", value)
    opened = open_compactions(value, unseal)
    return _give_back_call_carriers(
        [
            read_easy_message(item, _EASY_ROLES) or read_item(item, f"{path}[{number}]", unseal)
            for number, item in opened
        ]
    )


def read_item(value: Any, path: str, unseal: Unseal) -> Item:
    """One item. Types that are not known here become `OtherItem`. Raises `InvalidRequest`."""
    easy = read_easy_item(value)
    if easy is not None:
        return easy
    fields = read_object(value, path)
    type_ = fields.text("type")
    if type_ is None:
        type_ = "message" if "role" in fields.value else "item_reference"
    read = _ITEMS.get(type_)
    if read is not None:
        return read(fields, unseal)
    if type_ == "item_reference":
        fields.need_text("id")
    return OtherItem(dialect=DIALECT_NAME, type=type_, value=fields.value, id=fields.text("id"))


def _read_message(fields: Fields, _: Unseal) -> Item:
    role = fields.word("role", ROLES)
    if role is None:
        raise missing(fields.at("role"), "a string")
    content = fields.any("content")
    if type(content) is str:
        parts: list[Part] = [Text(text=content)]
    elif type(content) is list:
        parts = read_parts(content, fields.at("content"))
    elif content is None:
        raise missing(fields.at("content"), "a string or an array of parts")
    else:
        raise wrong_type(fields.at("content"), "a string or an array of parts", content)
    return Message(
        role=role,  # type: ignore[arg-type]  # one of ROLES
        parts=parts,
        id=fields.text("id"),
        status=_read_status(fields),
        phase=fields.text("phase"),
        extras=read_extras(fields),
    )


def _read_status(fields: Fields) -> Status | None:
    return fields.word("status", STATUSES)  # type: ignore[return-value]  # one of STATUSES


def _read_call_id(fields: Fields) -> str:
    call_id = fields.need_text("call_id")
    if not call_id:
        raise InvalidRequest(f"`{fields.at('call_id')}` is empty", param=fields.at("call_id"), code="invalid_value")
    return call_id


def _read_function_call(fields: Fields, _: Unseal) -> Item:
    return ToolCall(
        call_id=_read_call_id(fields),
        name=fields.need_text("name"),
        arguments=fields.need_text("arguments"),
        namespace=fields.text("namespace"),
        id=fields.text("id"),
        status=_read_status(fields),
        extras=read_extras(fields),
    )


def _read_custom_call(fields: Fields, _: Unseal) -> Item:
    return ToolCall(
        kind="custom",
        call_id=_read_call_id(fields),
        name=fields.need_text("name"),
        arguments=fields.need_text("input"),
        namespace=fields.text("namespace"),
        id=fields.text("id"),
        status=_read_status(fields),
        extras=read_extras(fields),
    )


def _read_output(fields: Fields, kind: str) -> Item:
    output = fields.any("output")
    if output is None:
        raise missing(fields.at("output"), "a string or an array of parts")
    if type(output) is list:
        output = read_parts(output, fields.at("output"))
    elif type(output) is not str:
        raise wrong_type(fields.at("output"), "a string or an array of parts", output)
    return ToolOutput(
        kind=kind,  # type: ignore[arg-type]  # as the table below has it
        call_id=_read_call_id(fields),
        output=output,
        id=fields.text("id"),
        status=_read_status(fields),
        extras=read_extras(fields),
    )


def _read_function_output(fields: Fields, _: Unseal) -> Item:
    return _read_output(fields, "function")


def _read_custom_output(fields: Fields, _: Unseal) -> Item:
    return _read_output(fields, "custom")


def _read_reasoning(fields: Fields, unseal: Unseal) -> Item:
    item_id = fields.text("id")
    sealed = fields.text("encrypted_content")
    return Reasoning(
        summary=[paragraph.need_text("text") for paragraph in fields.each("summary")],
        content=[paragraph.need_text("text") for paragraph in fields.each("content")],
        carrier=None if sealed is None else unseal(sealed) or carry(sealed, item_id),
        id=item_id,
        status=_read_status(fields),
        extras=read_extras(fields),
    )


def _read_compaction(fields: Fields, unseal: Unseal) -> Item:
    block = read_block(fields.text("encrypted_content") or "", unseal)
    return block or OtherItem(dialect=DIALECT_NAME, type=COMPACTION, value=fields.value, id=fields.text("id"))


_ITEMS: dict[str, Callable[[Fields, Unseal], Item]] = {
    "message": _read_message,
    "function_call": _read_function_call,
    "function_call_output": _read_function_output,
    "custom_tool_call": _read_custom_call,
    "custom_tool_call_output": _read_custom_output,
    "reasoning": _read_reasoning,
    COMPACTION: _read_compaction,
}


def carry(encrypted_content: str, item_id: str | None, summary: Sequence[str] = ()) -> Carrier:
    """A native reasoning item's opaque value. Its id rides along: OpenAI refuses the value under any other.

    So does its summary, for callers that cannot keep whose it was, nor where one paragraph ended.
    """
    told = {"summary": [*summary]} if summary else {}
    return Carrier(DIALECT_NAME, ENCRYPTED, {"id": item_id, "encrypted_content": encrypted_content, **told})


def carry_for_call(call_id: str, carrier: Carrier) -> Carrier:
    """A call's carrier, as it travels in a reasoning item beside the call."""
    return Carrier(carrier.family, CALL_CARRIER, {"call_id": call_id, "kind": carrier.kind, "payload": carrier.payload})


def _give_back_call_carriers(items: list[Item]) -> list[Item]:
    """Take out the reasoning items that only hold a call's carrier, and give each to its call."""
    if not any(type(item) is Reasoning for item in items):
        return items
    carriers: dict[Any, Carrier] = {}
    kept: list[Item] = []
    for item in items:
        carrier = item.carrier if isinstance(item, Reasoning) else None
        if carrier is not None and carrier.kind == CALL_CARRIER and type(carrier.payload) is dict:
            payload = carrier.payload
            carriers[payload.get("call_id")] = Carrier(carrier.family, payload.get("kind", ""), payload.get("payload"))
        else:
            kept.append(item)
    if not carriers:
        return kept
    return [_with_carrier(item, carriers) if isinstance(item, ToolCall) else item for item in kept]


def _with_carrier(call: ToolCall, carriers: dict[Any, Carrier]) -> ToolCall:
    return replace(call, carrier=carriers.get(call.call_id, call.carrier))
