"""An item as it is kept and shown: whole, with an id and a type. Callers may send less.

Items stay the bytes they were where nothing is missing. Source:
https://platform.openai.com/docs/api-reference/conversations/list-items
"""

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from trunkline.dialects.openai_responses.items import read_item
from trunkline.dialects.shapes import wrong_type
from trunkline.errors import InvalidRequest
from trunkline.items import Carrier
from trunkline.state.ids import ITEM_PREFIXES

# What these are shown with when nobody said how far they have come: whoever sent them had them whole.
_WITH_STATUS = frozenset(
    {
        "message",
        "function_call",
        "function_call_output",
        "custom_tool_call",
        "custom_tool_call_output",
        "computer_call_output",
        "local_shell_call_output",
        "shell_call_output",
        "apply_patch_call_output",
    }
)

_COMPLETED = Raw(b'"completed"')


class _Seen(Struct):
    """As much of an item as says what is missing in it."""

    type: str | None = None
    id: str | None = None
    role: str | None = None
    status: str | None = None
    content: Raw | UnsetType = UNSET

    @property
    def kind(self) -> str:
        """The type, also of what was sent without one."""
        return self.type or ("item_reference" if self.role is None and self.id is not None else "message")


_decode_seen = msgspec.json.Decoder(_Seen).decode
_decode_members = msgspec.json.Decoder(dict[str, Raw]).decode


def check_items(values: Any, path: str) -> None:
    """Refuse what cannot be kept. Raises `InvalidRequest` with the place of what is wrong."""
    if type(values) is not list:
        raise wrong_type(path, "an array of items", values)
    for number, value in enumerate(values):
        place = f"{path}[{number}]"
        read_item(value, place, _unseal_nothing)
        type_ = value.get("type")
        if type_ is not None and type_ not in ITEM_PREFIXES and type_ != "item_reference":
            raise InvalidRequest(
                f"`{place}.type` is '{type_[:64]}', which is no type of item that can be kept",
                param=f"{place}.type",
                code="invalid_value",
            )


def read_reference(item: Raw) -> str | None:
    """The id of an item that only names another one."""
    seen = _decode_seen(item)
    return seen.id if seen.kind == "item_reference" else None


def read_id(item: Raw | bytes) -> str | None:
    """The id that an item came with."""
    return _decode_seen(item).id


def complete(item: Raw, make_id: Callable[[str], str]) -> tuple[str, Raw]:
    """An item's id, and it with whatever it lacks. `make_id` is asked for an id by the item's type."""
    seen = _decode_seen(item)
    type_ = seen.kind
    id = seen.id or make_id(type_)
    lacks_status = seen.status is None and type_ in _WITH_STATUS
    is_text = type_ == "message" and seen.content is not UNSET and bytes(seen.content)[:1] == b'"'
    if seen.id and seen.type and not lacks_status and not is_text:
        return id, item
    members = _decode_members(item)
    named = {"id": Raw(msgspec.json.encode(id)), "type": Raw(msgspec.json.encode(type_))}
    if lacks_status:
        named["status"] = _COMPLETED
    if is_text:
        members["content"] = _write_text(members["content"], seen.role)
    rest = {name: value for name, value in members.items() if name not in named}
    return id, Raw(msgspec.json.encode(named | rest))


def rename(item: Raw, id: str) -> Raw:
    """The item under another id."""
    return Raw(msgspec.json.encode(_decode_members(item) | {"id": id}))


def _write_text(text: Raw, role: str | None) -> Raw:
    """A content that was a string, as the part that it stands for."""
    if role == "assistant":
        return Raw(b'[{"type":"output_text","text":%b,"annotations":[],"logprobs":[]}]' % bytes(text))
    return Raw(b'[{"type":"input_text","text":%b}]' % bytes(text))


def _unseal_nothing(_: str) -> Carrier | None:
    return None
