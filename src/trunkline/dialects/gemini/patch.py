"""The few members of a Gemini body that a native target may need changed; every other value keeps its bytes."""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Raw

from trunkline.capabilities import Capabilities
from trunkline.dialects.dialect import Unseal
from trunkline.dialects.gemini.wire import DIALECT, SEALED_PREFIX, SKIP_SIGNATURE, camel, unseal_signature
from trunkline.dialects.shapes import lenient_object, lenient_text

_SEALED = b'"' + SEALED_PREFIX.encode()


def is_unfit(members: Mapping[str, Raw], body: bytes, capabilities: Capabilities) -> bool:
    """Whether Gemini would refuse this body as it is: for a sealed signature, or a setting that the model lacks."""
    if _SEALED in body:
        return True
    config = members.get("generationConfig") or members.get("generation_config")
    return config is not None and any(b'"%b"' % name in bytes(config) for name in _refused(capabilities))


def _refused(capabilities: Capabilities) -> list[bytes]:
    """The refused fields as they are spelt here, in both spellings."""
    return [name.encode() for field in capabilities.refuses for name in {field, camel(field)}]


def patch(members: dict[str, Raw], capabilities: Capabilities, unseal: Unseal) -> list[str]:
    """Take out what this target would refuse. Returns the names of fields left out."""
    dropped = _patch_config(members, capabilities)
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


def _patch_config(members: dict[str, Raw], capabilities: Capabilities) -> list[str]:
    """Take the settings that the model lacks out of `generationConfig`; 1 is what it does anyway."""
    name = "generationConfig" if "generationConfig" in members else "generation_config"
    raw = members.get(name)
    if raw is None or not capabilities.refuses:
        return []
    try:
        config = msgspec.json.decode(raw, type=dict[str, Raw])
    except msgspec.MsgspecError:
        return []
    refused = {camel(field) for field in capabilities.refuses}
    found = [member for member in config if camel(member) in refused]
    if not found:
        return []
    members[name] = Raw(msgspec.json.encode({key: value for key, value in config.items() if key not in found}))
    return [
        f"generationConfig.{camel(member)}" for member in found if bytes(config[member]) not in (b"1", b"1.0", b"null")
    ]


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
