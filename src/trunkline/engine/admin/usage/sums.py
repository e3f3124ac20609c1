"""Sums over any stretch of time, a part at a time: no question to the database is larger than a month of hours, or a
day of rows."""

from collections.abc import Iterator, Sequence
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

from trunkline.engine.admin.usage.query import Apart, Asked
from trunkline.engine.admin.usage.shapes import write_moment
from trunkline.errors import InvalidRequest
from trunkline.state.periods import Window, to_moment
from trunkline.state.usage import By, Sums, UsageRows

_DAY_MICROS = 24 * 3600 * 1_000_000
_HOUR_MICROS = 3600 * 1_000_000

_DAYS = 30
_STRETCH_MICROS = 30 * _DAY_MICROS
_MOST_DAYS = 800
_MOST_GROUPS = 10_000


class Part(Struct, frozen=True):
    """What several requests come to, and what they have in common: one value for each that was asked for."""

    values: tuple[str, ...]
    sums: Sums


async def sum_up(rows: UsageRows, asked: Asked, aparts: Sequence[Apart]) -> Sequence[Part]:
    """Parts in the order of time where they are taken apart by it, else the dearest first.

    Raises `InvalidRequest` for more groups than anybody reads.
    """
    by: list[By] = [apart for apart in aparts if apart != "day"]
    found: dict[tuple[str, ...], Sums] = {}
    for window in _split(asked, by_day=_is_by_day(asked, aparts)):
        wanted = replace(asked.wanted, start_micros=window.start, end_micros=window.end)
        for group in await rows.sums(wanted, by, _MOST_GROUPS):
            values = _name(aparts, group.values, window, asked.day.zone)
            found[values] = found.get(values, Sums()) + group.sums
        if len(found) > _MOST_GROUPS:
            raise InvalidRequest(
                f"these are more than {_MOST_GROUPS} groups: ask for a shorter time, or for one path", param="group_by"
            )
    parts = [Part(values, sums) for values, sums in found.items() if sums.requests or not aparts]
    by_time = next((place for place, apart in enumerate(aparts) if apart in ("day", "hour")), None)
    if by_time is None:
        return sorted(parts, key=lambda part: (-part.sums.cost, part.values))
    return sorted(parts, key=lambda part: (part.values[by_time], part.values))


def settle_time(asked: Asked, now_micros: int) -> Asked:
    """What is wanted, with a beginning and an end: the last thirty days, unless it says otherwise.

    Raises `InvalidRequest`.
    """
    wanted = asked.wanted
    end = now_micros + 1 if wanted.end_micros is None else wanted.end_micros
    start = wanted.start_micros
    if start is None:
        start = asked.day.window(max(0, end - _DAYS * _DAY_MICROS)).start
    if end - start > _MOST_DAYS * _DAY_MICROS:
        raise InvalidRequest(f"from `start` to `end` may be {_MOST_DAYS} days at most", param="start")
    return Asked(replace(wanted, start_micros=start, end_micros=max(start, end)), asked.day)


def _is_by_day(asked: Asked, aparts: Sequence[Apart]) -> bool:
    """Whether days are told apart, or it is rows that are summed up: of sessions there are no hours."""
    return "day" in aparts or "session" in aparts or asked.wanted.session is not None


def _split(asked: Asked, *, by_day: bool) -> Iterator[Window]:
    """The days of the wanted time, or longer stretches, the first and the last of them cut to it."""
    start, end = asked.wanted.start_micros or 0, asked.wanted.end_micros or 0
    while True:
        part_end = min(asked.day.window(start).end if by_day else start + _STRETCH_MICROS, end)
        yield Window(start, part_end)
        start = part_end
        if start >= end:
            return


def _name(aparts: Sequence[Apart], values: tuple[str | int, ...], window: Window, zone: str) -> tuple[str, ...]:
    rest = iter(values)
    return tuple(_name_day(window, zone) if apart == "day" else _name_value(next(rest)) for apart in aparts)


def _name_value(value: str | int) -> str:
    return write_moment(value * _HOUR_MICROS) if isinstance(value, int) else value


def _name_day(window: Window, zone: str) -> str:
    return to_moment(window.start).astimezone(ZoneInfo(zone)).date().isoformat()
