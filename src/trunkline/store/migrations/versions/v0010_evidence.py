"""What was said in requests, and what else the audit knows of them."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "evidence",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("path", sa.String, nullable=False),
        sa.Column("started_at_micros", sa.BigInteger, nullable=False, index=True),
        sa.Column("said", sa.LargeBinary, nullable=False),
    )
