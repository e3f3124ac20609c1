"""The tables of requests and their attempts: accounts that live for a year and more, with an audit's trail for a month.

Rows are inserted by the fold alone, whole, and belong together by the request's id. Nothing in them is changed but for
costs that are computed anew, what names a person where a path is erased, and trails that have been kept for long enough.
Times are UTC microseconds, durations microseconds, costs nano-dollars, `NULL` for a model without a price. Lists and
mappings are JSON.

Nearly every request has one attempt that began and ended with it. That has no row of its own: `tried_at_micros` is when it
began, and all else that is known of it is known of the request (`tried`).

`requests.number` is in the order of the folding, also where several processes fold: whoever has read up to a number
misses nothing that comes later.

What stands in a row costs as much to say as to keep, so the columns that nearly always hold the same stand last, and need
not be said: `info["usually"]` is what they hold then.

`HOURS` are sums of both, for whoever asks for a long time.
"""

from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, String, Table, column, false

from trunkline.store.indexes import index_some
from trunkline.store.tables import METADATA as METADATA

# SQLite counts by itself in a column of this very type alone.
_NUMBER = BigInteger().with_variant(Integer, "sqlite")

USUAL_COUNTS = ("input_tokens", "cached_input_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens")
RARE_COUNTS = (
    "cache_write_1h_tokens",
    "audio_input_tokens",
    "cached_audio_tokens",
    "audio_output_tokens",
    "image_input_tokens",
    "image_output_tokens",
    "web_searches",
    "code_sessions",
    "file_searches",
    "billed_input_tokens",
    "billed_output_tokens",
)
COUNTS = (*USUAL_COUNTS, *RARE_COUNTS)
"""The buckets of `Usage`, each in a column of its own name."""


def usual_values(table: Table) -> tuple[Any, ...]:
    """What the last columns of a table usually hold."""
    return tuple(column.info["usually"] for column in table.columns if "usually" in column.info)


def _usually(name: str, type: Any, value: str | int) -> Column[Any]:
    default = false() if value is False else str(value)
    return Column(name, type, nullable=False, server_default=default, info={"usually": value})


def _usual_counts() -> list[Column[int]]:
    return [Column(name, BigInteger, nullable=False) for name in USUAL_COUNTS]


def _rare_counts() -> list[Column[int]]:
    return [_usually(name, BigInteger, 0) for name in RARE_COUNTS]


REQUESTS = Table(
    "requests",
    METADATA,
    Column("number", _NUMBER, primary_key=True),
    Column("id", String, nullable=False, unique=True),
    Column("started_at_micros", BigInteger, nullable=False),
    Column("path", String, nullable=False),
    Column("key_id", String, nullable=False),
    Column("key", String, nullable=False),
    Column("session", String, nullable=False),
    Column("operation", String, nullable=False),
    Column("dialect", String, nullable=False),
    Column("is_stream", Boolean, nullable=False),
    Column("model_asked", String, nullable=False),
    Column("duration_micros", BigInteger, nullable=False),
    Column("first_byte_micros", BigInteger),
    Column("cost", BigInteger),
    # Of the last attempt; empty where there was none.
    Column("account", String, nullable=False),
    Column("model", String, nullable=False),
    Column("upstream_request_id", String, nullable=False),
    Column("tier", String, nullable=False),
    # Of an attempt without a row.
    Column("tried_at_micros", BigInteger),
    Column("cost_source", String, nullable=False),
    Column("rates", String),
    # What the audit adds: a JSON array in the order of `trails.KeptTrail`.
    Column("trail", String),
    # Sums over its attempts.
    *_usual_counts(),
    _usually("status", Integer, 200),
    _usually("outcome", String, "ok"),
    _usually("error_code", String, ""),
    _usually("labels", String, "{}"),
    _usually("attempts", Integer, 1),
    _usually("is_estimated", Boolean, False),
    *_rare_counts(),
    Index("ix_requests_started_at_micros", "started_at_micros"),
    Index("ix_requests_key_id", "key_id", "started_at_micros"),
    index_some("ix_requests_session", "session", "number", where=column("session") != ""),
    index_some("ix_requests_trail", "started_at_micros", where=column("trail").is_not(None)),
)

ATTEMPTS = Table(
    "attempts",
    METADATA,
    Column("request_id", String, primary_key=True),
    Column("started_at_micros", BigInteger, nullable=False),
    Column("duration_micros", BigInteger, nullable=False),
    Column("first_byte_micros", BigInteger),
    Column("cost", BigInteger),
    # `told` by the provider, else what the price was taken from; empty where there is none.
    Column("cost_source", String, nullable=False),
    Column("upstream_request_id", String, nullable=False),
    Column("account", String, nullable=False),
    Column("model", String, nullable=False),
    # Where the provider says that it served it: what a price depends on.
    Column("tier", String, nullable=False),
    # What it was computed with: a JSON array in the order of `Rates`.
    Column("rates", String),
    *_usual_counts(),
    # From 0.
    Column("position", Integer, primary_key=True, autoincrement=False, server_default="0", info={"usually": 0}),
    # A question of the gateway's own, as that for a summary.
    _usually("is_aside", Boolean, False),
    _usually("status", Integer, 200),
    _usually("outcome", String, "ok"),
    _usually("error_code", String, ""),
    _usually("is_estimated", Boolean, False),
    *_rare_counts(),
    sqlite_with_rowid=False,
)

HOUR_DIMENSIONS = (
    "hour",
    *("path", "key_id", "key", "operation", "labels", "status", "outcome"),
    *("asks_model", "kind", "account", "model"),
)
"""What requests, or attempts of requests, have in common that are one sum of an hour. `kind` is one of `hours`."""

HOUR_SUMS = (
    *("requests", "requests_of_account", "requests_of_model", "attempts"),
    *("failed", "cancelled", "unpriced", "estimated", "cost"),
    *COUNTS,
)
"""What they come to. Of attempts, `requests` are those with one at this account and model; the next two count a request
once that has several at the account, or of the model."""

HOURS = Table(
    "hours",
    METADATA,
    Column("number", _NUMBER, primary_key=True),
    # Since the epoch.
    Column("hour", BigInteger, nullable=False),
    *(Column(name, String, nullable=False) for name in HOUR_DIMENSIONS[1:6]),
    Column("status", Integer, nullable=False),
    Column("outcome", String, nullable=False),
    Column("asks_model", Boolean, nullable=False),
    Column("kind", Integer, nullable=False),
    Column("account", String, nullable=False),
    Column("model", String, nullable=False),
    *(Column(name, BigInteger, nullable=False) for name in HOUR_SUMS),
    Column("is_merged", Boolean, nullable=False, server_default=false()),
    Index("ix_hours_hour", "hour"),
    index_some("ix_hours_unmerged", "hour", where=~column("is_merged", Boolean)),
)
