"""The few members of a Chat body that a Chat target may need changed; every other value keeps its bytes."""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Raw

from trunkline.capabilities import Capabilities
from trunkline.dialects.dialect import Unseal
from trunkline.dialects.lowering import short_id
from trunkline.dialects.refused import asks_too_much, fit_effort, leave_out, switch_off
from trunkline.dialects.seal import PREFIX
from trunkline.dialects.shapes import lenient_list, lenient_object
from trunkline.errors import InvalidRequest
from trunkline.items import Carrier

_SEALED = b'"' + PREFIX.encode()
_LIMITS = ("max_tokens", "max_completion_tokens")

# Where clients keep what a model of another vendor thought.
_THOUGHT = "reasoning_content"
_THOUGHTS = f'"{_THOUGHT}"'.encode()


def is_unfit(members: Mapping[str, Raw], body: bytes, capabilities: Capabilities) -> bool:
    """Whether this target would refuse the body as it is."""
    return asks_too_much(members, body, capabilities) or _holds_foreign_thought(body, capabilities)


def patch(members: dict[str, Raw], capabilities: Capabilities, unseal: Unseal) -> list[str]:
    """Change what this target would refuse. Returns the names of fields left out."""
    dropped = leave_out(members, capabilities)
    dropped += _fit_effort(members, capabilities)
    _name_limit(members, capabilities.max_tokens_field)
    messages = members.get("messages")
    if messages is not None and _needs_a_look(bytes(messages), capabilities):
        members["messages"] = _patch_messages(messages, capabilities, unseal, dropped)
    return dropped


def _fit_effort(members: dict[str, Raw], capabilities: Capabilities) -> list[str]:
    raw = members.get("reasoning_effort")
    if raw is None or (capabilities.effort and not capabilities.efforts):
        return []
    asked = msgspec.json.decode(raw)
    effort = fit_effort(asked, capabilities)
    if effort == asked:
        return []
    del members["reasoning_effort"]
    if off := switch_off(asked, capabilities):
        for name, value in off.items():
            members.setdefault(name, Raw(msgspec.json.encode(value)))
        return []
    if effort is not None:
        members["reasoning_effort"] = Raw(msgspec.json.encode(effort))
    return ["reasoning_effort"]


def _name_limit(members: dict[str, Raw], wanted: str) -> None:
    """The output limit under the name that the target knows."""
    if wanted not in members:
        for name in _LIMITS:
            if name != wanted and name in members:
                members[wanted] = members.pop(name)


def _needs_a_look(messages: bytes, capabilities: Capabilities) -> bool:
    """A cheap look at the bytes: most bodies need nothing."""
    # `in` would first try to read the needle as a number, which takes longer than to search.
    return (
        (not capabilities.developer_role and messages.find(b'"developer"') >= 0)
        or (capabilities.call_id_digits > 0 and messages.find(b'"tool_call') >= 0)
        or messages.find(_SEALED) >= 0
        or _holds_foreign_thought(messages, capabilities)
    )


def _holds_foreign_thought(data: bytes, capabilities: Capabilities) -> bool:
    """OpenAI's own models think in silence, and refuse to be told thoughts."""
    return capabilities.reasoning_field is None and data.find(_THOUGHTS) >= 0


def _patch_messages(raw: Raw, capabilities: Capabilities, unseal: Unseal, dropped: list[str]) -> Raw:
    try:
        messages = msgspec.json.decode(raw, type=list[Raw])
    except msgspec.MsgspecError:
        return raw  # not a list: the upstream will say so in its own words
    seals = _Seals(unseal)
    patched = Raw(msgspec.json.encode([_patch_message(message, capabilities, seals) for message in messages]))
    if seals.lost:
        dropped.append("reasoning_details")
    if _holds_foreign_thought(bytes(raw), capabilities) and not _holds_foreign_thought(bytes(patched), capabilities):
        dropped.append(_THOUGHT)
    return patched


def _patch_message(raw: Raw, capabilities: Capabilities, seals: "_Seals") -> Raw:
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
    if _SEALED in bytes(raw):
        seals.open(message)
    if capabilities.reasoning_field is None:
        message.pop(_THOUGHT, None)
    return Raw(msgspec.json.encode(message))


def _shorten_ids(message: dict[str, Any], digits: int) -> None:
    if isinstance(message.get("tool_call_id"), str):
        message["tool_call_id"] = short_id(message["tool_call_id"], digits)
    for call in message.get("tool_calls") or ():
        if isinstance(call, dict) and isinstance(call.get("id"), str):
            call["id"] = short_id(call["id"], digits)


class _Seals:
    """Gives a Chat provider its own values back, and keeps from it what we sealed for another."""

    def __init__(self, unseal: Unseal) -> None:
        self._unseal = unseal
        self.lost = False

    def open(self, message: dict[str, Any]) -> None:
        """Put right, in place, every spot of an assistant's message where clients keep what we sealed."""
        self._open_list(message, "reasoning_details", ("data",))
        self._open_list(message, "thinking_blocks", ("signature", "data"))
        for call in lenient_list(message.get("tool_calls")):
            if isinstance(call, dict) and isinstance(call.get("extra_content"), dict):
                self._open_call(call)

    def _open_list(self, message: dict[str, Any], field: str, opaque: tuple[str, ...]) -> None:
        values = message.get(field)
        if not isinstance(values, list):
            return
        kept: list[Any] = []
        for value in values:
            carrier = self._find(value, opaque)
            if carrier is None:
                kept.append(value)
            elif carrier.family == "chat" and carrier.kind == field:
                kept += carrier.payload if isinstance(carrier.payload, list) else [carrier.payload]
            else:
                self.lost = True
        if kept:
            message[field] = kept
        else:
            del message[field]

    def _open_call(self, call: dict[str, Any]) -> None:
        carrier = self._find(lenient_object(call["extra_content"].get("google")), ("thought_signature",))
        if carrier is None:
            return
        if carrier.family == "chat" and carrier.kind == "extra_content":
            call["extra_content"] = carrier.payload
            return
        self.lost = True
        del call["extra_content"]["google"]
        if not call["extra_content"]:
            del call["extra_content"]

    def _find(self, value: Any, opaque: tuple[str, ...]) -> Carrier | None:
        for field in opaque:
            sealed = value.get(field) if isinstance(value, dict) else None
            if isinstance(sealed, str) and (carrier := self._unseal(sealed)) is not None:
                return carrier
        return None


def ask_for_usage(members: dict[str, Raw], capabilities: Capabilities) -> bool:
    """Have a Chat stream tell its usage; says whether the caller did not ask for it, so that it is cut out again."""
    raw = members.get("stream_options")
    options = msgspec.json.decode(raw) if raw is not None else None
    if options is not None and not isinstance(options, dict):
        raise InvalidRequest("`stream_options` must be an object", param="stream_options")
    asked = bool(options and options.get("include_usage"))
    if not capabilities.stream_options:
        members.pop("stream_options", None)
    elif not asked:
        members["stream_options"] = Raw(msgspec.json.encode({**(options or {}), "include_usage": True}))
    return not asked
