"""Where completions are kept as well, whose ids are unique to a path alone; and the records that runs began with."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

# As PostgreSQL names it by itself; on SQLite it has no name.
_UNIQUE = {"uq": "%(table_name)s_%(column_0_name)s_key"}


def upgrade() -> None:
    with op.batch_alter_table("completions") as completions:
        completions.add_column(sa.Column("account", sa.String))
        completions.add_column(sa.Column("native", sa.Boolean))
    op.execute(sa.text("UPDATE completions SET account = '', native = false"))
    with op.batch_alter_table("completions", naming_convention=_UNIQUE) as completions:
        completions.drop_constraint("completions_id_key", type_="unique")
        completions.alter_column("account", existing_type=sa.String, nullable=False)
        completions.alter_column("native", existing_type=sa.Boolean, nullable=False)
        completions.create_index("ix_completions_id", ["id", "path"], unique=True)
    op.create_table(
        "runs",
        sa.Column("response_id", sa.String, primary_key=True),
        sa.Column("record", sa.LargeBinary, nullable=False),
    )
