"""Names of models: the order in which a name is looked for."""

from collections.abc import Mapping

import pytest

from trunkline.capabilities import Capabilities
from trunkline.engine.router import Router
from trunkline.errors import ModelNotFound, Unavailable
from trunkline.money import Tariff
from trunkline.ports import Listed
from trunkline.providers.account import Account, make_account
from trunkline.providers.provider import Provider


class FakeCatalog:
    """Knows one family's names, and nothing of any model."""

    def listing(self) -> Mapping[str, Listed]:
        return {}

    async def settle(self, seconds: float) -> None:
        return

    def capabilities(self, provider: str, model: str, base: Capabilities) -> Capabilities:
        return base

    def tariff(self, account: str, provider: str, model: str) -> Tariff | None:
        return None

    def owner(self, model: str) -> str | None:
        return "anthropic" if model.startswith("claude") else None


UNKNOWN = Listed(frozenset(), complete=False)
PENDING = Listed(frozenset(), complete=False, pending=True)


def account(name: str) -> Account:
    provider = Provider(name=name, title=name, docs="", read_models=lambda _: [], base_url=f"https://{name}.test/v1")
    return make_account(provider, api_key="secret-key")


def lists(*names: str) -> Listed:
    return Listed(frozenset(names), complete=True)


def router(listing: Mapping[str, Listed], aliases: Mapping[str, str] | None = None) -> Router:
    return Router(
        [account(name) for name in listing],
        aliases or {},
        listing,
        FakeCatalog(),
    )


def found(name: str, listing: Mapping[str, Listed], aliases: Mapping[str, str] | None = None) -> str:
    return router(listing, aliases).resolve(name).targets[0].name


BOTH = {"openai": lists("gpt-5-mini", "shared"), "groq": lists("openai/gpt-oss-120b", "llama", "shared")}


@pytest.mark.parametrize(
    ("asked", "target"),
    [
        ("gpt-5-mini", "openai/gpt-5-mini"),
        ("llama", "groq/llama"),
        ("groq/llama", "groq/llama"),
        ("groq/not-listed", "groq/not-listed"),
        ("openai/gpt-oss-120b", "groq/openai/gpt-oss-120b"),
        ("groq/openai/gpt-oss-120b", "groq/openai/gpt-oss-120b"),
        ("shared", "openai/shared"),
        ("groq/shared", "groq/shared"),
        ("GPT-5-Mini", "openai/gpt-5-mini"),
        ("gpt\u20115\u2011mini", "openai/gpt-5-mini"),
    ],
)
def test_a_name_finds_its_target(asked: str, target: str) -> None:
    """By provider, by list, without regard to case, with a word processor's hyphens."""
    assert found(asked, BOTH) == target


def test_others_that_list_a_name_are_told() -> None:
    """`explain` shows them."""
    assert router(BOTH).resolve("shared").others == ["groq/shared"]


def test_an_exact_alias_comes_first() -> None:
    """Even before a model that is really called so."""
    assert found("llama", BOTH, {"llama": "openai/gpt-5-mini"}) == "openai/gpt-5-mini"


def test_a_pattern_comes_last() -> None:
    """A listed model is not caught by it, another name is; the longest pattern wins."""
    aliases = {"gpt-*": "groq/llama", "gpt-4*": "groq/shared"}
    assert found("gpt-5-mini", BOTH, aliases) == "openai/gpt-5-mini"
    assert found("gpt-4.1", BOTH, aliases) == "groq/shared"
    assert found("gpt-9", BOTH, aliases) == "groq/llama"


def test_case_that_leaves_two_candidates_decides_nothing() -> None:
    """Then the name is unknown."""
    with pytest.raises(ModelNotFound):
        found("MODEL", {"a": lists("Model", "model")})


def test_an_unknown_name_gets_near_ones() -> None:
    """Up to three."""
    with pytest.raises(ModelNotFound, match="near are `gpt-5-mini`") as caught:
        found("gpt-5-mimi", BOTH)
    assert caught.value.status == 404
    assert caught.value.code == "model_not_found"


def test_an_unknown_gpt_name_says_how_to_alias_it() -> None:
    """Agents without a model ask for one of OpenAI's."""
    with pytest.raises(ModelNotFound, match="TRUNKLINE_ALIASES="):
        found("gpt-5.6-luna", {"groq": lists("llama")})


def test_a_name_that_a_pending_list_may_hold_is_not_refused_for_good() -> None:
    """503: try again in a second."""
    with pytest.raises(Unavailable):
        found("llama", {"openai": lists("gpt-5-mini"), "groq": PENDING})


def test_a_known_name_does_not_wait_for_pending_lists() -> None:
    """A name with its provider is certain already."""
    listing = {"openai": lists("gpt-5-mini"), "groq": PENDING}
    assert router(listing).known("openai/anything")
    assert router(listing).known("gpt-5-mini") is None


def test_a_provider_of_unknown_list_gets_what_is_surely_its_own() -> None:
    """The catalogue knows that claude models are Anthropic's."""
    listing = {"groq": lists("llama"), "anthropic": UNKNOWN}
    assert found("claude-sonnet-5", listing) == "anthropic/claude-sonnet-5"
    with pytest.raises(ModelNotFound):
        found("mystery", listing)


def test_the_list_gives_each_model_a_name_that_works() -> None:
    """A second provider's model of the same id is listed with its provider."""
    names = [name for name, _ in router(BOTH, {"fast": "groq/llama", "gpt-*": "groq/llama"}).names()]
    assert names == ["fast", "gpt-5-mini", "shared", "llama", "openai/gpt-oss-120b", "groq/shared"]
    assert all(router(BOTH, {"fast": "groq/llama"}).resolve(name) for name in names)


def test_an_alias_to_nowhere_is_refused() -> None:
    """It names what it points to."""
    with pytest.raises(ModelNotFound, match="`nowhere`"):
        found("fast", {"openai": lists("gpt-5-mini")}, {"fast": "nowhere"})
