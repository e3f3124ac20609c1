"""`trunkline store` and `trunkline migrate`, typed."""

import asyncio
import json
from pathlib import Path

import pytest
from typed_command import Run

from trunkline.clock import SystemClock
from trunkline.state.files import KeptFile
from trunkline.store.acts import ActKeys
from trunkline.store.open import StoreSettings, open_store

ACT_KEYS = ActKeys({"k0000001": bytes(32)}, "k0000001")
SECRET = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA"


@pytest.fixture
def run(trunkline: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("TRUNKLINE_SECRET", SECRET)
    return trunkline


async def keep_files(data: Path, *paths: str) -> None:
    settings = StoreSettings(database_url=f"sqlite:///{data / 'trunkline.db'}", data_dir=data, act_keys=ACT_KEYS)
    async with open_store(settings, SystemClock(), sweeps=False) as store:
        for number, path in enumerate(paths):
            blob = await store.ports.blobs.open(f"file-{number}")
            await blob.write(b"hello")
            await blob.finish()
            await store.ports.files.keep(
                KeptFile(
                    id=f"file-{number}",
                    path=path,
                    name="a.txt",
                    purpose="user_data",
                    media_type="text/plain",
                    size_bytes=5,
                    created_at_micros=SystemClock().now_micros(),
                )
            )


def test_a_path_is_erased_and_its_neighbours_are_not(run: Run, data: Path) -> None:
    """And says how many of each kind there were."""
    asyncio.run(keep_files(data, "/team", "/team/ana", "/teams"))
    status, out, _ = run("store", "erase", "/team", "--json")
    assert (status, json.loads(out)["erased"]["files"]) == (0, 2)
    status, out, _ = run("store", "erase", "/teams")
    assert status == 0
    assert "1  files" in out


@pytest.mark.parametrize("path", ["team", "/team/", ""])
def test_what_is_no_path_is_refused(run: Run, path: str) -> None:
    """Before anything is erased."""
    status, _, error = run("store", "erase", path)
    assert status == 1
    assert "is no path" in error


def test_everything_is_sealed_anew_and_read_through(run: Run, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was kept in clear is sealed once that is wanted; under another secret it cannot be opened."""
    asyncio.run(keep_files(data, "/team"))
    monkeypatch.setenv("TRUNKLINE_STORE_ENCRYPT", "true")
    status, out, _ = run("store", "reencrypt")
    assert status == 0
    assert "contents of files" in out
    assert run("store", "verify", "--json")[0] == 0
    monkeypatch.setenv("TRUNKLINE_SECRET", SECRET[::-1])
    status, out, error = run("store", "verify", "--json")
    assert status == 1
    assert json.loads(out)["problems"]
    assert "cannot be opened" in error


def test_tables_are_made_once(run: Run, data: Path) -> None:
    """The second time there is nothing to do."""
    (data / "trunkline.db").unlink()
    status, out, _ = run("migrate")
    assert status == 0
    assert "before: none" in out
    assert "up to date" in run("migrate")[1]
