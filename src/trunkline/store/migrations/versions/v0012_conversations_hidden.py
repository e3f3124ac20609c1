"""Deleted conversations are found without those that are not."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    hidden = sa.text("hidden_at_micros IS NOT NULL")
    op.create_index(
        "ix_conversations_hidden", "conversations", ["hidden_at_micros"], sqlite_where=hidden, postgresql_where=hidden
    )
