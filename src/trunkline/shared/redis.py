"""Counters in a Redis or Valkey, which all replicas share: one round trip a request.

While it is away each process counts for itself, in memory, but for strict claims: those are refused. What was granted
there is settled there, and what was granted here is settled here.
"""

import asyncio
import hashlib
import secrets
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from trunkline.clock import Clock
from trunkline.errors import Unavailable
from trunkline.shared import scripts
from trunkline.shared.counters import MemoryCounters
from trunkline.shared.line import Away, Line, Run
from trunkline.state.counters import Claim, Level, Outcome, Refused, Taken

# What a process that died had reserved is free again so much later.
_LEASE_MS = 30_000
_RENEW_SECONDS = 10.0

_COUNTERS = b"trunkline:counter:"
_HOLDERS = b"trunkline:holder:"

# A settlement that cannot be told waits; of more than these the oldest are given up.
_MOST_OWED = 100_000

_UNKNOWN_HOLDER = [-1]


class _Holder:
    """Who reserves: this process, as long as its connection lasted. `count` is how many reservations are not
    settled."""

    __slots__ = ("count", "id")

    def __init__(self) -> None:
        self.id = secrets.token_hex(8).encode()
        self.count = 0


class RedisCounters:
    """The port. `alone` counts while there is no Redis. If `is_lenient` it counts strict claims as well.

    `clock` is for tests: the server's own time counts for all who share it.
    """

    def __init__(
        self, url: str, alone: MemoryCounters, *, is_lenient: bool = False, clock: Clock | None = None
    ) -> None:
        self._alone = alone
        self._is_lenient = is_lenient
        self._clock = clock
        self._line = Line(url, self._prepare, self._find, self._lose)
        self._doubt: Callable[[], None] = _believe
        self._holder = _Holder()
        self._older: list[_Holder] = []
        self._owed: deque[bytes] = deque(maxlen=_MOST_OWED)
        self._renewing: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"RedisCounters({self._line.place!r})"

    async def open(self) -> None:
        """Connect. Raises `ConfigError` for a Redis that does not let us in; one that is away may come yet."""
        await self._line.open()
        self._renewing = asyncio.create_task(self._renew(), name="leases")

    async def close(self) -> None:
        """Tell what is still to be told, and give back whatever else is reserved."""
        if self._renewing is not None:
            self._renewing.cancel()
        try:
            holders = [_HOLDERS + holder.id for holder in (self._holder, *self._older)]
            await self._line.ask(pack(b"DEL", *holders))
        except Away:
            pass  # then its lease runs out
        await self._line.close()

    # --- the port -----------------------------------------------------------------------------------------------

    def take(self, claims: Sequence[Claim]) -> Outcome | Awaitable[Outcome]:
        return self._take(claims) if self._line.is_up else self._take_alone(claims)

    async def _take(self, claims: Sequence[Claim]) -> Outcome:
        for _ in range(2):
            holder = self._holder
            try:
                reply = await self._line.ask(self._write_take(claims, holder), self._give_back(claims, holder))
            except Away:
                break
            if reply != _UNKNOWN_HOLDER:
                return _read(reply, claims, holder)
            # Its lease ran out while nobody looked, or nothing is known there any more.
            is_strict = any(claim.strict for claim in claims)
            if is_strict:
                # Said before anybody can reserve anything under the new name.
                self._doubt()
            await self._introduce(_Holder())
            if is_strict:
                raise Unavailable("what was spent of a budget is being summed up anew: send the request again")
        return self._take_alone(claims)

    def _take_alone(self, claims: Sequence[Claim]) -> Outcome:
        if not self._is_lenient and any(claim.strict for claim in claims):
            raise Unavailable(
                "budgets cannot be looked up at this moment: what keeps them for all replicas is away; send the request"
                " again",
                detail=f"Redis at {self._line.place} is away",
            )
        return self._alone.take(claims)

    def _give_back(self, claims: Sequence[Claim], holder: _Holder) -> Any:
        """For a caller that leaves while it is being asked for."""

        def abandoned(reply: Any) -> None:
            if reply != _UNKNOWN_HOLDER:
                outcome = _read(reply, claims, holder)
                if isinstance(outcome, Taken):
                    self.release(outcome)

        return abandoned

    def settle(self, taken: Taken, amounts: Sequence[int]) -> None:
        if not isinstance(taken.holder, _Holder):
            self._alone.settle(taken, amounts)
            return
        pairs = zip(taken.claims, amounts, strict=True)
        changes = [
            (claim, claim.amount, 0 if claim.kind == "slots" else amount) for claim, amount in pairs if claim.held
        ]
        self._tell(taken.holder, changes)

    def release(self, taken: Taken) -> None:
        if not isinstance(taken.holder, _Holder):
            self._alone.release(taken)
            return
        changes = [(claim, claim.amount, 0) if claim.held else (claim, 0, -claim.amount) for claim in taken.claims]
        self._tell(taken.holder, changes)

    def _tell(self, holder: _Holder, changes: Sequence[tuple[Claim, int, int]]) -> None:
        holder.count -= 1
        if not changes:
            return
        words = [holder.id, self._now()]
        for claim, back, spend in changes:
            words += _numbers(back, spend, claim.most, claim.period_ms, claim.end_micros // 1_000)
        command = _run(scripts.SETTLE, [claim.key for claim, _, _ in changes], words)
        if not self._line.tell(command):
            self._owed.append(command)

    def seed(self, key: bytes, amount: int, end_micros: int) -> Awaitable[None] | None:
        if not self._line.is_up:
            self._alone.seed(key, amount, end_micros)
            return None
        return self._ask(_run(scripts.SEED, [key], [*_numbers(amount, end_micros // 1_000), self._now()]))

    def reset(self, keys: Sequence[bytes]) -> Awaitable[None] | None:
        self._alone.reset(keys)
        return self._ask(_run(scripts.RESET, keys, ())) if keys else None

    async def _ask(self, command: bytes) -> None:
        """Raises `Unavailable` when it cannot be done."""
        try:
            await self._line.ask(command)
        except Away:
            raise Unavailable("what counts for all replicas is away: try again in a moment") from None

    def look(self, claims: Sequence[Claim]) -> Sequence[Level] | Awaitable[Sequence[Level]]:
        return self._look(claims) if self._line.is_up and claims else self._alone.look(claims)

    async def _look(self, claims: Sequence[Claim]) -> Sequence[Level]:
        try:
            reply = await self._line.ask(self._write_take(claims, self._holder, looks=True))
        except Away:
            return self._alone.look(claims)
        return _read_levels(reply)

    def when_in_doubt(self, doubt: Callable[[], None]) -> None:
        """Have somebody told whenever a Redis is there that may have forgotten what was spent."""
        self._doubt = doubt

    # --- what is said -------------------------------------------------------------------------------------------

    def _write_take(self, claims: Sequence[Claim], holder: _Holder, *, looks: bool = False) -> bytes:
        words = [_HOLDERS, holder.id, self._now(), b"1" if looks else b"0"]
        for claim in claims:
            words += _numbers(claim.amount, claim.most, claim.period_ms, claim.end_micros // 1_000, claim.held)
        return _run(scripts.TAKE, [claim.key for claim in claims], words)

    def _now(self) -> bytes:
        return b"" if self._clock is None else b"%d" % (self._clock.now_micros() // 1_000)

    # --- leases -------------------------------------------------------------------------------------------------

    async def _prepare(self, run: Run) -> None:
        """Before anybody asks: the scripts, and a name to reserve under."""
        for script in scripts.ALL:
            await run("SCRIPT", "LOAD", script)
        await run("SET", _HOLDERS + self._holder.id, "1", "PX", _LEASE_MS)
        self._older = [holder for holder in self._older if holder.count > 0]
        for holder in self._older:
            await run("SET", _HOLDERS + holder.id, "1", "XX", "PX", _LEASE_MS)

    def _find(self) -> None:
        """Redis answers, for the first time or again: tell what could not be told, and doubt what it remembers."""
        self._pay()
        self._doubt()

    def _pay(self) -> None:
        """Tell what could not be told while nobody was there."""
        while self._owed and self._line.tell(self._owed[0]):
            self._owed.popleft()

    def _lose(self) -> None:
        """The connection is gone. What was under way on it may have been reserved or not: the next ones are reserved
        under another name, and what nobody knows of runs out with this one, once all that is known has been settled."""
        self._older.append(self._holder)
        self._holder = _Holder()
        if self._is_lenient:
            self._doubt()

    async def _introduce(self, holder: _Holder) -> None:
        self._older.append(self._holder)
        self._holder = holder
        await self._ask(pack(b"SET", _HOLDERS + holder.id, b"1", b"PX", b"%d" % _LEASE_MS))

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(_RENEW_SECONDS)
            self._pay()
            self._older = [holder for holder in self._older if holder.count > 0]
            for holder in (self._holder, *self._older):
                # Not made anew when it has run out: what it had reserved has been given away.
                self._line.tell(pack(b"SET", _HOLDERS + holder.id, b"1", b"XX", b"PX", b"%d" % _LEASE_MS))


def _believe() -> None:
    """What is called in doubt unless somebody has asked to be: does nothing."""


# --- commands as they are sent ----------------------------------------------------------------------------------------

_DIGESTS = {script: hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest().encode() for script in scripts.ALL}


def pack(*words: bytes) -> bytes:
    """A command in Redis' own form. Source: https://redis.io/docs/latest/develop/reference/protocol-spec/"""
    return b"*%d\r\n" % len(words) + b"".join([b"$%d\r\n%b\r\n" % (len(word), word) for word in words])


def _run(script: str, keys: Sequence[bytes], words: Sequence[bytes]) -> bytes:
    return pack(b"EVALSHA", _DIGESTS[script], b"%d" % len(keys), *[_COUNTERS + key for key in keys], *words)


def _numbers(*values: int) -> list[bytes]:
    return [b"%d" % value for value in values]


def _read(reply: Sequence[int], claims: Sequence[Claim], holder: _Holder) -> Outcome:
    is_taken, which, wait_ms, in_flight = reply[:4]
    levels = _read_levels(reply)
    if is_taken:
        holder.count += 1
        return Taken(claims, levels, holder)
    return Refused(claims[which - 1], wait_ms if wait_ms >= 0 else None, bool(in_flight), levels)


def _read_levels(reply: Sequence[int]) -> list[Level]:
    return [Level(*reply[start : start + 4]) for start in range(4, len(reply), 4)]
