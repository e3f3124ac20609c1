"""Conversations, as the port says, on each kind of database."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from kept import DAY_SECONDS, conversation, encode, items, make_settings, message, response
from msgspec.structs import replace

from trunkline.clock import FakeClock
from trunkline.state.conversations import Conversations, KeptItem
from trunkline.state.responses import Turn
from trunkline.store.open import OpenStore, open_store


@pytest.fixture
def conversations(store: OpenStore) -> Conversations:
    return store.ports.conversations


def ids(kept: Sequence[KeptItem] | None) -> list[str]:
    assert kept is not None
    return [item.id for item in kept]


def turn(*item_ids: str, id: str = "conv_1") -> Turn:
    return Turn(id, [encode(message(item_id)) for item_id in item_ids])


async def test_a_conversation_is_found_as_it_was_created(conversations: Conversations) -> None:
    """With its items in their order."""
    await conversations.create(conversation("conv_1"), items("msg_2", "msg_1"))
    assert await conversations.find("/", "conv_1") == conversation("conv_1")
    assert await conversations.items("/", "conv_1") == items("msg_2", "msg_1")


async def test_another_path_sees_nothing(conversations: Conversations) -> None:
    """And changes nothing."""
    await conversations.create(conversation("conv_1", "/team"), items("msg_1"))
    for path in ("/", "/team/a", "/teams"):
        assert await conversations.find(path, "conv_1") is None
        assert await conversations.items(path, "conv_1") is None
        assert await conversations.page(path, "conv_1", order="asc", after=None, limit=5) is None
        assert await conversations.find_item(path, "conv_1", "msg_1") is None
        assert not await conversations.add(path, "conv_1", items("msg_2"))
        assert not await conversations.delete_item(path, "conv_1", "msg_1")
        assert not await conversations.delete(path, "conv_1")
        assert await conversations.set_metadata(path, "conv_1", b"{}") is None
    assert ids(await conversations.items("/team", "conv_1")) == ["msg_1"]


async def test_metadata_takes_the_place_of_the_old(conversations: Conversations) -> None:
    """All of it."""
    await conversations.create(conversation("conv_1"), [])
    changed = replace(conversation("conv_1"), metadata=b'{"c":"d"}')
    assert await conversations.set_metadata("/", "conv_1", b'{"c":"d"}') == changed
    assert await conversations.find("/", "conv_1") == changed


async def test_a_deleted_conversation_stays_unknown(store: OpenStore, conversations: Conversations) -> None:
    """A turn that comes later is dropped, and what came with it is kept."""
    await conversations.create(conversation("conv_1"), items("msg_1"))
    assert await conversations.delete("/", "conv_1")
    assert not await conversations.delete("/", "conv_1")
    store.ports.responses.keep(response("resp_1"), turn("msg_2"))
    await store.settled()
    assert await conversations.find("/", "conv_1") is None
    assert await conversations.items("/", "conv_1") is None
    assert await store.ports.responses.find("/", "resp_1") is not None
    assert await store.ports.responses.was_here(["conv_1"])
    assert not await store.ports.responses.was_here(["msg_2"])


async def test_a_turn_is_there_at_once(store: OpenStore, conversations: Conversations) -> None:
    """Behind what was there, and before what is added next."""
    await conversations.create(conversation("conv_1"), items("msg_1"))
    store.ports.responses.add_turn("/", turn("msg_2", "msg_3"))
    assert await conversations.add("/", "conv_1", items("msg_4"))
    store.ports.responses.add_turn("/", turn("msg_5"))
    assert ids(await conversations.items("/", "conv_1")) == ["msg_1", "msg_2", "msg_3", "msg_4", "msg_5"]
    assert await conversations.find_item("/", "conv_1", "msg_5") == items("msg_5")[0]


async def test_a_foreign_turn_is_dropped(store: OpenStore, conversations: Conversations) -> None:
    """Of another path, whatever id it names."""
    await conversations.create(conversation("conv_1"), [])
    store.ports.responses.add_turn("/team", turn("msg_1"))
    assert await conversations.items("/", "conv_1") == []


async def test_many_turns_at_once(store: OpenStore, conversations: Conversations) -> None:
    """No item is lost, none is doubled, and each turn stays together."""
    names = [f"conv_{number}" for number in range(10)]
    for name in names:
        await conversations.create(conversation(name), [])
    for run in range(20):
        for name in names:
            store.ports.responses.add_turn("/", turn(f"{name}_{run}_a", f"{name}_{run}_b", id=name))
    for name in names:
        assert ids(await conversations.items("/", name)) == [
            f"{name}_{run}_{side}" for run in range(20) for side in "ab"
        ]


async def test_adding_side_by_side(conversations: Conversations) -> None:
    """Everything is added, each lot in one piece."""
    await conversations.create(conversation("conv_1"), [])
    lots = [[f"msg_{lot}_{number}" for number in range(30)] for lot in range(8)]
    assert all(await asyncio.gather(*(conversations.add("/", "conv_1", items(*lot)) for lot in lots)))
    kept = ids(await conversations.items("/", "conv_1"))
    assert sorted(kept[number : number + 30] for number in range(0, 240, 30)) == sorted(lots)


async def test_pages(conversations: Conversations) -> None:
    """In both orders, behind an item, and one more to say that there is more."""
    await conversations.create(conversation("conv_1"), items(*"abcde"))

    async def page(order: str, after: str | None) -> list[str]:
        return ids(await conversations.page("/", "conv_1", order=order, after=after, limit=2))  # type: ignore[arg-type]

    assert await page("asc", None) == ["a", "b", "c"]
    assert await page("asc", "c") == ["d", "e"]
    assert await page("desc", None) == ["e", "d", "c"]
    assert await page("desc", "b") == ["a"]
    with pytest.raises(KeyError):
        await page("asc", "z")


async def test_a_deleted_item_is_gone(store: OpenStore, conversations: Conversations) -> None:
    """And can be put at the end again by who wants to."""
    await conversations.create(conversation("conv_1"), items("msg_1", "msg_2"))
    assert await conversations.delete_item("/", "conv_1", "msg_1")
    assert not await conversations.delete_item("/", "conv_1", "msg_1")
    assert await conversations.find_item("/", "conv_1", "msg_1") is None
    assert await store.ports.responses.was_here(["msg_1"])
    assert await conversations.add("/", "conv_1", items("msg_1"))
    assert ids(await conversations.items("/", "conv_1")) == ["msg_2", "msg_1"]


async def test_one_holder_at_a_time(conversations: Conversations) -> None:
    """Until it lets go; for the same holder it begins anew."""
    await conversations.create(conversation("conv_1"), [])
    assert await conversations.hold("/", "conv_1", "a", 60)
    assert await conversations.hold("/", "conv_1", "a", 60)
    assert not await conversations.hold("/", "conv_1", "b", 60)
    await conversations.release("conv_1", "b")
    assert not await conversations.hold("/", "conv_1", "b", 60)
    await conversations.release("conv_1", "a")
    assert await conversations.hold("/", "conv_1", "b", 60)


async def test_a_hold_ends_by_itself(conversations: Conversations, clock: FakeClock) -> None:
    """Whoever has died holds nothing for ever."""
    await conversations.create(conversation("conv_1"), [])
    assert await conversations.hold("/", "conv_1", "a", 60)
    clock.advance(61)
    assert await conversations.hold("/", "conv_1", "b", 60)
    await conversations.release("conv_1", "a")
    assert not await conversations.hold("/", "conv_1", "c", 60)


async def test_of_many_that_want_it_one_holds_it(conversations: Conversations) -> None:
    """However close together they come."""
    await conversations.create(conversation("conv_1"), [])
    held = await asyncio.gather(*(conversations.hold("/", "conv_1", f"run_{n}", 60) for n in range(8)))
    assert sum(held) == 1


@pytest.mark.slow
async def test_replicas_hold_the_same(postgresql_url: str, tmp_path: Path, clock: FakeClock) -> None:
    """Two processes on one database: what one holds the other does not get, and what one adds the other sees."""
    async with (
        open_store(make_settings(postgresql_url, tmp_path / "one"), clock, sweeps=False) as one,
        open_store(make_settings(postgresql_url, tmp_path / "two"), clock, sweeps=False) as two,
    ):
        await one.ports.conversations.create(conversation("conv_1"), [])
        assert await one.ports.conversations.hold("/", "conv_1", "a", 60)
        assert not await two.ports.conversations.hold("/", "conv_1", "b", 60)
        await asyncio.wait_for(one.ports.responses.keep(response("resp_1"), turn("msg_1")), 10)
        assert ids(await two.ports.conversations.items("/", "conv_1")) == ["msg_1"]
        assert await two.ports.responses.find("/", "resp_1") is not None


async def test_items_of_a_deleted_conversation_go_in_their_time(
    store: OpenStore, conversations: Conversations, clock: FakeClock
) -> None:
    """Found by their ids until then, and known to have been here for ever."""
    await conversations.create(conversation("conv_1"), items("msg_1"))
    await conversations.create(conversation("conv_2"), items("msg_2"))
    await conversations.delete("/", "conv_1")
    clock.advance(29 * DAY_SECONDS)
    await store.sweep()
    assert await store.ports.responses.items("/", ["msg_1"])
    clock.advance(2 * DAY_SECONDS)
    await store.sweep()
    assert await store.ports.responses.items("/", ["msg_1"]) == {}
    assert await store.ports.responses.was_here(["msg_1"])
    # One that was not deleted does not expire.
    assert ids(await conversations.items("/", "conv_2")) == ["msg_2"]
