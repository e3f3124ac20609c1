"""What an operator has done to a store: erase a path, read everything, seal it anew."""

from pathlib import Path

import pytest
from kept import KEYS, conversation, encode, items, make_settings, message, response
from sqlalchemy import text

from trunkline.clock import FakeClock
from trunkline.errors import Unavailable
from trunkline.evidence import Evidence
from trunkline.state.completions import KeptCompletion
from trunkline.state.files import KeptFile
from trunkline.state.prompts import KeptPrompt, KeptVersion
from trunkline.state.responses import Turn
from trunkline.state.runs import KeptEvent
from trunkline.store.engine import open_database
from trunkline.store.open import OpenStore, open_store
from trunkline.store.tables import METADATA

SECRET = "the eagle lands at midnight"
PATHS = ("/", "/team", "/team/a", "/teams", "/TEAM")


async def fill(store: OpenStore, path: str) -> None:
    """One object of every kind, with ids that end in the path's own letters."""
    ports, mark = store.ports, path.replace("/", "_")
    await ports.conversations.create(conversation(f"conv{mark}", path), items(f"msg_c{mark}"))
    kept = response(f"resp{mark}", path=path, input=SECRET, output=[message(f"msg_r{mark}", SECRET)])
    await ports.responses.keep(kept, Turn(f"conv{mark}", [encode(message(f"msg_t{mark}", SECRET))]))
    await ports.runs.append(f"resp{mark}", [KeptEvent(1, SECRET.encode())])
    text_ = encode(SECRET)
    await ports.completions.keep(
        KeptCompletion(
            id=f"chatcmpl{mark}",
            path=path,
            created_at_micros=kept.created_at_micros,
            expires_at_micros=kept.expires_at_micros,
            model="m",
            metadata=b"{}",
            completion=text_,
            messages=text_,
        )
    )
    await ports.prompts.create(
        KeptPrompt(id=f"pmpt{mark}", path=path, name="p", created_at_micros=1, default_version="1"),
        KeptVersion(prompt_id=f"pmpt{mark}", version="1", created_at_micros=1, body=text_),
    )
    blob = await ports.blobs.open(f"file{mark}")
    await blob.write(SECRET.encode())
    await blob.finish()
    await ports.files.keep(
        KeptFile(
            id=f"file{mark}",
            path=path,
            name=SECRET,
            purpose="user_data",
            media_type="text/plain",
            size_bytes=len(SECRET),
            created_at_micros=1,
        )
    )
    await ports.files.remember_copy(f"file{mark}", "openai", f"file-up{mark}")
    assert ports.evidence.keep(Evidence(f"req{mark}", 1, path, "chat", {}, text_, 100))


async def count_rows(url: str) -> dict[str, int]:
    database = open_database(url)
    counts = await database.read(
        lambda connection: {
            name: connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one() for name in METADATA.tables
        }
    )
    await database.close()
    return counts


async def erase_objects(store: OpenStore, path: str) -> set[int]:
    """How many there were of a kind. What is left of requests is none."""
    erased = await store.erase(path)
    return {count for kind, count in erased.items() if kind != "requests"}


def kinds(path: str) -> list[str]:
    mark = path.replace("/", "_")
    return [f"{prefix}{mark}" for prefix in ("resp", "conv", "chatcmpl", "pmpt", "file", "msg_c", "msg_r", "msg_t")]


async def test_erase(store: OpenStore, url: str) -> None:
    """Everything of the path and below it is gone, its neighbours are whole, and its ids stay known as gone."""
    for path in PATHS:
        await fill(store, path)
    # Reads everything, for which all of it must be in the database.
    await store.verify()
    whole = {name: count for name, count in (await count_rows(url)).items() if name not in ("gone", "item_ids")}
    assert await erase_objects(store, "/team") == {2}
    left = await count_rows(url)
    assert {name: left[name] for name in whole} == {name: count * 3 // 5 for name, count in whole.items()}
    for path in PATHS:
        is_erased = path.startswith("/team") and path != "/teams"
        mark = path.replace("/", "_")
        found = await store.ports.responses.find(path, f"resp{mark}")
        assert (found is None) == is_erased
        assert all([await store.ports.responses.was_here([id]) for id in kinds(path)])
        if is_erased:
            with pytest.raises(KeyError):
                [piece async for piece in store.ports.blobs.read(f"file{mark}")]


async def test_erased_for_good(tmp_path: Path, clock: FakeClock) -> None:
    """No file below the data directory holds a word of it, rows and journal included."""
    settings = make_settings(f"sqlite:///{tmp_path}/trunkline.db", tmp_path, keys={}, newest=None)
    async with open_store(settings, clock, sweeps=False) as store:
        await fill(store, "/team")
        assert holds_secret(tmp_path)
        await store.erase("/team")
        assert not holds_secret(tmp_path)


def holds_secret(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]


async def test_erase_everything(store: OpenStore) -> None:
    """The path `/` is the whole store."""
    for path in PATHS:
        await fill(store, path)
    assert await erase_objects(store, "/") == {len(PATHS)}


async def test_sealed_at_rest(tmp_path: Path, clock: FakeClock) -> None:
    """With encryption on no file holds a word of what is kept."""
    async with open_store(make_settings(f"sqlite:///{tmp_path}/trunkline.db", tmp_path), clock) as store:
        await fill(store, "/team")
        await store.settled()
        assert holds_secret(tmp_path) == []


async def test_verify(store: OpenStore) -> None:
    """Everything that holds a body is read."""
    await fill(store, "/team")
    walked = await store.verify()
    assert walked.problems == []
    assert walked.counts == {
        "responses": 1,
        "conversations": 1,
        "conversation_items": 2,
        "events": 1,
        "evidence": 1,
        "completions": 1,
        "prompt_versions": 1,
        "files": 1,
        "contents of files": 1,
    }


async def test_reencrypt(url: str, tmp_path: Path, clock: FakeClock) -> None:
    """After a rotation, what was sealed under the old key is sealed under the new one, and the old one can go."""
    async with open_store(make_settings(url, tmp_path), clock, sweeps=False) as store:
        await fill(store, "/team")
    both = {**KEYS, "k0000002": b"2" * 32}
    async with open_store(make_settings(url, tmp_path, keys=both, newest="k0000002"), clock, sweeps=False) as store:
        changed = await store.reencrypt()
        assert changed.problems == []
        assert sum(changed.counts.values()) == 10
        assert sum((await store.reencrypt()).counts.values()) == 0
    new = {"k0000002": b"2" * 32}
    async with open_store(make_settings(url, tmp_path, keys=new, newest="k0000002"), clock, sweeps=False) as store:
        assert (await store.verify()).problems == []
        assert await store.ports.responses.find("/team", "resp_team") is not None


async def test_switched_off(tmp_path: Path, url: str, clock: FakeClock) -> None:
    """Without encryption everything is opened, and needs no key any more."""
    async with open_store(make_settings(url, tmp_path), clock, sweeps=False) as store:
        await fill(store, "/team")
    async with open_store(make_settings(url, tmp_path, newest=None), clock, sweeps=False) as store:
        assert (await store.reencrypt()).problems == []
    async with open_store(make_settings(url, tmp_path, keys={}, newest=None), clock, sweeps=False) as store:
        assert (await store.verify()).problems == []


async def test_a_lost_key(url: str, tmp_path: Path, clock: FakeClock) -> None:
    """What cannot be opened is named, key and all, and is no bug to whoever asks for it."""
    async with open_store(make_settings(url, tmp_path), clock, sweeps=False) as store:
        await fill(store, "/team")
    other = make_settings(url, tmp_path, keys={"k0000009": b"9" * 32}, newest="k0000009")
    async with open_store(other, clock, sweeps=False) as store:
        walked = await store.verify()
        assert len(walked.problems) == 13
        assert all("k0000001" in problem.why for problem in walked.problems)
        assert "responses resp_team: input" in [problem.place for problem in walked.problems]
        assert len((await store.reencrypt()).problems) == 13
        with pytest.raises(Unavailable) as row:
            await store.ports.responses.find("/team", "resp_team")
        with pytest.raises(Unavailable) as content:
            [piece async for piece in store.ports.blobs.read("file_team")]
        for caught in (row, content):
            assert "TRUNKLINE_SECRET_PREVIOUS" in caught.value.message
            assert (caught.value.should_retry, caught.value.retry_after_seconds) == (False, None)
