"""The locks say what is installed, and leave it to each machine from where."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
JAVASCRIPT_LOCK = ROOT / "examples" / "agents-sdk" / "package-lock.json"


def pins(lock: Path) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9._-]+)==([^ ;\\]+)", lock.read_text(), flags=re.MULTILINE))


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_no_address(lock: Path) -> None:
    """A lock holds no address of an index."""
    assert not re.search(r"://|--index|--extra-index|--find-links", lock.read_text())


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_hashes(lock: Path) -> None:
    """Each pin is followed by its hashes."""
    text = lock.read_text()
    assert pins(lock)
    assert len(re.findall(r"==[^\n]*\\\n    --hash=sha256:[0-9a-f]{64}", text)) == len(pins(lock))


@pytest.mark.parametrize("name", ["run", "demo"])
def test_one_environment(name: str) -> None:
    """What runs is what is tested: the smaller locks pin the versions of the whole one."""
    tested = pins(ROOT / "requirements" / "test.txt")
    assert pins(ROOT / "requirements" / f"{name}.txt").items() <= tested.items()


def test_javascript() -> None:
    """Each JavaScript package is locked by its hash, with no address to fetch it from."""
    packages = {name: p for name, p in json.loads(JAVASCRIPT_LOCK.read_text())["packages"].items() if name}
    assert packages
    assert all("integrity" in package and "resolved" not in package for package in packages.values())
