"""The few members of a Responses body that a native target may need changed; every other value keeps its bytes."""

import msgspec
from msgspec import Raw

from trunkline.capabilities import Capabilities
from trunkline.dialects.dialect import Unseal
from trunkline.dialects.seal import PREFIX

_SEALED = b'"' + PREFIX.encode()


def patch(members: dict[str, Raw], capabilities: Capabilities, unseal: Unseal) -> list[str]:
    """Take out what this target would refuse. Returns the names of fields left out."""
    dropped = [name for name in capabilities.refuses if members.pop(name, None) is not None]
    raw = members.get("input")
    if raw is None or _SEALED not in bytes(raw):
        return dropped
    try:
        items = msgspec.json.decode(raw, type=list[Raw])
    except msgspec.MsgspecError:
        return dropped  # a string that happens to look like one of ours
    kept = [item for item in items if not _is_sealed_reasoning(item)]
    if len(kept) < len(items):
        members["input"] = Raw(msgspec.json.encode(kept))
        dropped.append("reasoning")
    return dropped


class _Item(msgspec.Struct):
    type: str = ""
    encrypted_content: str | None = None


def _is_sealed_reasoning(raw: Raw) -> bool:
    """Whether an item is a thought of another family's model, which we sealed: a native target cannot open it."""
    if _SEALED not in bytes(raw):
        return False
    try:
        item = msgspec.json.decode(raw, type=_Item)
    except msgspec.MsgspecError:
        return False
    return item.type == "reasoning" and (item.encrypted_content or "").startswith(PREFIX)
