"""The steps from one version of the tables to the next, a file each in `versions/`. They run at start
(`migrate.py`)."""

from pathlib import Path

VERSIONS = Path(__file__).parent / "versions"


def newest_version() -> str:
    """The version that this program works with: the number of the last file."""
    return max(path.stem[1:5] for path in VERSIONS.glob("v[0-9][0-9][0-9][0-9]_*.py"))
