"""Responses and the ids of their items, conversations, runs, chat completions."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    _make_responses()
    _make_conversations()
    op.create_table(
        "holds",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("holder", sa.String, nullable=False),
        sa.Column("until_micros", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "events",
        sa.Column("response_id", sa.String, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "completions",
        sa.Column("number", _NUMBER, primary_key=True),
        sa.Column("id", sa.String, nullable=False, unique=True),
        sa.Column("path", sa.String, nullable=False),
        sa.Column("created_at_micros", sa.BigInteger, nullable=False),
        sa.Column("expires_at_micros", sa.BigInteger, nullable=False, index=True),
        sa.Column("model", sa.String, nullable=False),
        sa.Column("metadata", sa.LargeBinary, nullable=False),
        sa.Column("completion", sa.LargeBinary, nullable=False),
        sa.Column("messages", sa.LargeBinary, nullable=False),
    )
    op.create_index("ix_completions_path", "completions", ["path", "number"])


def _make_responses() -> None:
    op.create_table(
        "responses",
        sa.Column("number", _NUMBER, primary_key=True),
        sa.Column("id", sa.String, nullable=False, unique=True),
        sa.Column("path", sa.String, nullable=False),
        sa.Column("created_at_micros", sa.BigInteger, nullable=False),
        sa.Column("expires_at_micros", sa.BigInteger, nullable=False, index=True),
        sa.Column("hidden_at_micros", sa.BigInteger),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("parent_id", sa.String),
        sa.Column("parent_items", sa.Integer),
        sa.Column("conversation_id", sa.String),
        sa.Column("account", sa.String, nullable=False),
        sa.Column("native", sa.Boolean, nullable=False),
        sa.Column("background", sa.Boolean, nullable=False),
        sa.Column("stream", sa.Boolean, nullable=False),
        sa.Column("input", sa.LargeBinary, nullable=False),
        sa.Column("response", sa.LargeBinary, nullable=False),
    )
    _index_some("ix_responses_parent_id", "parent_id", "parent_id IS NOT NULL")
    _index_some("ix_responses_under_way", "status", "status IN ('queued', 'in_progress')")
    _index_some("ix_responses_hidden", "hidden_at_micros", "hidden_at_micros IS NOT NULL")
    op.create_table(
        "item_ids",
        sa.Column("hash", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("response", sa.BigInteger, primary_key=True, autoincrement=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "gone",
        sa.Column("hash", sa.BigInteger, primary_key=True, autoincrement=False),
        sqlite_with_rowid=False,
    )


def _index_some(name: str, column: str, where: str) -> None:
    op.create_index(name, "responses", [column], sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def _make_conversations() -> None:
    op.create_table(
        "conversations",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("path", sa.String, nullable=False),
        sa.Column("created_at_micros", sa.BigInteger, nullable=False),
        sa.Column("hidden_at_micros", sa.BigInteger),
        sa.Column("next_position", sa.Integer, nullable=False),
        sa.Column("metadata", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "conversation_items",
        sa.Column(
            "conversation_id", sa.String, sa.ForeignKey("conversations.id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("item_id", sa.String, nullable=False),
        sa.Column("item", sa.LargeBinary, nullable=False),
    )
    op.create_index("ix_conversation_items_item_id", "conversation_items", ["item_id", "conversation_id"], unique=True)
