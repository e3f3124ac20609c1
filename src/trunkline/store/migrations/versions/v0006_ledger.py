"""Requests, with what the audit knows of them, and their attempts."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_USUAL_COUNTS = ("input_tokens", "cached_input_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens")
_RARE_COUNTS = (
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


def _usually(name: str, type: Any, value: str | int) -> sa.Column[Any]:
    return sa.Column(name, type, nullable=False, server_default=sa.false() if value is False else str(value))


def _usual_counts() -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger, nullable=False) for name in _USUAL_COUNTS]


def _rare_counts() -> list[sa.Column[int]]:
    return [_usually(name, sa.BigInteger, 0) for name in _RARE_COUNTS]


def upgrade() -> None:
    _make_requests()
    _make_attempts()


def _make_requests() -> None:
    op.create_table(
        "requests",
        sa.Column("number", _NUMBER, primary_key=True),
        sa.Column("id", sa.String, nullable=False, unique=True),
        sa.Column("started_at_micros", sa.BigInteger, nullable=False),
        sa.Column("path", sa.String, nullable=False),
        sa.Column("key_id", sa.String, nullable=False),
        sa.Column("key", sa.String, nullable=False),
        sa.Column("session", sa.String, nullable=False),
        sa.Column("operation", sa.String, nullable=False),
        sa.Column("dialect", sa.String, nullable=False),
        sa.Column("is_stream", sa.Boolean, nullable=False),
        sa.Column("model_asked", sa.String, nullable=False),
        sa.Column("duration_micros", sa.BigInteger, nullable=False),
        sa.Column("first_byte_micros", sa.BigInteger),
        sa.Column("cost", sa.BigInteger),
        sa.Column("account", sa.String, nullable=False),
        sa.Column("model", sa.String, nullable=False),
        sa.Column("upstream_request_id", sa.String, nullable=False),
        sa.Column("tier", sa.String, nullable=False),
        sa.Column("tried_at_micros", sa.BigInteger),
        sa.Column("cost_source", sa.String, nullable=False),
        sa.Column("rates", sa.String),
        sa.Column("trail", sa.String),
        *_usual_counts(),
        _usually("status", sa.Integer, 200),
        _usually("outcome", sa.String, "ok"),
        _usually("error_code", sa.String, ""),
        _usually("labels", sa.String, "{}"),
        _usually("attempts", sa.Integer, 1),
        _usually("is_estimated", sa.Boolean, False),
        *_rare_counts(),
    )
    op.create_index("ix_requests_started_at_micros", "requests", ["started_at_micros"])
    op.create_index("ix_requests_key_id", "requests", ["key_id", "started_at_micros"])
    _index_some("ix_requests_session", ["session", "number"], "session != ''")
    _index_some("ix_requests_trail", ["started_at_micros"], "trail IS NOT NULL")


def _index_some(name: str, columns: list[str], condition: str) -> None:
    some = sa.text(condition)
    op.create_index(name, "requests", columns, sqlite_where=some, postgresql_where=some)


def _make_attempts() -> None:
    op.create_table(
        "attempts",
        sa.Column("request_id", sa.String, primary_key=True),
        sa.Column("started_at_micros", sa.BigInteger, nullable=False),
        sa.Column("duration_micros", sa.BigInteger, nullable=False),
        sa.Column("first_byte_micros", sa.BigInteger),
        sa.Column("cost", sa.BigInteger),
        sa.Column("cost_source", sa.String, nullable=False),
        sa.Column("upstream_request_id", sa.String, nullable=False),
        sa.Column("account", sa.String, nullable=False),
        sa.Column("model", sa.String, nullable=False),
        sa.Column("tier", sa.String, nullable=False),
        sa.Column("rates", sa.String),
        *_usual_counts(),
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=False, server_default="0"),
        _usually("is_aside", sa.Boolean, False),
        _usually("status", sa.Integer, 200),
        _usually("outcome", sa.String, "ok"),
        _usually("error_code", sa.String, ""),
        _usually("is_estimated", sa.Boolean, False),
        *_rare_counts(),
        sqlite_with_rowid=False,
    )
