"""How hard to think: Anthropic's `thinking` and `output_config.effort`, and our `ReasoningSettings`.

Models differ by generation: up to 4.5 a token budget (`manual`), from 4.6 on `adaptive` with an effort. Source:
https://docs.anthropic.com/en/docs/build-with-claude/extended-thinking, …/adaptive-thinking, …/effort.
"""

from typing import Any, assert_never

from msgspec import Struct, field

from trunkline.capabilities import Capabilities, nearest_effort
from trunkline.dialects.anthropic.blocks import DIALECT
from trunkline.dialects.shapes import Fields, wrong_value
from trunkline.errors import InvalidRequest
from trunkline.request import ReasoningSettings

_BUDGETS = {"minimal": 1024, "low": 2048, "medium": 8192, "high": 16384, "xhigh": 16384, "max": 16384}
_EFFORTS = {"minimal": "low", "low": "low", "medium": "medium", "high": "high", "xhigh": "xhigh", "max": "max"}
_LADDER = ((1024, "minimal"), (2048, "low"), (8192, "medium"), (24576, "high"))
_CLAMPED = frozenset({"xhigh", "max"})

# Anthropic's own least budget.
_LEAST_BUDGET = 1024

# What every model of these wires can write; a limit must be said.
_USUAL_OUTPUT = 8192

_KINDS = ("adaptive", "enabled", "disabled", "between_tools")


def read_thinking_settings(thinking: Fields | None, effort: str | None) -> ReasoningSettings | None:
    """What the caller asks, in our words; `thinking` itself stays in the extras, for the same dialect out."""
    if thinking is None:
        return None if effort is None else ReasoningSettings(effort=effort)
    kind = thinking.need_text("type")
    if kind not in _KINDS:
        raise wrong_value(thinking.at("type"), kind, _KINDS)
    budget = thinking.integer("budget_tokens", 0)
    if kind == "enabled" and budget is None:
        raise InvalidRequest(
            "`thinking.budget_tokens` is missing: it must be an integer of at least 1024",
            param="thinking.budget_tokens",
            code="missing_required_parameter",
        )
    shown = thinking.word("display", ("summarized", "omitted"))
    thinking.close()
    return ReasoningSettings(
        effort=_read_effort(kind, effort, budget),
        summary="auto" if shown == "summarized" else None,
        is_shown=shown is None and kind in ("enabled", "adaptive"),
        budget_tokens=budget if kind == "enabled" else None,
        extras={DIALECT: {"thinking": thinking.value}},
    )


def _read_effort(kind: str, effort: str | None, budget: int | None) -> str | None:
    if kind == "disabled":
        return "none"
    if effort is not None:
        return effort
    if kind == "between_tools":
        return "minimal"
    if kind == "enabled" and budget is not None:
        return next((word for limit, word in _LADDER if budget <= limit), "xhigh")
    return None


class Thinking(Struct, frozen=True, kw_only=True):
    """What goes into the body: `thinking`, `output_config.effort`, the output limit that fits them.

    `is_on` says that the model will certainly think; `dropped` names what of the caller's wish was left out.
    """

    thinking: dict[str, Any] | None = None
    effort: str | None = None
    max_tokens: int
    is_on: bool = False
    dropped: list[str] = field(default_factory=list)


def write_thinking(
    reasoning: ReasoningSettings | None, limit: int | None, capabilities: Capabilities, *, must_hush: bool
) -> Thinking:
    """The settings for a target; `limit` is the caller's own output limit, `must_hush` that thinking would be refused.

    That is so when a tool is forced, or the thought before open calls is lost: thought gives way there. Raises
    `InvalidRequest` when the caller's budget and limit contradict each other.
    """
    max_tokens = (capabilities.max_output_tokens or _USUAL_OUTPUT) if limit is None else limit
    asked = reasoning or ReasoningSettings()
    if capabilities.thinking == "none":
        return Thinking(max_tokens=max_tokens, dropped=["effort"] if asked.effort not in (None, "none") else [])
    if must_hush:
        return _write_hushed(asked, max_tokens, capabilities)
    if capabilities.thinking == "manual" or (capabilities.thinking == "both" and asked.budget_tokens is not None):
        return _write_manual(asked, limit, capabilities)
    if asked.effort == "none":
        return _write_least(max_tokens, capabilities)
    return _write_adaptive(asked, max_tokens, capabilities)


def _write_hushed(asked: ReasoningSettings, max_tokens: int, capabilities: Capabilities) -> Thinking:
    return Thinking(
        # Adaptive models may think unasked; manual ones do not.
        thinking=None if capabilities.thinking == "manual" else {"type": "disabled"},
        max_tokens=max_tokens,
        dropped=["effort"] if asked.effort not in (None, "none") else [],
    )


def _write_least(max_tokens: int, capabilities: Capabilities) -> Thinking:
    """No thinking, or what comes nearest: some models cannot be kept from it."""
    match capabilities.thinking_off:
        case "disabled":
            return Thinking(thinking={"type": "disabled"}, max_tokens=max_tokens)
        case "between_tools":
            return Thinking(thinking={"type": "between_tools"}, max_tokens=max_tokens, is_on=True, dropped=["effort"])
        case "never":
            effort = nearest_effort("low", capabilities.efforts)
            return Thinking(effort=effort, max_tokens=max_tokens, is_on=True, dropped=["effort"])
        case _:
            assert_never(capabilities.thinking_off)


def _write_adaptive(asked: ReasoningSettings, max_tokens: int, capabilities: Capabilities) -> Thinking:
    given = asked.extras.get(DIALECT, {}).get("thinking") or {}
    wanted = None if asked.effort is None else _EFFORTS.get(asked.effort, asked.effort)
    effort = None if wanted is None else nearest_effort(wanted, capabilities.efforts)
    dropped = ["effort"] if effort != wanted else []
    if given.get("type") in ("adaptive", "between_tools"):
        is_between = given["type"] == "between_tools"
        effort = None if is_between else effort
        return Thinking(thinking=given, effort=effort, max_tokens=max_tokens, is_on=True, dropped=dropped)
    if effort is None and asked.summary is None:
        return Thinking(max_tokens=max_tokens)
    thinking = {"type": "adaptive"}
    if asked.summary is not None:
        # Never unasked: it costs quality.
        thinking["display"] = "summarized"
    return Thinking(thinking=thinking, effort=effort, max_tokens=max_tokens, is_on=True, dropped=dropped)


def _write_manual(asked: ReasoningSettings, limit: int | None, capabilities: Capabilities) -> Thinking:
    most = capabilities.max_output_tokens or _USUAL_OUTPUT
    if asked.budget_tokens is not None:
        return _write_own_budget(asked.budget_tokens, limit, most)
    if asked.effort in (None, "none"):
        return Thinking(max_tokens=most if limit is None else limit)
    budget = _BUDGETS.get(asked.effort or "", _BUDGETS["high"])
    # The budget is part of the limit. Ours comes on top of what the caller wants to read, as far as the model goes.
    max_tokens = most if limit is None else max(limit, min(limit + budget, most))
    dropped = ["effort"] if asked.effort in _CLAMPED or asked.effort not in _BUDGETS else []
    room = max_tokens - (min(_LEAST_BUDGET, max_tokens // 2) if limit is None else min(limit, max_tokens // 2))
    if budget > room:
        budget, dropped = room, ["effort"]
    if budget < _LEAST_BUDGET:
        return Thinking(max_tokens=most if limit is None else limit, dropped=["effort"])
    thinking = {"type": "enabled", "budget_tokens": budget}
    return Thinking(thinking=thinking, max_tokens=max_tokens, is_on=True, dropped=dropped)


def _write_own_budget(budget: int, limit: int | None, most: int) -> Thinking:
    """The caller's own budget, as it is: only the limit may give way, and only if it is ours."""
    if limit is not None and budget >= limit:
        raise InvalidRequest(
            f"`thinking.budget_tokens` is {budget} but must be less than `max_tokens`, which is {limit}: the budget is"
            " part of it",
            param="thinking.budget_tokens",
        )
    max_tokens = max(most, budget + _LEAST_BUDGET) if limit is None else limit
    return Thinking(thinking={"type": "enabled", "budget_tokens": budget}, max_tokens=max_tokens, is_on=True)
