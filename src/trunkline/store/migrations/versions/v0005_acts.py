"""What administrators have done."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "acts",
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("at_micros", sa.BigInteger, nullable=False),
        sa.Column("key_id", sa.String, nullable=False),
        sa.Column("key_name", sa.String, nullable=False),
        sa.Column("key_path", sa.String, nullable=False),
        sa.Column("peer", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("object_id", sa.String, nullable=False),
        sa.Column("about", sa.String, nullable=False),
        sa.Column("secret_id", sa.String, nullable=False),
        sa.Column("digest", sa.String, nullable=False),
        sa.Column("hash", sa.String, nullable=False),
        sa.Column("details", sa.LargeBinary, nullable=False),
    )
    op.create_index("ix_acts_object_id", "acts", ["object_id", "number"])
    op.create_table(
        "act_head",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("hash", sa.String, nullable=False),
    )
