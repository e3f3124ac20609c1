"""PostgreSQL, by asyncpg: a pool of connections, each with deadlines of its own."""

from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from trunkline.errors import ConfigError
from trunkline.store.engine import SETTING, STATEMENT_SECONDS, Result, Work

_CONNECTIONS = 10
_CONNECT_SECONDS = 3.0
# Balancers drop what has been idle for longer.
_RECYCLE_SECONDS = 300


class PostgresqlConnections:
    """The pool. Work runs on the loop, and gives it back at each statement."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        # Without a transaction the database is asked once instead of three times.
        self._reads = engine.execution_options(isolation_level="AUTOCOMMIT")

    async def read(self, work: Work[Result]) -> Result:
        async with self._reads.connect() as connection:
            return await connection.run_sync(work)

    async def write(self, work: Work[Result]) -> Result:
        async with self._engine.begin() as connection:
            return await connection.run_sync(work)

    async def close(self) -> None:
        await self._engine.dispose()


def connect(rest: str) -> PostgresqlConnections:
    """`rest` is what follows `postgresql://`. Raises `ConfigError` when the driver is not installed."""
    try:
        engine = create_async_engine(
            # The driver reads the URL itself, since it knows what PostgreSQL's own tools take (`sslmode`, …).
            "postgresql+asyncpg://",
            connect_args={
                "dsn": f"postgresql://{rest}",
                "timeout": _CONNECT_SECONDS,
                # Compiling a statement takes longer than running any of ours.
                "server_settings": {"application_name": "trunkline", "jit": "off"},
            },
            pool_size=_CONNECTIONS,
            max_overflow=0,
            pool_timeout=STATEMENT_SECONDS,
            pool_recycle=_RECYCLE_SECONDS,
            hide_parameters=True,
        )
    except ModuleNotFoundError:
        raise ConfigError(
            f"`{SETTING}` names PostgreSQL, whose driver is not installed: run `pip install 'trunkline[postgres]'`"
        ) from None
    return PostgresqlConnections(engine)
