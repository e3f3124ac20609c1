"""What a Responses request goes on from, over upstreams that remember and upstreams that do not."""

import asyncio
from typing import Any

import msgspec
import pytest
from stored_scene import NEIGHBOUR, StoredScene, bearer

from scripted_gateway import Answer, ScriptedReply, json_reply, stream
from trunkline.ports import UpstreamRequest
from trunkline.state.retention import Retention


def completion(text: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": text}
    usage = {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return {"id": "c", "object": "chat.completion", "created": 1, "model": "up", "choices": [choice], "usage": usage}


def chunks(*texts: str) -> list[bytes]:
    deltas = [{"choices": [{"index": 0, "delta": {"content": text}}]} for text in texts]
    whole = [*deltas, {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}]
    return [b"data: %b\n\n" % msgspec.json.encode(chunk) for chunk in whole] + [b"data: [DONE]\n\n"]


def native(id: str, text: str, **members: Any) -> dict[str, Any]:
    content = [{"type": "output_text", "text": text, "annotations": []}]
    message = {"type": "message", "id": f"msg_{id}", "role": "assistant", "status": "completed", "content": content}
    usage = {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}
    said = {"id": id, "object": "response", "status": "completed", "store": True, "output": [message], "usage": usage}
    return said | {"previous_response_id": None} | members


async def ask(scene: StoredScene, model: str, reply: ScriptedReply, input_: Any = "Hi?", **members: Any) -> Answer:
    scene.upstream.answer = reply
    headers = {"authorization": bearer(members.pop("key"))} if "key" in members else {}
    return await scene.ask("/v1/responses", {"model": model, "input": input_, **members}, **headers)


def messages(scene: StoredScene) -> list[tuple[str, Any]]:
    return [(message["role"], message["content"]) for message in scene.upstream.json["messages"]]


async def test_a_chain_is_replayed_to_who_remembers_nothing() -> None:
    """Items are inherited, instructions are not."""
    scene = StoredScene()
    first = await ask(scene, "chat-model", json_reply(completion("Arr")), instructions="Be a pirate.")
    assert first.json["store"] is True
    second = await ask(
        scene, "chat-model", json_reply(completion("Bye")), "And?", previous_response_id=first.json["id"]
    )
    assert messages(scene) == [("user", "Hi?"), ("assistant", "Arr"), ("user", "And?")]
    assert second.json["previous_response_id"] == first.json["id"]
    third = await ask(
        scene, "messages-model", stream(), "Well?", previous_response_id=second.json["id"], max_output_tokens=50
    )
    assert third.status == 502
    said = [(message["role"], message["content"][0]["text"]) for message in scene.upstream.json["messages"]]
    assert said == [("user", "Hi?"), ("assistant", "Arr"), ("user", "And?"), ("assistant", "Bye"), ("user", "Well?")]


async def test_a_streamed_reply_can_be_gone_on_from() -> None:
    """At once: it is kept before its end is told."""
    scene = StoredScene()
    first = await ask(scene, "chat-model", stream(*chunks("He", "llo")), stream=True)
    end = next(line for line in first.body.split(b"\n") if line.startswith(b'data: {"type":"response.completed"'))
    response = msgspec.json.decode(end[6:])["response"]
    assert response["store"] is True
    kept = await scene.kept.responses.find("/", response["id"])
    assert kept is not None
    assert msgspec.json.decode(kept.response) == response
    await ask(scene, "chat-model", json_reply(completion("Bye")), "And?", previous_response_id=response["id"])
    assert messages(scene) == [("user", "Hi?"), ("assistant", "Hello"), ("user", "And?")]


async def test_the_account_that_holds_it_is_told_its_id() -> None:
    """By tee: nothing is replayed and nothing is changed."""
    scene = StoredScene()
    await ask(scene, "responses-model", json_reply(native("resp_up1", "Hello")))
    answer = await ask(
        scene, "responses-model", json_reply(native("resp_up2", "Bye")), "And?", previous_response_id="resp_up1"
    )
    assert scene.upstream.json["previous_response_id"] == "resp_up1"
    assert scene.upstream.json["input"] == "And?"
    assert answer.headers["x-trunkline-route"] == "tee responses/responses-model"


async def test_what_the_upstream_has_lost_is_replayed() -> None:
    """Its 400 is not the caller's."""
    scene = StoredScene()
    await ask(scene, "responses-model", json_reply(native("resp_up1", "Hello")))
    lost = {"error": {"message": "gone", "code": "previous_response_not_found", "param": "previous_response_id"}}

    def answer(request: UpstreamRequest) -> ScriptedReply:
        if b"previous_response_id" in request.body:
            return json_reply(lost, 400)
        return json_reply(native("resp_up2", "Bye"))

    scene.upstream.answer = answer
    body = {"model": "responses-model", "input": "And?", "previous_response_id": "resp_up1"}
    replayed = await scene.ask("/v1/responses", body)
    assert replayed.status == 200
    assert replayed.json["previous_response_id"] == "resp_up1"
    said = [item["content"][0]["text"] for item in scene.upstream.json["input"]]
    assert said[:2] == ["Hi?", "Hello"]


async def test_another_account_gets_the_history() -> None:
    """A failover must not lose the chain."""
    scene = StoredScene()
    first = await ask(scene, "chat-model", json_reply(completion("Hello")))
    reply = stream(
        b'event: response.created\ndata: {"type":"response.created","sequence_number":0,"response":'
        + msgspec.json.encode(native("resp_up", "", status="in_progress", output=[]))
        + b"}\n\n",
        b'event: response.completed\ndata: {"type":"response.completed","sequence_number":1,"response":'
        + msgspec.json.encode(native("resp_up", "Bye"))
        + b"}\n\n",
    )
    answer = await ask(scene, "responses-model", reply, "And?", previous_response_id=first.json["id"], stream=True)
    assert "previous_response_id" not in scene.upstream.json
    assert len(scene.upstream.json["input"]) == 3
    assert answer.headers["x-trunkline-route"] == "patch responses/responses-model"
    shown = [msgspec.json.decode(part.partition(b"data: ")[2]) for part in answer.body.split(b"\n\n") if part]
    assert [event["response"]["previous_response_id"] for event in shown] == [first.json["id"]] * 2


@pytest.mark.parametrize("streamed", [False, True])
async def test_what_is_not_to_be_stored_leaves_nothing(streamed: bool) -> None:
    """Its id is unknown afterwards."""
    scene = StoredScene()
    reply = stream(*chunks("Hello")) if streamed else json_reply(completion("Hello"))
    first = await ask(scene, "chat-model", reply, store=False, stream=streamed)
    id = "resp_" + first.body.partition(b'"resp_')[2][:48].decode()
    answer = await ask(scene, "chat-model", json_reply(completion("x")), previous_response_id=id)
    assert (answer.status, answer.error["code"]) == (400, "previous_response_not_found")
    assert answer.error["param"] == "previous_response_id"
    assert answer.error["message"] == f"Previous response with id '{id}' not found."


async def test_a_neighbours_response_is_unknown() -> None:
    """Word for word like one that never was."""
    scene = StoredScene()
    first = await ask(scene, "chat-model", json_reply(completion("Hello")))
    id = first.json["id"]
    foreign = await ask(scene, "chat-model", json_reply(completion("x")), previous_response_id=id, key=NEIGHBOUR)
    unknown = await ask(scene, "chat-model", json_reply(completion("x")), previous_response_id="resp_no", key=NEIGHBOUR)
    assert foreign.status == unknown.status == 400
    assert foreign.body.replace(id.encode(), b"resp_no") == unknown.body


async def test_only_the_owner_may_name_what_was_never_here() -> None:
    """And only to an upstream that may know it."""
    scene = StoredScene()
    reply = json_reply(native("resp_up2", "Bye"))
    mine = await ask(scene, "responses-model", reply, previous_response_id="resp_elsewhere")
    assert mine.status == 200
    assert scene.upstream.json["previous_response_id"] == "resp_elsewhere"
    theirs = await ask(scene, "responses-model", reply, previous_response_id="resp_elsewhere", key=NEIGHBOUR)
    translated = await ask(scene, "chat-model", reply, previous_response_id="resp_elsewhere")
    assert theirs.status == translated.status == 400
    assert len(scene.upstream.requests) == 1


@pytest.mark.parametrize(
    ("members", "param", "code"),
    [
        ({"previous_response_id": "resp_é"}, "previous_response_id", "invalid_value"),
        ({"previous_response_id": 5}, "previous_response_id", None),
        ({"conversation": 5}, "conversation", None),
        ({"conversation": {}}, "conversation.id", None),
        ({"previous_response_id": "a", "conversation": "b"}, "previous_response_id", "mutually_exclusive_parameters"),
        ({"store": "yes"}, "store", None),
        ({"background": True, "store": False}, "background", None),
    ],
)
async def test_what_cannot_be_is_refused(members: dict[str, Any], param: str, code: str | None) -> None:
    """With the name of the field."""
    answer = await ask(StoredScene(), "chat-model", json_reply(completion("x")), **members)
    assert answer.status == 400
    assert (answer.error["param"], answer.error["code"]) == (param, code)


async def test_an_item_may_be_named() -> None:
    """What was kept stands in its place."""
    scene = StoredScene()
    first = await ask(scene, "chat-model", json_reply(completion("Hello")))
    id = first.json["output"][0]["id"]
    reference = [{"type": "item_reference", "id": id}, {"role": "user", "content": "And?"}]
    await ask(scene, "chat-model", json_reply(completion("x")), reference)
    assert messages(scene) == [("assistant", "Hello"), ("user", "And?")]
    await ask(scene, "chat-model", json_reply(completion("x")), [{"id": id}, {"role": "user", "content": "And?"}])
    assert messages(scene) == [("assistant", "Hello"), ("user", "And?")]


@pytest.mark.parametrize("item", [{"type": "item_reference", "id": "msg_x"}, {"type": "reasoning", "id": "msg_x"}])
async def test_an_item_that_is_not_there_is_a_404(item: dict[str, Any]) -> None:
    """A reference, or a thought that only an upstream could know."""
    scene = StoredScene()
    answer = await ask(scene, "responses-model", json_reply(native("r", "x")), [item], key=NEIGHBOUR)
    assert answer.status == 404
    assert (answer.error["param"], answer.error["code"]) == ("input", None)
    assert answer.error["message"].startswith("Item with id 'msg_x' not found.")
    assert scene.upstream.requests == []


async def test_an_item_that_says_everything_is_never_refused() -> None:
    """Whatever its id: clients replay them all."""
    scene = StoredScene()
    said = {"type": "message", "id": "msg_x", "role": "user", "content": [{"type": "input_text", "text": "Hi"}]}
    answer = await ask(scene, "responses-model", json_reply(native("r", "x")), [said], key=NEIGHBOUR)
    assert answer.status == 200


async def test_the_credentials_of_tools_are_not_kept() -> None:
    """The caller sees what the upstream said all the same."""
    scene = StoredScene()
    tools = [{"type": "mcp", "server_label": "s", "server_url": "https://s.test", "authorization": "sk-of-the-server"}]
    answer = await ask(scene, "responses-model", json_reply(native("resp_up", "Hi", tools=tools)), tools=tools)
    assert answer.json["tools"] == tools
    kept = await scene.kept.responses.find("/", "resp_up")
    assert kept is not None
    assert b"sk-of-the-server" not in kept.response


async def test_what_is_anothers_is_not_forwarded_behind_what_is_nobodys() -> None:
    """One id among several that was ever here keeps all of them from the upstream, and is not the one that is named."""
    scene = StoredScene()
    await scene.keep("resp_theirs", "Hi?", path="/team/ana")
    items = [{"type": "item_reference", "id": id} for id in ("msg_nobodys", "resp_theirs")]
    answer = await ask(scene, "responses-model", json_reply(native("resp_up", "x")), items)
    assert (answer.status, scene.upstream.requests) == (404, [])
    assert "msg_nobodys" in answer.error["message"]


async def test_an_unknown_item_is_named_where_it_cannot_be_forwarded() -> None:
    """To a model whose provider would not know it either."""
    answer = await ask(
        StoredScene(), "chat-model", json_reply(completion("x")), [{"type": "item_reference", "id": "msg_x"}]
    )
    assert answer.status == 404
    assert "Item with id 'msg_x' not found" in answer.error["message"]


# --- conversations ------------------------------------------------------------------------------------------------


async def converse(scene: StoredScene) -> str:
    made = await scene.ask("/v1/conversations", {"items": [{"role": "user", "content": "Before."}]})
    id: str = made.json["id"]
    return id


async def kept_items(scene: StoredScene, id: str) -> list[str]:
    items = await scene.kept.conversations.items("/", id)
    assert items is not None
    return [msgspec.json.decode(kept.item)["content"][0]["text"] for kept in items]


@pytest.mark.parametrize("store", [True, False])
@pytest.mark.parametrize("streamed", [False, True])
async def test_a_conversation_takes_up_the_turn(streamed: bool, store: bool) -> None:
    """Before it the items that were there; after it input and output, in order."""
    scene = StoredScene()
    id = await converse(scene)
    reply = stream(*chunks("Hello")) if streamed else json_reply(completion("Hello"))
    answer = await ask(scene, "chat-model", reply, conversation=id, stream=streamed, store=store)
    assert answer.status == 200
    assert f'"conversation":{{"id":"{id}"}}'.encode() in answer.body
    assert messages(scene) == [("user", "Before."), ("user", "Hi?")]
    assert await kept_items(scene, id) == ["Before.", "Hi?", "Hello"]
    again = await ask(scene, "chat-model", json_reply(completion("Bye")), "And?", conversation={"id": id})
    assert again.status == 200
    assert await kept_items(scene, id) == ["Before.", "Hi?", "Hello", "And?", "Bye"]


async def test_a_failed_run_leaves_nothing_in_a_conversation() -> None:
    """And lets it go."""
    scene = StoredScene()
    id = await converse(scene)
    failed = await ask(scene, "chat-model", json_reply({"error": {"message": "no"}}, 500), conversation=id)
    assert failed.status == 502
    cut = await ask(scene, "chat-model", stream(chunks("He")[0], ending="cut"), conversation=id, stream=True)
    assert b"response.failed" in cut.body
    assert await kept_items(scene, id) == ["Before."]
    assert (await ask(scene, "chat-model", json_reply(completion("Hello")), conversation=id)).status == 200


async def test_two_runs_on_one_conversation_exclude_each_other() -> None:
    """The second is told to come back."""
    scene = StoredScene()
    id = await converse(scene)
    assert await scene.kept.conversations.hold("/", id, "another", 60)
    answer = await ask(scene, "chat-model", json_reply(completion("Hello")), conversation=id)
    assert (answer.status, answer.error["code"], answer.error["param"]) == (400, "conversation_locked", "conversation")
    await scene.kept.conversations.release(id, "another")
    assert (await ask(scene, "chat-model", json_reply(completion("Hello")), conversation=id)).status == 200


async def test_a_client_that_leaves_at_once_lets_go_of_its_conversation(monkeypatch: pytest.MonkeyPatch) -> None:
    """While it is still being looked up what stands in it."""
    scene = StoredScene()
    id = await converse(scene)
    is_asked = asyncio.Event()

    async def items(path: str, id: str) -> None:
        is_asked.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(scene.kept.conversations, "items", items)
    asking = asyncio.create_task(ask(scene, "chat-model", json_reply(completion("hi")), conversation=id))
    await is_asked.wait()
    asking.cancel()
    await asyncio.wait([asking])
    assert await scene.kept.conversations.hold("/", id, "another", 60)


async def test_a_conversation_is_let_go_whatever_the_request_forwards() -> None:
    """A thought that only the upstream may know makes no difference."""
    scene = StoredScene()
    id = await converse(scene)
    thought = [{"type": "reasoning", "id": "rs_elsewhere"}, {"role": "user", "content": "And?"}]
    answer = await ask(scene, "responses-model", json_reply(native("resp_up", "x")), thought, conversation=id)
    assert answer.status == 200
    assert "conversation" not in scene.upstream.json
    assert await scene.kept.conversations.hold("/", id, "another", 60)


async def test_a_conversation_is_counted_while_it_is_run_on() -> None:
    """Counting adds nothing to it."""
    scene = StoredScene()
    id = await converse(scene)
    assert await scene.kept.conversations.hold("/", id, "another", 60)
    answer = await scene.ask("/v1/responses/input_tokens", {"model": "chat-model", "input": "Hi?", "conversation": id})
    assert answer.status == 200
    assert not await scene.kept.conversations.hold("/", id, "a third", 60)


@pytest.mark.parametrize("streamed", [False, True])
async def test_a_reply_that_cannot_be_kept_is_told_all_the_same(streamed: bool) -> None:
    """An upstream's odd words are no reason to lose an answer that is paid for; it says that it is not kept."""
    scene = StoredScene()
    odd = native("resp_up", "Hello") | {"id": None}
    event = b"data: %b\n\n" % msgspec.json.encode({"type": "response.completed", "sequence_number": 0, "response": odd})
    reply = stream(event) if streamed else json_reply(odd)
    answer = await ask(scene, "responses-model", reply, stream=streamed)
    assert answer.status == 200
    assert b"Hello" in answer.body
    assert b'"store":false' in answer.body


async def test_an_unknown_conversation_is_a_404() -> None:
    """A neighbour's too."""
    scene = StoredScene()
    id = await converse(scene)
    for name, key in (("conv_no", NEIGHBOUR), (id, NEIGHBOUR)):
        answer = await ask(scene, "chat-model", json_reply(completion("x")), conversation=name, key=key)
        assert answer.status == 404
        assert answer.error["message"] == f"Conversation with id '{name}' not found."


@pytest.mark.parametrize("model", ["chat-model", "responses-model"])
async def test_metadata_have_limits(model: str) -> None:
    """Whoever answers."""
    scene = StoredScene()
    answer = await ask(scene, model, json_reply({}), metadata={str(number): "x" for number in range(17)})
    assert (answer.status, answer.error["param"]) == (400, "metadata")
    assert not scene.upstream.requests


NEVER = Retention(rules=(("/team/**", "never"),))


@pytest.mark.parametrize("streamed", [False, True])
async def test_where_nothing_may_be_kept_it_is_said(streamed: bool) -> None:
    """A caller who did not ask for less is told that nothing is kept."""
    scene = StoredScene(retention=NEVER)
    reply = stream(*chunks("Hello")) if streamed else json_reply(completion("Hello"))
    answer = await ask(scene, "chat-model", reply, stream=streamed, key=NEIGHBOUR)
    assert answer.headers["x-trunkline-dropped"] == "store"
    quiet = await ask(scene, "chat-model", json_reply(completion("Hello")), store=False, key=NEIGHBOUR)
    assert "x-trunkline-dropped" not in quiet.headers


async def test_where_nothing_may_be_kept_nothing_runs_in_the_background() -> None:
    """Nobody could come back for it."""
    scene = StoredScene(retention=NEVER)
    answer = await ask(scene, "chat-model", json_reply(completion("x")), background=True, key=NEIGHBOUR)
    assert (answer.status, answer.error["code"]) == (403, "storage_forbidden")
    assert "`store: never`" in answer.error["message"]
