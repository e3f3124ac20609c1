"""The few members of a Chat body that a Chat target may need changed; every other value keeps its bytes."""

from typing import Any

import msgspec
from msgspec import Raw

from trunkline.capabilities import Capabilities
from trunkline.dialects.dialect import Unseal
from trunkline.dialects.lowering import short_id
from trunkline.dialects.seal import PREFIX

_SEALED = b'"' + PREFIX.encode()
_LIMITS = ("max_tokens", "max_completion_tokens")


def patch(members: dict[str, Raw], capabilities: Capabilities, unseal: Unseal) -> list[str]:
    """Change what this target would refuse. Returns the names of fields left out."""
    dropped = [name for name in capabilities.refuses if members.pop(name, None) is not None]
    if not capabilities.effort and members.pop("reasoning_effort", None) is not None:
        dropped.append("reasoning_effort")
    _name_limit(members, capabilities.max_tokens_field)
    messages = members.get("messages")
    if messages is not None and _needs_a_look(bytes(messages), capabilities):
        members["messages"] = _patch_messages(messages, capabilities, unseal)
    return dropped


def _name_limit(members: dict[str, Raw], wanted: str) -> None:
    """The output limit under the name that the target knows."""
    if wanted not in members:
        for name in _LIMITS:
            if name != wanted and name in members:
                members[wanted] = members.pop(name)


def _needs_a_look(messages: bytes, capabilities: Capabilities) -> bool:
    """A cheap look at the bytes: most bodies need nothing."""
    return (
        (not capabilities.developer_role and b'"developer"' in messages)
        or (capabilities.call_id_digits > 0 and b'"tool_call' in messages)
        or _SEALED in messages
    )


def _patch_messages(raw: Raw, capabilities: Capabilities, unseal: Unseal) -> Raw:
    try:
        messages = msgspec.json.decode(raw, type=list[Raw])
    except msgspec.MsgspecError:
        return raw  # not a list: the upstream will say so in its own words
    return Raw(msgspec.json.encode([_patch_message(message, capabilities, unseal) for message in messages]))


def _patch_message(raw: Raw, capabilities: Capabilities, unseal: Unseal) -> Raw:
    if not _needs_a_look(bytes(raw), capabilities):
        return raw
    try:
        message = msgspec.json.decode(raw, type=dict[str, Any])
    except msgspec.MsgspecError:
        return raw
    if message.get("role") == "developer" and not capabilities.developer_role:
        message["role"] = "system"
    if capabilities.call_id_digits:
        _shorten_ids(message, capabilities.call_id_digits)
    _open_seals(message, unseal)
    return Raw(msgspec.json.encode(message))


def _shorten_ids(message: dict[str, Any], digits: int) -> None:
    if isinstance(message.get("tool_call_id"), str):
        message["tool_call_id"] = short_id(message["tool_call_id"], digits)
    for call in message.get("tool_calls") or ():
        if isinstance(call, dict) and isinstance(call.get("id"), str):
            call["id"] = short_id(call["id"], digits)


def _open_seals(message: dict[str, Any], unseal: Unseal) -> None:
    """Give a Chat provider its own details back, and keep from it what we sealed for another."""
    details = message.get("reasoning_details")
    if not isinstance(details, list):
        return
    kept: list[Any] = []
    for detail in details:
        data = detail.get("data") if isinstance(detail, dict) else None
        carrier = unseal(data) if isinstance(data, str) else None
        if carrier is None:
            kept.append(detail)
        elif carrier.family == "chat" and carrier.kind == "reasoning_details":
            kept += carrier.payload
    if kept:
        message["reasoning_details"] = kept
    else:
        del message["reasoning_details"]
