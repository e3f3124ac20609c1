"""What past requests would have cost by today's prices, written over what they did cost when they were made."""

from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct

from trunkline.engine.admin.usage.book import find_place
from trunkline.engine.admin.usage.query import ADMIN_FILTERS, check_names, read_asked
from trunkline.engine.admin.usage.shapes import write_moment
from trunkline.engine.query import Query
from trunkline.money import FREE, TOLD, Nano, Tariff, charge, write_dollars
from trunkline.state.usage import Recost, UsageRows, UsedAttempt, UsedRequest, WantedUsage

# One transaction's worth: other writers, and the requests of this process, wait for some milliseconds.
_AT_ONCE = 50

# What one request may ask for, in a few seconds; whoever wants more asks again.
_MOST = 5_000

PARAMETERS = (*ADMIN_FILTERS, "after", "dry_run")

FindTariff = Callable[[str, str], Tariff | None]
"""Account and model → what that costs today. Raises `LookupError` for an account that is not known any more."""


class Asked(Struct, frozen=True):
    """Which requests are computed anew, behind the one with the id `after`; `is_dry`: nothing is written."""

    wanted: WantedUsage
    after: str | None
    is_dry: bool

    def describe(self) -> dict[str, Any]:
        """For those who read what administrators have done."""
        wanted = self.wanted
        told = {name: getattr(wanted, name) for name in ("provider", "model", "key", "key_id", "session", "label")}
        times = {"start": wanted.start_micros, "end": wanted.end_micros}
        shown = {name: write_moment(micros) for name, micros in times.items() if micros is not None}
        return {"path": wanted.path, **shown, **{name: value for name, value in told.items() if value is not None}}


class _Sums:
    """What has been done so far. Money is in nano-dollars, without what has no price."""

    def __init__(self) -> None:
        self.requests = 0
        self.attempts = 0
        self.changed = 0
        self.before = 0
        self.after = 0
        self.last_id: str | None = None


def read_recalculation(query: Query, top: str) -> Asked:
    """What a query asks for. Raises `InvalidRequest`, and `Forbidden` for a path elsewhere."""
    check_names(query, PARAMETERS)
    return Asked(read_asked(query, top).wanted, query.text("after"), query.flag("dry_run"))


async def recalculate(rows: UsageRows, asked: Asked, top: str, find_tariff: FindTariff) -> dict[str, Any]:
    """Some thousands of requests, the oldest first, and where to go on. Raises `Unavailable`; then those before stay
    done."""
    await rows.hurry()
    place = None if asked.after is None else await find_place(rows, top, asked.after)
    sums, more = _Sums(), True
    while more and sums.requests < _MOST:
        found = await rows.page(asked.wanted, after=place, limit=_AT_ONCE, order="asc")
        batch, more = found[:_AT_ONCE], len(found) > _AT_ONCE
        if not batch:
            break
        place, sums.last_id = batch[-1].number, batch[-1].id
        await _do_batch(rows, batch, find_tariff, sums, is_dry=asked.is_dry)
    return _describe(sums, asked, more=more)


async def _do_batch(
    rows: UsageRows, batch: Sequence[UsedRequest], find_tariff: FindTariff, sums: _Sums, *, is_dry: bool
) -> None:
    attempts = await rows.attempts([request.id for request in batch])
    changed: list[Recost] = []
    costs: dict[str, Nano | None] = {}
    for request in batch:
        made = attempts.get(request.id, ())
        anew = [_recost(attempt, find_tariff) for attempt in made]
        changed += [recost for recost in anew if recost is not None]
        sums.attempts += len(made)
        if any(anew):
            new = [old.cost if recost is None else recost.cost for old, recost in zip(made, anew, strict=True)]
            priced = [cost for cost in new if cost is not None]
            costs[request.id] = Nano(sum(priced)) if priced else None
        sums.before += request.cost or 0
        sums.after += costs.get(request.id, request.cost) or 0
    sums.requests += len(batch)
    sums.changed += len(changed)
    if changed and not is_dry:
        await rows.recost(changed, costs)


def _recost(attempt: UsedAttempt, find_tariff: FindTariff) -> Recost | None:
    """What an attempt costs by today's prices; `None` where that is what it says, or is not ours to say."""
    is_unused = attempt.cost == FREE and not attempt.cost_source
    if attempt.cost_source == TOLD or is_unused:
        return None
    try:
        tariff = find_tariff(attempt.provider, attempt.model)
    except LookupError:
        return None
    cost, rates, source = charge(attempt.usage, tariff)
    if (cost, source) == (attempt.cost, attempt.cost_source):
        return None
    return Recost(attempt.request_id, attempt.position, cost, source, rates)


def _describe(sums: _Sums, asked: Asked, *, more: bool) -> dict[str, Any]:
    return {
        "object": "usage.recalculation",
        "dry_run": asked.is_dry,
        "requests": sums.requests,
        "attempts": sums.attempts,
        "changed_attempts": sums.changed,
        "cost_before": write_dollars(sums.before),
        "cost_before_nanos": sums.before,
        "cost_after": write_dollars(sums.after),
        "cost_after_nanos": sums.after,
        "last_id": sums.last_id,
        "has_more": more,
    }
