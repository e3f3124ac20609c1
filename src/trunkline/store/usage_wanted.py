"""What is wanted of usage, as conditions of a query: of rows of requests, or of their sums by the hour."""

from typing import Any

from sqlalchemy import ColumnElement, and_, literal, or_, select
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from trunkline.state.usage import WantedUsage
from trunkline.store import sql
from trunkline.store.ledger.tables import ATTEMPTS, HOURS, REQUESTS
from trunkline.store.ledger.tried import IS_LONE
from trunkline.store.within import is_within

Columns = ReadOnlyColumnCollection[str, Any]


def of_requests(kind: str, wanted: WantedUsage) -> list[ColumnElement[bool]]:
    """All that is said of requests themselves. `kind` is the database's."""
    one = ((REQUESTS.c.id, wanted.request_id), (REQUESTS.c.session, wanted.session))
    conditions = [*_alike(kind, REQUESTS.c, wanted), *times(wanted)]
    conditions += [column == value for column, value in one if value is not None]
    if wanted.session:
        # What SQLite must be told to use the index, which is of those alone.
        conditions.append(REQUESTS.c.session != "")
    if wanted.of_models:
        conditions.append(REQUESTS.c.model_asked != "")
    return conditions


def of_hours(kind: str, wanted: WantedUsage, first: int, last: int) -> list[ColumnElement[bool]]:
    """Conditions on sums by the hour, from one hour to another, which is too late."""
    conditions = [*_alike(kind, HOURS.c, wanted), HOURS.c.hour >= first, HOURS.c.hour < last]
    return [*conditions, HOURS.c.asks_model] if wanted.of_models else conditions


def _alike(kind: str, columns: Columns, wanted: WantedUsage) -> list[ColumnElement[bool]]:
    conditions = [is_within(columns["path"], wanted.path)]
    for name in ("key_id", "key", "operation", "status", "outcome"):
        if (value := getattr(wanted, name)) is not None:
            conditions.append(columns[name] == value)
    if wanted.label is not None:
        name, said = wanted.label
        conditions.append(sql.member(kind, columns["labels"], name) == said)
    return conditions


def times(wanted: WantedUsage) -> list[ColumnElement[bool]]:
    at, found = REQUESTS.c.started_at_micros, list[ColumnElement[bool]]()
    if wanted.start_micros is not None:
        found.append(at >= wanted.start_micros)
    if wanted.end_micros is not None:
        found.append(at < wanted.end_micros)
    return found


def tried(columns: Columns, wanted: WantedUsage) -> list[ColumnElement[bool]]:
    """The condition that an attempt was at the provider and model that are wanted."""
    asked = ((columns["account"], wanted.provider), (columns["model"], wanted.model))
    return [column == value for column, value in asked if value is not None]


def was_tried(wanted: WantedUsage) -> list[ColumnElement[bool]]:
    """The condition that any attempt of a request was at what is wanted."""
    if wanted.provider is None and wanted.model is None:
        return []
    apart = select(literal(1)).where(ATTEMPTS.c.request_id == REQUESTS.c.id, *tried(ATTEMPTS.c, wanted))
    return [or_(and_(IS_LONE, *tried(REQUESTS.c, wanted)), and_(~IS_LONE, apart.exists()))]
