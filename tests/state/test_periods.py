"""Stretches of time, across everything that calendars and clocks do."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trunkline.state.periods import Period, Window, read_period

HOUR = 3_600_000_000
ZONES = (
    "UTC",
    "Europe/Zurich",
    "America/St_Johns",
    "Atlantic/Azores",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Pacific/Apia",
    "America/Sao_Paulo",
)


def micros(text: str, zone: str = "UTC", fold: int = 0) -> int:
    """A wall clock's time → UTC microseconds."""
    moment = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold)
    return int(moment.astimezone(UTC).timestamp()) * 1_000_000


def window(per: str, zone: str, text: str, fold: int = 0) -> Window:
    return read_period(per, zone).window(micros(text, zone, fold))


@pytest.mark.parametrize(
    ("per", "at", "start", "end"),
    [
        ("minute", "2026-03-01 10:20:59", "2026-03-01 10:20", "2026-03-01 10:21"),
        ("hour", "2026-03-01 10:20", "2026-03-01 10:00", "2026-03-01 11:00"),
        ("day", "2026-03-01 00:00", "2026-03-01 00:00", "2026-03-02 00:00"),
        ("week", "2026-03-01 23:59", "2026-02-23 00:00", "2026-03-02 00:00"),
        ("month", "2028-02-29 12:00", "2028-02-01 00:00", "2028-03-01 00:00"),
        ("month", "2026-12-31 23:59", "2026-12-01 00:00", "2027-01-01 00:00"),
        ("30s", "1970-01-01 00:01:15", "1970-01-01 00:01", "1970-01-01 00:01:30"),
        ("7200", "1970-01-01 03:00", "1970-01-01 02:00", "1970-01-01 04:00"),
    ],
)
def test_windows(per: str, at: str, start: str, end: str) -> None:
    """Each begins where its calendar says, and ends where the next one begins."""
    assert window(per, "UTC", at) == Window(micros(start), micros(end))


def test_days_of_other_lengths() -> None:
    """A day in which clocks are changed has 23 hours, or 25, and a month likewise."""
    zurich = "Europe/Zurich"
    spring, autumn = window("day", zurich, "2026-03-29 12:00"), window("day", zurich, "2026-10-25 12:00")
    assert (spring.end - spring.start, autumn.end - autumn.start) == (23 * HOUR, 25 * HOUR)
    march = window("month", zurich, "2026-03-15 12:00")
    assert march == Window(micros("2026-03-01", zurich), micros("2026-04-01", zurich))
    assert march.end - march.start == (31 * 24 - 1) * HOUR


def test_hours_that_come_twice() -> None:
    """When clocks go back an hour comes twice, and each time counts for itself."""
    first, second = (window("hour", "Europe/Zurich", "2026-10-25 02:30", fold) for fold in (0, 1))
    assert first.end == second.start
    assert first.end - first.start == second.end - second.start == HOUR


def test_hours_of_half_zones() -> None:
    """Hours begin where clocks show a full one, though that be half past elsewhere."""
    found = window("hour", "Asia/Kathmandu", "2026-05-01 10:10")
    assert found.start == micros("2026-05-01 04:15")


def test_midnight_that_is_skipped() -> None:
    """Where clocks go forward at midnight the day begins at the moment at which they do."""
    found = window("day", "America/Sao_Paulo", "2018-11-04 12:00")
    assert found == Window(micros("2018-11-04 03:00"), micros("2018-11-05 02:00"))


def test_a_day_that_is_skipped() -> None:
    """Samoa had no 30 December 2011: the 29th ends where the 31st begins."""
    assert (
        window("day", "Pacific/Apia", "2011-12-29 12:00").end == window("day", "Pacific/Apia", "2011-12-31 12:00").start
    )


@given(
    at=st.integers(min_value=0, max_value=4_000_000_000_000_000),
    per=st.sampled_from(["minute", "hour", "day", "week", "month", "45s", "10000s"]),
    zone=st.sampled_from(ZONES),
)
@example(at=micros("2009-11-01 02:32"), per="day", zone="America/St_Johns")
@example(at=micros("2026-04-04 15:20"), per="hour", zone="Australia/Lord_Howe")
@example(at=micros("2026-10-03 15:40"), per="hour", zone="Australia/Lord_Howe")
@example(at=micros("2026-10-25 01:30"), per="day", zone="Atlantic/Azores")
def test_no_gap_and_no_overlap(at: int, per: str, zone: str) -> None:
    """A window holds the moment that it was asked for; its neighbours touch it."""
    period = read_period(per, zone)
    found = period.window(at)
    assert found.start <= at < found.end
    assert period.window(found.start) == period.window(found.end - 1) == found
    assert period.window(found.end).start == found.end
    assert period.window(found.start - 1).end == found.start


def test_smooth_ones() -> None:
    """What is shorter than an hour flows; the rest is a calendar's."""
    smooth = {
        per for per in ("minute", "hour", "day", "week", "month", "30s", "3599s", "3600s") if read_period(per).is_smooth
    }
    assert smooth == {"minute", "30s", "3599s"}


def test_written() -> None:
    """A period is written as it is read."""
    assert [str(read_period(text)) for text in ("minute", "month", "30s", "30")] == ["minute", "month", "30s", "30s"]
    assert read_period("30") == Period("seconds", 30)


@pytest.mark.parametrize("text", ["", "fortnight", "0", "-3", "1.5", "s", "99999999", "30 s", "٣"])
def test_wrong_ones(text: str) -> None:
    """What is no period is refused."""
    with pytest.raises(ValueError, match="should be minute"):
        read_period(text)


@pytest.mark.parametrize("zone", ["", "Nowhere/City", "../../etc/passwd", "/etc/localtime"])
def test_wrong_zones(zone: str) -> None:
    """What is no zone is refused."""
    with pytest.raises(ValueError, match="the zone should be"):
        read_period("day", zone)
