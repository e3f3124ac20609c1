"""Settings, hints and whole fields that a target has no place for: left out and said, or refused."""

import hashlib
from typing import Any

from msgspec.structs import replace

from trunkline.capabilities import Capabilities
from trunkline.dialects.fates import EXTRAS, IDLE_EXTRAS, IDLE_VALUES, INCLUDED, SETTINGS, Fate, caller_name
from trunkline.dialects.lowering.outcome import Notes
from trunkline.dialects.refused import switch_off
from trunkline.errors import UnknownParameter, Unsupported
from trunkline.request import ModelRequest, ModelSettings, ReasoningSettings

_STATE = ("previous_response_id", "conversation", "prompt")


def refuse_state(request: ModelRequest) -> None:
    """Refuse what only a store could answer: kept responses, conversations and prompts."""
    for name in _STATE:
        if getattr(request, name) is not None:
            raise Unsupported(
                f"`{name}` needs a store, which this gateway does not have: send the whole history in `input` instead",
                param=name,
            )


_OPENAIS = ("responses", "chat")

# OpenAI refuses longer ones; what Claude Code sends has twice as many characters.
_LONGEST_USER = 64


def lower_settings(
    settings: ModelSettings,
    caller: str,
    upstream: str,
    capabilities: Capabilities,
    notes: Notes,
    told: frozenset[str] = frozenset(),
) -> ModelSettings:
    """The settings that the target has. `told`: those that have gone into something else."""
    fates = SETTINGS[upstream]
    changed: dict[str, Any] = {}
    for name in settings.__struct_fields__:
        value = getattr(settings, name)
        if value is None:
            continue
        fate = fates.get(name, Fate.REFUSED)
        if fate not in (Fate.DROPPED, Fate.REFUSED) or name in capabilities.fields:
            continue
        changed[name] = None
        if name in told or (name in IDLE_VALUES and value == IDLE_VALUES[name]):
            continue
        asked = caller_name(caller, name)
        if fate is Fate.REFUSED:
            raise Unsupported(
                f"`{asked}` is not possible with this model: leave it out or name another model", param=asked
            )
        notes.drop(asked)
    most = capabilities.max_output_tokens
    # Who hosts others' models for Chat has limits of its own.
    if most is not None and upstream != "chat" and (settings.max_output_tokens or 0) > most:
        changed["max_output_tokens"] = most
        notes.drop(caller_name(caller, "max_output_tokens"))
    if "user" not in changed and caller not in _OPENAIS and upstream in _OPENAIS:
        changed |= _fit_user(settings.user)
    return replace(settings, **changed) if changed else settings


def _fit_user(user: str | None) -> dict[str, str]:
    """A name for the user that OpenAI takes, instead of a longer one: always the same, and as telling as a hash is."""
    if user is None or len(user) <= _LONGEST_USER:
        return {}
    return {"user": hashlib.sha256(user.encode("utf-8", "surrogatepass")).hexdigest()}


_VERBOSITY = {
    "low": "Answer briefly: no more words than the question needs.",
    "medium": "Answer at moderate length.",
    "high": "Answer at length, with details and explanations.",
}


def tell_verbosity(
    request: ModelRequest, caller: str, upstream: str, capabilities: Capabilities, notes: Notes
) -> ModelRequest:
    """The wish for a short or a long answer in words, where the target has no dial for it and the operator wants so."""
    words = _VERBOSITY.get(request.settings.verbosity or "")
    has_dial = SETTINGS[upstream]["verbosity"] is not Fate.DROPPED or "verbosity" in capabilities.fields
    if words is None or has_dial or "verbosity" not in capabilities.emulated:
        return request
    notes.emulate(caller_name(caller, "verbosity"))
    instructions = "\n\n".join(filter(None, (request.instructions, words)))
    return replace(request, instructions=instructions, settings=replace(request.settings, verbosity=None))


def check_include(request: ModelRequest, upstream: str) -> None:
    """What is to be included in the answer must be something that we know how to give, or have nothing of."""
    for name in request.settings.include or ():
        if upstream != "responses" and name not in INCLUDED:
            raise Unsupported(f"`include` holds '{name[:64]}', which this model cannot give", param="include")


def check_unknown(request: ModelRequest, capabilities: Capabilities) -> None:
    """A vendor's field that the target is known to take is carried; one that nobody knows is a slip."""
    for name in request.unknown:
        if name not in capabilities.fields:
            raise UnknownParameter(
                f"Unknown parameter `{name}`: leave it out, or put a provider's own fields into"
                ' `provider_options: {"<provider>": {…}}`',
                param=name,
            )


def check_extras(request: ModelRequest, caller: str, upstream: str, notes: Notes, told: frozenset[str]) -> None:
    """Fields of the caller's dialect that another has no word for."""
    if caller == upstream:
        return
    for name, value in request.extras.get(caller, {}).items():
        if value is None or name in told or (name in IDLE_EXTRAS and value == IDLE_EXTRAS[name]):
            continue
        if EXTRAS.get(name, Fate.REFUSED) is Fate.REFUSED:
            raise Unsupported(
                f"`{name}` is not possible with this model: leave it out or name another model", param=name
            )
        notes.drop(name)


def lower_effort(
    request: ModelRequest, caller: str, capabilities: Capabilities, upstream: str, notes: Notes
) -> ModelRequest:
    """Leave out an effort where the target has no such dial; `none` asks for nothing there."""
    reasoning = request.reasoning
    if reasoning is None:
        return request
    _lower_thought(reasoning, caller, upstream, capabilities, notes)
    has_dial = capabilities.thinking != "none" if upstream in ("messages", "bedrock") else capabilities.effort
    has_dial = has_dial or (upstream == "chat" and bool(switch_off(reasoning.effort, capabilities)))
    if has_dial or (reasoning.effort is None and reasoning.budget_tokens is None):
        return request
    notes.drop(caller_name(caller, "effort"))
    return replace(request, reasoning=replace(reasoning, effort=None, budget_tokens=None))


_HINTS = ("context", "mode")


def _lower_thought(
    reasoning: ReasoningSettings, caller: str, upstream: str, capabilities: Capabilities, notes: Notes
) -> None:
    """What is to be shown of the thought, and OpenAI's hints for it."""
    shows = {"chat": capabilities.reasoning_field is not None, "bedrock": capabilities.thinking != "none"}
    if reasoning.summary is not None and not shows.get(upstream, True):
        notes.drop(caller_name(caller, "summary"))
    own = {} if upstream == "responses" else reasoning.extras.get("responses", {})
    for name, value in own.items():
        if name in _HINTS and value is not None:
            notes.drop(f"reasoning.{name}")
        elif value is not None:
            raise UnknownParameter(f"`reasoning.{name}` is not a known parameter", param=f"reasoning.{name}")
