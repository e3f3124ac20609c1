"""`trunkline keys`, typed: in the store beside it."""

import json
import urllib.error
import urllib.request
from functools import partial
from pathlib import Path

import pytest
import yaml
from typed_command import Run

from real_gateway import KEY, Gateway, running_gateway


@pytest.fixture
def run(trunkline: Run) -> Run:
    return partial(trunkline, "keys")


def test_a_key_is_printed_once(run: Run) -> None:
    """By itself, so that a script can take it; what is shown later lacks it."""
    status, out, err = run("create", "ana", "--path", "/team", "--models", "openai/*,fast", "--label", "app=web")
    assert status == 0
    assert out.startswith("sk-tl-")
    assert len(out.split()) == 1
    assert "only time" in err
    shown = run("show", "ana")[1]
    assert out.strip() not in shown
    for word in ("/team", "active", "openai/*, fast", "app=web", "by local"):
        assert word in shown


def test_only_what_is_typed_is_changed(run: Run) -> None:
    """Bounds are taken away by a word of their own."""
    run("create", "ana", "--path", "/team", "--models", "openai/*", "--scopes", "usage:read", "--expires", "2099-01-31")
    changed = json.loads(run("update", "ana", "--name", "anna", "--no-models", "--json")[1])
    assert (changed["name"], changed["models"], changed["scopes"]) == ("anna", None, ["usage:read"])
    changed = json.loads(run("update", "anna", "--no-expires", "--no-scopes", "--models", "fast", "--json")[1])
    assert (changed["expires_at"], changed["scopes"], changed["models"]) == (None, [], ["fast"])


def test_a_key_is_rotated_revoked_and_deleted(run: Run) -> None:
    """And each shows in the list."""
    first = run("create", "ana", "--path", "/")[1].strip()
    second = run("rotate", "ana", "--overlap", "60")[1].strip()
    assert second[:16] == first[:16]
    assert second != first
    assert "its old text works too" in run("list")[1]
    assert run("revoke", "ana")[0] == 0
    assert "revoked" in run("list")[1]
    assert run("delete", "ana")[0] == 0
    assert "there are no keys but the operator's yet" in run("list")[1]


def test_an_older_hash_waits(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a new root secret the list says what has not been used since."""
    monkeypatch.setenv("TRUNKLINE_SECRET", "a" * 43)
    run("create", "ana", "--path", "/")
    assert "waits" not in run("list")[1]
    monkeypatch.setenv("TRUNKLINE_SECRET_PREVIOUS", "a" * 43)
    monkeypatch.setenv("TRUNKLINE_SECRET", "b" * 43)
    assert "waits for its next use" in run("list")[1]


def test_an_entry_for_the_file(run: Run) -> None:
    """It can be pasted as it is; the key it stands for is printed before it."""
    status, out, _ = run("hash", "ana", "--path", "/team", "--models", "fast", "--expires", "2099-01-31")
    assert status == 0
    key, _, entry = out.partition("\n\n")
    assert key.startswith("sk-tl-")
    assert key not in entry
    assert yaml.safe_load(entry)["keys"][0]["models"] == ["fast"]
    Path("trunkline.yaml").write_text(entry, encoding="utf-8")
    assert "declared in trunkline.yaml, line 2" in run("list")[1]
    status, _, err = run("revoke", "ana")
    assert (status, "declared in trunkline.yaml, line 2" in err) == (1, True)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("create", "ana", "--path", "team"), "must be a path like /team/alpha"),
        (("create", "ana", "--path", "/", "--expires", "soon"), "`--expires` should be a day or a time"),
        (("create", "ana", "--path", "/", "--scopes", "all"), "holds 'all' but may hold"),
        (("show", "nobody"), "Key with id 'nobody' not found."),
        (("list", "--url", "http://127.0.0.1:9"), "a running gateway is asked with its master key"),
    ],
)
def test_what_cannot_be(run: Run, words: tuple[str, ...], says: str) -> None:
    """One line says what would be right."""
    status, out, err = run(*words)
    assert status in (1, 2)
    assert out == ""
    assert says.lower() in err.lower()


@pytest.mark.slow
def test_a_running_gateway_is_asked(run: Run, tmp_path: Path) -> None:
    """By its address, with its own key or one that may administer keys; what is made beside it works there too."""
    (tmp_path / "elsewhere").mkdir()
    with running_gateway(tmp_path / "elsewhere", COMPATIBLE_BASE_URL="http://127.0.0.1:9/v1") as gateway:
        place = ("--url", gateway.base_url, "--key", KEY)
        admin = run("create", "admin", "--path", "/team", "--scopes", "keys", *place)[1].strip()
        as_admin = ("--url", gateway.url, "--key", admin)
        first = run("create", "ana", "--path", "/team/ana", "--models", "compatible/*", *as_admin)[1].strip()
        assert json.loads(run("list", "--json", *as_admin)[1])[0]["name"] == "ana"
        assert run("update", "ana", "--no-models", *as_admin)[0] == 0
        second = run("rotate", "ana", "--overlap", "60", *as_admin)[1].strip()
        assert {is_let_in(gateway, key) for key in (first, second)} == {True}
        assert run("revoke", "ana", *as_admin)[0] == 0
        assert {is_let_in(gateway, key) for key in (first, second)} == {False}
        assert run("create", "ana", "--path", "/team", *as_admin)[0] == 1
        assert run("delete", "ana", *as_admin)[1] == "ana is deleted\n"
        status, _, err = run("create", "root", "--path", "/", *as_admin)
        assert (status, "administers '/team'" in err) == (1, True)


def is_let_in(gateway: Gateway, key: str) -> bool:
    asked = urllib.request.Request(f"{gateway.base_url}/models", headers={"authorization": f"Bearer {key}"})
    try:
        with urllib.request.urlopen(asked, timeout=10) as reply:
            return reply.status == 200
    except urllib.error.HTTPError as error:
        return error.code != 401
