"""Rows of facts about models: what a name says about thinking, sampling and limits."""

import msgspec
import pytest

from trunkline.capabilities import Capabilities
from trunkline.catalog.capabilities import find_capabilities, find_owner, read_facts
from trunkline.providers.directory import load_provider

BASE = Capabilities()


@pytest.mark.parametrize(
    ("model", "thinking", "sampling", "most"),
    [
        ("claude-3-5-haiku-20241022", "none", True, 8192),
        ("claude-3-haiku-20240307", "none", True, 4096),
        ("claude-3-7-sonnet-latest", "manual", True, 64000),
        ("claude-sonnet-4-20250514", "manual", True, 64000),
        ("claude-opus-4-20250514", "manual", True, 32000),
        ("claude-opus-4-1-20250805", "manual", True, 32000),
        ("claude-opus-4-5-20251101", "manual", True, 64000),
        ("anthropic/claude-sonnet-4.5", "manual", True, 64000),
        ("claude-sonnet-4-6", "both", True, 128000),
        ("claude-opus-4-7", "adaptive", False, 128000),
        ("claude-sonnet-5", "adaptive", False, 128000),
        ("claude-opus-5-5", "adaptive", False, 128000),
        ("claude-haiku-9", "adaptive", False, 64000),
    ],
)
def test_claude(model: str, thinking: str, sampling: bool, most: int) -> None:
    """A Claude's version decides how it thinks, and a newer one is like the newest known."""
    found = find_capabilities("anthropic", model, BASE)
    assert (found.thinking, found.sampling, found.max_output_tokens) == (thinking, sampling, most)


@pytest.mark.parametrize(
    ("model", "effort", "sampling"),
    [
        ("gpt-4o-mini", False, True),
        ("gpt-4.1", False, True),
        ("gpt-5-mini", True, False),
        ("gpt-5.6-luna", True, True),
        ("o3", True, False),
        ("llama-3.3-70b-versatile", False, True),
        ("openai/gpt-oss-120b", True, True),
    ],
)
def test_effort(model: str, effort: bool, sampling: bool) -> None:
    """Who has no dial for effort, and who takes no temperature."""
    found = find_capabilities("openai", model, BASE)
    assert (found.effort, found.sampling) == (effort, sampling)


def test_unknown_model() -> None:
    """An unknown model has its provider's facts and no others."""
    assert find_capabilities("openai", "house-model-1", BASE) is BASE


def test_providers_facts_stay() -> None:
    """A row changes what it names and nothing else."""
    base = Capabilities(call_id_digits=9)
    assert find_capabilities("openai", "gpt-4o", base).call_id_digits == 9


def test_rows_are_facts() -> None:
    """Every row names facts that exist, with values of their type."""
    for row in (*read_facts().capabilities, *read_facts().corrections):
        assert row.models
        msgspec.convert(row.facts, Capabilities)
        assert set(row.facts) <= set(Capabilities.__struct_fields__)
        assert all(name == name.lower() and "." not in name and "/" not in name for name in row.models)


@pytest.mark.parametrize(
    ("model", "owner"),
    [
        ("claude-sonnet-5", "anthropic"),
        ("gpt-5.6-luna", "openai"),
        ("GPT-4o", "openai"),
        ("o3-mini", "openai"),
        ("gpt-oss-120b", None),
        ("openai/gpt-5", None),
        ("ollama-thing", None),
        ("glm-5", "zai"),
        ("llama-3", None),
    ],
)
def test_owner(model: str, owner: str | None) -> None:
    """A bare name that is surely one provider's, and no other."""
    assert find_owner(model) == owner


@pytest.mark.parametrize(
    ("model", "owner"),
    [
        ("us.anthropic.claude-opus-5-v1:0", "bedrock"),
        ("amazon.nova-pro-v1:0", "bedrock"),
        ("claude-opus-5", "anthropic"),
        ("command-a-03-2025", "cohere"),
        ("gpt-4.1", "openai"),
    ],
)
def test_owners_of_names_with_a_maker(model: str, owner: str) -> None:
    """A maker's name before the model's is how one provider names what it serves."""
    assert find_owner(model) == owner


def test_bedrock_has_its_models_facts() -> None:
    """Whatever region and version stand around the name; what is in no row is asked for nothing unusual."""
    base = load_provider("bedrock").capabilities
    claude = find_capabilities("bedrock", "us.anthropic.claude-opus-4-5-20251101-v1:0", base)
    assert (claude.thinking, claude.json_schema, claude.strict_tools) == ("manual", "native", True)
    nova = find_capabilities("bedrock", "amazon.nova-pro-v1:0", base)
    assert (nova.thinking, nova.json_schema, nova.strict_tools) == ("none", "none", False)
