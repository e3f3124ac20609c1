"""Files, and the copies of them that upstream accounts have."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "files",
        sa.Column("number", _NUMBER, primary_key=True),
        sa.Column("id", sa.String, nullable=False, unique=True),
        sa.Column("path", sa.String, nullable=False),
        sa.Column("created_at_micros", sa.BigInteger, nullable=False),
        sa.Column("expires_at_micros", sa.BigInteger, index=True),
        sa.Column("hidden_at_micros", sa.BigInteger),
        sa.Column("purpose", sa.String, nullable=False),
        sa.Column("media_type", sa.String, nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("name", sa.LargeBinary, nullable=False),
    )
    op.create_index("ix_files_path", "files", ["path", "number"])
    hidden = sa.text("hidden_at_micros IS NOT NULL")
    op.create_index("ix_files_hidden", "files", ["hidden_at_micros"], sqlite_where=hidden, postgresql_where=hidden)
    op.create_table(
        "file_copies",
        sa.Column("file_id", sa.String, sa.ForeignKey("files.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("account", sa.String, primary_key=True),
        sa.Column("upstream_id", sa.String, nullable=False),
        sa.Column("created_at_micros", sa.BigInteger, nullable=False),
    )
