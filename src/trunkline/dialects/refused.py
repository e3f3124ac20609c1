"""Parameters that a model does not take, left out of a body: what patching and writing have in common.

Works on raw members and on decoded ones alike; knows no dialect.
"""

from collections.abc import Mapping, MutableMapping
from typing import Any

import msgspec
from msgspec import Raw

from trunkline.capabilities import Capabilities, nearest_effort

# Values that ask for what the model does anyway.
_IDLE = {"temperature": 1, "top_p": 1, "presence_penalty": 0, "frequency_penalty": 0}

_LIMIT = "max_tokens"


def leave_out(members: MutableMapping[str, Any], capabilities: Capabilities) -> list[str]:
    """Take out what this target would answer with an error. Returns the names of what was asked for in earnest."""
    if capabilities.refuses.isdisjoint(members):
        return []
    dropped = []
    for name in sorted(capabilities.refuses & members.keys()):
        value = _plain(members.pop(name))
        if value is not None and value != _IDLE.get(name):
            dropped.append(name)
    return dropped


def fit_effort(effort: Any, capabilities: Capabilities) -> Any:
    """The effort as this target takes it: `None` where it has no such dial, the nearest level where it lacks one."""
    if not isinstance(effort, str):
        return effort
    return nearest_effort(effort, capabilities.efforts) if capabilities.effort else None


def switch_off(effort: Any, capabilities: Capabilities) -> dict[str, Any]:
    """How no thought is asked for at vendors whose dial is a switch of their own; empty for any other wish or
    vendor."""
    is_switch = not capabilities.effort and "thinking" in capabilities.fields
    return {"thinking": {"type": "disabled"}} if is_switch and effort == "none" else {}


def asks_too_much(members: Mapping[str, Raw], body: bytes, capabilities: Capabilities) -> bool:
    """Whether a body that could be passed on as it is asks for what this target refuses."""
    if capabilities.refuses and not capabilities.refuses.isdisjoint(members):
        return True
    # OpenAI's models that think know the limit by its new name alone.
    if capabilities.efforts and capabilities.max_tokens_field != _LIMIT and _LIMIT in members:
        return True
    raw = members.get("reasoning_effort") or _effort_within(members.get("reasoning"))
    if raw is None or raw == b"null":
        return False
    if not capabilities.effort:
        return True
    return bool(capabilities.efforts) and _plain(raw) not in capabilities.efforts


class _Reasoning(msgspec.Struct):
    effort: Raw = Raw(b"null")


def _effort_within(reasoning: Raw | None) -> Raw | None:
    if reasoning is None:
        return None
    try:
        return msgspec.json.decode(reasoning, type=_Reasoning).effort
    except msgspec.MsgspecError:
        return None


def _plain(value: Any) -> Any:
    return msgspec.json.decode(value) if isinstance(value, Raw) else value
