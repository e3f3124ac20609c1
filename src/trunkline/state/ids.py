"""Ids of items: what they begin with, and those that follow from where an item stands."""

from collections.abc import Mapping
from hashlib import blake2b, sha256

import msgspec
from msgspec import Raw, Struct

ITEM_PREFIXES: Mapping[str, str] = {
    "message": "msg_",
    "reasoning": "rs_",
    "function_call": "fc_",
    "function_call_output": "fco_",
    "custom_tool_call": "ctc_",
    "custom_tool_call_output": "ctco_",
    "web_search_call": "ws_",
    "file_search_call": "fs_",
    "code_interpreter_call": "ci_",
    "computer_call": "cu_",
    "computer_call_output": "cuo_",
    "image_generation_call": "ig_",
    "mcp_call": "mcp_",
    "mcp_list_tools": "mcpl_",
    "mcp_approval_request": "mcpr_",
    "mcp_approval_response": "mcpa_",
    "shell_call": "sh_",
    "shell_call_output": "sho_",
    "local_shell_call": "lsh_",
    "local_shell_call_output": "lsho_",
    "apply_patch_call": "apc_",
    "apply_patch_call_output": "apco_",
    "tool_search_call": "tsc_",
    "tool_search_output": "tso_",
    "compaction": "cmp_",
    "additional_tools": "at_",
    "program": "prog_",
    "program_output": "progo_",
}
"""By the type of an item. Any other begins with `item_`."""


class _Kind(Struct):
    type: str | None = None


_KIND = msgspec.json.Decoder(_Kind)

_MARK_BYTES = 8
_LETTERS = 48


def item_prefix(type_: str | None) -> str:
    """What the id of an item of this type begins with; an item without a type is a message."""
    return "msg_" if type_ is None else ITEM_PREFIXES.get(type_, "item_")


def derive_item_id(response_id: str, position: int, item: bytes | Raw) -> str:
    """The id of an input item that came without one: the same each time it is asked for, so that it need not be kept.

    `position` counts the items that the caller sent with that response. Whoever does not know the response's id, which
    cannot be guessed, cannot guess this one.
    """
    try:
        kind = _KIND.decode(item)
    except msgspec.MsgspecError:
        kind = _Kind("")
    return derive_typed_id(response_id, position, kind.type)


def derive_typed_id(response_id: str, position: int, type_: str | None) -> str:
    """The id of an item whose type is known."""
    rest = sha256(f"{response_id}/{position}".encode()).hexdigest()
    return f"{item_prefix(type_)}{mark(response_id).hex()}{rest}"[: len(item_prefix(type_)) + _LETTERS]


def mark(id: str) -> bytes:
    """A short hash of an id. That of a response stands in the ids that follow from it, and so leads to it."""
    return blake2b(id.encode(), digest_size=_MARK_BYTES).digest()


def read_mark(id: str) -> bytes | None:
    """The mark that stands in an item's id, if it is one of those that follow from a response."""
    letters = id.rpartition("_")[2]
    if len(letters) != _LETTERS:
        return None
    try:
        return bytes.fromhex(letters[: 2 * _MARK_BYTES])
    except ValueError:
        return None
