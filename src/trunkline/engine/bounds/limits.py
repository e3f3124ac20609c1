"""What rate limits make of a request: how much of each it claims, what it came to, and what its caller is told of it.

Which rules are for whom is found once for each key, path and target, and remembered until the rules are others.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from functools import lru_cache
from typing import NoReturn

from msgspec import Struct

from trunkline.call import Header
from trunkline.dialects.output_limit import read_limit
from trunkline.engine.envelope import Envelope
from trunkline.engine.exchange import Exchange
from trunkline.engine.router import Target
from trunkline.errors import RateLimited, Unavailable
from trunkline.principal import Principal
from trunkline.records import Record
from trunkline.state.counters import Claim, Level, Refused
from trunkline.state.limits import KeptLimits, LimitRule, Measure

# Enough for every key, path and model in use; callers may make up paths below their own.
_MOST_REMEMBERED = 4_096

# What is changed in one process is in force in all of them within a second.
_LOOK_SECONDS = 0.5

# A rough guess that is replaced by the truth a moment later: a token of English is four bytes, JSON's own included.
_BYTES_PER_TOKEN = 4

# A body with a picture in it is long for what it is. Shorter ones are not worth a look.
_MEDIA_FROM_BYTES = 32_768
_MEDIA_TOKENS = 4_096
_MEDIA = (b";base64,", b'"data":"', b'"data": "')

_TOLD: tuple[Measure, ...] = ("requests", "tokens")
_NAMES: dict[Measure, tuple[bytes, bytes, bytes]] = {
    measure: (
        f"x-ratelimit-limit-{measure}".encode(),
        f"x-ratelimit-remaining-{measure}".encode(),
        f"x-ratelimit-reset-{measure}".encode(),
    )
    for measure in _TOLD
}


class _Covering:
    """The rules for one key, path and target, and their claims as long as no window ends.

    `told` are the measures that its caller is told of, each with the places of its rules and what is told of them
    whatever their level. `tokens` are the places of those that count tokens.
    """

    __slots__ = ("_claims", "_counters", "_until", "rules", "told", "tokens")

    def __init__(self, rules: Sequence[LimitRule], principal: Principal) -> None:
        self.rules = rules
        self.tokens = _places(rules, "tokens")
        self.told = [
            (places, [(limit, b"%d" % rule.most) for rule in rules], left, reset)
            for measure, (limit, left, reset) in _NAMES.items()
            if (places := _places(rules, measure))
        ]
        self._counters = [rule.counter(principal) for rule in rules]
        self._claims: list[Claim] = []
        self._until = 0

    def claim(self, at_micros: int, tokens: int) -> list[Claim]:
        if at_micros >= self._until:
            self._renew(at_micros)
        if not self.tokens:
            return self._claims
        claims = self._claims.copy()
        for place in self.tokens:
            claim = claims[place]
            # No more than there is: a guess must not keep anybody out for good.
            amount = min(claim.most, tokens)
            claims[place] = Claim(claim.key, claim.kind, amount, claim.most, claim.period_ms, claim.end_micros)
        return claims

    def _renew(self, at_micros: int) -> None:
        pairs = zip(self.rules, self._counters, strict=True)
        self._claims = [rule.claim(counter, 1, at_micros) for rule, counter in pairs]
        self._until = min(rule.until(at_micros) for rule in self.rules)


def _places(rules: Sequence[LimitRule], measure: Measure) -> list[int]:
    return [place for place, rule in enumerate(rules) if rule.measure == measure]


class RateLimits:
    """`Bounds` of all rules in force: those that are `declared`, and those that are `kept`."""

    def __init__(self, declared: Sequence[LimitRule] = (), kept: KeptLimits | None = None) -> None:
        self.declared = declared
        self._kept = kept
        self._revision = -1
        self._rules = declared
        self._covering: dict[tuple[str, str, str, str], _Covering] = {}

    async def refresh(self) -> None:
        """Know of every change that has been made by now. Raises `Unavailable`; then all stays as it was."""
        if self._kept is None:
            return
        kept = await self._kept.read(self._revision)
        if kept is not None:
            self._revision = kept.revision
            self.replace([*self.declared, *kept.rules])

    async def follow(self) -> None:
        """Keep up with what other processes change, until this is cancelled."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            with contextlib.suppress(Unavailable):
                await self.refresh()

    def replace(self, rules: Sequence[LimitRule]) -> None:
        """Put these rules in force."""
        self._rules = rules
        self._covering = {}

    def bid(self, x: Exchange, target: Target, envelope: Envelope) -> "LimitBid | None":
        if not self._rules:
            return None
        principal = x.principal
        who = (principal.key_id, principal.path, principal.name, target.name)
        covering = self._covering.get(who)
        if covering is None:
            covering = self._remember(who, principal, target)
        if not covering.rules:
            return None
        tokens = estimate_tokens(x.dialect, envelope) if covering.tokens else 0
        # The window is the one in which the request came.
        return LimitBid(covering, covering.claim(x.started_at_micros, tokens), envelope)

    def _remember(self, who: tuple[str, str, str, str], principal: Principal, target: Target) -> _Covering:
        if len(self._covering) >= _MOST_REMEMBERED:
            self._covering.clear()
        rules = [rule for rule in self._rules if rule.covers(principal, target.account.name, target.name)]
        covering = self._covering[who] = _Covering(rules, principal)
        return covering


class LimitBid(Struct, gc=False):
    """The claims of one request on the limits that are for it."""

    covering: _Covering
    claims: Sequence[Claim]
    envelope: Envelope

    def measure(self, record: Record) -> Sequence[int]:
        """Tokens alone are known only afterwards; nothing else is settled by its amount."""
        return [record.usage.total if self.covering.tokens else 0] * len(self.claims)

    def tell(self, levels: Sequence[Level]) -> Sequence[Header]:
        """In OpenAI's words, of each measure the rule that has the least left."""
        headers: list[Header] = []
        for places, limits, left, reset in self.covering.told:
            place = places[0] if len(places) == 1 else min(places, key=lambda place: levels[place].left)
            level = levels[place]
            headers += limits[place], (left, b"%d" % level.left), (reset, write_duration(level.full_in_ms))
        return headers

    def lower(self, refused: Refused) -> NoReturn:
        """Raises `RateLimited`: a rate limit cannot be met by a smaller request."""
        place = next(place for place, claim in enumerate(self.claims) if claim is refused.claim)
        raise _refuse(self.covering.rules[place], refused)


def estimate_tokens(dialect: str, envelope: Envelope) -> int:
    """How many tokens a request may come to, roughly: what goes in by its length, and its output limit if it has one."""
    body = envelope.body
    count = len(body) // _BYTES_PER_TOKEN
    if len(body) > _MEDIA_FROM_BYTES and any(body.find(mark) >= 0 for mark in _MEDIA):
        count = min(count, _MEDIA_TOKENS)
    limit = read_limit(dialect, envelope.members)
    return count if limit.tokens is None else count + limit.tokens * limit.choices


def write_duration(ms: int) -> bytes:
    """As OpenAI writes one: `120ms`, `1s`, `8.64s`, `6m0s`, `1h0m0s`. From a minute on in whole seconds, rounded up."""
    if ms >= 60_000:
        return _write_seconds(-(-ms // 1_000))
    if ms < 1_000:
        return b"%dms" % ms if ms > 0 else b"0s"
    seconds, ms = divmod(ms, 1_000)
    if not ms:
        return b"%ds" % seconds
    if ms % 10:
        return b"%d.%03ds" % (seconds, ms)
    return b"%d.%02ds" % (seconds, ms // 10) if ms % 100 else b"%d.%ds" % (seconds, ms // 100)


@lru_cache(maxsize=1024)
def _write_seconds(seconds: int) -> bytes:
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return b"%dm%ds" % (minutes, seconds) if not hours else b"%dh%dm%ds" % (hours, minutes, seconds)


def _refuse(rule: LimitRule, refused: Refused) -> RateLimited:
    # What is no more than one at a time can always be had some time.
    seconds = (refused.wait_ms or 0) / 1_000
    again = write_duration(refused.wait_ms or 0).decode()
    why = "all of it is under way" if refused.in_flight else "it is used up"
    return RateLimited(
        f"Rate limit reached: {rule.description}; {why}. Please try again in {again}.", retry_after_seconds=seconds
    )
