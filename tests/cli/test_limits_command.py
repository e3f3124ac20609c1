"""`trunkline limits`, typed: in the store beside it, and at a running gateway."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from typed_command import Run

from trunkline.cli.limits import RemoteLimits

DECLARED = "limits:\n  - {match: {path: /team/**}, tokens: 1000, per: day, zone: Europe/Zurich, each: key}\n"


@pytest.fixture
def run(trunkline: Run) -> Run:
    return partial(trunkline, "limits")


def test_made(run: Run) -> None:
    """Its id is printed by itself, so that a script can take it."""
    assert "no limits yet" in run("list")[1]
    status, out, _ = run("set", "--requests", "100", "--per", "minute", "--path", "/team/**", "--model", "openai/*")
    id = out.strip()
    assert (status, id[:6], len(id.split())) == (0, "limit_", 1)
    listed = run("list")[1].splitlines()
    assert listed[1].split()[:5] == [id, "100", "requests", "minute", "path"]
    assert "path /team/**, model openai/*" in listed[1]


def test_changed(run: Run) -> None:
    """What is not said stays as it is, of `match` too."""
    id = run("set", "--requests", "100", "--per", "minute", "--key-name", "ana")[1].strip()
    changed = json.loads(run("set", id, "--requests", "50", "--provider", "openai", "--json")[1])
    assert (changed["requests"], changed["per"]) == (50, "minute")
    assert changed["match"] == {"key": "ana", "provider": "openai"}
    shown = run("set", id, "--concurrent", "3")[1]
    assert "3 concurrent" in shown
    assert "minute" not in shown


def test_deleted(run: Run) -> None:
    """Then it is not known any more."""
    id = run("set", "--concurrent", "3", "--each", "key")[1].strip()
    assert "everybody, each key" in run("show", id)[1]
    assert run("delete", id) == (0, f"{id} is deleted\n", "")
    status, _, err = run("show", id)
    assert (status, "not found" in err) == (1, True)


def test_declared(run: Run, tmp_path: Path) -> None:
    """Those of the file are shown, and changed there alone."""
    (tmp_path / "trunkline.yaml").write_text(DECLARED)
    (rule,) = json.loads(run("list", "--json")[1])
    assert (rule["declared"], rule["tokens"], rule["zone"], rule["each"]) == (True, 1000, "Europe/Zurich", "key")
    assert "day in Europe/Zurich" in run("list")[1]
    status, _, err = run("delete", rule["id"])
    assert (status, "declared in the configuration" in err) == (1, True)


def test_reset_takes_a_gateway(run: Run) -> None:
    """Beside it nobody knows what was used."""
    id = run("set", "--concurrent", "3")[1].strip()
    status, _, err = run("reset", id)
    assert (status, "--url" in err) == (1, True)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("set",), "one of `requests`, `tokens` and `concurrent`"),
        (("set", "--requests", "1"), "`per` is missing"),
        (("set", "--requests", "1", "--per", "year"), "should be minute, hour"),
        (("set", "--requests", "0", "--per", "day"), "must be at least 1"),
    ],
)
def test_wrong(run: Run, words: tuple[str, ...], says: str) -> None:
    """What is wrong is said in one line."""
    status, _, err = run(*words)
    assert status == 1
    assert says in err


async def test_what_a_gateway_is_asked() -> None:
    """Each command is one request of the admin API."""
    asked: list[tuple[str, ...]] = []

    async def ask(*words: str, **rest: Any) -> dict[str, Any]:
        asked.append(words)
        return {}

    book = RemoteLimits(ask)
    await book.all()
    await book.find("a")
    await book.create({})
    await book.update("a", {})
    await book.delete("a")
    await book.reset("a")
    assert asked == [
        ("GET", "limits"),
        ("GET", "limits", "a"),
        ("POST", "limits"),
        ("POST", "limits", "a"),
        ("DELETE", "limits", "a"),
        ("POST", "limits", "a", "reset"),
    ]
