"""What Alembic runs to get at the database: `upgrade.py` hands it the connection and commits."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], transactional_ddl=False)
context.run_migrations()
