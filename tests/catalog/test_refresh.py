"""The tables of published facts: how they are made, and what is shipped of them."""

import json
import zipfile
from pathlib import Path

import pytest

from trunkline.capabilities import EFFORTS, Capabilities, nearest_effort
from trunkline.catalog import refresh
from trunkline.catalog.capabilities import find_capabilities, read_published
from trunkline.catalog.names import plain_name
from trunkline.catalog.prices import find_tariff

CLAUDE = {
    "litellm_provider": "anthropic",
    "mode": "chat",
    "max_input_tokens": 1000,
    "max_output_tokens": 100,
    "input_cost_per_token": 4e-06,
    "output_cost_per_token": 2e-05,
    "cache_read_input_token_cost": 2e-07,
    "cache_creation_input_token_cost": 5e-06,
    "cache_creation_input_token_cost_above_1hr": 8e-06,
    "supports_reasoning": True,
    "supports_adaptive_thinking": True,
    "thinking_always_on": True,
    "supports_sampling_params": False,
    "supports_max_reasoning_effort": True,
    "supports_mid_conversation_system": True,
    "supports_assistant_prefill": False,
    "supports_vision": True,
}


def test_facts() -> None:
    """Published flags become members of `Capabilities`, and a yes that is the default is left out."""
    assert refresh.read_facts(CLAUDE) == {
        "context_tokens": 1000,
        "max_output_tokens": 100,
        "sampling": False,
        "efforts": ["low", "medium", "high", "max"],
        "mid_system": True,
        "prefill": False,
        "thinking": "adaptive",
        "thinking_off": "never",
    }


def test_same_facts_once() -> None:
    """A dated version and a seller that say nothing new have no row."""
    made, sold, _ = refresh.make_tables(
        {
            "claude-new": CLAUDE,
            "claude-new-20261101": CLAUDE,
            "vertex_ai/claude-new": {"litellm_provider": "vertex_ai", "mode": "chat", "max_output_tokens": 100},
            "groq/claude-new": {"litellm_provider": "groq", "mode": "chat", "max_output_tokens": 50},
            "a-picture-model": {"litellm_provider": "openai", "mode": "image_generation"},
            "elsewhere": {"litellm_provider": "nobody", "mode": "chat"},
        }
    )
    assert list(made) == ["claude-new"]
    assert sold["groq"] == {"claude-new": {"max_output_tokens": 50}}
    assert sold["vertex"] == {}


def test_refresh_from_a_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command reads the table out of the wheel that holds it, and writes both files with their sources."""
    wheel = tmp_path / "litellm-9.9.9-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(
            "litellm/model_prices_and_context_window_backup.json", json.dumps({"claude-new": CLAUDE, "x": {}})
        )
    monkeypatch.setattr("sys.argv", ["refresh", str(wheel), "--into", str(tmp_path)])
    refresh.main()
    published = json.loads((tmp_path / "published.json").read_bytes())
    assert published["sources"][0]["version"] == "9.9.9"
    assert published["models"]["claude-new"]["context_tokens"] == 1000
    prices = json.loads((tmp_path / "prices.json").read_bytes())
    assert prices["providers"]["anthropic"]["claude-new"][0] == [4, 20, 0.2, 5, 8]


def test_shipped_rows_are_facts() -> None:
    """Every published row converts, so that no name of a model can raise."""
    published = read_published()
    for name in published.models:
        find_capabilities("openai", name, Capabilities())
    for provider, rows in published.providers.items():
        for name in rows:
            find_capabilities(provider, name, Capabilities())
    assert all(source["licence"] for source in published.sources)


def test_shipped_table_is_small() -> None:
    """The tables stay below 200 KB together."""
    assert sum(path.stat().st_size for path in refresh.DATA.glob("*.json")) < 200_000


@pytest.mark.parametrize(
    ("model", "plain"),
    [
        ("claude-sonnet-4.5", "claude-sonnet-4-5"),
        ("anthropic/claude-opus-5.5", "claude-opus-5-5"),
        ("us.anthropic.claude-opus-5-v1:0", "claude-opus-5"),
        ("anthropic.claude-opus-5", "claude-opus-5"),
        ("gpt-5.6-luna", "gpt-5-6-luna"),
        ("accounts/fireworks/models/glm-5", "glm-5"),
    ],
)
def test_names(model: str, plain: str) -> None:
    """A model's many names lead to one row."""
    assert plain_name(model) == plain


def test_known_models() -> None:
    """Facts of single models, from the provider that is asked."""
    opus, sonnet = (
        find_capabilities("anthropic", name, Capabilities()) for name in ("claude-opus-5-5", "claude-sonnet-5-5")
    )
    assert (opus.thinking_off, opus.forced_tools, opus.mid_system) == ("never", False, True)
    assert (sonnet.thinking_off, sonnet.forced_tools) == ("between_tools", False)
    assert not find_capabilities("anthropic", "claude-sonnet-5", Capabilities()).mid_system
    assert find_capabilities("anthropic", "claude-sonnet-4-5-20250929", Capabilities()).prefill
    assert find_capabilities("openai", "gpt-5-mini", Capabilities()).efforts == ("minimal", "low", "medium", "high")


def test_prices_of_a_dated_version() -> None:
    """A version without a row of its own costs what the model costs; a model that nobody priced has no price."""
    dated = find_tariff("anthropic", "claude-sonnet-4-5-20250929")
    assert dated is not None
    assert dated == find_tariff("anthropic", "claude-sonnet-4-5")
    assert find_tariff("anthropic", "claude-nobody") is None
    assert find_tariff("nobody", "claude-sonnet-4-5") is None


@pytest.mark.parametrize(
    ("asked", "efforts", "taken"),
    [
        ("xhigh", ("low", "medium", "high"), "high"),
        ("minimal", ("low", "medium", "high"), "low"),
        ("none", ("low", "medium", "high"), "low"),
        ("medium", ("low", "high", "max"), "low"),
        ("minimal", ("none", "low"), "low"),
        ("max", EFFORTS, "max"),
        ("max", (), "max"),
        ("enormous", ("low",), "enormous"),
    ],
)
def test_nearest_effort(asked: str, efforts: tuple[str, ...], taken: str) -> None:
    """The nearest level that a model knows."""
    assert nearest_effort(asked, efforts) == taken
