"""A `.env` file: read as a mapping, and appended to. A module of its own, since most starts need none."""

import os
from pathlib import Path

from dotenv import dotenv_values

from trunkline.errors import ConfigError


def read_env_file(path: Path) -> dict[str, str]:
    """Its variables; nothing is expanded. Raises `ConfigError` when it is there but cannot be read."""
    if not path.is_file():
        raise ConfigError(f"there is no file {path}: name another one with --env-file")
    try:
        values = dotenv_values(path, interpolate=False, encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise ConfigError(f"{path} cannot be read") from None
    return {name: value for name, value in values.items() if value is not None}


def append_to_env_file(path: Path, name: str, value: str) -> None:
    """Add one variable at the end of a file, which is then readable by its owner alone; what is there stays."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "r+", encoding="utf-8") as file:
        # On the open file: a link put in its place meanwhile is not followed.
        os.fchmod(file.fileno(), 0o600)
        before = file.read()
        file.write(("" if not before or before.endswith("\n") else "\n") + f"{name}={value}\n")
