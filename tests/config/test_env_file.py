"""The `.env` file: read without surprises, appended to without loss."""

import stat
from pathlib import Path

import pytest

from trunkline.config.env_file import append_to_env_file, read_env_file
from trunkline.errors import ConfigError


def test_read(tmp_path: Path) -> None:
    """Quotes and comments are understood, nothing is expanded."""
    path = tmp_path / ".env"
    path.write_text("# keys\nA=1\nexport B='two words'\nC=${A}\nD\n")
    assert read_env_file(path) == {"A": "1", "B": "two words", "C": "${A}"}


def test_missing(tmp_path: Path) -> None:
    """A file that was named must be there."""
    with pytest.raises(ConfigError, match="--env-file"):
        read_env_file(tmp_path / ".env")


@pytest.mark.parametrize("before", ["", "A=1\n", "A=1"])
def test_append(tmp_path: Path, before: str) -> None:
    """What is there stays, and the file is its owner's alone."""
    path = tmp_path / ".env"
    if before:
        path.write_text(before)
        path.chmod(0o644)
    append_to_env_file(path, "B", "2")
    assert path.read_text() == (before.rstrip("\n") + "\n" if before else "") + "B=2\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
