"""The list of models each account serves: asked in the background, tolerant of a provider that is down."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from trunkline.capabilities import Capabilities
from trunkline.catalog.models import ModelCatalog
from trunkline.errors import Denied, Unreachable
from trunkline.ports import Listed
from trunkline.providers.account import Account, make_account
from trunkline.providers.model_rules import read_model_rules
from trunkline.providers.openai_format import make_provider

LIST = b'{"data":[{"id":"a"},{"id":"b"}]}'


def account(name: str = "one", models: str = "") -> Account:
    provider = make_provider(name, name, "https://example.com", f"https://{name}.test/v1")
    return make_account(provider, api_key="sk-secret-of-ours", models=read_model_rules(models))


class Provider:
    """Answers list calls with what it is told to: bytes, or an error to raise."""

    def __init__(self, *answers: bytes | Exception) -> None:
        self.answers = list(answers)
        self.calls = 0

    async def fetch(self, _account: Account) -> list[bytes]:
        self.calls += 1
        answer = self.answers[min(self.calls, len(self.answers)) - 1]
        if isinstance(answer, Exception):
            raise answer
        return [answer]


@asynccontextmanager
async def catalog(fetch: Callable, *accounts: Account, refresh: float = 3600, retry: float = 0.001) -> AsyncIterator:
    catalog = ModelCatalog(accounts, fetch, refresh_seconds=refresh, retry_seconds=(retry,))
    catalog.start()
    try:
        yield catalog
    finally:
        await catalog.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while True:
            if condition():
                return
            await asyncio.sleep(0.001)


async def test_a_list_arrives() -> None:
    """Before the first answer the list is pending, after it complete."""
    async with catalog(Provider(LIST).fetch, account()) as models:
        assert models.listing() == {"one": Listed(frozenset(), complete=False, pending=True)}
        await models.settle(5)
        assert models.listing() == {"one": Listed(frozenset("ab"), complete=True)}


async def test_only_named_models() -> None:
    """An account whose models are all named is never asked."""
    provider = Provider(LIST)
    async with catalog(provider.fetch, account(models="only:x,y")) as models:
        await models.settle(5)
        assert models.listing()["one"] == Listed(frozenset("xy"), complete=True)
    assert provider.calls == 0


async def test_added_models_are_there_at_once() -> None:
    """Names from the configuration do not wait for the provider."""
    async with catalog(Provider(LIST).fetch, account(models="x")) as models:
        assert models.listing()["one"].names == {"x"}
        await models.settle(5)
        assert models.listing()["one"].names == {"a", "b", "x"}


async def test_down_at_start() -> None:
    """A provider that is down stays pending, does not hold anybody up, and is asked again until it answers."""
    provider = Provider(Unreachable("away"), Unreachable("away"), LIST)
    async with catalog(provider.fetch, account()) as models:
        await models.settle(5)
        assert models.listing()["one"].pending
        await until(lambda: models.listing()["one"].complete)
        assert models.listing()["one"] == Listed(frozenset("ab"), complete=True)


async def test_forbidden() -> None:
    """A list that is forbidden to the key is unknown for good, so nothing is pending."""
    provider = Provider(Denied("no"))
    async with catalog(provider.fetch, account()) as models:
        await models.settle(5)
        assert models.listing()["one"] == Listed(frozenset(), complete=False)
    assert provider.calls == 1


async def test_forbidden_but_named() -> None:
    """Where models are configured, a list that cannot be had makes the account known all the same."""
    async with catalog(Provider(Denied("no")).fetch, account(models="x")) as models:
        await models.settle(5)
        assert models.listing()["one"] == Listed(frozenset("x"), complete=True)


async def test_goes_down_later() -> None:
    """What was listed before stays when a refresh fails."""
    provider = Provider(LIST, Unreachable("away"))
    async with catalog(provider.fetch, account(), refresh=0.001) as models:
        await until(lambda: provider.calls > 2)
        assert models.listing()["one"] == Listed(frozenset("ab"), complete=True)


async def test_refreshed() -> None:
    """A model that appears is found at the next refresh."""
    provider = Provider(LIST, b'{"data":[{"id":"c"}]}')
    async with catalog(provider.fetch, account(), refresh=0.001) as models:
        await until(lambda: models.listing()["one"].names == {"c"})


async def test_same_list_same_snapshot() -> None:
    """A refresh that brings nothing new leaves the snapshot the object it was."""
    provider = Provider(LIST)
    async with catalog(provider.fetch, account(), refresh=0.001) as models:
        await models.settle(5)
        before = models.listing()
        await until(lambda: provider.calls > 3)
        assert models.listing() is before


async def test_garbled_list() -> None:
    """A list that is none counts as a provider that is down."""
    async with catalog(Provider(b"<html>").fetch, account()) as models:
        await models.settle(5)
        assert models.listing()["one"].pending


async def test_settle_is_bounded() -> None:
    """Nobody waits longer for a first list than was said."""

    async def hang(_account: Account) -> list[bytes]:
        await asyncio.sleep(60)
        return [LIST]

    async with catalog(hang, account()) as models, asyncio.timeout(5):
        await models.settle(0.01)
        assert models.listing()["one"].pending


async def test_one_provider_down_does_not_hide_another() -> None:
    """Accounts are asked side by side."""

    async def fetch(asked: Account) -> list[bytes]:
        if asked.name == "down":
            raise Unreachable("away")
        return [LIST]

    async with catalog(fetch, account("down"), account("up")) as models:
        await models.settle(5)
        assert models.listing()["up"].complete
        assert models.listing()["down"].pending


async def test_no_secret_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """A provider that quotes our key does not get it into the log."""
    async with catalog(Provider(Denied("bad key sk-secret-of-ours")).fetch, account()) as models:
        await models.settle(5)
    assert "cannot be had" in caplog.text
    assert "sk-secret" not in caplog.text


def test_capabilities_are_remembered() -> None:
    """The same question gives the same object."""
    models = ModelCatalog([], Provider(LIST).fetch)
    base = Capabilities()
    first = models.capabilities("anthropic", "claude-opus-4-5", base)
    assert models.capabilities("anthropic", "claude-opus-4-5", base) is first
