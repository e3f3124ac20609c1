"""The few members of a Gemini body that a native target may need changed; every other value keeps its bytes."""

from typing import Any

import msgspec
from msgspec import Raw

from trunkline.capabilities import Capabilities
from trunkline.dialects.dialect import Unseal
from trunkline.dialects.gemini.wire import DIALECT, SEALED_PREFIX, SKIP_SIGNATURE, camel, unseal_signature
from trunkline.dialects.shapes import lenient_object, lenient_text

_SEALED = b'"' + SEALED_PREFIX.encode()


def patch(members: dict[str, Raw], capabilities: Capabilities, unseal: Unseal) -> list[str]:
    """Take out what this target would refuse. Returns the names of fields left out."""
    dropped = [name for name in capabilities.refuses if members.pop(name, None) is not None]
    raw = members.get("contents")
    if raw is None or _SEALED not in bytes(raw):
        return dropped
    try:
        contents = msgspec.json.decode(raw, type=list[Raw])
    except msgspec.MsgspecError:
        return dropped
    lost: list[str] = []
    members["contents"] = Raw(msgspec.json.encode([_patch_content(content, unseal, lost) for content in contents]))
    return dropped + lost[:1]


def _patch_content(raw: Raw, unseal: Unseal, lost: list[str]) -> Raw:
    if _SEALED not in bytes(raw):
        return raw
    try:
        content = msgspec.json.decode(raw, type=dict[str, Any])
    except msgspec.MsgspecError:
        return raw
    parts = content.get("parts")
    if not isinstance(parts, list):
        return raw
    content["parts"] = [kept for part in parts if (kept := _open(part, unseal, lost)) is not None]
    return Raw(msgspec.json.encode(content))


def _open(part: Any, unseal: Unseal, lost: list[str]) -> Any:
    """A part as its maker had it. A signature that another family made would be refused: a call goes without it, a
    part that is nothing else is left out."""
    if not isinstance(part, dict):
        return part
    name = next((name for name in part if camel(name) == "thoughtSignature"), "")
    carrier = unseal_signature(lenient_text(part.get(name)), unseal)
    if carrier is None:
        return part
    signature = lenient_text(lenient_object(carrier.payload).get("signature"))
    if carrier.family == DIALECT and signature:
        return {**part, name: signature}
    lost.append("thoughtSignature")
    if part.get("functionCall", part.get("function_call")) is not None:
        return {**part, name: SKIP_SIGNATURE}
    bare = {member: value for member, value in part.items() if member != name}
    return bare if bare.get("text") and not bare.get("thought") else None
