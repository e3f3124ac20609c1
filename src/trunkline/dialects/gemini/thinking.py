"""How hard to think: our efforts and budgets ↔ Gemini's `thinkingConfig`.

Gemini 2.5 takes a budget of tokens (`manual`), 3 and later a level (`adaptive`), older models neither.
Source: https://ai.google.dev/gemini-api/docs/thinking.
"""

from typing import Any

from msgspec import Struct, field

from trunkline.capabilities import Capabilities, nearest_effort
from trunkline.dialects.shapes import Fields, wrong_value
from trunkline.request import ReasoningSettings

_LEVELS = ("minimal", "low", "medium", "high", "xhigh")

_BUDGETS = {"minimal": 1024, "low": 1024, "medium": 8192, "high": 24576, "xhigh": 32768, "max": 32768}

# From this least budget on, the least effort is the least budget (Flash-Lite's).
_LEAST_WORTH = 512

_CEILINGS = ((1024, "minimal"), (2048, "low"), (8192, "medium"), (24576, "high"))

# Newer models have no more words than these; the catalogue knows which of them a model lacks.
_KNOWN_LEVELS = ("minimal", "low", "medium", "high")


def read_thinking(config: Fields | None) -> ReasoningSettings | None:
    """`thinkingConfig` in our words; a budget of -1 is the model's own."""
    if config is None:
        return None
    level = config.text("thinkingLevel")
    budget = config.integer("thinkingBudget", -1)
    shown = config.flag("includeThoughts")
    config.close()
    effort = None
    if level is not None and level.upper() != "THINKING_LEVEL_UNSPECIFIED":
        effort = level.lower()
        if effort not in _LEVELS:
            raise wrong_value(config.at("thinkingLevel"), level, tuple(word.upper() for word in _LEVELS))
    if budget == 0:
        effort = "none"
    elif effort is None and budget is not None and budget > 0:
        effort = next((word for ceiling, word in _CEILINGS if budget <= ceiling), "xhigh")
    return ReasoningSettings(
        effort=effort,
        summary="auto" if shown else None,
        budget_tokens=budget if budget is not None and budget > 0 else None,
    )


class Thinking(Struct, frozen=True):
    """What goes into `generationConfig`, and what of the caller's wish was not met."""

    config: dict[str, Any] | None = None
    dropped: list[str] = field(default_factory=list)


def write_thinking(reasoning: ReasoningSettings | None, capabilities: Capabilities) -> Thinking:
    """The settings for a target."""
    if reasoning is None:
        return Thinking()
    if capabilities.thinking == "none":
        return Thinking(None, ["effort"] if reasoning.effort not in (None, "none") else [])
    written = (_write_budget if capabilities.thinking == "manual" else _write_level)(reasoning, capabilities)
    config = dict(written.config or {})
    if reasoning.summary is not None or reasoning.is_shown:
        config["includeThoughts"] = True
    return Thinking(config or None, written.dropped)


def _write_level(reasoning: ReasoningSettings, capabilities: Capabilities) -> Thinking:
    effort = reasoning.effort
    if effort is None:
        if reasoning.budget_tokens is None:
            return Thinking()
        effort = next((word for ceiling, word in _CEILINGS if reasoning.budget_tokens <= ceiling), "high")
        return Thinking({"thinkingLevel": _nearest(effort, capabilities).upper()})
    level = _nearest(effort, capabilities)
    return Thinking({"thinkingLevel": level.upper()}, [] if level == effort else ["effort"])


def _nearest(effort: str, capabilities: Capabilities) -> str:
    """The model's own level that is nearest; thought cannot be switched off, so none is the least.

    Google's medium is nearer to high: 3 Pro has low and high alone, and thinks hard unless told otherwise.
    """
    levels = tuple(level for level in capabilities.efforts if level != "none") or _KNOWN_LEVELS
    if effort == "medium" and effort not in levels and "high" in levels:
        return "high"
    return nearest_effort(effort, levels)


def _write_budget(reasoning: ReasoningSettings, capabilities: Capabilities) -> Thinking:
    least, most = capabilities.thinking_budget
    if reasoning.budget_tokens is not None:
        budget = min(max(reasoning.budget_tokens, least), most)
        return Thinking({"thinkingBudget": budget}, [] if budget == reasoning.budget_tokens else ["effort"])
    if reasoning.effort is None:
        return Thinking()
    if reasoning.effort == "none":
        if capabilities.thinking_off != "never":
            return Thinking({"thinkingBudget": 0})
        return Thinking({"thinkingBudget": least}, ["effort"])
    wanted = _BUDGETS.get(reasoning.effort, most)
    if reasoning.effort == "minimal" and least >= _LEAST_WORTH:
        wanted = least
    budget = min(max(wanted, least), most)
    return Thinking({"thinkingBudget": budget}, ["effort"] if budget < wanted else [])
