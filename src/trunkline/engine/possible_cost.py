"""What one call may cost at most, by its body alone: so much is reserved before it is sent. Pure.

All errors are on the dear side, but one: how many tokens a text is, is estimated (`count_most`).
"""

import math
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Raw, Struct

from trunkline.capabilities import Capabilities
from trunkline.dialects.dialect import Dialect
from trunkline.dialects.estimate import estimate_input
from trunkline.dialects.hosted_calls import count_calls
from trunkline.dialects.output_limit import OutputLimit
from trunkline.engine.envelope import Envelope, decode_body
from trunkline.errors import CallerError
from trunkline.money import Nano, Tariff, dearest_fee, dearest_input, dearest_output, dearest_rates
from trunkline.usage import read_tier

_PER = 1_000_000

# English has four bytes a token; with a third more, code and figures stay within it as well.
_BYTES_PER_TOKEN = 4.0
_MARGIN = 4 / 3

# What a body may hold that is no text.
_MEDIA = (b'"image', b'"input_', b'"file', b'"inline', b'"document"', b"image/", b"audio/", b"application/")

# What goes in beside the body: the history that the provider keeps, or a prompt.
_ELSEWHERE = frozenset({"previous_response_id", "conversation", "prompt"})
_USUAL_CONTEXT = 200_000

# What one call of a hosted tool brings along to be read: a page of search results, the passages of some files.
_READ_BY_CALL = 8_000

# Less than this is no answer.
LEAST_OUTPUT = 256


class Possible(Struct, frozen=True):
    """What a call may come to: `fixed` nano-dollars whatever it writes, and `rate` for a million tokens that it writes."""

    fixed: int
    rate: int

    def cost(self, tokens: int) -> Nano:
        """With an output limit of so many tokens."""
        return Nano(self.fixed - (-tokens * self.rate // _PER))

    def tokens(self, money: int) -> int:
        """The largest output limit whose cost is no more than this; below 0 if not even nothing is."""
        return (money - self.fixed) * _PER // self.rate if self.rate else (_PER if money >= self.fixed else -1)


def weigh(dialect: str, members: Mapping[str, Raw], body: bytes, tariff: Tariff, input_tokens: int) -> Possible:
    """What a body may come to that puts so many tokens into the model. `dialect` is the one that it is written in."""
    calls = count_calls(dialect, members)
    input_tokens += calls * _READ_BY_CALL
    rates = dearest_rates(tariff, input_tokens, _read_tier(members))
    has_media = may_hold_media(body)
    speaks = has_media or body.find(b'odalities"') >= 0
    dearest = dearest_input(rates, has_audio=has_media, has_images=has_media, hour=body.find(b'"1h"') >= 0)
    fixed = -(-input_tokens * dearest // _PER) + calls * dearest_fee(rates)
    return Possible(fixed, dearest_output(rates, has_audio=speaks, has_images=speaks))


def multiply(possible: Possible, choices: int) -> Possible:
    """The same where each of several choices may be as long."""
    return Possible(possible.fixed, possible.rate * choices)


def count_most(dialect: Dialect, envelope: Envelope, capabilities: Capabilities, ratio: float) -> int:
    """How many tokens a request puts into the model, rather too many. `ratio` is how far estimates were off so far."""
    count = _estimate_media(dialect, envelope) if may_hold_media(envelope.body) else None
    tokens = raise_estimate(len(envelope.body) / _BYTES_PER_TOKEN if count is None else count, ratio)
    if not _ELSEWHERE.isdisjoint(envelope.members):
        tokens += capabilities.context_tokens or _USUAL_CONTEXT
    return tokens


def raise_estimate(tokens: float, ratio: float) -> int:
    """An estimate on the dear side: a third more, or as much more as its target was found to count."""
    return math.ceil(tokens * max(_MARGIN, ratio))


def may_hold_media(body: bytes) -> bool:
    """Whether there may be pictures, files or sound in a body; a cheap look."""
    return any(body.find(mark) >= 0 for mark in _MEDIA)


def choose_limit(limit: OutputLimit, capabilities: Capabilities, input_tokens: int, unknown: int) -> int:
    """The output limit that a request is sent with: its own, else all that the model can write beside what it reads.

    `unknown` stands for what a model can write of which nobody knows.
    """
    if limit.tokens is not None:
        return limit.tokens
    most = capabilities.max_output_tokens or unknown
    if capabilities.context_tokens is not None:
        # A few providers refuse what does not fit together.
        most = min(most, max(LEAST_OUTPUT, capabilities.context_tokens - input_tokens))
    return max(most, limit.least + LEAST_OUTPUT)


def _estimate_media(dialect: Dialect, envelope: Envelope) -> int | None:
    try:
        body: dict[str, Any] = {"model": envelope.model, **decode_body(envelope.members)}
        return estimate_input(dialect.read_request(body, lambda _: None))
    except CallerError:
        return None  # whoever is asked will say what is wrong with it


def _read_tier(members: Mapping[str, Raw]) -> str:
    raw = members.get("service_tier")
    if raw is None:
        return "fast" if members.get("speed") == Raw(b'"fast"') else ""
    try:
        return read_tier(msgspec.json.decode(raw))
    except msgspec.MsgspecError:
        return ""
