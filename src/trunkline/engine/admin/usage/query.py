"""What a query asks of usage: which requests, of what time, and what is summed apart."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, get_args
from zoneinfo import ZoneInfo

from msgspec import Struct

from trunkline.dialects.shapes import wrong_value
from trunkline.engine.query import Query
from trunkline.errors import Forbidden, InvalidRequest, UnknownParameter
from trunkline.paths import is_within, read_path
from trunkline.state.periods import Period, read_period, to_micros, to_moment
from trunkline.state.usage import By, WantedUsage

Apart = Literal[By, "day"]
"""What sums may be taken apart by, as a caller names it."""

APARTS: Sequence[Apart] = ("day", *get_args(By))

FILTERS = (
    "start",
    "end",
    "zone",
    "request_id",
    "provider",
    "model",
    "label",
    "session",
    "operation",
    "status",
    "outcome",
)
"""What everybody may ask for. Administrators may say `path`, `key` and `key_id` as well."""

ADMIN_FILTERS = (*FILTERS, "path", "key", "key_id")
PAGING = ("limit", "after", "order")

_MOST_APARTS = 4

# A calendar has no day before its first one, nor behind its last.
_YEARS = range(2, 9999)


class Asked(Struct, frozen=True):
    """`day` is the length of a day where the caller is."""

    wanted: WantedUsage
    day: Period


def read_asked(query: Query, top: str, *, of_models: bool = True) -> Asked:
    """Which requests a query asks for, of a path and below; `path` chooses one below that.

    Raises `InvalidRequest`, and `Forbidden` for a path elsewhere.
    """
    day = _read_day(query.text("zone") or "UTC")
    return Asked(
        WantedUsage(
            path=_read_path(query, top),
            of_models=of_models,
            request_id=query.text("request_id"),
            start_micros=_read_time(query, "start", day),
            end_micros=_read_time(query, "end", day),
            key_id=query.text("key_id"),
            key=query.text("key"),
            label=_read_label(query.text("label")),
            session=query.text("session"),
            provider=query.text("provider"),
            model=query.text("model"),
            operation=query.text("operation"),
            status=query.integer("status"),
            outcome=query.text("outcome"),
        ),
        day,
    )


def check_names(query: Query, known: Sequence[str]) -> None:
    """Raises `UnknownParameter`: a filter that is misspelt would sum up what nobody meant."""
    for name in query.names():
        if name.removesuffix("[]") not in known:
            raise UnknownParameter(f"`{name[:64]}` is not a known parameter; known are {', '.join(known)}", param=name)


def read_aparts(query: Query) -> Sequence[Apart]:
    """`group_by`: several, each named again or all with commas between them. Raises `InvalidRequest`."""
    named = [name for text in query.texts("group_by") for name in text.split(",") if name]
    known: dict[str, Apart] = {apart: apart for apart in APARTS}
    for name in named:
        if name not in known:
            raise wrong_value("group_by", name, APARTS)
    aparts = tuple(dict.fromkeys(known[name] for name in named))
    if len(aparts) > _MOST_APARTS:
        raise InvalidRequest(f"`group_by` names {len(aparts)} but may name {_MOST_APARTS} at most", param="group_by")
    return aparts


def _read_path(query: Query, top: str) -> str:
    text = query.text("path")
    path = top if text is None else read_path(text, "path")
    if not is_within(path, top):
        raise Forbidden(f"`path` must be {top} or below", code="path_forbidden")
    return path


def _read_day(zone: str) -> Period:
    try:
        return read_period("day", zone)
    except ValueError as error:
        raise InvalidRequest(str(error), param="zone") from None


def _read_time(query: Query, name: str, day: Period) -> int | None:
    """Seconds since the epoch, a date (its midnight) or a moment as ISO 8601 writes it → microseconds."""
    text = query.text(name)
    if text is None:
        return None
    try:
        if text.isascii() and text.isdecimal():
            moment = to_moment(int(text) * 1_000_000)
        else:
            # A plus sign that was not encoded arrives as a space.
            moment = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=ZoneInfo(day.zone))
        if moment.year not in _YEARS:
            raise ValueError(text)
        return to_micros(moment)
    except (ValueError, OverflowError):
        raise InvalidRequest(
            f"`{name}` must be seconds, a date like 2026-11-25 or a moment like 2026-11-25T08:00:00Z,"
            f" not '{text[:64]}'",
            param=name,
        ) from None


def _read_label(text: str | None) -> tuple[str, str] | None:
    if text is None:
        return None
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise InvalidRequest("`label` must be a name and a value like app=web", param="label")
    return name, value
