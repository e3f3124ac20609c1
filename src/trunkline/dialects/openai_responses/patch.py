"""The few members of a Responses body that a native target may need changed; every other value keeps its bytes."""

from typing import TypeVar

import msgspec
from msgspec import Raw

from trunkline.capabilities import Capabilities
from trunkline.dialects.dialect import Unseal
from trunkline.dialects.openai_responses.compaction import open_raw_compactions
from trunkline.dialects.refused import fit_effort, leave_out
from trunkline.dialects.seal import PREFIX

_ENCRYPTED = "reasoning.encrypted_content"

_SEALED = b'"' + PREFIX.encode()

T = TypeVar("T")


def patch(members: dict[str, Raw], capabilities: Capabilities, unseal: Unseal) -> list[str]:
    """Take out what this target would refuse, and open our own compactions. Returns the names of fields left out."""
    dropped = leave_out(members, capabilities)
    dropped += _fit_reasoning(members, capabilities)
    raw = members.get("input")
    if raw is None or _SEALED not in bytes(raw):
        return dropped
    try:
        items = msgspec.json.decode(raw, type=list[Raw])
    except msgspec.MsgspecError:
        return dropped  # a string that happens to look like one of ours
    opened = open_raw_compactions(items, unseal)
    kept = [item for item in opened if not _is_sealed_reasoning(item)]
    members["input"] = Raw(msgspec.json.encode(kept))
    if len(kept) < len(opened):
        dropped.append("reasoning")
    return dropped


def _fit_reasoning(members: dict[str, Raw], capabilities: Capabilities) -> list[str]:
    raw = members.get("reasoning")
    if raw is None or (capabilities.effort and not capabilities.efforts):
        return []
    try:
        reasoning = msgspec.json.decode(raw, type=dict[str, Raw])
        asked = msgspec.json.decode(reasoning.get("effort", b"null"))
    except msgspec.MsgspecError:
        return []  # no object: the upstream will say so in its own words
    effort = fit_effort(asked, capabilities)
    if effort == asked:
        return []
    if effort is None:
        return _leave_thought_out(members, reasoning)
    members["reasoning"] = Raw(msgspec.json.encode({**reasoning, "effort": effort}))
    return ["reasoning.effort"]


def _leave_thought_out(members: dict[str, Raw], reasoning: dict[str, Raw]) -> list[str]:
    """Models without the dial do not think: they refuse all that is said of thought, and any wish for the length."""
    del members["reasoning"]
    dropped = [f"reasoning.{name}" for name, value in reasoning.items() if value != b"null"]
    include = _decode(members.get("include"), list[str])
    if _ENCRYPTED in include:
        members["include"] = Raw(msgspec.json.encode([name for name in include if name != _ENCRYPTED]))
    text = _decode(members.get("text"), dict[str, Raw])
    if text.get("verbosity") not in (None, b"null", b'"medium"'):
        members["text"] = Raw(msgspec.json.encode({name: value for name, value in text.items() if name != "verbosity"}))
        dropped.append("text.verbosity")
    return dropped


def _decode(raw: Raw | None, kind: type[T]) -> T:
    """A member, or an empty one where it is absent or of another kind: the upstream judges those."""
    try:
        return kind() if raw is None else msgspec.json.decode(raw, type=kind)
    except msgspec.MsgspecError:
        return kind()


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
