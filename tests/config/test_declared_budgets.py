"""Budgets that the file declares."""

from pathlib import Path

import pytest

from trunkline.config.config import Config
from trunkline.config.load import load_config
from trunkline.config.sources import Environment
from trunkline.config.yaml_file import read_yaml
from trunkline.errors import ConfigError
from trunkline.state.budgets import Webhook

VARIABLES = {"OPENAI_API_KEY": "sk-x", "HOOK_SECRET": "a secret of the tests"}


def load(tmp_path: Path, text: str) -> Config:
    path = tmp_path / "trunkline.yaml"
    path.write_text(text)
    return load_config(Environment(VARIABLES), read_yaml(path))


def test_a_budget_is_read_whole(tmp_path: Path) -> None:
    """Whose, how much, per what, and what becomes of it."""
    config = load(
        tmp_path,
        """
budgets:
  - name: alpha
    match: {path: "/team/alpha/**", label: app=web}
    dollars: "500"
    per: month
    zone: Europe/Zurich
    owner: Ana
    unpriced: allow
    on_low: cut
    webhook: {url: "http://hooks.internal/x", secret: "env:HOOK_SECRET"}
    shares: [90, 10]
""",
    )
    budget = config.budgets[0]
    assert (budget.name, budget.path, budget.key, budget.label) == ("alpha", "/team/alpha/**", None, ("app", "web"))
    assert (budget.cap, str(budget.period), budget.period.zone) == (500_000_000_000, "month", "Europe/Zurich")
    assert (budget.owner, budget.unpriced, budget.on_low, budget.shares) == ("Ana", "allow", "cut", (10, 90))
    assert budget.webhook == Webhook("http://hooks.internal/x", "a secret of the tests", is_trusted=True)
    assert budget.is_declared


def test_a_secret_is_in_no_repr(tmp_path: Path) -> None:
    """A log line that shows a budget shows none."""
    text = 'budgets: [{name: a, dollars: 1, per: day, webhook: {url: "https://h.example", secret: "env:HOOK_SECRET"}}]'
    assert "a secret of the tests" not in repr(load(tmp_path, text))


def test_check_shows_them(tmp_path: Path) -> None:
    """As one line each, with its place."""
    config = load(tmp_path, "budgets: [{name: a, dollars: 12.5, per: day, match: {key: ana}}]")
    shown = next(each for each in config.shown if each.name == "budgets.a")
    assert (shown.value, shown.source) == ("$12.5 per day for key ana", "trunkline.yaml, line 1")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("budgets: alpha", "should be a list of budgets"),
        ("budgets: [{dollars: 1, per: day}]", "`name` is missing"),
        ("budgets: [{name: a, per: day}]", "`dollars` is missing"),
        ("budgets: [{name: a, dollars: lots, per: day}]", "dollars are written like"),
        ("budgets: [{name: a, dollars: 1, per: day, colour: red}]", "`colour` is not a known parameter"),
        ("budgets: [{name: a, dollars: 1, per: day, shares: [half]}]", "`shares` must be"),
        ("budgets: [{name: a, dollars: 1, per: day}, {name: a, dollars: 1, per: day}]", "called `a` already"),
        ('budgets: [{name: a, dollars: 1, per: day, webhook: {url: "https://h.example", secret: x}}]', "`env:NAME`"),
        ('budgets: [{name: a, dollars: 1, per: day, webhook: {url: "https://h.example"}}]', "`env:NAME`"),
        (
            'budgets: [{name: a, dollars: 1, per: day, webhook: {url: "https://h.example", secret: "env:NOT_SET"}}]',
            "`NOT_SET`, which is not set",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    """Where it stands, and what would be right."""
    with pytest.raises(ConfigError, match=r"trunkline\.yaml, line 1") as raised:
        load(tmp_path, text)
    assert said in str(raised.value)


def test_the_limit_for_models_that_nobody_knows_is_set(tmp_path: Path) -> None:
    """Unless it is, it is what most models can write."""
    assert load(tmp_path, "output_limit: 4096").output_limit_tokens == 4096
    assert load(tmp_path, "{}").output_limit_tokens == 16_384
    with pytest.raises(ConfigError, match="a whole number like 16384"):
        load(tmp_path, "output_limit: none")


def test_replicas_that_count_alone_are_warned_of(tmp_path: Path) -> None:
    """On one PostgreSQL without a Redis each gateway grants the whole."""
    text = """
database_url: "env:DATABASE_URL"
secret: "env:SECRET"
master_key: "env:MASTER_KEY"
budgets: [{name: a, dollars: 1, per: day}]
"""
    secrets = {
        "DATABASE_URL": "postgresql://db.internal/trunkline",
        "SECRET": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA",
        "MASTER_KEY": "sk-the-masters-own-key-of-the-tests",
    }
    path = tmp_path / "trunkline.yaml"
    path.write_text(text)
    alone = load_config(Environment(VARIABLES | secrets), read_yaml(path))
    assert any("TRUNKLINE_REDIS_URL" in note for note in alone.notes)
    shared = {"TRUNKLINE_REDIS_URL": "redis://redis.internal:6379"}
    together = load_config(Environment(VARIABLES | secrets | shared), read_yaml(path))
    assert not any("TRUNKLINE_REDIS_URL" in note for note in together.notes)
