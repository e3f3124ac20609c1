"""Sums of requests and attempts by the hour, of those that are there as well."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_COUNTS = (
    *("input_tokens", "cached_input_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens"),
    *("cache_write_1h_tokens", "audio_input_tokens", "cached_audio_tokens", "audio_output_tokens"),
    *("image_input_tokens", "image_output_tokens", "web_searches", "code_sessions", "file_searches"),
    *("billed_input_tokens", "billed_output_tokens"),
)
_REQUESTS = ("requests", "requests_of_account", "requests_of_model")
_SUMS = (*_REQUESTS, "attempts", "failed", "cancelled", "unpriced", "estimated", "cost", *_COUNTS)
_ASKED = ("path", "key_id", "key", "operation", "labels", "status", "outcome")
_KEYS = ("hour", *_ASKED, "asks_model", "kind", "account", "model")


def upgrade() -> None:
    op.create_table(
        "hours",
        sa.Column("number", _NUMBER, primary_key=True),
        sa.Column("hour", sa.BigInteger, nullable=False),
        *(sa.Column(name, sa.String, nullable=False) for name in ("path", "key_id", "key", "operation", "labels")),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("outcome", sa.String, nullable=False),
        sa.Column("asks_model", sa.Boolean, nullable=False),
        sa.Column("kind", sa.Integer, nullable=False),
        sa.Column("account", sa.String, nullable=False),
        sa.Column("model", sa.String, nullable=False),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in _SUMS),
        sa.Column("is_merged", sa.Boolean, nullable=False, server_default=sa.false()),
    )
    op.create_index("ix_hours_hour", "hours", ["hour"])
    some = ~sa.column("is_merged", sa.Boolean)
    op.create_index("ix_hours_unmerged", "hours", ["hour"], sqlite_where=some, postgresql_where=some)
    op.execute(_ADD_REQUESTS)
    op.execute(_ADD_ATTEMPTS)


_HOUR = "requests.started_at_micros / 3600000000"
_ASKED_FOR = ", ".join(f"requests.{name}" for name in _ASKED) + ", requests.model_asked <> ''"
_INTO = f"INSERT INTO hours ({', '.join((*_KEYS, *_SUMS))})"


def _of(table: str) -> str:
    counted = (
        f"{table}.outcome = 'error'",
        f"{table}.outcome = 'cancelled'",
        f"{table}.cost IS NULL",
        f"{table}.is_estimated",
    )
    sums = [f"SUM(CASE WHEN {each} THEN 1 ELSE 0 END)" for each in counted]
    return ", ".join([*sums, f"COALESCE(SUM({table}.cost), 0)", *(f"SUM({table}.{name})" for name in _COUNTS)])


_LONE = "requests.tried_at_micros IS NOT NULL"
_ADD_REQUESTS = (
    f"{_INTO} SELECT {_HOUR}, {_ASKED_FOR}, CASE WHEN {_LONE} THEN 0 ELSE 1 END,"  # noqa: S608 - names of columns
    f" CASE WHEN {_LONE} THEN account ELSE '' END, CASE WHEN {_LONE} THEN model ELSE '' END,"
    f" COUNT(*), COUNT(*), COUNT(*), SUM(attempts), {_of('requests')}"
    " FROM requests GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12"
)


def _count_first(*names: str) -> str:
    """How many attempts are the first of their request that hold the same in these columns."""
    same = " AND ".join(f"earlier.{name} = attempts.{name}" for name in ("request_id", *names))
    earlier = f"SELECT 1 FROM attempts AS earlier WHERE {same} AND earlier.position < attempts.position"  # noqa: S608 - as above
    return f"SUM(CASE WHEN EXISTS ({earlier}) THEN 0 ELSE 1 END)"


_ADD_ATTEMPTS = (
    f"{_INTO} SELECT {_HOUR}, {_ASKED_FOR}, 2, attempts.account, attempts.model,"  # noqa: S608 - as above
    f" {_count_first('account', 'model')}, {_count_first('account')}, {_count_first('model')},"
    f" COUNT(*), {_of('attempts')}"
    " FROM requests JOIN attempts ON attempts.request_id = requests.id WHERE requests.tried_at_micros IS NULL"
    " GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12"
)
