"""Counters: what any of them must do, and what those in memory do besides."""

import asyncio

from counting import MINUTE_MS, look, must_refuse, must_take, rate, settled, slot, take, window
from hypothesis import given
from hypothesis import strategies as st

from trunkline.clock import FakeClock
from trunkline.shared.counters import MemoryCounters
from trunkline.state.counters import Claim, Counters, Level, Refused, Taken

DAY_MICROS = 24 * 3_600 * 1_000_000


class RunningClock(FakeClock):
    """One by which a millisecond passes whenever somebody looks."""

    def now_micros(self) -> int:
        self.advance(0.001)
        return super().now_micros()


# --- how much there may be ------------------------------------------------------------------------------------------


async def test_a_billion_dollars(counters: Counters, clock: FakeClock) -> None:
    """Counted to the last nano-dollar, of what is spent and of what is reserved."""
    most, end = 10**18, clock.now_micros() + DAY_MICROS
    claims = [window(amount=amount, most=most, end_micros=end) for amount in (most - 2, 1, 1)]
    first, second, third = [await must_take(counters, claim) for claim in claims]
    await must_refuse(counters, claims[-1])
    counters.settle(first, [most - 3])
    counters.settle(second, [1])
    last = await must_take(counters, claims[-1])
    counters.settle(last, [1])
    counters.settle(third, [1])
    await must_refuse(counters, claims[-1])


async def test_a_billion_dollars_known_from_elsewhere(counters: Counters, clock: FakeClock) -> None:
    """To the last one, too; the most that is known counts."""
    most, end = 10**18, clock.now_micros() + DAY_MICROS
    for spent in (most - 1, most - 2):
        await settled(counters.seed(b"window", spent, end))
    await must_take(counters, window(amount=1, most=most, end_micros=end))
    await must_refuse(counters, window(amount=1, most=most, end_micros=end))
    await settled(counters.seed(b"window", most, end))
    await must_refuse(counters, window(amount=0, most=most - 1, end_micros=end))


# --- what flows -------------------------------------------------------------------------------------------------


async def test_rate(counters: Counters, clock: FakeClock) -> None:
    """As many as there are may come at once, and then one whenever one has flowed off."""
    for left in (2, 1, 0):
        taken = await must_take(counters, rate())
        assert taken.levels[0].left == left
    refused = await must_refuse(counters, rate())
    assert (refused.wait_ms, refused.in_flight) == (20_000, False)
    clock.advance(19.999)
    assert (await must_refuse(counters, rate())).wait_ms == 1
    clock.advance(0.001)
    await must_take(counters, rate())
    assert (await must_refuse(counters, rate())).wait_ms == 20_000


async def test_rate_that_no_millisecond_divides(counters: Counters, clock: FakeClock) -> None:
    """Nothing is rounded away: in seven minutes of seven each there are seven times seven, and the first seven."""
    granted = 0
    for _ in range(7 * MINUTE_MS // 100):
        granted += isinstance(await take(counters, rate(most=7)), Taken)
        clock.advance(0.1)
    assert granted in (55, 56)


async def test_full_again(counters: Counters, clock: FakeClock) -> None:
    """A level says when all of it will be there again."""
    taken = await must_take(counters, rate(amount=2))
    assert taken.levels[0] == Level(left=1, full_in_ms=40_000, spent=2, held=0)
    clock.advance(30)
    assert await look(counters, rate()) == [Level(left=2, full_in_ms=10_000, spent=1, held=0)]
    clock.advance(10)
    assert await look(counters, rate()) == [Level(left=3, full_in_ms=0, spent=0, held=0)]


async def test_held_rate(counters: Counters, clock: FakeClock) -> None:
    """What is reserved does not flow off: it may still come to all of it."""
    claim = rate(amount=60, most=100, held=True)
    taken = await must_take(counters, claim)
    clock.advance(60)
    refused = await must_refuse(counters, claim)
    assert (refused.in_flight, refused.wait_ms) == (True, 1_000)
    counters.settle(taken, [80])
    refused = await must_refuse(counters, claim)
    assert (refused.in_flight, refused.wait_ms) == (False, 24_000)
    clock.advance(24)
    await must_take(counters, claim)


# --- windows ----------------------------------------------------------------------------------------------------


async def test_window(counters: Counters, clock: FakeClock) -> None:
    """Within a window there is so much, and its end says when to come again."""
    end = clock.now_micros() + 90_000_000
    for _ in range(3):
        await must_take(counters, window(end_micros=end, held=False))
    refused = await must_refuse(counters, window(end_micros=end, held=False))
    assert (refused.wait_ms, refused.in_flight) == (90_000, False)
    assert refused.levels == [Level(left=0, full_in_ms=90_000, spent=3, held=0)]
    clock.advance(90)
    await must_take(counters, window(b"the next one", end_micros=end + 90_000_000, held=False))


async def test_settled(counters: Counters, clock: FakeClock) -> None:
    """What it came to takes the place of what was reserved, be it less or more than that."""
    end = clock.now_micros() + DAY_MICROS
    first = await must_take(counters, window(amount=40, most=100, end_micros=end))
    second = await must_take(counters, window(amount=40, most=100, end_micros=end))
    refused = await must_refuse(counters, window(amount=40, most=100, end_micros=end))
    assert (refused.in_flight, refused.wait_ms) == (True, 1_000)
    counters.settle(first, [10])
    third = await must_take(counters, window(amount=40, most=100, end_micros=end))
    assert third.levels == [Level(left=10, full_in_ms=DAY_MICROS // 1000, spent=10, held=80)]
    counters.settle(second, [70])
    counters.settle(third, [40])
    assert await look(counters, window(most=100, end_micros=end)) == [
        Level(left=0, full_in_ms=DAY_MICROS // 1000, spent=120, held=0)
    ]


async def test_exactly_all(counters: Counters, clock: FakeClock) -> None:
    """The last one that fits is granted."""
    end = clock.now_micros() + DAY_MICROS
    taken = await must_take(counters, window(amount=3, end_micros=end))
    assert taken.levels[0].left == 0
    await must_refuse(counters, window(end_micros=end))


async def test_too_large_for_ever(counters: Counters, clock: FakeClock) -> None:
    """What is larger than all there is never fits, and the refusal says so."""
    end = clock.now_micros() + DAY_MICROS
    refused = await must_refuse(counters, window(b"used", 4, end_micros=end), window(amount=5, end_micros=end))
    assert refused.wait_ms is None


# --- slots ------------------------------------------------------------------------------------------------------


async def test_slots(counters: Counters) -> None:
    """So many at once; one that is given back is there at once."""
    first = await must_take(counters, slot())
    second = await must_take(counters, slot())
    refused = await must_refuse(counters, slot())
    assert (refused.in_flight, refused.wait_ms) == (True, 1_000)
    counters.settle(first, [0])
    third = await must_take(counters, slot())
    assert third.levels == [Level(left=0, full_in_ms=0, spent=0, held=2)]
    counters.settle(second, [0])
    counters.release(third)
    assert await look(counters, slot()) == [Level(left=2, full_in_ms=0)]


# --- several at once ----------------------------------------------------------------------------------------------


async def test_all_or_none(counters: Counters, clock: FakeClock) -> None:
    """When one claim does not fit nothing is taken, of those before it and behind it."""
    end = clock.now_micros() + DAY_MICROS
    others = (rate(), window(end_micros=end), slot())
    await must_take(counters, slot(b"full", 1))
    before = await look(counters, *others)
    refused = await must_refuse(counters, *others[:2], slot(b"full", 1), others[2])
    assert refused.claim.key == b"full"
    assert len(refused.levels) == 4
    assert await look(counters, *others) == before


async def test_longest_wait(counters: Counters, clock: FakeClock) -> None:
    """Of several that do not fit, the one that has to wait longest is named."""
    end = clock.now_micros() + DAY_MICROS
    claims = (slot(most=1), rate(most=1), window(most=1, end_micros=end, held=False))
    await must_take(counters, *claims)
    refused = await must_refuse(counters, *claims)
    assert (refused.claim, refused.wait_ms) == (claims[2], DAY_MICROS // 1000)
    assert not refused.in_flight


async def test_released(counters: Counters, clock: FakeClock) -> None:
    """What nothing came of goes back, what was spent at once as well."""
    end = clock.now_micros() + DAY_MICROS
    claims = (rate(), window(end_micros=end), window(b"at once", end_micros=end, held=False), slot())
    counters.release(await must_take(counters, *claims))
    assert [(level.spent, level.held) for level in await look(counters, *claims)] == [(0, 0)] * 4


async def test_spent_at_once(counters: Counters, clock: FakeClock) -> None:
    """Settling leaves alone what was spent at once."""
    end = clock.now_micros() + DAY_MICROS
    claims = (rate(), window(end_micros=end, held=False))
    counters.settle(await must_take(counters, *claims), [50, 50])
    assert [level.spent for level in await look(counters, *claims)] == [1, 1]


async def test_seeded(counters: Counters, clock: FakeClock) -> None:
    """What is known from elsewhere is the least that was spent."""
    end = clock.now_micros() + DAY_MICROS
    claim = window(amount=10, most=100, end_micros=end)
    await settled(counters.seed(claim.key, 80, end))
    assert (await look(counters, claim))[0].left == 20
    counters.settle(await must_take(counters, claim), [15])
    await settled(counters.seed(claim.key, 80, end))
    assert (await look(counters, claim))[0].spent == 95
    refused = await must_refuse(counters, claim)
    assert not refused.in_flight


async def test_reset(counters: Counters, clock: FakeClock) -> None:
    """What was spent can be forgotten; what is reserved goes on to be."""
    end = clock.now_micros() + DAY_MICROS
    claims = (rate(most=1), window(amount=2, end_micros=end))
    await must_take(counters, *claims)
    counters.settle(await must_take(counters, window(end_micros=end)), [1])
    await settled(counters.reset([claim.key for claim in claims] + [b"unknown"]))
    assert [(level.spent, level.held) for level in await look(counters, *claims)] == [(0, 0), (0, 2)]


async def test_many_tasks(counters: Counters, clock: FakeClock) -> None:
    """Of 64 tasks that come at once as many get through as there is room for, and nothing is left held."""
    end = clock.now_micros() + DAY_MICROS
    claims = (window(amount=10, most=100, end_micros=end), slot(most=50))
    at_once = most_at_once = granted = 0

    async def work() -> None:
        nonlocal at_once, most_at_once, granted
        outcome = await take(counters, *claims)
        if isinstance(outcome, Refused):
            return
        at_once += 1
        most_at_once, granted = max(at_once, most_at_once), granted + 1
        await asyncio.sleep(0)
        at_once -= 1
        counters.settle(outcome, [10, 0])

    await asyncio.gather(*(work() for _ in range(64)))
    assert (granted, most_at_once) == (10, 10)
    assert await look(counters, *claims) == [Level(0, DAY_MICROS // 1000, 100, 0), Level(50, 0)]


# --- in memory ----------------------------------------------------------------------------------------------------


class Reference:
    """What flows, as simple as can be: every claim that was granted, and the level that they make, millisecond by millisecond."""

    def __init__(self, most: int, period_ms: int) -> None:
        self.most, self.period_ms = most, period_ms
        self.level = self.at_ms = 0

    def take(self, at_ms: int, amount: int) -> bool:
        self.level = max(0, self.level - (at_ms - self.at_ms) * self.most)
        self.at_ms = at_ms
        fits = self.level + amount * self.period_ms <= self.most * self.period_ms
        self.level += amount * self.period_ms if fits else 0
        return fits


@given(
    most=st.integers(1, 50),
    seconds=st.integers(1, 90),
    steps=st.lists(st.tuples(st.integers(0, 40_000), st.integers(1, 20)), max_size=60),
)
def test_rates_are_exact(most: int, seconds: int, steps: list[tuple[int, int]]) -> None:
    """Every claim is decided as by the book; a refused one fits after exactly the time that was said, and not before."""
    clock = FakeClock()
    counters, reference = MemoryCounters(clock), Reference(most, seconds * 1_000)
    started, granted = clock.now_micros() // 1_000, []
    for pause, amount in steps:
        clock.micros += pause * 1_000
        now = clock.now_micros() // 1_000 - started
        outcome = counters.take([rate(amount=amount, most=most, period_ms=seconds * 1_000)])
        assert isinstance(outcome, Taken) == reference.take(now, amount)
        if isinstance(outcome, Taken):
            granted.append((now, amount))
        elif outcome.wait_ms is None:
            assert amount > most
        else:
            assert not fits_after(counters, clock, outcome.claim, outcome.wait_ms - 1)
            assert fits_after(counters, clock, outcome.claim, outcome.wait_ms)
    for since, _ in granted:
        within = sum(amount for at, amount in granted if since <= at < since + seconds * 1_000)
        assert within <= 2 * most


def fits_after(counters: MemoryCounters, clock: FakeClock, claim: Claim, wait_ms: int) -> bool:
    """Whether a claim would fit so much later; the world is left as it was."""
    later = FakeClock(clock.micros + wait_ms * 1_000)
    level = counters.look([claim])[0]
    copy = MemoryCounters(later)
    copy._counters = {key: clone(counter) for key, counter in counters._counters.items()}
    assert level.held == 0
    return isinstance(copy.take([claim]), Taken)


def clone(counter: object) -> object:
    made = object.__new__(type(counter))
    for name in type(counter).__slots__:  # type: ignore[attr-defined]
        setattr(made, name, getattr(counter, name))
    return made


@given(st.lists(st.tuples(st.sampled_from(["take", "settle", "release"]), st.integers(0, 30)), max_size=80))
def test_windows_are_exact(steps: list[tuple[str, int]]) -> None:
    """What was settled and what is reserved never pass the limit together, unless more was settled than reserved."""
    clock = FakeClock()
    counters = MemoryCounters(clock)
    end = clock.now_micros() + DAY_MICROS
    under_way: list[Taken] = []
    spent = 0
    for step, amount in steps:
        if step == "take":
            outcome = counters.take([window(amount=amount, most=100, end_micros=end)])
            held = sum(taken.claims[0].amount for taken in under_way)
            assert isinstance(outcome, Taken) == (spent + held + amount <= 100)
            under_way += [outcome] if isinstance(outcome, Taken) else []
        elif under_way and step == "settle":
            counters.settle(under_way.pop(0), [amount])
            spent += amount
        elif under_way:
            counters.release(under_way.pop())
    level = counters.look([window(end_micros=end, most=100)])[0]
    assert (level.spent, level.held) == (spent, sum(taken.claims[0].amount for taken in under_way))


def test_old_windows_go() -> None:
    """Windows that are over are forgotten, those that something is still held of are not."""
    clock = FakeClock()
    counters = MemoryCounters(clock)
    held = counters.take([window(b"held", end_micros=clock.now_micros() + 1_000_000)])
    for hour in range(5_000):
        counters.take(
            [window(b"%d" % hour, end_micros=clock.now_micros() + 1_000_000, held=False), rate(b"r%d" % hour)]
        )
        clock.advance(30)
    assert int(repr(counters).split("(")[1].split()[0]) < 2_100
    assert isinstance(held, Taken)
    counters.settle(held, [1])
    assert counters.look([window(b"held")])[0].spent == 1


def test_bounded() -> None:
    """However many names there are, no more counters are kept than said; the oldest are forgotten."""
    clock = FakeClock()
    counters = MemoryCounters(clock, most_counters=2_000)
    end = clock.now_micros() + DAY_MICROS
    counters.take([window(b"held", end_micros=end)])
    for number in range(10_000):
        counters.take([window(b"%d" % number, end_micros=end, held=False)])
    assert int(repr(counters).split("(")[1].split()[0]) <= 2_000
    assert counters.look([window(b"held")])[0].held == 1
    assert counters.look([window(b"9999")])[0].spent == 1


def test_a_clock_set_back() -> None:
    """A clock that is set back stops nothing."""
    clock = FakeClock()
    counters = MemoryCounters(clock)
    counters.take([rate(amount=3)])
    clock.advance(-3_600)
    counters.take([rate()])
    clock.advance(20)
    assert isinstance(counters.take([rate()]), Taken)


def test_refused_at_one_moment() -> None:
    """Time that goes by while a refusal is put into words changes nothing of it."""
    clock = RunningClock()
    counters = MemoryCounters(clock)
    claims = [slot(key=b"other"), rate(most=60_000, amount=60_000)]
    assert isinstance(counters.take(claims), Taken)
    refused = counters.take([slot(key=b"other"), rate(most=60_000, amount=2)])
    assert isinstance(refused, Refused)
    assert (refused.claim.kind, refused.wait_ms) == ("rate", 1)
