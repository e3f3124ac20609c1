"""Chat completions, as the port says, on each kind of database."""

import pytest
from kept import DAY_SECONDS, LATER, NOW, encode
from msgspec.structs import replace

from trunkline.clock import FakeClock
from trunkline.state.completions import Completions, KeptCompletion
from trunkline.store.open import OpenStore


@pytest.fixture
def completions(store: OpenStore) -> Completions:
    return store.ports.completions


def completion(id: str, *, path: str = "/", model: str = "m", **metadata: str) -> KeptCompletion:
    return KeptCompletion(
        id=id,
        path=path,
        created_at_micros=NOW,
        expires_at_micros=LATER,
        model=model,
        metadata=encode(metadata),
        completion=encode({"id": id, "metadata": metadata}),
        messages=b'[{"role":"user","content":"hi"}]',
    )


async def test_a_completion_is_found_as_it_was_kept(completions: Completions) -> None:
    """On its own path."""
    await completions.keep(completion("chatcmpl-1", path="/team", a="b"))
    assert await completions.find("/team", "chatcmpl-1") == completion("chatcmpl-1", path="/team", a="b")
    assert await completions.find("/", "chatcmpl-1") is None


async def test_an_id_that_comes_again_is_the_newest(completions: Completions) -> None:
    """Some providers give every completion the same."""
    await completions.keep(completion("chatcmpl-1", path="/team", a="b"))
    await completions.keep(completion("chatcmpl-1", path="/team", a="c"))
    assert await completions.find("/team", "chatcmpl-1") == completion("chatcmpl-1", path="/team", a="c")


async def test_each_path_has_its_own_of_an_id(completions: Completions, store: OpenStore) -> None:
    """Whatever is done to one leaves the other as it is."""
    for path in ("/team", "/others", "/gone"):
        await completions.keep(completion("chatcmpl-1", path=path, of=path))
    assert await completions.set_metadata("/team", "chatcmpl-1", encode({"a": "b"}), b"{}")
    assert (await store.erase("/gone"))["completions"] == 1
    assert await completions.find("/others", "chatcmpl-1") == completion("chatcmpl-1", path="/others", of="/others")
    assert await completions.delete("/team", "chatcmpl-1")
    assert await completions.find("/team", "chatcmpl-1") is None
    assert await completions.find("/others", "chatcmpl-1") == completion("chatcmpl-1", path="/others", of="/others")


async def test_pages(completions: Completions) -> None:
    """In both orders, and behind one of them."""
    for id in "abcd":
        await completions.keep(completion(id))
    await completions.keep(completion("e", path="/team"))

    async def page(order: str, after: str | None) -> list[str]:
        found = await completions.page("/", order=order, after=after, limit=2, model=None, metadata={})  # type: ignore[arg-type]
        return [kept.id for kept in found]

    assert await page("asc", None) == ["a", "b", "c"]
    assert await page("asc", "b") == ["c", "d"]
    assert await page("desc", None) == ["d", "c", "b"]
    assert await page("desc", "b") == ["a"]
    with pytest.raises(KeyError):
        await page("asc", "e")


async def test_pages_of_some(completions: Completions) -> None:
    """Of one model, or with certain metadata."""
    for number in range(6):
        await completions.keep(completion(f"c{number}", model="mn"[number % 2], user="xyz"[number % 3], more="1"))

    async def page(model: str | None, **metadata: str) -> list[str]:
        found = await completions.page("/", order="asc", after=None, limit=1, model=model, metadata=metadata)
        return [kept.id for kept in found]

    assert await page("m") == ["c0", "c2"]
    assert await page(None, user="y") == ["c1", "c4"]
    assert await page("n", user="y", more="1") == ["c1"]
    assert await page(None, user="nobody") == []


async def test_metadata_is_changed_with_the_completion(completions: Completions) -> None:
    """Both at once, on its own path alone."""
    await completions.keep(completion("chatcmpl-1", a="b"))
    assert not await completions.set_metadata("/team", "chatcmpl-1", b"{}", b"{}")
    assert await completions.set_metadata("/", "chatcmpl-1", b'{"c":"d"}', b'{"x":1}')
    changed = replace(completion("chatcmpl-1"), metadata=b'{"c":"d"}', completion=b'{"x":1}')
    assert await completions.find("/", "chatcmpl-1") == changed


async def test_a_deleted_completion_stays_unknown(store: OpenStore, completions: Completions) -> None:
    """And was here."""
    await completions.keep(completion("chatcmpl-1"))
    assert not await completions.delete("/team", "chatcmpl-1")
    assert await completions.delete("/", "chatcmpl-1")
    assert not await completions.delete("/", "chatcmpl-1")
    assert await completions.find("/", "chatcmpl-1") is None
    assert await store.ports.responses.was_here(["chatcmpl-1"])


async def test_a_completion_expires(store: OpenStore, completions: Completions, clock: FakeClock) -> None:
    """In every view of it."""
    await completions.keep(completion("chatcmpl-1"))
    clock.advance(30 * DAY_SECONDS)
    for _ in range(2):
        assert await completions.find("/", "chatcmpl-1") is None
        assert await completions.page("/", order="asc", after=None, limit=1, model=None, metadata={}) == []
        await store.sweep()
    assert await store.ports.responses.was_here(["chatcmpl-1"])
