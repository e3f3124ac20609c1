"""Prompts at the provider, as the file lists them."""

import pytest

from trunkline.config.config import Config
from trunkline.config.load import load_config
from trunkline.config.sources import Environment
from trunkline.config.yaml_file import parse_yaml
from trunkline.errors import ConfigError


def load(yaml: str) -> Config:
    return load_config(Environment({"HOME": "/home/ana"}), parse_yaml(yaml, "trunkline.yaml"))


def test_each_prompt_has_its_model() -> None:
    """And `trunkline check` shows it."""
    config = load("prompts:\n  forward: [{id: pmpt_a, model: openai/gpt-5-mini}, {id: pmpt_b, model: gpt-5}]\n")
    assert config.forwarded_prompts == {"pmpt_a": "openai/gpt-5-mini", "pmpt_b": "gpt-5"}
    assert [(shown.name, shown.value, shown.source) for shown in config.shown] == [
        ("prompts.forward.pmpt_a", "openai/gpt-5-mini", "trunkline.yaml, line 2"),
        ("prompts.forward.pmpt_b", "gpt-5", "trunkline.yaml, line 2"),
    ]


@pytest.mark.parametrize("yaml", ["strict: false", "prompts: {}", "prompts: {forward: }", "prompts: {forward: []}"])
def test_none_need_be_listed(yaml: str) -> None:
    """Then only the operator may name any."""
    assert load(yaml).forwarded_prompts == {}


@pytest.mark.parametrize(
    ("yaml", "says"),
    [
        ("prompts: {forward: pmpt_a}", "should be a list of prompts with their models"),
        ("prompts: {forward: [pmpt_a]}", "`prompts.forward[0]` should be a mapping"),
        ("prompts: {forward: [{id: pmpt_a}]}", "should have an `id` and a `model`"),
        ("prompts: {forward: [{id: pmpt_a, modle: m}]}", "`prompts.forward[0].modle` is not a setting; did you mean"),
        ("prompts: {forward: [{id: a, model: m}, {id: a, model: n}]}", "the prompt `a` is listed twice"),
        ("prompts: {foward: []}", "`prompts.foward` is not a setting; did you mean `forward`?"),
    ],
)
def test_what_cannot_be_understood_stops_the_start(yaml: str, says: str) -> None:
    """With its line."""
    with pytest.raises(ConfigError) as caught:
        load(yaml)
    assert says in str(caught.value)
    assert "trunkline.yaml, line 1" in str(caught.value)
