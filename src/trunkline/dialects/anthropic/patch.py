"""The few members of a Messages body that a native target may need changed; every other value keeps its bytes."""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from trunkline.capabilities import Capabilities
from trunkline.dialects.anthropic.citations import is_foreign
from trunkline.dialects.anthropic.found import is_ours, tell_found
from trunkline.dialects.anthropic.thinking import read_thinking_settings, write_thinking
from trunkline.dialects.dialect import Unseal
from trunkline.dialects.refused import asks_too_much, leave_out
from trunkline.dialects.seal import PREFIX
from trunkline.dialects.shapes import read_object

_SEALED = b'"' + PREFIX.encode()
_OPAQUE = {"thinking": "signature", "redacted_thinking": "data"}

_SYSTEM_ROLES = (b'"role":"system"', b'"role": "system"')
_UNSIGNED = (b'"signature":""', b'"signature": ""', b'"signature":null', b'"signature": null')
_THINKING = (b'"type":"thinking"', b'"type": "thinking"')


def is_unfit(members: Mapping[str, Raw], body: bytes, capabilities: Capabilities) -> bool:
    """Whether Anthropic would refuse this body as it is."""
    if "thinking" in members and not _takes_thinking(_read_thinking(members["thinking"]).type, capabilities):
        return True
    return asks_too_much(members, body, capabilities) or _needs_a_look(body, capabilities)


class _Thinking(msgspec.Struct):
    type: str = ""


def _read_thinking(raw: Raw) -> _Thinking:
    try:
        return msgspec.json.decode(raw, type=_Thinking)
    except msgspec.MsgspecError:
        return _Thinking()


def _takes_thinking(kind: str, capabilities: Capabilities) -> bool:
    """Whether a model understands this kind of `thinking`; one that nobody knows is the model's to judge."""
    match kind:
        case "adaptive":
            return capabilities.thinking in ("adaptive", "both")
        case "enabled":
            return capabilities.thinking in ("manual", "both")
        case "disabled":
            return capabilities.thinking_off == "disabled"
        case "between_tools":
            return capabilities.thinking_off == "between_tools"
        case _:
            return True


def _fit_thinking(members: dict[str, Raw], capabilities: Capabilities) -> list[str]:
    """Say it in the words of this model: clients name one model and may be led to another."""
    raw = members.get("thinking")
    if raw is None or _takes_thinking(_read_thinking(raw).type, capabilities):
        return []
    try:
        thinking = msgspec.json.decode(raw, type=dict[str, Any])
        config = msgspec.json.decode(members.get("output_config", b"{}"), type=dict[str, Any])
        limit = msgspec.json.decode(members.get("max_tokens", b"null"), type=int | None)
    except msgspec.MsgspecError:
        return []  # the upstream will say so in its own words
    asked = read_thinking_settings(read_object(thinking, "thinking"), config.pop("effort", None))
    fit = write_thinking(asked and replace(asked, extras={}), limit, capabilities, must_hush=False)
    _put(members, "thinking", fit.thinking)
    _put(members, "output_config", config | ({"effort": fit.effort} if fit.effort else {}))
    _put(members, "max_tokens", fit.max_tokens)
    return ["thinking"]


def _put(members: dict[str, Raw], name: str, value: Any) -> None:
    members.pop(name, None)
    if value:
        members[name] = Raw(msgspec.json.encode(value))


def _needs_a_look(messages: bytes, capabilities: Capabilities) -> bool:
    """A cheap look at the bytes: most bodies need nothing."""
    if not capabilities.mid_system and _has_system(messages):
        return True
    return messages.find(_SEALED) >= 0 or _has_unsigned(messages)


def _has_system(messages: bytes) -> bool:
    return max(map(messages.find, _SYSTEM_ROLES)) >= 0


def _has_unsigned(messages: bytes) -> bool:
    """Whether thought stands there that no model of Anthropic's has signed, as other makers' gateways leave it."""
    thoughts = sum(map(messages.count, _THINKING))
    return thoughts > 0 and (any(mark in messages for mark in _UNSIGNED) or messages.count(b'"signature"') < thoughts)


def patch(members: dict[str, Raw], capabilities: Capabilities, unseal: Unseal) -> list[str]:
    """Take out what this target would refuse. Returns the names of fields left out."""
    dropped = leave_out(members, capabilities) + _fit_thinking(members, capabilities)
    raw = members.get("messages")
    if raw is None or not _needs_a_look(bytes(raw), capabilities):
        return dropped
    try:
        messages = msgspec.json.decode(raw, type=list[Raw])
    except msgspec.MsgspecError:
        return dropped
    turns = _Turns(unseal, capabilities)
    members["messages"] = Raw(
        msgspec.json.encode([kept for turn in messages if (kept := turns.patch(turn)) is not None])
    )
    if turns.system:
        members["system"] = _join_system(members.get("system"), turns.system)
    return dropped + (["thinking"] if turns.lost and "thinking" not in dropped else [])


class _Turns:
    """Patches turn by turn; `system` gathers what has to stand on top, `lost` says that thought was left out."""

    def __init__(self, unseal: Unseal, capabilities: Capabilities) -> None:
        self.system: list[Any] = []
        self.lost = False
        self._unseal = unseal
        self._mid_system = capabilities.mid_system

    def patch(self, raw: Raw) -> Raw | None:
        """The turn as the target takes it; `None` for one that is hoisted, or that nothing is left of."""
        data = bytes(raw)
        hoists = not self._mid_system and _has_system(data)
        if not (hoists or _SEALED in data or _has_unsigned(data)):
            return raw
        try:
            turn = msgspec.json.decode(raw, type=dict[str, Any])
        except msgspec.MsgspecError:
            return raw
        content = turn.get("content")
        if hoists and turn.get("role") == "system":
            self.system += content if isinstance(content, list) else [{"type": "text", "text": content}]
            return None
        if not isinstance(content, list):
            return raw
        blocks = map(_leave_out_citations, _tell_searches(content))
        turn["content"] = [kept for block in blocks if (kept := self._open(block)) is not None]
        return Raw(msgspec.json.encode(turn)) if turn["content"] else None

    def _open(self, block: Any) -> Any:
        """A thinking block as its maker had it; `None` for one that another family made, which would be refused."""
        field = _OPAQUE.get(block.get("type", "")) if isinstance(block, dict) else None
        if field is None:
            return block
        value = block.get(field)
        if not isinstance(value, str) or not value:
            self.lost = True
            return None
        carrier = self._unseal(value)
        if carrier is None:
            return block
        if carrier.family != "messages":
            self.lost = True
            return None
        if carrier.kind == "redacted":
            return {"type": "redacted_thinking", "data": carrier.payload}
        return {"type": "thinking", **carrier.payload}


def _leave_out_citations(block: Any) -> Any:
    """A block without the citations of another provider's search."""
    citations = block.get("citations") if isinstance(block, dict) else None
    if not isinstance(citations, list) or not any(map(is_foreign, citations)):
        return block
    own = [citation for citation in citations if not is_foreign(citation)]
    rest = {name: value for name, value in block.items() if name != "citations"}
    return {**rest, "citations": own} if own else rest


def _tell_searches(content: list[Any]) -> list[Any]:
    """The blocks, with searches that another provider made told in words: nobody else's content is taken."""
    blocks = [block for block in content if isinstance(block, dict)]
    ours = {block.get("tool_use_id"): block for block in blocks if is_ours(block)}
    if not ours:
        return content
    uses = {block.get("id"): block for block in blocks if block.get("type") == "server_tool_use"}
    told = []
    for block in content:
        if isinstance(block, dict) and is_ours(block):
            told.append({"type": "text", "text": tell_found(block, uses.get(block.get("tool_use_id"), {}))})
        elif not (isinstance(block, dict) and block.get("type") == "server_tool_use" and block.get("id") in ours):
            told.append(block)
    return told


def _join_system(raw: Raw | None, blocks: list[Any]) -> Raw:
    system = msgspec.json.decode(raw) if raw is not None else None
    if isinstance(system, list):
        return Raw(msgspec.json.encode([*system, *blocks]))
    own = [{"type": "text", "text": system}] if system else []
    return Raw(msgspec.json.encode([*own, *blocks]))
