"""Responses, as the port says: on each kind of database, from the journal's hands and from the tables."""

from kept import DAY_SECONDS, NOW, conversation, encode, items, message, response

from trunkline.clock import FakeClock
from trunkline.dialects.openai_responses.history import context, history
from trunkline.state.ids import derive_item_id
from trunkline.state.responses import KeptResponse, Turn
from trunkline.store.open import OpenStore

LONG = "x" * 2000


async def keep(store: OpenStore, *responses: KeptResponse) -> None:
    """Keep them, and have them in the tables."""
    for kept in responses:
        await store.ports.responses.keep(kept)
    await store.settled()


async def test_a_response_is_found_at_once(store: OpenStore) -> None:
    """Before it is in the tables."""
    promise = store.ports.responses.keep(response("resp_1"))
    assert await store.ports.responses.find("/", "resp_1") == response("resp_1")
    await promise


async def test_a_response_is_found_as_it_was_kept(store: OpenStore) -> None:
    """Every field of it, from the tables."""
    kept = response(
        "resp_1",
        input=[message(None)],
        status="incomplete",
        conversation_id="conv_1",
        account="openai",
        native=True,
        background=True,
        stream=True,
    )
    await keep(store, kept)
    assert await store.ports.responses.find("/", "resp_1") == kept


async def test_another_path_sees_nothing(store: OpenStore) -> None:
    """Neither the path above nor the one below, and it is not deleted from there."""
    await keep(store, response("resp_1", path="/team", output=[message("msg_1")]))
    responses = store.ports.responses
    for path in ("/", "/team/a"):
        assert await responses.find(path, "resp_1") is None
        assert await responses.chain(path, "resp_1") is None
        assert await responses.items(path, ["msg_1"]) == {}
        assert not await responses.delete(path, "resp_1")
    assert await responses.find("/team", "resp_1") is not None


async def test_a_later_state_takes_the_place_of_the_older(store: OpenStore) -> None:
    """It is the same response."""
    await keep(store, response("resp_1", status="queued", background=True))
    done = response("resp_1", status="completed", background=True, output=[message("msg_1")])
    await keep(store, done)
    assert await store.ports.responses.find("/", "resp_1") == done


async def test_an_expired_response_is_not_found(store: OpenStore, clock: FakeClock) -> None:
    """Whether it was swept or not."""
    await keep(store, response("resp_1"))
    clock.advance(30 * DAY_SECONDS)
    assert await store.ports.responses.find("/", "resp_1") is None
    assert await store.ports.responses.chain("/", "resp_1") is None
    assert not await store.ports.responses.delete("/", "resp_1")


async def test_a_chain_has_the_oldest_first(store: OpenStore) -> None:
    """Some of it in the tables, some still in the journal's hands."""
    chain = [response("resp_1"), response("resp_2", parent_id="resp_1"), response("resp_3", parent_id="resp_2")]
    await keep(store, *chain[:2])
    promise = store.ports.responses.keep(chain[2])
    assert await store.ports.responses.chain("/", "resp_3") == chain
    await promise
    assert await store.ports.responses.chain("/", "resp_2") == chain[:2]


async def test_a_chain_survives_a_deleted_ancestor(store: OpenStore) -> None:
    """It is hidden, not gone; only what was asked for must be there."""
    chain = [response("resp_1"), response("resp_2", parent_id="resp_1")]
    await keep(store, *chain)
    assert await store.ports.responses.delete("/", "resp_1")
    assert await store.ports.responses.find("/", "resp_1") is None
    assert await store.ports.responses.chain("/", "resp_1") is None
    assert await store.ports.responses.chain("/", "resp_2") == chain


async def test_a_chain_without_its_beginning_is_empty(store: OpenStore, clock: FakeClock) -> None:
    """An ancestor that has expired is gone for good."""
    await keep(store, response("resp_1", expires_at=NOW + 10), response("resp_2", parent_id="resp_1"))
    clock.advance(1)
    assert await store.ports.responses.chain("/", "resp_2") == []
    await store.sweep()
    assert await store.ports.responses.chain("/", "resp_2") == []


async def test_a_deleted_response_stays_deleted(store: OpenStore) -> None:
    """When it is kept again, as a replay of the journal does."""
    await keep(store, response("resp_1"))
    assert await store.ports.responses.delete("/", "resp_1")
    assert not await store.ports.responses.delete("/", "resp_1")
    await keep(store, response("resp_1"))
    assert await store.ports.responses.find("/", "resp_1") is None
    assert await store.ports.responses.was_here(["resp_1"])


async def test_folding_twice_changes_nothing(store: OpenStore) -> None:
    """A journal that is read again after a crash brings what is there already."""
    await store.ports.conversations.create(conversation("conv_1"), [])
    turn = Turn("conv_1", [encode(message("msg_1")), encode(message("msg_2"))])
    for _ in range(2):
        await store.ports.responses.keep(response("resp_1", output=[message("msg_9")]), turn)
        await store.settled()
    kept = await store.ports.conversations.items("/", "conv_1")
    assert kept is not None
    assert [item.id for item in kept] == ["msg_1", "msg_2"]
    assert await store.ports.responses.find("/", "resp_1") == response("resp_1", output=[message("msg_9")])


# --- items ------------------------------------------------------------------------------------------------------


async def test_items_are_found_by_their_ids(store: OpenStore) -> None:
    """What the model answered, what the caller sent with an id, and without one."""
    sent = [message("msg_1", "one"), message(None, "two")]
    await keep(store, response("resp_1", input=sent, output=[message("msg_3", "three")]))
    derived = derive_item_id("resp_1", 1, encode(sent[1]))
    found = await store.ports.responses.items("/", ["msg_1", derived, "msg_3", "msg_4"])
    assert found == {
        "msg_1": encode(sent[0]),
        derived: encode(sent[1]),
        "msg_3": encode(message("msg_3", "three")),
    }


async def test_a_string_is_one_item(store: OpenStore) -> None:
    """A message of the user."""
    await keep(store, response("resp_1", input="hello"))
    id = derive_item_id("resp_1", 0, b'{"type":"message"}')
    assert b"hello" in (await store.ports.responses.items("/", [id]))[id]


async def test_a_mere_name_is_no_item(store: OpenStore) -> None:
    """What only an upstream knows, and a request has named, was never here."""
    names = [{"type": "item_reference", "id": "msg_there"}, {"id": "msg_too"}]
    await keep(store, response("resp_1", input=[*names, message("msg_here")]))
    ids = ["msg_there", "msg_too", "msg_here"]
    assert list(await store.ports.responses.items("/", ids)) == ["msg_here"]
    assert not await store.ports.responses.was_here(ids[:2])


async def test_items_are_found_at_once(store: OpenStore) -> None:
    """Those of a response that has just been kept."""
    store.ports.responses.keep(response("resp_1", output=[message("msg_1")]))
    assert "msg_1" in await store.ports.responses.items("/", ["msg_1"])


async def test_items_of_conversations_are_found(store: OpenStore) -> None:
    """Even when the conversation was deleted."""
    await store.ports.conversations.create(conversation("conv_1"), items("msg_1"))
    await store.ports.conversations.delete("/", "conv_1")
    assert await store.ports.responses.items("/", ["msg_1"]) == {"msg_1": encode(message("msg_1"))}
    assert await store.ports.responses.items("/team", ["msg_1"]) == {}


async def test_items_of_a_deleted_response_are_unknown(store: OpenStore) -> None:
    """And were here."""
    await keep(store, response("resp_1", output=[message("msg_1")]))
    await store.ports.responses.delete("/", "resp_1")
    assert await store.ports.responses.items("/", ["msg_1"]) == {}
    assert await store.ports.responses.was_here(["msg_1"])


async def test_what_was_never_here(store: OpenStore) -> None:
    """An id of nothing."""
    await keep(store, response("resp_1", output=[message("msg_1")]))
    assert not await store.ports.responses.was_here(["resp_2", "msg_2"])
    assert await store.ports.responses.was_here(["resp_2", "msg_1"])
    assert await store.ports.responses.was_here(["resp_1"])


# --- inputs that begin like an earlier one ----------------------------------------------------------------------


def replayed() -> list[KeptResponse]:
    """A client without state: each turn says everything again."""
    said = [message(None, LONG)]
    turns = [response("resp_1", input=said, output=[message("msg_1")])]
    said = [*said, message("msg_1"), message(None, "and?")]
    turns.append(response("resp_2", input=said, output=[message("msg_2")]))
    said = [*said, message("msg_2"), message(None, "so?")]
    return [*turns, response("resp_3", input=said, output=[message("msg_3")])]


async def test_a_replayed_input_is_kept_once(store: OpenStore) -> None:
    """What was sent before is pointed to, and the history is what it was."""
    turns = replayed()
    await keep(store, *turns)
    found = await store.ports.responses.find("/", "resp_3")
    assert found is not None
    assert (found.parent_id, found.parent_items) == ("resp_2", 3)
    assert LONG.encode() not in found.input
    chain = await store.ports.responses.chain("/", "resp_3")
    assert chain is not None
    assert [kept.id for kept in chain] == ["resp_1", "resp_2", "resp_3"]
    assert history(chain) == history([turns[2]])


async def test_a_replayed_item_keeps_its_id(store: OpenStore) -> None:
    """It has the id that it had where it was first sent, and those after it count on."""
    turns = replayed()
    await keep(store, *turns)
    chain = await store.ports.responses.chain("/", "resp_3")
    assert chain is not None
    ids = [derive_item_id(at.response_id, at.position, at.item) for at in context(chain)]
    found = await store.ports.responses.items("/", [ids[0], ids[2], ids[4]])
    assert [found[id] for id in (ids[0], ids[2], ids[4])] == [
        encode(message(None, text)) for text in (LONG, "and?", "so?")
    ]


async def test_other_paths_inputs_are_not_shared(store: OpenStore) -> None:
    """However alike they are."""
    turns = replayed()
    await keep(store, turns[0], response("resp_2", input=[message(None, LONG), message(None)], path="/team"))
    found = await store.ports.responses.find("/team", "resp_2")
    assert found is not None
    assert found.parent_id is None


async def test_a_deleted_response_is_not_begun_with(store: OpenStore) -> None:
    """The next one that begins like it is kept whole."""
    turns = replayed()
    await keep(store, turns[0])
    await store.ports.responses.delete("/", "resp_1")
    await keep(store, turns[1])
    assert await store.ports.responses.chain("/", "resp_2") == [turns[1]]


async def test_what_expires_hands_down_what_others_need(store: OpenStore, clock: FakeClock) -> None:
    """A caller that had sent an item again finds it for as long as its own response is kept."""
    early = [
        response("resp_1", input=[message(None, LONG)], expires_at=NOW + 4_000_000_000),
        response("resp_2", input=[message(None, LONG), message(None, "and?")], expires_at=NOW + 4_000_000_000),
    ]
    last = response("resp_3", input=[message(None, LONG), message(None, "and?"), message(None, "so?")])
    await keep(store, *early, last)
    clock.advance(4001)
    for _ in range(2):
        chain = await store.ports.responses.chain("/", "resp_3")
        assert chain is not None
        assert history(chain) == history([last])
        await store.sweep()
    assert await store.ports.responses.chain("/", "resp_3") == [last]
