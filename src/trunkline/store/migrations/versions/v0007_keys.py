"""Keys, and the numbers by which processes see that something has been changed."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "keys",
        sa.Column("number", _NUMBER, primary_key=True),
        sa.Column("id", sa.String, nullable=False, unique=True),
        sa.Column("name", sa.String, unique=True),
        sa.Column("path", sa.String, nullable=False),
        sa.Column("labels", sa.String, nullable=False),
        sa.Column("models", sa.String, nullable=False),
        sa.Column("scopes", sa.String, nullable=False),
        sa.Column("hashes", sa.String, nullable=False),
        sa.Column("created_at_micros", sa.BigInteger, nullable=False),
        sa.Column("created_by", sa.String, nullable=False),
        sa.Column("expires_at_micros", sa.BigInteger),
        sa.Column("revoked_at_micros", sa.BigInteger),
        sa.Column("hidden_at_micros", sa.BigInteger),
        sa.Column("revision", sa.BigInteger, nullable=False, index=True),
    )
    op.create_table(
        "revisions",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("number", sa.BigInteger, nullable=False),
    )
