"""How much may be written at most: where each wire says it, and how it is said there.

Knows members alone, each still in its own bytes: nothing else of a body need be understood for it.
"""

from collections.abc import Callable, Mapping

import msgspec
from msgspec import Raw, Struct

from trunkline.errors import InvalidRequest

Members = dict[str, Raw]

# Nobody writes more, and sums of these stay sums that a database can hold.
_MOST = 1_000_000_000


class OutputLimit(Struct, frozen=True, gc=False):
    """`tokens` for each of the `choices`; `None` where the request leaves it open. `least` is what a limit must leave
    room for: the tokens that the model is told to think with."""

    tokens: int | None
    choices: int = 1
    least: int = 0


class _Wire(Struct, frozen=True):
    """One wire. `read(members)` raises `InvalidRequest` for what is no limit. `write(members, tokens, field)` sets one
    in place, under the names that stand there already or else `field`, where a wire has several."""

    read: Callable[[Mapping[str, Raw]], OutputLimit]
    write: Callable[[Members, int, str], None]


def read_limit(dialect: str, members: Mapping[str, Raw]) -> OutputLimit:
    """The limit that a body of this dialect sets itself. Raises `InvalidRequest`."""
    return _WIRES[dialect].read(members)


def write_limit(dialect: str, members: Members, tokens: int, field: str) -> None:
    """Set the limit, in place."""
    _WIRES[dialect].write(members, tokens, field)


# --- one member -------------------------------------------------------------------------------------------------

_decode_count = msgspec.json.Decoder(int | None).decode


def _read_count(raw: Raw | None, path: str) -> int | None:
    """A count, of which nothing and less than nothing are no limit at all: some servers mean that by -1."""
    if raw is None:
        return None
    try:
        count = _decode_count(raw)
    except msgspec.MsgspecError:
        raise InvalidRequest(f"`{path}` must be a number", param=path, code="invalid_type") from None
    if count is not None and count > _MOST:
        raise InvalidRequest(f"`{path}` must be at most {_MOST}", param=path, code="invalid_value")
    return count if count is not None and count > 0 else None


def _read_object(raw: Raw | None) -> dict[str, Raw]:
    try:
        return {} if raw is None else msgspec.json.decode(raw, type=dict[str, Raw])
    except msgspec.MsgspecError:
        return {}  # whoever is asked will say so


def _number(count: int) -> Raw:
    return Raw(b"%d" % count)


# --- the wires --------------------------------------------------------------------------------------------------

_CHAT_NAMES = ("max_completion_tokens", "max_tokens")


def _read_responses(members: Mapping[str, Raw]) -> OutputLimit:
    return OutputLimit(_read_count(members.get("max_output_tokens"), "max_output_tokens"))


def _write_responses(members: Members, tokens: int, field: str) -> None:
    members["max_output_tokens"] = _number(tokens)


def _read_chat(members: Mapping[str, Raw]) -> OutputLimit:
    tokens: int | None = None
    for name in _CHAT_NAMES:
        if name in members:
            count = _read_count(members[name], name)
            # Said twice, it is the larger one that somebody may heed.
            if count is not None and (tokens is None or count > tokens):
                tokens = count
    choices = _read_count(members["n"], "n") if "n" in members else None
    return OutputLimit(tokens, choices or 1)


def _write_chat(members: Members, tokens: int, field: str) -> None:
    for name in [name for name in _CHAT_NAMES if name in members] or [field]:
        members[name] = _number(tokens)


class _Thinking(Struct):
    budget_tokens: int = 0


def _read_messages(members: Mapping[str, Raw]) -> OutputLimit:
    raw = members.get("max_tokens")
    if raw == Raw(b"0"):
        return OutputLimit(0)  # a prompt is put into the cache, and nothing is written
    return OutputLimit(_read_count(raw, "max_tokens"), 1, _read_budget(members.get("thinking")))


def _read_budget(raw: Raw | None) -> int:
    try:
        return 0 if raw is None else max(0, msgspec.json.decode(raw, type=_Thinking).budget_tokens)
    except msgspec.MsgspecError:
        return 0


def _write_max_tokens(members: Members, tokens: int, field: str) -> None:
    members["max_tokens"] = _number(tokens)


# Each name in both spellings that Google's servers take.
_GEMINI_CONFIG = ("generationConfig", "generation_config")
_GEMINI_LIMIT = ("maxOutputTokens", "max_output_tokens")
_GEMINI_CHOICES = ("candidateCount", "candidate_count")
_GEMINI_THINKING = ("thinkingConfig", "thinking_config")
_GEMINI_BUDGET = ("thinkingBudget", "thinking_budget")


def _find(members: Mapping[str, Raw], names: tuple[str, str]) -> Raw | None:
    return members.get(names[0], members.get(names[1]))


def _read_gemini(members: Mapping[str, Raw]) -> OutputLimit:
    raw = _find(members, _GEMINI_CONFIG)
    if raw is None:
        return OutputLimit(None)
    config = _read_object(raw)
    tokens = _read_count(_find(config, _GEMINI_LIMIT), "generationConfig.maxOutputTokens")
    choices = _read_count(_find(config, _GEMINI_CHOICES), "generationConfig.candidateCount")
    thinking = _read_object(_find(config, _GEMINI_THINKING))
    budget = _read_count(_find(thinking, _GEMINI_BUDGET), "generationConfig.thinkingConfig.thinkingBudget")
    return OutputLimit(tokens, choices or 1, budget or 0)


def _write_gemini(members: Members, tokens: int, field: str) -> None:
    name = _GEMINI_CONFIG[1] if _GEMINI_CONFIG[1] in members else _GEMINI_CONFIG[0]
    config = _read_object(members.get(name))
    spelt = _GEMINI_LIMIT[1] if _GEMINI_LIMIT[1] in config else _GEMINI_LIMIT[0]
    members[name] = Raw(msgspec.json.encode({**config, spelt: _number(tokens)}))


def _read_bedrock(members: Mapping[str, Raw]) -> OutputLimit:
    config = _read_object(members.get("inferenceConfig"))
    return OutputLimit(_read_count(config.get("maxTokens"), "inferenceConfig.maxTokens"))


def _write_bedrock(members: Members, tokens: int, field: str) -> None:
    config = _read_object(members.get("inferenceConfig"))
    members["inferenceConfig"] = Raw(msgspec.json.encode({**config, "maxTokens": _number(tokens)}))


def _read_cohere(members: Mapping[str, Raw]) -> OutputLimit:
    return OutputLimit(_read_count(members.get("max_tokens"), "max_tokens"))


_WIRES: Mapping[str, _Wire] = {
    "responses": _Wire(_read_responses, _write_responses),
    "chat": _Wire(_read_chat, _write_chat),
    "messages": _Wire(_read_messages, _write_max_tokens),
    "gemini": _Wire(_read_gemini, _write_gemini),
    "bedrock": _Wire(_read_bedrock, _write_bedrock),
    "cohere": _Wire(_read_cohere, _write_max_tokens),
}
