"""Budgets, when each was reset, and who has been told that one has passed a share."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "budgets",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("budget", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "budget_resets",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("at_micros", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "budget_alerts",
        sa.Column("budget", sa.String, primary_key=True),
        sa.Column("start_micros", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("share", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("end_micros", sa.BigInteger, nullable=False, index=True),
        sa.Column("spent", sa.BigInteger, nullable=False),
        sa.Column("cap", sa.BigInteger, nullable=False),
        sa.Column("at_micros", sa.BigInteger, nullable=False),
        sa.Column("until_micros", sa.BigInteger, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("told", sa.Boolean, nullable=False),
    )
