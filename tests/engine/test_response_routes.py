"""Kept responses are shown, deleted and called off by those whose they are."""

import asyncio
from typing import Any

import msgspec
import pytest
from stored_scene import NEIGHBOUR, StoredScene, bearer

from scripted_gateway import PATHS, Client, Scene, ScriptedReply, json_reply, make_call, question, stream
from trunkline.engine.reply.relay import COMMIT_WITHIN
from trunkline.errors import Failed, Unreachable
from trunkline.ports import UpstreamRequest

ANSWER = {
    "type": "message",
    "id": "msg_answer",
    "role": "assistant",
    "status": "completed",
    "content": [{"type": "output_text", "text": "Ho", "annotations": [], "logprobs": [{"token": "Ho"}]}],
}


# --- shown ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("prefix", ["/v1", ""])
async def test_a_response_is_shown_as_it_was_told(prefix: str) -> None:
    """With or without `/v1`, in the very object, but for what must be asked for."""
    scene = StoredScene()
    await scene.keep("resp_1", "Hi", ANSWER)
    answer = await scene.get(f"{prefix}/responses/resp_1")
    assert answer.status == 200
    assert answer.json["id"] == "resp_1"
    assert answer.json["output"][0]["content"][0]["logprobs"] == []
    asked = await scene.get(f"{prefix}/responses/resp_1?include[]=message.output_text.logprobs")
    assert asked.json["output"] == [ANSWER]


async def test_an_unknown_include_is_refused() -> None:
    """By its place."""
    scene = StoredScene()
    await scene.keep("resp_1", "Hi")
    answer = await scene.get("/v1/responses/resp_1?include[]=everything")
    assert (answer.status, answer.error["param"]) == (400, "include[0]")


@pytest.mark.parametrize("query", ["stream=true", "starting_after=3", "stream=true&starting_after=0"])
async def test_what_was_not_made_in_the_background_is_not_streamed_again(query: str) -> None:
    """The error says what would have been right."""
    scene = StoredScene()
    await scene.keep("resp_1", "Hi", ANSWER)
    answer = await scene.get(f"/v1/responses/resp_1?{query}")
    assert (answer.status, answer.error["param"]) == (400, "stream")
    assert "background" in answer.error["message"]


# --- deleted ----------------------------------------------------------------------------------------------------


async def test_a_deleted_response_is_gone() -> None:
    """For its owner as for everybody, and a second deletion finds nothing."""
    scene = StoredScene()
    await scene.keep("resp_1", "Hi", ANSWER)
    answer = await scene.delete("/v1/responses/resp_1")
    assert (answer.status, answer.json) == (200, {"id": "resp_1", "object": "response", "deleted": True})
    assert (await scene.get("/v1/responses/resp_1")).status == 404
    assert (await scene.delete("/v1/responses/resp_1")).status == 404


async def test_children_keep_what_they_went_on_from() -> None:
    """Deleting hides a response, and no more."""
    scene = StoredScene()
    await scene.keep("resp_1", "Hi", ANSWER)
    await scene.keep("resp_2", "And?", previous_response_id="resp_1")
    await scene.delete("/v1/responses/resp_1")
    items = (await scene.get("/v1/responses/resp_2/input_items?order=asc")).json["data"]
    assert [item["role"] for item in items] == ["user", "assistant", "user"]


async def test_a_native_response_is_deleted_upstream_too() -> None:
    """Under the same id, with the account's key."""
    scene = StoredScene()
    scene.upstream.answer = json_reply({"id": "resp_1", "deleted": True})
    await scene.keep("resp_1", "Hi", account="responses", native=True)
    assert (await scene.delete("/v1/responses/resp_1")).status == 200
    head = scene.upstream.requests[0].head
    assert head.startswith(b"DELETE /v1/responses/resp_1 HTTP/1.1\r\n")
    assert b"authorization: Bearer sk-up" in head


@pytest.mark.parametrize("account", ["responses", "no-longer-there", "chat"])
async def test_an_upstream_out_of_reach_does_not_keep_ours(account: str) -> None:
    """Neither when it fails nor when it is not configured any more, or speaks something else."""
    scene = StoredScene()
    scene.upstream.answer = Unreachable("no route")
    await scene.keep("resp_1", "Hi", account=account, native=True)
    assert (await scene.delete("/v1/responses/resp_1")).status == 200
    assert (await scene.get("/v1/responses/resp_1")).status == 404


async def test_an_upstream_that_hangs_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a while the caller has its answer."""
    monkeypatch.setattr("trunkline.engine.background.following._WITHIN_SECONDS", 0.01)
    scene = StoredScene()

    async def hang(request: UpstreamRequest) -> ScriptedReply:
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(scene.upstream, "send", hang)
    await scene.keep("resp_1", "Hi", account="responses", native=True)
    assert (await scene.delete("/v1/responses/resp_1")).status == 200


async def test_only_ours_is_deleted_where_the_upstream_keeps_none() -> None:
    """A translated response is nobody else's."""
    scene = StoredScene()
    await scene.keep("resp_1", "Hi", account="responses", native=False)
    assert (await scene.delete("/v1/responses/resp_1")).status == 200
    assert scene.upstream.requests == []


# --- called off -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({}, "Cannot cancel a synchronous response."),
        ({"background": True}, "Cannot cancel a completed response."),
        ({"background": True, "status": "failed"}, "Cannot cancel a completed response."),
    ],
)
async def test_what_has_ended_cannot_be_called_off(members: dict[str, Any], message: str) -> None:
    """Nor what never ran in the background."""
    scene = StoredScene()
    await scene.keep("resp_1", "Hi", ANSWER, **members)
    answer = await scene.ask("/v1/responses/resp_1/cancel")
    assert answer.status == 400
    assert answer.error == {"message": message, "type": "invalid_request_error", "param": None, "code": None}


async def test_a_run_in_the_background_is_called_off_once() -> None:
    """Calling it off again changes nothing."""
    scene = StoredScene()
    await scene.keep("resp_1", "Hi", ANSWER, background=True, status="in_progress")
    for _ in range(2):
        answer = await scene.ask("/v1/responses/resp_1/cancel")
        assert (answer.status, answer.json["status"], len(answer.json["output"])) == (200, "cancelled", 1)
    assert (await scene.get("/v1/responses/resp_1")).json["status"] == "cancelled"


# --- what it was an answer to -----------------------------------------------------------------------------------


async def test_input_items_are_whole_and_the_newest_first() -> None:
    """A string is a message, inherited items are there too, and each has an id that can be asked for again."""
    scene = StoredScene()
    await scene.keep("resp_1", "Hi", ANSWER)
    await scene.keep("resp_2", [{"role": "user", "content": "And?"}], previous_response_id="resp_1")
    answer = (await scene.get("/v1/responses/resp_2/input_items")).json
    newest, middle, oldest = answer["data"]
    assert newest["content"] == [{"type": "input_text", "text": "And?"}]
    assert middle["id"] == "msg_answer"
    assert middle["content"][0]["logprobs"] == []
    assert (oldest["type"], oldest["status"]) == ("message", "completed")
    assert (answer["object"], answer["has_more"]) == ("list", False)
    assert (answer["first_id"], answer["last_id"]) == (newest["id"], oldest["id"])
    again = (await scene.get("/v1/responses/resp_2/input_items?order=asc")).json
    assert again["data"] == answer["data"][::-1]
    assert (await scene.kept.responses.items("/", [newest["id"]])).keys() == {newest["id"]}


async def test_input_items_come_in_pages() -> None:
    """Behind one of them, as many as are asked for."""
    scene = StoredScene()
    await scene.keep("resp_1", [{"role": "user", "content": str(number)} for number in range(5)])
    texts: list[str] = []
    query = "limit=2&order=asc"
    while query:
        page = (await scene.get(f"/v1/responses/resp_1/input_items?{query}")).json
        texts += [item["content"][0]["text"] for item in page["data"]]
        query = f"limit=2&order=asc&after={page['last_id']}" if page["has_more"] else ""
    assert texts == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=many", "order=up", "include[]=x"])
async def test_a_wrong_query_is_refused(query: str) -> None:
    """By the parameter's name."""
    scene = StoredScene()
    await scene.keep("resp_1", "Hi")
    answer = await scene.get(f"/v1/responses/resp_1/input_items?{query}")
    assert answer.status == 400
    assert answer.error["param"].startswith(query.partition("=")[0].removesuffix("[]"))


async def test_a_place_that_is_not_there_is_refused() -> None:
    """The item is named, and the parameter that names it."""
    scene = StoredScene()
    await scene.keep("resp_1", "Hi")
    for name in ("after", "before"):
        answer = await scene.get(f"/v1/responses/resp_1/input_items?{name}=msg_x")
        assert (answer.status, answer.error["param"]) == (404, name)
        assert answer.error["message"] == "Item with id 'msg_x' not found."


async def test_a_response_whose_beginning_is_gone_shows_its_own_input() -> None:
    """What it went on from has expired."""
    scene = StoredScene()
    await scene.keep("resp_1", "Hi", ANSWER, expires_at_micros=scene.clock.now_micros() + 1)
    await scene.keep("resp_2", "And?", previous_response_id="resp_1")
    scene.clock.advance(1)
    items = (await scene.get("/v1/responses/resp_2/input_items")).json["data"]
    assert [item["content"][0]["text"] for item in items] == ["And?"]


# --- not there --------------------------------------------------------------------------------------------------

ROUTES = [
    ("GET", "/v1/responses/{}"),
    ("GET", "/v1/responses/{}?stream=true"),
    ("DELETE", "/v1/responses/{}"),
    ("POST", "/v1/responses/{}/cancel"),
    ("GET", "/v1/responses/{}/input_items"),
]


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_a_foreign_id_answers_like_an_unknown_one(method: str, path: str) -> None:
    """So do a deleted and an expired one; nothing of any goes upstream."""
    scene = StoredScene()
    await scene.keep("resp_foreign", "Hi", account="responses", native=True)
    await scene.keep("resp_deleted", "Hi", path="/team/ana")
    await scene.kept.responses.delete("/team/ana", "resp_deleted")
    await scene.keep("resp_expired", "Hi", path="/team/ana", expires_at_micros=scene.clock.now_micros())
    for id in ("resp_unknown", "resp_foreign", "resp_deleted", "resp_expired"):
        answer = await scene.ask(path.format(id), method=method, authorization=bearer(NEIGHBOUR))
        assert answer.status == 404
        assert answer.error == {
            "message": f"Response with id '{id}' not found.",
            "type": "invalid_request_error",
            "param": None,
            "code": None,
        }
        assert answer.headers["x-should-retry"] == "false"
    assert scene.upstream.requests == []
    assert (await scene.get("/v1/responses/resp_foreign")).status == 200


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_what_cannot_be_an_id_is_refused(method: str, path: str) -> None:
    """It says what an id looks like."""
    answer = await StoredScene().ask(path.format("resp%201"), method=method)
    assert (answer.status, answer.error["param"]) == (400, "response_id")
    assert answer.error["message"] == (
        "Invalid 'response_id': 'resp 1'. Expected an ID that contains letters, numbers, underscores, or dashes, but"
        " this value contained additional characters."
    )


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_a_gateway_that_keeps_nothing_says_so(method: str, path: str) -> None:
    """In place of pretending to have looked."""
    answer = await Scene().ask(path.format("resp_1"), method=method)
    assert (answer.status, answer.error["code"]) == (400, "storage_off")


async def test_a_stream_that_breaks_before_its_first_word_fails_in_full() -> None:
    """Its beginning was told after ten seconds of silence: so is its end, and what became of it can be had."""
    scene = StoredScene()
    started = b'event: message_start\ndata: {"type":"message_start","message":{"id":"msg_1","usage":{}}}\n\n'
    reply = scene.upstream.answer = stream(started, ending="open")
    asking = asyncio.create_task(
        scene.gateway.handle(make_call(PATHS["responses"], question("responses", "messages-model", stream=True)))
    )
    await asyncio.sleep(0.01)
    assert reply.is_heard
    for _ in range(COMMIT_WITHIN):
        scene.gateway.tick()
    answer = await asking
    assert not isinstance(answer.body, bytes)
    client = Client()
    pouring = asyncio.create_task(answer.body.pour(client))
    await asyncio.sleep(0)
    reply.end(Failed("cut"))
    await pouring
    failed = msgspec.json.decode(client.body.removesuffix(b"data: [DONE]\n\n").rpartition(b"data: ")[2])
    assert (failed["type"], failed["response"]["status"]) == ("response.failed", "failed")
    assert (await scene.get(f"/v1/responses/{failed['response']['id']}")).json["status"] == "failed"
