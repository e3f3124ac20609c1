"""Rate limits, as the file declares them."""

import pytest

from trunkline.config.config import Config
from trunkline.config.load import load_config
from trunkline.config.sources import Environment
from trunkline.config.yaml_file import parse_yaml
from trunkline.errors import ConfigError
from trunkline.state.periods import read_period

RULES = """\
limits:
  - {match: {path: "/team/alpha/**", model: "openai/*"}, requests: 100, per: minute}
  - {match: {key: ana}, tokens: 200000, per: day, zone: Europe/Zurich}
  - {match: {provider: openai}, concurrent: 50}
  - {requests: 20, per: 10s, each: key}
"""


def load(yaml: str) -> Config:
    return load_config(Environment({"HOME": "/home/ana"}), parse_yaml(yaml, "trunkline.yaml"))


def test_read() -> None:
    """Each as it is written; `trunkline check` shows them."""
    config = load(RULES)
    first, second, third, fourth = config.limits
    assert (first.path, first.model, first.measure, first.most) == ("/team/alpha/**", "openai/*", "requests", 100)
    assert (second.key, second.measure, second.period) == ("ana", "tokens", read_period("day", "Europe/Zurich"))
    assert (third.provider, third.measure, third.period) == ("openai", "concurrent", None)
    assert (fourth.each, fourth.period) == ("key", read_period("10s"))
    assert all(rule.is_declared for rule in config.limits)
    shown = {shown.name: shown.value for shown in config.shown}
    assert shown[f"limits.{first.id}"] == "100 requests per minute for path /team/alpha/** and model openai/*"


def test_ids_stay() -> None:
    """A rule is counted under the same id as long as it says the same, wherever it stands."""
    lines = RULES.splitlines()
    turned = load("\n".join([lines[0], *reversed(lines[1:])]))
    assert {rule.id for rule in turned.limits} == {rule.id for rule in load(RULES).limits}
    assert len({rule.id for rule in turned.limits}) == 4


@pytest.mark.parametrize("yaml", ["strict: false", "limits: ", "limits: []"])
def test_none_need_be_declared(yaml: str) -> None:
    """Then nothing is limited."""
    assert load(yaml).limits == ()


@pytest.mark.parametrize(
    ("yaml", "says"),
    [
        ("limits: {requests: 1}", "`limits` should be a list of rules"),
        ("limits: [100]", "`limits[0]` should be a mapping"),
        ("limits: [{requests: 1}]", "in `limits[0]`, `per` is missing"),
        ("limits: [{requests: many, per: day}]", "`requests` must be an integer, not a string"),
        ("limits: [{requests: 1.5, per: day}]", "`requests` must be an integer, not a string"),
        ("limits: [{requests: 1, per: year}]", "should be minute, hour, day"),
        ("limits: [{requests: 1, per: day, zone: Mars}]", "the zone should be a name like Europe/Zurich"),
        ("limits: [{concurrent: 1, mach: x}]", "`mach` is not a known parameter"),
        ("limits: [{concurrent: 1, match: {paths: /a}}]", "`match.paths` is not a known parameter"),
        ("limits: [{concurrent: 1, match: {path: a}}]", "`match.path` must be a path like"),
        ("limits: [{concurrent: 1}, {concurrent: 1}]", "`limits[1]` stands there twice"),
    ],
)
def test_what_cannot_be_understood_stops_the_start(yaml: str, says: str) -> None:
    """With its line."""
    with pytest.raises(ConfigError) as caught:
        load(yaml)
    assert says in str(caught.value)
    assert "trunkline.yaml, line 1" in str(caught.value)
