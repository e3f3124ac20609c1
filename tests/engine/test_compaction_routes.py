"""A conversation compacted: by the provider where it does that, else by its model; and read again by every model."""

from typing import Any

import msgspec
import pytest
from stored_scene import StoredScene

from scripted_gateway import Answer, json_reply
from trunkline.money import Tariff, fill_rates, write_dollars
from trunkline.ports import UpstreamRequest
from trunkline.upstream.fake.inprocess import FakeUpstream
from trunkline.upstream.fake.stage import Stage

PATH = "/v1/responses/compact"

HISTORY: list[dict[str, Any]] = [
    {"role": "user", "content": "Find the blue lamp."},
    {"type": "function_call", "call_id": "c1", "name": "look", "arguments": '{"at":"shelf"}'},
    {"type": "function_call_output", "call_id": "c1", "output": "lamp-4711 stands on shelf 3"},
    {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "It is lamp-4711."}]},
    {"role": "user", "content": [{"type": "input_text", "text": "And the red one?"}]},
]

SUMMARISED = ["chat", "messages", "gemini"]
"""Upstreams whose models write their own summaries; `responses` compacts by itself."""


def fake_scene(**members: Any) -> StoredScene:
    """A scene before a fake that answers like a small model on every wire: it says back what it was told."""
    return StoredScene(upstream=FakeUpstream(Stage()), **members)  # type: ignore[arg-type]  # the port, another way


def received(scene: StoredScene) -> list[Any]:
    return [msgspec.json.decode(request.body) for request in scene.upstream.stage.received]  # type: ignore[attr-defined]


async def compact(scene: StoredScene, upstream: str, items: Any = None, **members: Any) -> dict[str, Any]:
    answer = await scene.ask(
        PATH, {"model": f"{upstream}-model", "input": HISTORY if items is None else items, **members}
    )
    assert answer.status == 200, answer.body
    body: dict[str, Any] = answer.json
    return body


async def go_on(scene: StoredScene, upstream: str, output: list[Any], **members: Any) -> Answer:
    """The next turn, with what came of the compaction in the place of the history."""
    items = [*output, {"role": "user", "content": "Reply with exactly OK."}]
    return await scene.ask("/v1/responses", {"model": f"{upstream}-model", "input": items, "store": False, **members})


# --- by a summary -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("upstream", SUMMARISED)
async def test_a_model_compacts_its_own_conversation(upstream: str) -> None:
    """What the user said stays, in its own words; one item stands for everything else."""
    scene = fake_scene()
    body = await compact(scene, upstream)
    assert (body["object"], body["id"][:5], body["created_at"]) == ("response.compaction", "resp_", 1_700_000_000)
    *users, compaction = body["output"]
    assert [(item["type"], item["role"], item["status"]) for item in users] == [("message", "user", "completed")] * 2
    assert [item["content"] for item in users] == [
        [{"type": "input_text", "text": "Find the blue lamp."}],
        [{"type": "input_text", "text": "And the red one?"}],
    ]
    assert set(compaction) == {"id", "type", "encrypted_content"}
    assert compaction["encrypted_content"].startswith("tl1.k1.")
    assert body["usage"]["input_tokens"] > 50
    assert scene.records.only.usage.total_output == body["usage"]["output_tokens"] > 10


async def test_the_model_is_asked_for_a_summary_and_for_nothing_else() -> None:
    """One call, without tools, with all that was said as text."""
    scene = fake_scene()
    await compact(scene, "chat", instructions="Be kind.")
    (asked,) = received(scene)
    assert "tools" not in asked
    assert [message["role"] for message in asked["messages"]] == ["system", "user"]
    assert "Never answer the user" in asked["messages"][0]["content"]
    assert "[system] Be kind." in asked["messages"][1]["content"]
    assert "[look gives] lamp-4711 stands on shelf 3" in asked["messages"][1]["content"]


@pytest.mark.parametrize("writer", SUMMARISED)
@pytest.mark.parametrize("reader", [*SUMMARISED, "responses"])
async def test_every_model_can_read_a_compaction(writer: str, reader: str) -> None:
    """A conversation goes on with any other model, native ones included: it is told the summary."""
    scene = fake_scene()
    output = (await compact(scene, writer))["output"]
    answer = await go_on(scene, reader, output)
    assert answer.json["output"][-1]["content"][0]["text"] == "OK"
    told = msgspec.json.encode(received(scene)[-1]).decode()
    assert "Summary of the conversation so far: " in told
    assert "lamp-4711" in told
    assert "tl1." not in told


@pytest.mark.parametrize("stream", [False, True])
async def test_a_compaction_is_compacted_again(stream: bool) -> None:
    """What the first one stood for is part of the second."""
    scene = fake_scene()
    first = (await compact(scene, "chat"))["output"]
    second = (await compact(scene, "messages", [*first, {"role": "user", "content": "Third"}]))["output"]
    assert [item["type"] for item in second] == ["message", "message", "message", "compaction"]
    await go_on(scene, "gemini", second, stream=stream)
    assert "lamp-4711" in msgspec.json.encode(received(scene)[-1]).decode()


async def test_the_developers_words_survive() -> None:
    """They are no user's, so they are not in the output; the next turn is told them all the same."""
    scene = fake_scene()
    output = (await compact(scene, "chat", [{"role": "developer", "content": "Speak Latin."}, *HISTORY]))["output"]
    assert {item.get("role", "user") for item in output} == {"user"}
    await go_on(scene, "chat", output)
    assert "Speak Latin." in msgspec.json.encode(received(scene)[-1]["messages"]).decode()


async def test_a_kept_response_is_compacted_with_all_before_it() -> None:
    """`previous_response_id` in the place of an input, as the Agents SDK sends it."""
    scene = fake_scene()
    answer = await scene.ask("/v1/responses", {"model": "chat-model", "input": "Remember lamp-4711."})
    made = await scene.ask(PATH, {"model": "messages-model", "previous_response_id": answer.json["id"]})
    assert [item["type"] for item in made.json["output"]] == ["message", "compaction"]
    assert "lamp-4711" in msgspec.json.encode(received(scene)[-1]).decode()


async def test_nothing_cannot_be_compacted() -> None:
    """An empty input is a mistake."""
    answer = await fake_scene().ask(PATH, {"model": "chat-model", "input": []})
    assert (answer.status, answer.error["param"]) == (400, "input")


async def test_a_model_that_writes_nothing_compacts_nothing() -> None:
    """The caller still has its history, and must not lose it."""
    scene = StoredScene()
    choice = {"index": 0, "message": {"role": "assistant", "content": ""}, "finish_reason": "stop"}
    scene.upstream.answer = json_reply({"id": "c", "model": "m", "choices": [choice]})
    answer = await scene.ask(PATH, {"model": "chat-model", "input": HISTORY})
    assert (answer.status, answer.error["code"]) == (502, "upstream_garbled")


async def test_a_providers_error_is_the_callers() -> None:
    """With its status, and recorded."""
    scene = StoredScene()
    scene.upstream.answer = json_reply({"error": {"message": "Slow down."}}, 429)
    answer = await scene.ask(PATH, {"model": "chat-model", "input": HISTORY})
    assert answer.status == 429
    assert len(scene.records.only.attempts) == 1


async def test_a_lost_key_is_told() -> None:
    """A summary that nobody can open would be a conversation lost in silence."""
    item = {"type": "compaction", "id": "cmp_1", "encrypted_content": "tl1.gone.AAAA"}
    for upstream in [*SUMMARISED, "responses"]:
        answer = await go_on(fake_scene(), upstream, [item])
        assert (answer.status, answer.error["param"]) == (400, "input[0]")
        assert answer.error["code"] == "invalid_encrypted_content"


async def test_another_path_cannot_read_it() -> None:
    """A compaction belongs to the path of its caller."""
    scene = fake_scene()
    output = (await compact(scene, "chat"))["output"]
    body = {"model": "chat-model", "input": output, "store": False}
    answer = await scene.ask("/v1/responses", body, authorization="Bearer sk-the-neighbours-key")
    assert (answer.status, answer.error["code"]) == (400, "invalid_encrypted_content")


# --- by the provider --------------------------------------------------------------------------------------------


async def test_a_provider_that_compacts_does_it() -> None:
    """Its reply passes byte for byte, and what it takes is all that it is asked."""
    scene = StoredScene()
    said = b'{"id":"resp_up", "object":"response.compaction","output":[],"usage":{"input_tokens":3,"output_tokens":2}}'
    scene.upstream.answer = json_reply(said)
    answer = await scene.ask(PATH, {"model": "responses-model", "input": HISTORY, "store": False})
    assert answer.body == said
    assert scene.upstream.requests[0].head.startswith(b"POST /v1/responses/compact HTTP/1.1\r\n")
    assert scene.upstream.json == {"model": "responses-model", "input": HISTORY}
    assert scene.records.only.usage.total == 5


async def test_a_summary_of_ours_is_opened_for_a_provider_that_compacts() -> None:
    """It is told what the item stands for."""
    scene = fake_scene()
    output = (await compact(scene, "chat"))["output"]
    await compact(scene, "responses", output)
    assert received(scene)[-1]["input"][-1]["role"] == "developer"


async def test_a_provider_without_the_route_is_stood_in_for() -> None:
    """Where it answers that there is no such thing, its model writes a summary."""
    fake = FakeUpstream(Stage(speaks={"responses"}))
    scene = StoredScene(upstream=fake)  # type: ignore[arg-type]
    body = await compact(scene, "responses")
    assert body["output"][-1]["encrypted_content"].startswith("tl1.")
    assert [request.path for request in fake.stage.received] == ["/v1/responses/compact", "/v1/responses"]
    assert len(scene.records.only.attempts) == 2


async def test_a_response_that_the_provider_lost_is_compacted_from_our_own_history() -> None:
    """It held the response once."""
    scene = StoredScene()
    await scene.keep("resp_1", "Remember lamp-4711.", account="responses", native=True)
    gone = {"message": "Previous response with id 'resp_1' not found.", "code": "previous_response_not_found"}
    summary = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "They met."}]}

    def answer(request: UpstreamRequest) -> Any:
        if b"/compact " in request.head:
            return json_reply({"error": gone}, 400)
        return json_reply({"id": "r", "object": "response", "status": "completed", "output": [summary]})

    scene.upstream.answer = answer
    made = await scene.ask(PATH, {"model": "responses-model", "previous_response_id": "resp_1"})
    assert [item["type"] for item in made.json["output"]] == ["message", "compaction"]


# --- within a request -------------------------------------------------------------------------------------------

TRIGGER = {"type": "compaction_trigger"}
BULK = "lamp-4711 " * 600


def long_history(*more: dict[str, Any]) -> list[dict[str, Any]]:
    """A conversation of a few thousand tokens, most of them a tool's."""
    call, output = HISTORY[1], {**HISTORY[2], "output": BULK}
    return [HISTORY[0], call, output, {"role": "user", "content": "Reply with exactly OK."}, *more]


ALLOWED = [{"type": "compaction", "compact_threshold": 1000}]


def events(answer: Answer) -> list[dict[str, Any]]:
    lines = answer.body.split(b"\n")
    return [msgspec.json.decode(line[6:]) for line in lines if line.startswith(b"data: {")]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("upstream", SUMMARISED)
async def test_a_request_that_allows_it_is_compacted_first(upstream: str, stream: bool) -> None:
    """The item is the first of the same response, whose usage holds both calls'."""
    scene = fake_scene()
    answer = await scene.ask(
        "/v1/responses",
        {"model": f"{upstream}-model", "input": long_history(), "context_management": ALLOWED, "stream": stream},
    )
    response = events(answer)[-1]["response"] if stream else answer.json
    assert [item["type"] for item in response["output"]] == ["compaction", "message"]
    assert response["output"][1]["content"][0]["text"] == "OK"
    assert answer.headers["x-trunkline-emulated"].split(",")[-1] == "context_management"
    assert "context_management" not in answer.headers.get("x-trunkline-dropped", "")
    first, second = received(scene)
    assert BULK in msgspec.json.encode(first).decode()
    assert "Summary of the conversation so far: " in msgspec.json.encode(second).decode()
    assert response["usage"]["input_tokens"] > 1500
    assert scene.records.only.usage.total == response["usage"]["total_tokens"]
    assert len(scene.records.only.attempts) == 2
    if stream:
        told = events(answer)
        assert [event["sequence_number"] for event in told] == list(range(len(told)))
        assert [(event["type"], event["output_index"]) for event in told[2:6]] == [
            ("response.output_item.added", 0),
            ("response.compaction.compacting", 0),
            ("response.output_item.done", 0),
            ("response.output_item.added", 1),
        ]


async def test_a_short_conversation_is_left_alone() -> None:
    """Below the threshold nothing is compacted, and nothing is said to be left out."""
    scene = fake_scene()
    body = {"model": "chat-model", "input": HISTORY, "context_management": ALLOWED}
    answer = await scene.ask("/v1/responses", body)
    assert [item["type"] for item in answer.json["output"]] == ["message"]
    assert "x-trunkline-dropped" not in answer.headers
    assert len(received(scene)) == 1


async def test_what_the_user_said_is_not_compacted_for_nothing() -> None:
    """Where there is nothing else a summary would only be longer."""
    scene = fake_scene()
    body = {"model": "chat-model", "input": BULK, "context_management": ALLOWED}
    answer = await scene.ask("/v1/responses", body)
    assert [item["type"] for item in answer.json["output"]] == ["message"]


async def test_the_next_turn_goes_on_from_the_compaction() -> None:
    """The kept response holds the item, so that its history is short from then on."""
    scene = fake_scene()
    body = {"model": "chat-model", "input": long_history(), "context_management": ALLOWED}
    first = await scene.ask("/v1/responses", body)
    body = {"model": "messages-model", "previous_response_id": first.json["id"], "input": "Reply with exactly YES."}
    second = await scene.ask("/v1/responses", body | {"context_management": ALLOWED})
    (item,) = second.json["output"]
    assert "YES" in item["content"][0]["text"]
    told = msgspec.json.encode(received(scene)[-1]).decode()
    assert "Summary of the conversation so far: " in told
    assert "tool_use" not in told


async def test_old_words_of_the_user_give_way_to_new_ones() -> None:
    """What goes on in its own words takes up half of the threshold at most."""
    scene = fake_scene()
    spoken = [{"role": "user", "content": f"number {number} " + "x " * 400} for number in range(8)]
    items = [*spoken, *long_history()]
    body = {"model": "chat-model", "input": items, "context_management": ALLOWED}
    assert (await scene.ask("/v1/responses", body)).status == 200
    users = [message for message in received(scene)[-1]["messages"] if message["role"] == "user"]
    assert 1 < len(users) < 8
    assert users[-1]["content"] == "Reply with exactly OK."


@pytest.mark.parametrize(
    ("value", "param"),
    [
        ("yes", "context_management"),
        ([5], "context_management[0]"),
        ([{"compact_threshold": 5000}], "context_management[0].type"),
        ([{"type": "forgetting"}], "context_management[0].type"),
        ([{"type": "compaction", "compact_threshold": 10}], "context_management[0].compact_threshold"),
    ],
)
async def test_a_wish_that_is_none_is_refused(value: Any, param: str) -> None:
    """By its place."""
    answer = await fake_scene().ask("/v1/responses", {"model": "chat-model", "input": "x", "context_management": value})
    assert (answer.status, answer.error["param"]) == (400, param)


@pytest.mark.parametrize("stream", [False, True])
async def test_a_compaction_can_be_asked_for_now(stream: bool) -> None:
    """The item at the end of an input is answered by a compaction and by nothing else."""
    scene = fake_scene()
    body = {"model": "messages-model", "input": [*HISTORY, TRIGGER], "stream": stream}
    answer = await scene.ask("/v1/responses", body)
    response = events(answer)[-1]["response"] if stream else answer.json
    assert [item["type"] for item in response["output"]] == ["compaction"]
    assert response["output"][0]["id"].startswith("cmp_")
    assert response["status"] == "completed"
    assert response["usage"]["output_tokens"] > 10
    kept = await scene.get(f"/v1/responses/{response['id']}")
    assert kept.json["output"] == response["output"]
    going_on = {"model": "chat-model", "previous_response_id": response["id"], "input": "Reply with exactly OK."}
    assert (await scene.ask("/v1/responses", going_on)).json["output"][0]["content"][0]["text"] == "OK"
    assert "lamp-4711" in msgspec.json.encode(received(scene)[-1]).decode()


async def test_whoever_asks_for_it_asks_at_the_end() -> None:
    """Anywhere else the item means nothing."""
    body = {"model": "chat-model", "input": [TRIGGER, *HISTORY]}
    answer = await fake_scene().ask("/v1/responses", body)
    assert (answer.status, answer.error["param"]) == (400, "input")


async def test_a_provider_that_compacts_is_left_to_it() -> None:
    """Both wishes reach it as they are."""
    scene = fake_scene()
    body = {"model": "responses-model", "input": HISTORY, "context_management": ALLOWED, "store": False}
    assert (await scene.ask("/v1/responses", body)).status == 200
    assert received(scene) == [body]


async def test_a_compaction_has_its_price() -> None:
    """In the record of the question that it took, in its own usage and in the head; guessed where nobody counted."""
    scene = StoredScene(tariff=Tariff(fill_rates({"input": 10**6, "output": 2 * 10**6})))
    choice = {"index": 0, "message": {"role": "assistant", "content": "eight ch"}, "finish_reason": "stop"}
    reply = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
    usage = {"prompt_tokens": 30, "completion_tokens": 4, "total_tokens": 34}
    for number, told in enumerate(({"usage": usage}, {})):
        scene.upstream.answer = json_reply({**reply, **told})
        answer = await scene.ask(PATH, {"model": "chat-model", "input": HISTORY})
        (attempt,) = scene.records.kept[number].attempts
        assert (attempt.is_aside, attempt.is_estimated) == (True, not told)
        assert attempt.usage.total_output == (4 if told else 6)
        assert answer.json["usage"]["input_tokens"] == attempt.usage.total_input
        assert attempt.cost == attempt.usage.total_input + 2 * attempt.usage.total_output
        assert answer.headers["x-trunkline-cost"] == write_dollars(attempt.cost)
        assert answer.headers["x-trunkline-model"] == "chat/chat-model"


async def test_what_was_paid_before_an_error_is_told() -> None:
    """A summary was made, and then the model would not answer."""
    scene = StoredScene(tariff=Tariff(fill_rates({"input": 10**6, "output": 2 * 10**6})))
    choice = {"index": 0, "message": {"role": "assistant", "content": "A lamp."}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 30, "completion_tokens": 4, "total_tokens": 34}
    summary = json_reply(
        {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage}
    )
    replies = iter([summary, json_reply({"error": {"message": "Slow down."}}, status=429)])
    scene.upstream.answer = lambda _: next(replies)
    answer = await scene.ask(
        "/v1/responses", {"model": "chat-model", "input": long_history(), "context_management": ALLOWED}
    )
    told = {name: answer.headers[f"x-trunkline-{name}"] for name in ("model", "attempts", "cost")}
    assert (answer.status, told) == (429, {"model": "chat/chat-model", "attempts": "2", "cost": "0.000000038"})


async def test_a_summary_that_is_not_written_is_an_attempt() -> None:
    """Also where the way of the request itself was never chosen."""
    scene = StoredScene()
    scene.upstream.answer = json_reply({"error": {"message": "Slow down."}}, status=429)
    answer = await scene.ask(
        "/v1/responses", {"model": "chat-model", "input": long_history(), "context_management": ALLOWED}
    )
    assert (answer.status, answer.headers["x-trunkline-attempts"]) == (429, "1")
    assert answer.headers["x-trunkline-cost"] == "0"
