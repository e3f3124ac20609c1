"""Tee, patch or translate."""

from collections.abc import Mapping

import msgspec
import pytest
from msgspec import Raw
from msgspec.structs import replace

from scripted_gateway import DIALECTS, make_accounts
from trunkline.capabilities import Capabilities
from trunkline.engine.envelope import Envelope
from trunkline.engine.router import Target
from trunkline.engine.way import choose_way
from trunkline.errors import Unsupported
from trunkline.providers.account import make_account
from trunkline.providers.directory import load_provider
from trunkline.providers.provider import Provider

ACCOUNTS = {account.name: account for account in make_accounts()}


def target(name: str, capabilities: Capabilities | None = None) -> Target:
    account = ACCOUNTS[name]
    return Target(account, "m", "", capabilities or account.capabilities, f"{name}/m", Raw(b'"m"'))


def envelope(members: dict[str, Raw] | None = None, body: bytes = b"{}") -> Envelope:
    return Envelope("m", False, members or {}, body)


def way(caller: str, name: str, body: bytes = b"{}", members: Mapping[str, Raw] | None = None) -> str:
    return choose_way(DIALECTS[caller], target(name), envelope(dict(members or {}), body)).route


@pytest.mark.parametrize(
    ("caller", "account", "route"),
    [
        ("chat", "native_chat", "tee native_chat/m"),
        ("responses", "responses", "tee responses/m"),
        ("messages", "messages", "tee messages/m"),
        ("chat", "chat", "patch chat/m"),
        ("responses", "chat", "translate responses>chat chat/m"),
        ("chat", "messages", "translate chat>messages messages/m"),
        ("messages", "responses", "translate messages>responses responses/m"),
    ],
)
def test_the_way_follows_from_both_ends(caller: str, account: str, route: str) -> None:
    """A faithful provider is passed on, an unfaithful one mended, another dialect translated."""
    assert way(caller, account) == route


def test_provider_options_are_patched_in() -> None:
    """They have to be taken out of the body."""
    assert way("chat", "native_chat", members={"provider_options": Raw(b"{}")}) == "patch native_chat/m"


def test_what_we_have_sealed_is_patched_out() -> None:
    """No upstream knows our seals."""
    assert way("responses", "responses", b'{"input":[{"encrypted_content":"tl1.k.x"}]}') == "patch responses/m"
    assert way("responses", "responses", b'{"input":"about tl1.k.x"}') == "tee responses/m"


def test_emulated_tools_need_a_translation() -> None:
    """Even within one dialect; without tools there is nothing to emulate."""
    emulating = replace(ACCOUNTS["chat"].capabilities, tools="emulated")
    with_tools = choose_way(DIALECTS["chat"], target("chat", emulating), envelope({"tools": Raw(b"[]")}))
    assert (with_tools.kind, with_tools.upstream) == ("translate", "chat")
    assert choose_way(DIALECTS["chat"], target("chat", emulating), envelope()).kind == "patch"


def test_the_preferred_dialect_is_spoken() -> None:
    """The first that the account speaks."""
    account = make_account(load_provider("openai"), api_key="k" * 10)
    chosen = choose_way(
        DIALECTS["messages"], Target(account, "m", "", account.capabilities, "openai/m", Raw(b'"m"')), envelope()
    )
    assert chosen.upstream == "responses"


def test_an_account_without_a_dialect_is_refused() -> None:
    """It may serve embeddings alone."""
    provider = Provider(name="p", title="p", docs="", read_models=lambda _: [], base_url="https://p.test", speaks=())
    account = make_account(provider)
    with pytest.raises(Unsupported) as caught:
        choose_way(DIALECTS["chat"], Target(account, "m", "", account.capabilities, "p/m", Raw(b'"m"')), envelope())
    assert caught.value.param == "model"


SAMPLING = frozenset({"temperature", "top_p", "top_k"})


@pytest.mark.parametrize(
    ("caller", "name", "members", "capabilities"),
    [
        ("chat", "native_chat", {"temperature": 0.5}, Capabilities(refuses=SAMPLING)),
        ("messages", "messages", {"top_k": 3}, Capabilities(refuses=SAMPLING)),
        ("chat", "native_chat", {"reasoning_effort": "none"}, Capabilities(efforts=("low", "high"))),
        ("chat", "native_chat", {"reasoning_effort": "low"}, Capabilities(effort=False)),
        ("responses", "responses", {"reasoning": {"effort": "max"}}, Capabilities(efforts=("low", "high"))),
        (
            "chat",
            "native_chat",
            {"max_tokens": 9},
            Capabilities(efforts=("low", "high"), max_tokens_field="max_completion_tokens"),
        ),
        ("messages", "messages", {"messages": [{"role": "system", "content": "S"}]}, Capabilities()),
        (
            "messages",
            "messages",
            {"messages": [{"role": "assistant", "content": [{"type": "thinking", "thinking": "T", "signature": ""}]}]},
            Capabilities(),
        ),
    ],
)
def test_what_the_model_refuses_is_patched(
    caller: str, name: str, members: dict[str, object], capabilities: Capabilities
) -> None:
    """A body that a faithful target would answer with an error is patched; what it takes goes by tee."""
    body = msgspec.json.encode(members)
    raw = msgspec.json.decode(body, type=dict[str, Raw])
    assert choose_way(DIALECTS[caller], target(name, capabilities), envelope(raw, body)).kind == "patch"
    taken = Capabilities(mid_system=True, efforts=("none", "low", "max"))
    if "thinking" not in str(members):
        assert choose_way(DIALECTS[caller], target(name, taken), envelope(raw, body)).kind == "tee"
