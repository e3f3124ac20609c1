"""A folder that one process has for itself: made, and locked until that process ends."""

import fcntl
import os
from pathlib import Path

from trunkline.errors import ConfigError
from trunkline.store.segments import sync_directory


def claim_directory(directory: Path) -> int:
    """Keep other processes out of it, until the descriptor is closed.

    Raises `ConfigError` when another process has it, or when it cannot be written.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        directory.chmod(0o700)
        sync_directory(directory.parent)
        return _lock(directory)
    except OSError as error:
        raise ConfigError(f"`{directory}` cannot be kept: {error.strerror}; set TRUNKLINE_DATA_DIR") from None


def _lock(directory: Path) -> int:
    descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise ConfigError(
            f"`{directory}` belongs to another process that is running: set another TRUNKLINE_DATA_DIR for this one, or"
            " ask that gateway, with `--url`"
        ) from None
    return descriptor
