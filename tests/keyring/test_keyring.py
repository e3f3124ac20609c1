"""Generated secrets: made once, kept for their owner alone, the operator's key only as a hash."""

import stat
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from trunkline.errors import ConfigError
from trunkline.keyring import Keyring, derive, generate_key, open_keyring
from trunkline.principal import OPERATOR

SECRET = b"a" * 32
OTHER = b"b" * 32


class Opened(NamedTuple):
    """What `open_keyring` gives, by name."""

    keys: Keyring
    generated: str | None

    @property
    def carriers(self) -> dict[str, bytes]:
        return self.keys.derive("carrier")


def keyring(folder: Path, **options: Any) -> Opened:
    return Opened(*open_keyring(folder / "data", **options))


def test_made_once(tmp_path: Path) -> None:
    """The first start makes key and secret; the second knows them and shows nothing."""
    first = keyring(tmp_path)
    assert first.generated is not None
    second = keyring(tmp_path)
    assert second.generated is None
    assert second.carriers == first.carriers
    assert second.keys.find(first.generated.encode()) == OPERATOR
    assert second.keys.find(first.generated.encode()[:-1]) is None
    assert second.keys.find(b"") is None


def test_one_that_is_gone_is_missed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Whoever has lost it is told what that means; a first start and one with a secret of its own hear nothing."""
    keyring(tmp_path)
    (tmp_path / "data" / "trunkline.db").touch()
    (tmp_path / "data" / "keyring").unlink()
    keyring(tmp_path, secret=SECRET)
    assert not caplog.messages
    (tmp_path / "data" / "keyring").unlink()
    keyring(tmp_path)
    keyring(tmp_path)
    assert [str(tmp_path / "data" / "keyring") in message for message in caplog.messages] == [True]


def test_kept_for_the_owner(tmp_path: Path) -> None:
    """Nobody else reads the file, and it does not hold the key."""
    made = keyring(tmp_path)
    path = tmp_path / "data" / "keyring"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert made.generated is not None
    assert made.generated not in path.read_text()
    assert [file.name for file in path.parent.iterdir()] == ["keyring"]


def test_loose_permissions_are_mended(tmp_path: Path) -> None:
    """A file that others could read is closed."""
    keyring(tmp_path)
    path = tmp_path / "data" / "keyring"
    path.chmod(0o644)
    keyring(tmp_path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_configured(tmp_path: Path) -> None:
    """Where everything is configured nothing is written."""
    ring = keyring(tmp_path, secret=SECRET, master_key="sk-operator-1")
    assert ring.generated is None
    assert ring.keys.find(b"sk-operator-1") is not None
    assert ring.keys.find(b"sk-operator-2") is None
    assert not (tmp_path / "data").exists()


def test_configured_key_alone(tmp_path: Path) -> None:
    """A configured key needs no hash in the file."""
    assert keyring(tmp_path, master_key="sk-operator-1").generated is None
    assert "key_hash" not in (tmp_path / "data" / "keyring").read_text()


def test_key_after_a_configured_one(tmp_path: Path) -> None:
    """When the configured key is taken away, one is generated; the secret stays."""
    before = keyring(tmp_path, master_key="sk-operator-1")
    after = keyring(tmp_path)
    assert after.generated is not None
    assert after.carriers == before.carriers


def test_rotation(tmp_path: Path) -> None:
    """After a rotation the old key still opens, and old carriers can be read."""
    first = keyring(tmp_path, secret=SECRET)
    second = keyring(tmp_path, secret=OTHER, previous_secrets=(SECRET,))
    assert first.generated is not None
    assert second.generated is None
    assert second.keys.find(first.generated.encode()) is not None
    assert second.keys.newest != first.keys.newest
    assert second.carriers[first.keys.newest] == first.carriers[first.keys.newest]


def test_lost_secret(tmp_path: Path) -> None:
    """With another secret and no previous one, the old hash is worthless, so there is a new key."""
    first = keyring(tmp_path, secret=SECRET)
    second = keyring(tmp_path, secret=OTHER)
    assert second.generated not in (None, first.generated)


def test_no_auth(tmp_path: Path) -> None:
    """Without authentication everybody is the operator, and no key is made."""
    ring = keyring(tmp_path, auth=False)
    assert ring.generated is None
    assert ring.keys.find(b"anything") == OPERATOR
    assert ring.keys.open_to_all


@pytest.mark.parametrize("content", [b"", b"{", b'{"secret":"short"}', b"\xff"])
def test_damaged(tmp_path: Path, content: bytes) -> None:
    """A damaged file stops the start instead of being replaced."""
    keyring(tmp_path)
    (tmp_path / "data" / "keyring").write_bytes(content)
    with pytest.raises(ConfigError, match="damaged"):
        keyring(tmp_path)


def test_cannot_be_kept(tmp_path: Path) -> None:
    """Where nothing can be written, the start says what to set."""
    (tmp_path / "data").write_text("a file")
    with pytest.raises(ConfigError, match="TRUNKLINE_DATA_DIR"):
        keyring(tmp_path)


def test_another_was_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two starts at once, the second takes over what the first has made."""
    first = keyring(tmp_path / "a")
    made = (tmp_path / "a" / "data" / "keyring").read_bytes()

    def link(_draft: Path, path: Path) -> None:
        path.write_bytes(made)
        raise FileExistsError

    monkeypatch.setattr("os.link", link)
    second = keyring(tmp_path / "b")
    assert second.generated is None
    assert second.carriers == first.carriers


def test_nothing_secret_is_shown(tmp_path: Path) -> None:
    """A keyring's repr holds neither keys nor the generated one."""
    ring = keyring(tmp_path)
    assert repr(ring.keys) == f"Keyring(newest='{ring.keys.newest}')"


def test_purposes_differ() -> None:
    """What is derived for one purpose opens nothing of another."""
    assert len({derive(b"s" * 32, label) for label in ("carrier", "key", "key-id")}) == 3
    assert len(derive(b"s" * 32, "key")) == 32


def test_key_shape() -> None:
    """Keys look alike, and none like another."""
    key = generate_key()
    prefix, tl, known_by, secret = key.split("-", 3)
    assert (prefix, tl, len(known_by), len(secret)) == ("sk", "tl", 10, 43)
    assert key != generate_key()
