"""Counters in this process' memory: exact, without waiting, and gone when it ends.

What flows is kept in amounts times milliseconds, so that nothing is ever rounded: of a counter that may hold `most`
within `period_ms` there flow off `most` a millisecond, and one claimed is `period_ms` of it.
"""

from collections.abc import Callable, Sequence

from trunkline.clock import Clock
from trunkline.state.counters import Claim, Level, Outcome, Refused, Taken

# Nobody knows when a request will be over: a good moment to ask again.
IN_FLIGHT_MS = 1_000

# Windows that are over are forgotten whenever so many counters have been opened, at least.
_SWEEP_AT_LEAST = 1_024

# Some thirty megabytes. One counter for each key or path: nobody has as many, but who makes them up.
MOST_COUNTERS = 100_000


class _Counter:
    """`spent` is scaled where it flows, and as of `at_ms`. `held` is never scaled."""

    __slots__ = ("at_ms", "end_micros", "held", "most", "spent")

    def __init__(self, claim: Claim, now_ms: int) -> None:
        self.most = claim.most
        self.end_micros = claim.end_micros
        self.spent = 0
        self.held = 0
        self.at_ms = now_ms

    def flow(self, now_ms: int) -> int:
        """Let flow off what should have by now. What is left."""
        # A clock that was set back is believed at once: the counter must not stand still until it has caught up.
        elapsed, self.at_ms = now_ms - self.at_ms, now_ms
        if elapsed > 0 and self.spent:
            self.spent = max(0, self.spent - elapsed * self.most)
        return self.spent

    def is_idle(self, now_ms: int) -> bool:
        """Whether it says no more than one that was never opened."""
        if self.held:
            return False
        return self.end_micros <= now_ms * 1_000 if self.end_micros else not self.flow(now_ms)


class MemoryCounters:
    """The port, for one process. Beyond `most_counters` those that were opened first are forgotten, if nothing of them
    is held."""

    def __init__(self, clock: Clock, most_counters: int = MOST_COUNTERS) -> None:
        self._clock = clock
        self._counters: dict[bytes, _Counter] = {}
        self._most = most_counters
        self._sweep_at = _SWEEP_AT_LEAST

    def __repr__(self) -> str:
        return f"MemoryCounters({len(self._counters)} counters)"

    # --- the port -----------------------------------------------------------------------------------------------

    def take(self, claims: Sequence[Claim]) -> Outcome:
        # Done for every request, so it is written out: each claim is seen, taken and drawn while it is in the hand.
        now_ms = self._clock.now_micros() // 1_000
        opened = self._counters
        counters: list[_Counter] = []
        levels = []
        for claim in claims:
            counter = opened.get(claim.key)
            if counter is None:
                counter = self._open(claim, now_ms)
            amount, most, scale = claim.amount, claim.most, claim.period_ms
            held = counter.held
            if scale:
                spent = counter.flow(now_ms)
                if spent + (held + amount - most) * scale > 0:
                    return self._refuse(claims, counters, now_ms)
                if claim.held:
                    held = counter.held = held + amount
                else:
                    spent = counter.spent = spent + amount * scale
                # What has flowed off in part still counts as a whole one.
                whole = -(-spent // scale)
                levels.append(Level(most - whole - held, -(-spent // most), whole, held))
            else:
                spent = counter.spent
                if spent + held + amount > most:
                    return self._refuse(claims, counters, now_ms)
                if claim.held:
                    held = counter.held = held + amount
                else:
                    spent = counter.spent = spent + amount
                end_micros = claim.end_micros
                levels.append(
                    Level(most - spent - held, end_micros // 1_000 - now_ms if end_micros else 0, spent, held)
                )
            counters.append(counter)
        return Taken(claims, levels, counters)

    def _refuse(self, claims: Sequence[Claim], taken: Sequence[_Counter], now_ms: int) -> Refused:
        """Give back those that were taken already, and say why all do not fit: the claim that waits longest, or for
        ever."""
        self._give_back(claims[: len(taken)], taken)
        counters = [self._counters.get(claim.key) or self._open(claim, now_ms) for claim in claims]
        levels = self._look(claims, now_ms)
        longest = Refused(claims[0], 0, False, levels)
        for claim, counter in zip(claims, counters, strict=True):
            wait_ms = _find_wait(claim, counter, now_ms)
            if wait_ms is None or wait_ms > (longest.wait_ms or 0):
                longest = Refused(claim, wait_ms, wait_ms is not None and _is_in_flight(claim, counter), levels)
            if wait_ms is None:
                break
        return longest

    def settle(self, taken: Taken, amounts: Sequence[int]) -> None:
        now_ms = self._clock.now_micros() // 1_000
        for claim, counter, amount in zip(taken.claims, taken.holder, amounts):  # noqa: B905 - one was made for each other
            if claim.held:
                counter.held -= claim.amount
                scale = claim.period_ms
                if scale:
                    counter.spent = max(0, counter.flow(now_ms) + amount * scale)
                elif claim.end_micros:
                    counter.spent += amount

    def release(self, taken: Taken) -> None:
        self._give_back(taken.claims, taken.holder)

    def _give_back(self, claims: Sequence[Claim], counters: Sequence[_Counter]) -> None:
        for claim, counter in zip(claims, counters, strict=True):
            if claim.held:
                counter.held -= claim.amount
            else:
                self._spend(claim, counter, -claim.amount)

    def _spend(self, claim: Claim, counter: _Counter, amount: int) -> None:
        if claim.period_ms:
            counter.flow(self._clock.now_micros() // 1_000)
        counter.spent = max(0, counter.spent + amount * (claim.period_ms or 1))

    def seed(self, key: bytes, amount: int, end_micros: int) -> None:
        claim = Claim(key, "window", 0, 0, end_micros=end_micros)
        counter = self._counters.get(key) or self._open(claim, self._clock.now_micros() // 1_000)
        counter.spent = max(counter.spent, amount)

    def when_in_doubt(self, doubt: Callable[[], None]) -> None:
        """Does nothing: these counters forget nothing while the process lives."""

    def look(self, claims: Sequence[Claim]) -> Sequence[Level]:
        return self._look(claims, self._clock.now_micros() // 1_000)

    def _look(self, claims: Sequence[Claim], now_ms: int) -> Sequence[Level]:
        levels = []
        for claim in claims:
            counter = self._counters.get(claim.key) or _Counter(claim, now_ms)
            if claim.period_ms:
                counter.flow(now_ms)
            levels.append(_draw(claim, counter, now_ms))
        return levels

    def reset(self, keys: Sequence[bytes]) -> None:
        for key in keys:
            counter = self._counters.get(key)
            if counter is not None:
                counter.spent = 0

    # --- keeping house ------------------------------------------------------------------------------------------

    def _open(self, claim: Claim, now_ms: int) -> _Counter:
        if len(self._counters) >= self._sweep_at:
            self._sweep(now_ms)
        counter = self._counters[claim.key] = _Counter(claim, now_ms)
        return counter

    def _sweep(self, now_ms: int) -> None:
        """Forget what is idle, and of the rest the oldest where there are too many; again once there are twice as
        many."""
        kept = {key: counter for key, counter in self._counters.items() if not counter.is_idle(now_ms)}
        if len(kept) >= self._most:
            unheld = [key for key, counter in kept.items() if not counter.held]
            for key in unheld[: len(kept) - self._most // 2]:
                del kept[key]
        self._counters = kept
        self._sweep_at = min(self._most, max(_SWEEP_AT_LEAST, 2 * len(kept)))


def _find_wait(claim: Claim, counter: _Counter, now_ms: int) -> int | None:
    """Milliseconds until a claim fits; 0 for now, `None` for never."""
    scale = claim.period_ms or 1
    over = counter.spent + (claim.amount - claim.most) * scale
    if over + counter.held * scale <= 0:
        return 0
    if claim.amount > claim.most:
        return None
    if over <= 0:
        return IN_FLIGHT_MS
    return -(-over // claim.most) if claim.period_ms else max(1, _until(claim, now_ms))


def _is_in_flight(claim: Claim, counter: _Counter) -> bool:
    """Whether a claim that does not fit would, but for what is held."""
    return counter.spent + (claim.amount - claim.most) * (claim.period_ms or 1) <= 0


def _draw(claim: Claim, counter: _Counter, now_ms: int) -> Level:
    spent, held, most, period_ms = counter.spent, counter.held, claim.most, claim.period_ms
    if period_ms:
        whole = -(-spent // period_ms)
        return Level(max(0, most - whole - held), -(-spent // most), whole, held)
    return Level(max(0, most - spent - held), _until(claim, now_ms) if claim.end_micros else 0, spent, held)


def _until(claim: Claim, now_ms: int) -> int:
    """Milliseconds until a window is over."""
    return max(0, claim.end_micros // 1_000 - now_ms)
