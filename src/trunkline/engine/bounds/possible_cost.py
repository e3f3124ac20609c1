"""What one call may cost at most, by its body alone: so much is reserved before it is sent. Pure.

All errors are on the dear side, but one: how many tokens a text is, is estimated (`count_most`).
"""

import math
from bisect import bisect_left
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
from trunkline.money import Rates, Tariff, dearest_fee, dearest_input, dearest_output, dearest_rates
from trunkline.usage import read_tier

_PER = 1_000_000

# English has four bytes a token; with a third more, code and figures stay within it as well.
_BYTES_PER_TOKEN = 4
USUAL_RATIO = 4 / 3
"""Up to which what a model counts is covered by that."""

_DEAR_BYTES_PER_TOKEN = 3

# What a part of a body says of itself that is no text; one of Google's says nothing of itself.
_TYPE = b'"type"'
_MEDIA = (b'"image', b'"input_i', b'"input_f', b'"input_a', b'"file"', b'"document"')
_GOOGLE_MEDIA = (b'"inline', b'"file')

# What may be cached for an hour, and what may answer with more than text.
_HOUR = b'"1h"'
_MODALITIES = b'odalities"'

# Members that say what has a price of its own, or stand for more than there is.
_PRICED = frozenset("tools web_search_options service_tier speed previous_response_id conversation prompt".split())

# What goes in beside the body: the history that the provider keeps, or a prompt. It may be all that the model can read.
_USUAL_CONTEXT = 200_000

# What one call of a hosted tool brings along to be read: a page of search results, the passages of some files.
_READ_BY_CALL = 8_000

# Less than this is no answer.
LEAST_OUTPUT = 256


class Dear(Struct, frozen=True):
    """The dearest prices that a request may meet, in nano-dollars for a million tokens, and for one call of a hosted tool.

    `hour` is what is written to a cache for an hour. The other two are for requests that may hold or get more than text.
    """

    input: int
    output: int
    fee: int
    hour: int
    media_input: int
    media_output: int


class Prices:
    """A tariff, with what has been looked up in it."""

    __slots__ = ("_found", "_marks", "_steps", "_usual", "tariff")

    def __init__(self, tariff: Tariff) -> None:
        self.tariff = tariff
        self._found: dict[tuple[str, int], Dear] = {}
        every = (tariff, *tariff.tiers.values())
        self._steps = sorted({step.above_tokens for each in every for step in each.long})
        self._usual = dear = _find_dearest(dearest_rates(tariff, 0))
        marks = ((_HOUR, dear.hour > dear.input), (_MODALITIES, dear.media_output > dear.output))
        self._marks = [mark for mark, matters in marks if matters]

    def find(self, input_tokens: int, tier: str) -> Dear:
        """The dearest prices for so much input at a tier."""
        if not tier and not self._steps:
            return self._usual
        key = tier, bisect_left(self._steps, input_tokens)
        found = self._found.get(key)
        if found is None:
            found = self._found[key] = _find_dearest(dearest_rates(self.tariff, input_tokens, tier))
        return found

    def weigh_plain(self, envelope: Envelope, dialect: str) -> int | None:
        """How many tokens a request puts into the model that is text alone, of which no more need be known; `None` for any
        other. Most are."""
        data = envelope.body
        if not _PRICED.isdisjoint(envelope.members) or may_hold_media(dialect, data):
            return None
        for mark in self._marks:
            if data.find(mark) >= 0:
                return None
        return -(-len(data) // _DEAR_BYTES_PER_TOKEN)


def _find_dearest(rates: Rates) -> Dear:
    return Dear(
        dearest_input(rates),
        dearest_output(rates),
        dearest_fee(rates),
        rates.cache_write_1h,
        dearest_input(rates, has_audio=True, has_images=True),
        dearest_output(rates, has_audio=True, has_images=True),
    )


class Possible(Struct, frozen=True):
    """What a call may come to: `fixed` nano-dollars whatever it writes, and `rate` for a million tokens that it writes."""

    fixed: int
    rate: int

    def cost(self, tokens: int) -> int:
        """With an output limit of so many tokens, in nano-dollars."""
        return self.fixed - (-tokens * self.rate // _PER)

    def tokens(self, money: int) -> int:
        """The largest output limit whose cost is no more than this; below 0 if not even nothing is."""
        return (money - self.fixed) * _PER // self.rate if self.rate else (_PER if money >= self.fixed else -1)


class Body(Struct, frozen=True):
    """A body as it is weighed: in which dialect it is written, and what was seen in it."""

    dialect: str
    members: Mapping[str, Raw]
    data: bytes
    has_media: bool
    calls: int


def look_at(dialect: str, members: Mapping[str, Raw], data: bytes) -> Body:
    """What a body holds that has a price of its own; cheap looks alone."""
    may_call = "tools" in members or "web_search_options" in members
    return Body(dialect, members, data, may_hold_media(dialect, data), count_calls(dialect, members) if may_call else 0)


def weigh(body: Body, prices: Prices, input_tokens: int, choices: int = 1) -> Possible:
    """What a body may come to that puts so many tokens into the model, where each of several choices may be as long."""
    calls, members = body.calls, body.members
    tier = _read_tier(members) if "service_tier" in members or "speed" in members else ""
    if calls:
        input_tokens += calls * _READ_BY_CALL
    dear = prices.find(input_tokens, tier)
    rate = dear.media_input if body.has_media else dear.input
    if dear.hour > rate and body.data.find(_HOUR) >= 0:
        rate = dear.hour
    output = dear.output
    if dear.media_output > output and (body.has_media or body.data.find(_MODALITIES) >= 0):
        output = dear.media_output
    return Possible(calls * dear.fee - (-input_tokens * rate // _PER), output * choices)


def count_most(dialect: Dialect, envelope: Envelope, body: Body, capabilities: Capabilities, ratio: float) -> int:
    """How many tokens a request puts into the model, rather too many. `ratio` is how far estimates were off so far."""
    count = _estimate_media(dialect, envelope) if body.has_media else None
    if count is None and ratio <= USUAL_RATIO:
        tokens = -(-len(body.data) // _DEAR_BYTES_PER_TOKEN)
    else:
        tokens = raise_estimate(len(body.data) / _BYTES_PER_TOKEN if count is None else count, ratio)
    members = body.members
    if "previous_response_id" in members or "conversation" in members or "prompt" in members:
        before = envelope.before_tokens
        tokens += (capabilities.context_tokens or _USUAL_CONTEXT) if before is None else before
    return tokens + envelope.beside_tokens


def cost_of_text(dear: Dear, input_tokens: int, output_tokens: int) -> int:
    """What `weigh` makes of plain text and an output limit, in nano-dollars."""
    return -(-input_tokens * dear.input // _PER) - (-output_tokens * dear.output // _PER)


def raise_estimate(tokens: float, ratio: float) -> int:
    """An estimate on the dear side: a third more, or as much more as its target was found to count."""
    return math.ceil(tokens * max(USUAL_RATIO, ratio))


def may_hold_media(dialect: str, data: bytes) -> bool:
    """Whether there may be pictures, files or sound in a body; a cheap look."""
    # Done for every request, so the quickest look comes first: where there are parts there are lists within a list.
    if data.find(b"[", data.find(b"[") + 1) < 0 or (dialect != "gemini" and data.find(_TYPE) < 0):
        return False
    return any(data.find(mark) >= 0 for mark in (_GOOGLE_MEDIA if dialect == "gemini" else _MEDIA))


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
        return "fast" if members["speed"] == Raw(b'"fast"') else ""
    try:
        return read_tier(msgspec.json.decode(raw))
    except msgspec.MsgspecError:
        return ""
