"""Stretches of time in which something is counted: a calendar's hours, days, weeks and months in a zone, or seconds."""

from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Struct

Unit = Literal["minute", "hour", "day", "week", "month", "seconds"]

_SECOND = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LENGTHS = {"minute": 60, "hour": 3_600, "day": 86_400, "week": 604_800, "month": 2_592_000}

# Shorter ones flow: whoever comes late in a minute should not have to wait for the next one to begin.
_SMOOTH_BELOW_SECONDS = 3_600
_MOST_SECONDS = 366 * 86_400

_last: dict["Period", "Window"] = {}
_MOST_REMEMBERED = 1_000


class Window(Struct, frozen=True):
    """UTC microseconds; `end` is no part of it."""

    start: int
    end: int


class Period(Struct, frozen=True, cache_hash=True):
    """`zone` says where the hours, days, weeks and months begin. `seconds` is the length of one; of a month,
    roughly."""

    unit: Unit
    seconds: int
    zone: str = "UTC"

    @property
    def is_smooth(self) -> bool:
        """Whether what is counted flows off evenly, instead of being forgotten all at once."""
        return self.seconds < _SMOOTH_BELOW_SECONDS

    def window(self, at_micros: int) -> Window:
        """The one stretch of this period that holds a moment. Together they cover all time, and none overlaps."""
        last = _last.get(self)
        if last is not None and last.start <= at_micros < last.end:
            return last
        if len(_last) >= _MOST_REMEMBERED:
            _last.clear()
        _last[self] = found = self._find(at_micros)
        return found

    def _find(self, at_micros: int) -> Window:
        if self.unit in ("minute", "seconds"):
            length = self.seconds * _SECOND
            start = at_micros - at_micros % length
            return Window(start, start + length)
        at = to_moment(at_micros)
        zone = _find_zone(self.zone)
        begins = _begin_hours(at, zone) if self.unit == "hour" else _begin_days(at, zone, self.unit)
        return Window(
            max(begin for begin in begins if begin <= at_micros), min(begin for begin in begins if begin > at_micros)
        )

    def __str__(self) -> str:
        return f"{self.seconds}s" if self.unit == "seconds" else self.unit


def to_moment(micros: int) -> datetime:
    """A moment in UTC. Raises `OverflowError` for one that no calendar has."""
    return _EPOCH + timedelta(microseconds=micros)


def to_micros(moment: datetime) -> int:
    """The microseconds since 1970 of a moment that knows its zone."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def read_period(text: str, zone: str = "UTC") -> Period:
    """`minute`, `hour`, `day`, `week`, `month`, or seconds like `30s` → the period. Raises `ValueError`."""
    try:
        _find_zone(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"the zone should be a name like Europe/Zurich, not `{zone[:64]}`") from None
    match text:
        case "minute" | "hour" | "day" | "week" | "month":
            return Period(text, _LENGTHS[text], zone)
    digits = text.removesuffix("s")
    if not digits.isascii() or not digits.isdecimal() or len(digits) > 8 or not 1 <= int(digits) <= _MOST_SECONDS:
        raise ValueError("should be minute, hour, day, week, month, or seconds like 30s")
    return Period("seconds", int(digits), zone)


@lru_cache(maxsize=256)
def _find_zone(name: str) -> tzinfo:
    # Which is known even where there is no database of zones.
    return UTC if name == "UTC" else ZoneInfo(name)


# --- where they begin -------------------------------------------------------------------------------------------


def _begin_days(at: datetime, zone: tzinfo, unit: Unit) -> list[int]:
    """When days, weeks or months around a moment begin: the first instant that bears the date, whatever clocks do."""
    today = at.astimezone(zone).date()
    first = _first_day(today, unit)
    return [_first_instant(first, zone)] + [
        _first_instant(day, zone)
        for day in (_first_day(first - timedelta(days=1), unit), _next_first(first, unit), _after_next(first, unit))
    ]


def _first_day(day: date, unit: Unit) -> date:
    """The first day of the unit that a day is in. Weeks begin on Monday."""
    if unit == "month":
        return day.replace(day=1)
    return day - timedelta(days=day.weekday()) if unit == "week" else day


def _next_first(first: date, unit: Unit) -> date:
    # 32 days on is in the next month, whatever this one's length.
    return _first_day(first + timedelta(days={"month": 32, "week": 7}.get(unit, 1)), unit)


def _after_next(first: date, unit: Unit) -> date:
    return _next_first(_next_first(first, unit), unit)


def _first_instant(day: date, zone: tzinfo) -> int:
    # Of a midnight that comes twice the first one; one that clocks skip counts from the moment at which they do.
    return to_micros(datetime(day.year, day.month, day.day, tzinfo=zone))


def _begin_hours(at: datetime, zone: tzinfo) -> list[int]:
    """When hours around a moment begin: whenever clocks show a full one, which may come twice."""
    shown = at.astimezone(zone).replace(minute=0, second=0, microsecond=0, tzinfo=None, fold=0)
    begins = []
    for hours in (-2, -1, 0, 1, 2, 3):
        hour = (shown + timedelta(hours=hours)).replace(tzinfo=zone)
        begins.append(to_micros(hour))
        again = hour.replace(fold=1)
        if again.astimezone(UTC).astimezone(zone).replace(tzinfo=None) == again.replace(tzinfo=None):
            begins.append(to_micros(again))
    return begins
