"""Conversations and their items, as the SDKs ask for them."""

from typing import Any

import pytest
from stored_scene import NEIGHBOUR, StoredScene, bearer

from trunkline.state.retention import Retention

ANA = {"authorization": bearer(NEIGHBOUR)}


async def create(scene: StoredScene, *items: Any, **headers: str) -> str:
    answer = await scene.ask("/v1/conversations", {"items": list(items)}, **headers)
    assert answer.status == 200, answer.body
    id: str = answer.json["id"]
    return id


def user(text: str, **members: Any) -> dict[str, Any]:
    return {"role": "user", "content": text, **members}


def texts(answer: Any) -> list[str]:
    return [item["content"][0]["text"] for item in answer.json["data"]]


# --- conversations ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("prefix", ["/v1", ""])
@pytest.mark.parametrize("body", [b"", b"{}", {"items": []}, {"items": None, "metadata": None}])
async def test_a_conversation_is_made(prefix: str, body: Any) -> None:
    """Of nothing, if need be; its id cannot be guessed."""
    scene = StoredScene()
    answer = await scene.ask(f"{prefix}/conversations", body)
    id = answer.json["id"]
    assert answer.json == {"id": id, "object": "conversation", "created_at": 1_700_000_000, "metadata": {}}
    assert id.startswith("conv_")
    assert len(id) == len("conv_") + 48
    assert (await scene.get(f"{prefix}/conversations/{id}")).json == answer.json


async def test_new_metadata_takes_the_place_of_all_the_old() -> None:
    """None of the old is left, and null leaves none at all."""
    scene = StoredScene()
    made = (await scene.ask("/v1/conversations", {"metadata": {"a": "1", "b": "2"}})).json
    assert made["metadata"] == {"a": "1", "b": "2"}
    for metadata, left in (({"c": "3"}, {"c": "3"}), (None, {})):
        answer = await scene.ask(f"/v1/conversations/{made['id']}", {"metadata": metadata})
        assert answer.json == made | {"metadata": left}
        assert (await scene.get(f"/v1/conversations/{made['id']}")).json["metadata"] == left


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"metadata": {str(n): "x" for n in range(17)}}, "metadata"),
        ({"metadata": {"k": 7}}, "metadata.k"),
        ({"metadata": "x"}, "metadata"),
        ({"items": {}}, "items"),
        ({"items": [user("x"), {"type": "of tomorrow"}]}, "items[1].type"),
        ({"items": [user("x"), user("x"), user("x"), {"role": "tool", "content": "x"}]}, "items[3].role"),
        ({"model": "x"}, "model"),
        (b"[]", None),
        (b"{", None),
    ],
)
async def test_a_wrong_body_is_refused(body: Any, param: str | None) -> None:
    """By the place of what is wrong, and nothing is made."""
    answer = await StoredScene().ask("/v1/conversations", body)
    assert (answer.status, answer.error["param"]) == (400, param)


async def test_metadata_must_be_sent_to_be_changed() -> None:
    """A body without any changes nothing."""
    scene = StoredScene()
    answer = await scene.ask(f"/v1/conversations/{await create(scene)}", {})
    assert (answer.status, answer.error["param"]) == (400, "metadata")


async def test_a_deleted_conversation_is_gone() -> None:
    """Its items can still be referred to."""
    scene = StoredScene()
    id = await create(scene, user("Hi"))
    item = (await scene.get(f"/v1/conversations/{id}/items")).json["data"][0]
    answer = await scene.delete(f"/v1/conversations/{id}")
    assert (answer.status, answer.json) == (200, {"id": id, "object": "conversation.deleted", "deleted": True})
    assert (await scene.get(f"/v1/conversations/{id}")).status == 404
    other = await create(scene, {"type": "item_reference", "id": item["id"]})
    assert texts(await scene.get(f"/v1/conversations/{other}/items")) == ["Hi"]


# --- items ------------------------------------------------------------------------------------------------------


async def test_items_are_kept_whole() -> None:
    """Strings, easy messages and items without an id get what they lack; the reply shows them in order."""
    scene = StoredScene()
    id = await create(scene)
    sent = [
        user("Hi"),
        {"role": "assistant", "content": "Ho", "type": "message"},
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": "7"},
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "sealed"},
    ]
    added = (await scene.ask(f"/v1/conversations/{id}/items", {"items": sent})).json
    assert (added["object"], added["has_more"], len(added["data"])) == ("list", False, 5)
    assert (added["first_id"], added["last_id"]) == (added["data"][0]["id"], "rs_1")
    assert [item["type"] for item in added["data"]] == [item.get("type", "message") for item in sent]
    assert added["data"][0]["content"] == [{"type": "input_text", "text": "Hi"}]
    assert added["data"][1]["content"][0]["type"] == "output_text"
    assert added["data"][4]["encrypted_content"] == "sealed"
    assert [item["id"].partition("_")[0] for item in added["data"]] == ["msg", "msg", "fc", "fco", "rs"]
    listed = (await scene.get(f"/v1/conversations/{id}/items?order=asc")).json
    assert listed["data"] == added["data"]
    for item in added["data"]:
        assert (await scene.get(f"/v1/conversations/{id}/items/{item['id']}")).json == item


async def test_more_than_twenty_items_are_taken_at_once() -> None:
    """The SDK for JavaScript sends all that it has."""
    scene = StoredScene()
    id = await create(scene, *(user(str(number)) for number in range(30)))
    added = await scene.ask(f"/v1/conversations/{id}/items", {"items": [user(str(n)) for n in range(30, 75)]})
    assert len(added.json["data"]) == 45
    read, query = [], "order=asc"
    while query:
        page = await scene.get(f"/v1/conversations/{id}/items?{query}")
        read += texts(page)
        query = f"order=asc&after={page.json['last_id']}" if page.json["has_more"] else ""
    assert read == [str(number) for number in range(75)]
    newest = await scene.get(f"/v1/conversations/{id}/items?order=desc&limit=100")
    assert texts(newest) == read[::-1]


async def test_the_default_page_is_the_newest_twenty() -> None:
    """As the SDK for Python takes it."""
    scene = StoredScene()
    id = await create(scene, *(user(str(number)) for number in range(25)))
    page = await scene.get(f"/v1/conversations/{id}/items")
    assert texts(page) == [str(number) for number in range(24, 4, -1)]
    assert page.json["has_more"]


async def test_ids_of_the_callers_are_kept_unless_they_are_taken() -> None:
    """In the conversation or in the same request; another conversation may have the same."""
    scene = StoredScene()
    id = await create(scene, user("a", id="msg_mine"), user("b", id="msg_mine"))
    await scene.ask(f"/v1/conversations/{id}/items", {"items": [user("c", id="msg_mine")]})
    listed = await scene.get(f"/v1/conversations/{id}/items?order=asc")
    ids = [item["id"] for item in listed.json["data"]]
    assert texts(listed) == ["a", "b", "c"]
    assert ids[0] == "msg_mine"
    assert len(set(ids)) == 3
    other = await create(scene, user("d", id="msg_mine"))
    assert (await scene.get(f"/v1/conversations/{other}/items")).json["first_id"] == "msg_mine"


async def test_a_deleted_item_is_gone() -> None:
    """The reply is the conversation."""
    scene = StoredScene()
    id = await create(scene, user("a", id="msg_1"), user("b", id="msg_2"))
    answer = await scene.delete(f"/v1/conversations/{id}/items/msg_2")
    assert answer.json == (await scene.get(f"/v1/conversations/{id}")).json
    assert texts(await scene.get(f"/v1/conversations/{id}/items")) == ["a"]
    assert (await scene.get(f"/v1/conversations/{id}/items/msg_2")).status == 404
    assert (await scene.delete(f"/v1/conversations/{id}/items/msg_2")).status == 404


async def test_pictures_are_shown_unasked() -> None:
    """A session reads its history in order to send it to a model, and asks for nothing."""
    scene = StoredScene()
    picture = {"type": "input_image", "image_url": "data:image/png;base64,AA==", "detail": "auto"}
    id = await create(scene, {"role": "user", "content": [picture]})
    shown = (await scene.get(f"/v1/conversations/{id}/items")).json["data"][0]["content"]
    assert shown == [picture]


async def test_results_are_shown_when_they_are_asked_for() -> None:
    """Of a search, when it is listed as when it is added."""
    scene = StoredScene()
    id = await create(scene)
    call = {
        "type": "file_search_call",
        "id": "fs_1",
        "status": "completed",
        "queries": ["q"],
        "results": [{"text": "t"}],
    }
    path = f"/v1/conversations/{id}/items"
    asked = "include[]=file_search_call.results"
    assert (await scene.ask(path, {"items": [call]})).json["data"][0]["results"] is None
    assert (await scene.get(f"{path}/fs_1")).json["results"] is None
    assert (await scene.get(f"{path}/fs_1?{asked}")).json == call
    assert (await scene.get(f"{path}?{asked}")).json["data"] == [call]


@pytest.mark.parametrize(
    ("body", "param"), [({}, "items"), ({"items": [{"id": "msg_unknown"}]}, "items"), ({"items": [7]}, "items[0]")]
)
async def test_items_that_cannot_be_added_are_refused(body: Any, param: str) -> None:
    """And nothing is added."""
    scene = StoredScene()
    id = await create(scene)
    answer = await scene.ask(f"/v1/conversations/{id}/items", body)
    assert answer.status in (400, 404)
    assert answer.error["param"] == param
    assert (await scene.get(f"/v1/conversations/{id}/items")).json["data"] == []


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "order=up", "include[]=x", "after=msg_x"])
async def test_a_wrong_query_is_refused(query: str) -> None:
    """By the parameter's name."""
    scene = StoredScene()
    answer = await scene.get(f"/v1/conversations/{await create(scene)}/items?{query}")
    assert answer.status in (400, 404)
    assert answer.error["param"].startswith(query.partition("=")[0].removesuffix("[]"))


# --- not there --------------------------------------------------------------------------------------------------

ROUTES = [
    ("GET", "/v1/conversations/{}", b""),
    ("POST", "/v1/conversations/{}", {"metadata": {}}),
    ("DELETE", "/v1/conversations/{}", b""),
    ("GET", "/v1/conversations/{}/items", b""),
    ("POST", "/v1/conversations/{}/items", {"items": [user("x")]}),
    ("GET", "/v1/conversations/{}/items/msg_1", b""),
    ("DELETE", "/v1/conversations/{}/items/msg_1", b""),
]


@pytest.mark.parametrize(("method", "path", "body"), ROUTES)
async def test_a_foreign_conversation_answers_like_an_unknown_one(method: str, path: str, body: Any) -> None:
    """So does a deleted one, and nothing happens to it."""
    scene = StoredScene()
    foreign = await create(scene, user("x", id="msg_1"))
    deleted = await create(scene, user("x", id="msg_1"), **ANA)
    await scene.delete(f"/v1/conversations/{deleted}", **ANA)
    for id in ("conv_unknown", foreign, deleted):
        answer = await scene.ask(path.format(id), body, method=method, **ANA)
        assert answer.status == 404
        assert answer.error == {
            "message": f"Conversation with id '{id}' not found.",
            "type": "invalid_request_error",
            "param": None,
            "code": None,
        }
    assert len((await scene.get(f"/v1/conversations/{foreign}/items")).json["data"]) == 1


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_an_item_of_another_conversation_is_unknown(method: str) -> None:
    """Though it is the same caller's."""
    scene = StoredScene()
    await create(scene, user("x", id="msg_1"))
    answer = await scene.ask(f"/v1/conversations/{await create(scene)}/items/msg_1", method=method)
    assert (answer.status, answer.error["message"]) == (404, "Item with id 'msg_1' not found.")


async def test_a_foreign_item_cannot_be_referred_to() -> None:
    """It answers like one that is unknown."""
    scene = StoredScene()
    await create(scene, user("secret", id="msg_theirs"))
    answer = await scene.ask("/v1/conversations", {"items": [{"id": "msg_theirs"}]}, **ANA)
    assert (answer.status, answer.error["message"]) == (404, "Item with id 'msg_theirs' not found.")


@pytest.mark.parametrize(("method", "path", "body"), ROUTES)
async def test_what_cannot_be_an_id_is_refused(method: str, path: str, body: Any) -> None:
    """By the name of the id."""
    answer = await StoredScene().ask(path.format("conv%2F1"), body, method=method)
    assert (answer.status, answer.error["param"]) == (400, "conversation_id")


async def test_nothing_is_kept_where_that_is_forbidden() -> None:
    """The policy is named; who is not under it is not concerned."""
    scene = StoredScene(retention=Retention(rules=(("/team/**", "never"),)))
    answer = await scene.ask("/v1/conversations", {}, **ANA)
    assert (answer.status, answer.error["code"]) == (403, "storage_forbidden")
    assert "`store: never`" in answer.error["message"]
    assert (await scene.ask("/v1/conversations", {})).status == 200
