"""Chat completions are kept where that is asked for, on every way, and served to those whose they are."""

from typing import Any

import msgspec
import pytest
from stored_scene import NEIGHBOUR, StoredScene, bearer

from scripted_gateway import ScriptedReply, json_reply, question, stream
from trunkline.errors import Unavailable
from trunkline.state.retention import Retention

ANA = {"authorization": bearer(NEIGHBOUR)}
PATH = "/v1/chat/completions"
USAGE = {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9}


def completion(**members: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": "Hello", "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    whole = {"id": "chatcmpl-up", "object": "chat.completion", "created": 1, "model": "up", "choices": [choice]}
    return whole | {"usage": USAGE} | members


def chunk(delta: dict[str, Any], finish: str | None = None, **members: Any) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    whole = {"id": "chatcmpl-up", "object": "chat.completion.chunk", "created": 1, "model": "up", "choices": [choice]}
    return b"data: " + msgspec.json.encode(whole | members) + b"\n\n"


DONE = b"data: [DONE]\n\n"
STREAM = [
    chunk({"role": "assistant", "content": "Hel"}),
    chunk({"content": "lo"}),
    chunk({}, "stop"),
    chunk({}, choices=[], usage=USAGE),
    DONE,
]


def anthropic_message() -> dict[str, Any]:
    return {
        "id": "msg_up",
        "type": "message",
        "role": "assistant",
        "model": "up",
        "content": [{"type": "text", "text": "Hello"}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 7, "output_tokens": 2},
    }


def anthropic_stream() -> list[bytes]:
    start = anthropic_message() | {"content": [], "stop_reason": None}
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": start},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hello"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}},
        {"type": "message_stop"},
    ]
    return [b"event: %b\ndata: %b\n\n" % (event["type"].encode(), msgspec.json.encode(event)) for event in events]


def replies(upstream: str, is_stream: bool) -> ScriptedReply:
    if upstream == "messages":
        return stream(*anthropic_stream()) if is_stream else json_reply(anthropic_message())
    return stream(*STREAM) if is_stream else json_reply(completion())


async def keep(scene: StoredScene, upstream: str = "native_chat", is_stream: bool = False, **members: Any) -> str:
    """Ask for a completion that is kept; its id."""
    wish = {"store": True, **({"stream": True} if is_stream else {}), **members}
    answer = await scene.generate("chat", upstream, replies(upstream, is_stream), **wish)
    assert answer.status == 200, answer.body
    if not is_stream:
        return str(answer.json["id"])
    first = answer.body.split(b"\n\n")[0].removeprefix(b"data: ")
    assert answer.body.endswith(DONE)
    return str(msgspec.json.decode(first)["id"])


# --- keeping ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("upstream", ["native_chat", "chat", "messages"])
@pytest.mark.parametrize("is_stream", [False, True])
async def test_a_completion_is_kept_on_every_way(upstream: str, is_stream: bool) -> None:
    """Teed, patched or translated, streamed or not: the same object, with labels and usage."""
    scene = StoredScene()
    id = await keep(scene, upstream, is_stream, metadata={"team": "alpha"})
    kept = (await scene.get(f"{PATH}/{id}")).json
    assert kept["id"] == id
    assert kept["object"] == "chat.completion"
    assert kept["metadata"] == {"team": "alpha"}
    assert kept["choices"][0]["message"]["content"] == "Hello"
    assert kept["choices"][0]["finish_reason"] == "stop"
    assert kept["usage"]["total_tokens"] == 9


@pytest.mark.parametrize("upstream", ["native_chat", "chat", "messages"])
async def test_a_stream_that_was_kept_is_the_stream_that_came(upstream: str) -> None:
    """Nothing is added, and nothing is missing: what is held back comes at the end."""
    texts = []
    for store in (True, False):
        scene = StoredScene()
        answer = await scene.generate("chat", upstream, replies(upstream, True), stream=True, store=store)
        texts.append(answer.body)
    assert texts[0] == texts[1]


async def test_the_end_is_told_when_the_completion_is_there() -> None:
    """A request that follows at once finds it."""
    scene = StoredScene()
    seen: list[bool] = []
    keep_it = scene.kept.completions.keep

    async def watch(kept: Any) -> None:
        await keep_it(kept)
        seen.append(True)

    scene.kept.completions.keep = watch  # type: ignore[method-assign]
    await keep(scene, is_stream=True)
    assert seen == [True]


@pytest.mark.parametrize("store", [False, None])
async def test_nothing_is_kept_unasked(store: bool | None) -> None:
    """The default of this API is not to keep."""
    scene = StoredScene()
    answer = await scene.generate("chat", "chat", json_reply(completion()), store=store)
    assert answer.status == 200
    assert (await scene.get(PATH)).json["data"] == []


async def test_only_who_keeps_completions_is_told_to() -> None:
    """A tee passes the request on as it is; others would trip over the word."""
    scene = StoredScene()
    await keep(scene, "native_chat")
    assert scene.upstream.json["store"] is True
    await keep(scene, "chat")
    assert "store" not in scene.upstream.json


async def test_a_broken_stream_is_not_kept() -> None:
    """An answer without its end is none."""
    scene = StoredScene()
    answer = await scene.generate("chat", "native_chat", stream(*STREAM[:2], ending="cut"), stream=True, store=True)
    assert b'"error"' in answer.body
    assert (await scene.get(PATH)).json["data"] == []


async def test_calls_are_kept_whole() -> None:
    """From their pieces, beside log probabilities."""
    scene = StoredScene()
    call = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "f", "arguments": ""}}
    pieces = [
        chunk({"role": "assistant", "content": None, "tool_calls": [call]}),
        chunk({"tool_calls": [{"index": 0, "function": {"arguments": '{"a":'}}]}),
        chunk({"tool_calls": [{"index": 0, "function": {"arguments": "1}"}}]}),
        chunk({}, "tool_calls"),
        DONE,
    ]
    await scene.generate("chat", "native_chat", stream(*pieces), stream=True, store=True)
    choice = (await scene.get(f"{PATH}/chatcmpl-up")).json["choices"][0]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["tool_calls"] == [
        {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
    ]


async def test_usage_that_the_caller_did_not_ask_for_is_kept_all_the_same() -> None:
    """The chunk that tells it is cut out of the stream."""
    scene = StoredScene()
    answer = await scene.generate("chat", "native_chat", stream(*STREAM), stream=True, store=True)
    assert b'"usage"' not in answer.body
    assert (await scene.get(f"{PATH}/chatcmpl-up")).json["usage"]["prompt_tokens"] == 7


async def test_a_whole_reply_to_a_streamed_question_is_kept() -> None:
    """And the other way round."""
    scene = StoredScene()
    await scene.generate("chat", "chat", json_reply(completion()), stream=True, store=True)
    other = StoredScene()
    await other.generate("chat", "chat", stream(*STREAM), store=True)
    for each in (scene, other):
        listed = (await each.get(PATH)).json["data"]
        assert [kept["choices"][0]["message"]["content"] for kept in listed] == ["Hello"]


@pytest.mark.parametrize("is_stream", [False, True])
async def test_an_answer_is_told_though_it_cannot_be_kept(is_stream: bool) -> None:
    """It has been paid for; a whole reply says that it was not kept."""
    scene = StoredScene()

    async def fail(kept: Any) -> None:
        raise Unavailable("the store is down")

    scene.kept.completions.keep = fail  # type: ignore[method-assign]
    answer = await scene.generate(
        "chat", "native_chat", replies("native_chat", is_stream), store=True, **({"stream": True} if is_stream else {})
    )
    assert answer.status == 200
    assert b"lo" in answer.body
    if not is_stream:
        assert answer.headers["x-trunkline-dropped"] == "store"
    assert scene.records.only.dropped == ["store"]


async def test_nothing_is_kept_where_that_is_forbidden() -> None:
    """The request goes on, told to keep nothing, and the reply says so."""
    scene = StoredScene(retention=Retention(rules=(("/team/**", "never"),)))
    scene.upstream.answer = json_reply(completion())
    body = question("chat", "native_chat-model", store=True, metadata={"a": "b"})
    answer = await scene.ask(PATH, body, **ANA)
    assert (answer.status, answer.headers["x-trunkline-dropped"]) == (200, "store")
    assert scene.upstream.json["store"] is False
    assert "metadata" not in scene.upstream.json
    assert (await scene.get(PATH, **ANA)).json["data"] == []


async def test_labels_beyond_the_limits_are_refused() -> None:
    """Before anything is asked."""
    scene = StoredScene()
    answer = await scene.generate("chat", "chat", json_reply(completion()), store=True, metadata={"a": 7})
    assert (answer.status, answer.error["param"]) == (400, "metadata.a")
    assert scene.upstream.requests == []


async def test_what_openai_keeps_as_well_is_deleted_there_too() -> None:
    """Here in any case, whatever becomes of it there."""
    scene = StoredScene()
    for status in (200, 404, 500):
        id = await keep(scene)
        scene.upstream.answer = json_reply({"id": id, "deleted": True}, status)
        assert (await scene.delete(f"{PATH}/{id}")).json["deleted"] is True
        assert scene.upstream.requests[-1].head.startswith(b"DELETE /v1/chat/completions/chatcmpl-up HTTP/1.1\r\n")
        assert (await scene.get(f"{PATH}/{id}")).status == 404


@pytest.mark.parametrize("upstream", ["chat", "messages"])
async def test_what_is_kept_here_alone_is_deleted_here_alone(upstream: str) -> None:
    """Nobody else is told of it."""
    scene = StoredScene()
    id = await keep(scene, upstream)
    asked = len(scene.upstream.requests)
    assert (await scene.delete(f"{PATH}/{id}")).status == 200
    assert len(scene.upstream.requests) == asked


# --- the routes -------------------------------------------------------------------------------------------------


async def make_some(scene: StoredScene) -> None:
    for number, model in enumerate(("a", "b", "a", "a")):
        scene.clock.advance(1)
        reply = json_reply(completion(id=f"chatcmpl-{number}", model=model))
        await scene.generate("chat", "native_chat", reply, store=True, metadata={"n": str(number % 2), "all": "yes"})


async def ids(scene: StoredScene, query: str) -> list[str]:
    answer = await scene.get(f"{PATH}?{query}")
    assert answer.status == 200, answer.body
    return [kept["id"].removeprefix("chatcmpl-") for kept in answer.json["data"]]


async def test_completions_are_listed_the_oldest_first() -> None:
    """In pages, by model and by labels."""
    scene = StoredScene()
    await make_some(scene)
    assert await ids(scene, "") == ["0", "1", "2", "3"]
    assert await ids(scene, "order=desc&limit=2") == ["3", "2"]
    assert await ids(scene, "after=chatcmpl-1&limit=1") == ["2"]
    assert await ids(scene, "model=a") == ["0", "2", "3"]
    assert await ids(scene, "metadata[n]=1") == ["1", "3"]
    assert await ids(scene, "metadata[n]=1&metadata[all]=yes&model=a") == ["3"]
    page = (await scene.get(f"{PATH}?limit=3")).json
    assert (page["object"], page["has_more"]) == ("list", True)
    assert (page["first_id"], page["last_id"]) == ("chatcmpl-0", "chatcmpl-2")
    unknown = await scene.get(f"{PATH}?after=chatcmpl-x")
    assert (unknown.status, unknown.error["param"]) == (404, "after")


async def test_new_labels_take_the_place_of_the_old() -> None:
    """In the object as in the list."""
    scene = StoredScene()
    id = await keep(scene, metadata={"a": "1"})
    answer = await scene.ask(f"{PATH}/{id}", {"metadata": {"b": "2"}})
    assert answer.json["metadata"] == {"b": "2"}
    assert (await scene.get(f"{PATH}/{id}")).json == answer.json
    assert len(await ids(scene, "metadata[b]=2")) == 1
    assert await ids(scene, "metadata[a]=1") == []


@pytest.mark.parametrize(("body", "param"), [({}, "metadata"), ({"metadata": {"a": 1}}, "metadata.a"), ({"x": 1}, "x")])
async def test_a_wrong_update_is_refused(body: Any, param: str) -> None:
    """By the place of what is wrong."""
    scene = StoredScene()
    answer = await scene.ask(f"{PATH}/{await keep(scene)}", body)
    assert (answer.status, answer.error["param"]) == (400, param)


async def test_a_deleted_completion_is_gone() -> None:
    """And a second deletion finds nothing."""
    scene = StoredScene()
    id = await keep(scene)
    answer = await scene.delete(f"{PATH}/{id}")
    assert answer.json == {"object": "chat.completion.deleted", "id": id, "deleted": True}
    assert (await scene.get(f"{PATH}/{id}")).status == 404
    assert (await scene.delete(f"{PATH}/{id}")).status == 404


async def test_messages_are_those_of_the_request() -> None:
    """Each with an id; content in parts is told in parts beside its text."""
    scene = StoredScene()
    parts = [{"type": "text", "text": "What is "}, {"type": "text", "text": "this?"}]
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [*parts, picture], "name": "ana"},
        {"role": "user", "content": "And?"},
    ]
    id = await keep(scene, messages=messages)
    path = f"{PATH}/{id}/messages"
    listed = (await scene.get(path)).json
    assert [message["id"] for message in listed["data"]] == [f"{id}-0", f"{id}-1", f"{id}-2"]
    assert [message["content"] for message in listed["data"]] == ["Be brief.", "What is this?", "And?"]
    assert [message["content_parts"] for message in listed["data"]] == [None, [*parts, picture], None]
    assert [message["name"] for message in listed["data"]] == [None, "ana", None]
    assert listed["has_more"] is False
    newest = (await scene.get(f"{path}?order=desc&limit=1")).json
    assert (newest["first_id"], newest["has_more"]) == (f"{id}-2", True)
    assert (await scene.get(f"{path}?after={id}-1")).json["first_id"] == f"{id}-2"
    unknown = await scene.get(f"{path}?after=x")
    assert (unknown.status, unknown.error["param"]) == (404, "after")


# --- not there --------------------------------------------------------------------------------------------------

ROUTES = [
    ("GET", PATH + "/{}", b""),
    ("POST", PATH + "/{}", {"metadata": {}}),
    ("DELETE", PATH + "/{}", b""),
    ("GET", PATH + "/{}/messages", b""),
    ("GET", "/chat/completions/{}", b""),
]


@pytest.mark.parametrize(("method", "path", "body"), ROUTES)
async def test_a_foreign_completion_answers_like_an_unknown_one(method: str, path: str, body: Any) -> None:
    """So do a deleted and an expired one."""
    scene = StoredScene(retention=Retention(days=1))
    scene.upstream.answer = json_reply(completion(id="chatcmpl-expired"))
    await scene.ask(PATH, question("chat", "native_chat-model", store=True), **ANA)
    scene.clock.advance(2 * 24 * 60 * 60)
    scene.upstream.answer = json_reply(completion(id="chatcmpl-deleted"))
    await scene.ask(PATH, question("chat", "native_chat-model", store=True), **ANA)
    await scene.delete(f"{PATH}/chatcmpl-deleted", **ANA)
    foreign = await keep(scene)
    for id in ("chatcmpl-unknown", foreign, "chatcmpl-deleted", "chatcmpl-expired"):
        answer = await scene.ask(path.format(id), body, method=method, **ANA)
        assert answer.status == 404
        assert answer.error == {
            "message": f"Chat completion with id '{id}' not found.",
            "type": "invalid_request_error",
            "param": None,
            "code": None,
        }
    assert (await scene.get(PATH, **ANA)).json["data"] == []
    assert (await scene.get(f"{PATH}/{foreign}")).status == 200


async def test_a_method_that_is_not_there_is_told_from_those_that_are() -> None:
    """The list's own and the completion's together."""
    answer = await StoredScene().ask(PATH, method="PUT")
    assert answer.status == 405
    assert "GET and POST" in answer.error["message"]
