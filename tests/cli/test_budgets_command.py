"""`trunkline budgets`, beside a store of its own."""

import json
from functools import partial
from pathlib import Path

import pytest
from typed_command import Run

DECLARED = """
providers: {openai: {api_key: "env:OPENAI_API_KEY"}}
budgets: [{name: declared, dollars: 10, per: day, owner: Ana}]
"""


@pytest.fixture
def run(trunkline: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-x")
    monkeypatch.setenv("HOOK_SECRET", "a secret of the tests")
    Path("trunkline.yaml").write_text(DECLARED)
    return partial(trunkline, "budgets")


def test_a_budget_is_made_changed_and_deleted(run: Run) -> None:
    """What is not typed stays as it is."""
    assert run("set", "alpha", "--dollars", "500", "--per", "month", "--path", "/team/alpha/**")[0] == 0
    status, said, _ = run("set", "alpha", "--owner", "Ben", "--label", "app=web", "--on-low", "cut")
    assert status == 0
    assert "path /team/alpha/**, label app=web" in said
    assert "500 per month (UTC)" in said
    assert "Ben" in said
    assert run("delete", "alpha") == (0, "alpha is deleted\n", "")
    assert run("delete", "alpha")[0] == 1


def test_all_are_listed(run: Run) -> None:
    """As a table, with where each comes from."""
    run("set", "alpha", "--dollars", "0.5", "--per", "3600s")
    lines = run("list")[1].splitlines()
    assert lines[0].split() == ["budget", "dollars", "per", "whose", "owner", "when", "low", "from"]
    assert lines[1].split() == ["declared", "10", "day", "everybody", "Ana", "refuse", "configuration"]
    assert lines[2].split() == ["alpha", "0.5", "3600s", "everybody", "refuse", "store"]


def test_how_they_stand_is_shown(run: Run) -> None:
    """What is spent, reserved and left of each, and when it begins anew."""
    lines = run("status")[1].splitlines()
    assert lines[0].split() == ["budget", "spent", "reserved", "left", "dollars", "%", "resets", "at"]
    assert lines[1].split()[:6] == ["declared", "0", "0", "10", "10", "0"]
    budget = json.loads(run("status", "declared", "--json")[1])[0]
    assert budget["status"]["left"] == "10"


def test_what_is_declared_can_be_reset_and_no_more(run: Run) -> None:
    """It is changed in the configuration."""
    status, _, said = run("set", "declared", "--dollars", "20")
    assert (status, "declared in the configuration" in said) == (1, True)
    assert "declared is counted anew from" in run("reset", "declared")[1]
    assert json.loads(run("show", "declared", "--json")[1])["reset_at"]


def test_a_webhook_is_signed_with_what_is_referred_to(run: Run) -> None:
    """No secret is typed where a shell remembers it."""
    made = (
        "set",
        "alpha",
        "--dollars",
        "1",
        "--per",
        "day",
        "--webhook",
        "https://hooks.example/x",
        "--shares",
        "50,90",
    )
    status, _, said = run(*made, "--webhook-secret", "a secret of the tests")
    assert (status, "env:NAME" in said) == (2, True)
    status, said, _ = run(*made, "--webhook-secret", "env:HOOK_SECRET")
    assert (status, "https://hooks.example/x at 50, 90 %" in said, "whsec_" in said) == (0, True, False)
    assert "webhook" not in run("set", "alpha", "--webhook", "none")[1]
    assert "whsec_" in run(*made)[1]
