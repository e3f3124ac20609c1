"""The few members of a Messages body that a native target may need changed; every other value keeps its bytes."""

from typing import Any

import msgspec
from msgspec import Raw

from trunkline.capabilities import Capabilities
from trunkline.dialects.dialect import Unseal
from trunkline.dialects.seal import PREFIX

_SEALED = b'"' + PREFIX.encode()
_OPAQUE = {"thinking": "signature", "redacted_thinking": "data"}


def patch(members: dict[str, Raw], capabilities: Capabilities, unseal: Unseal) -> list[str]:
    """Take out what this target would refuse. Returns the names of fields left out."""
    dropped = [name for name in capabilities.refuses if members.pop(name, None) is not None]
    raw = members.get("messages")
    if raw is None or _SEALED not in bytes(raw):
        return dropped
    try:
        messages = msgspec.json.decode(raw, type=list[Raw])
    except msgspec.MsgspecError:
        return dropped
    lost: list[str] = []
    members["messages"] = Raw(msgspec.json.encode([_patch_message(message, unseal, lost) for message in messages]))
    return dropped + lost[:1]


def _patch_message(raw: Raw, unseal: Unseal, lost: list[str]) -> Raw:
    if _SEALED not in bytes(raw):
        return raw
    try:
        message = msgspec.json.decode(raw, type=dict[str, Any])
    except msgspec.MsgspecError:
        return raw
    content = message.get("content")
    if not isinstance(content, list):
        return raw
    message["content"] = [kept for block in content if (kept := _open(block, unseal, lost)) is not None]
    return Raw(msgspec.json.encode(message))


def _open(block: Any, unseal: Unseal, lost: list[str]) -> Any:
    """A thinking block as its maker had it; `None` for one that another family made, which would be refused."""
    field = _OPAQUE.get(block.get("type", "")) if isinstance(block, dict) else None
    value = block.get(field) if field is not None else None
    carrier = unseal(value) if isinstance(value, str) else None
    if carrier is None:
        return block
    if carrier.family != "messages":
        lost.append("thinking")
        return None
    if carrier.kind == "redacted":
        return {"type": "redacted_thinking", "data": carrier.payload}
    return {"type": "thinking", **carrier.payload}
