"""Counting: by the provider whatever the caller speaks, else by an estimate that says what it is."""

from typing import Any

import pytest
from msgspec.structs import replace
from stored_scene import StoredScene

from scripted_gateway import UPSTREAM_KEY, ScriptedReply, json_reply
from trunkline.errors import TimedOut, Unreachable

PATH = "/v1/responses/input_tokens"
LONG = "word " * 400


async def count(scene: StoredScene, upstream: str, **members: Any) -> Any:
    answer = await scene.ask(PATH, {"model": f"{upstream}-model", "input": "Hi?", **members})
    assert answer.status == 200, answer.body
    assert answer.json["object"] == "response.input_tokens"
    return answer


@pytest.mark.parametrize(
    ("upstream", "said", "path", "asked"),
    [
        ("responses", {"input_tokens": 7}, "/v1/responses/input_tokens", {"model": "responses-model", "input": "Hi?"}),
        (
            "messages",
            {"input_tokens": 7},
            "/v1/messages/count_tokens",
            {
                "model": "messages-model",
                "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi?"}]}],
                "system": "Be kind.",
            },
        ),
        (
            "gemini",
            {"totalTokens": 7},
            "/v1/models/gemini-model:countTokens",
            {
                "generateContentRequest": {
                    "model": "models/gemini-model",
                    "contents": [{"role": "user", "parts": [{"text": "Hi?"}]}],
                    "systemInstruction": {"parts": [{"text": "Be kind."}]},
                }
            },
        ),
        (
            "bedrock",
            {"inputTokens": 7},
            "/v1/model/bedrock-model/count-tokens",
            {
                "input": {
                    "converse": {
                        "messages": [{"role": "user", "content": [{"text": "Hi?"}]}],
                        "system": [{"text": "Be kind."}],
                    }
                }
            },
        ),
    ],
)
async def test_each_provider_counts_in_its_own_way(
    upstream: str, said: dict[str, int], path: str, asked: dict[str, Any]
) -> None:
    """What the model would be asked is what its counter is asked, whatever the caller speaks."""
    scene = StoredScene()
    scene.upstream.answer = json_reply({"object": "response.input_tokens", **said})
    answer = await count(scene, upstream, instructions="Be kind.", temperature=0.5, store=False, max_output_tokens=50)
    assert answer.json["input_tokens"] == 7
    assert "x-trunkline-token-count" not in answer.headers
    assert scene.upstream.requests[0].head.startswith(f"POST {path} HTTP/1.1\r\n".encode())
    if upstream == "responses":
        asked = {**asked, "instructions": "Be kind."}
    assert scene.upstream.json == asked


@pytest.mark.parametrize("upstream", ["chat", "cohere"])
async def test_who_has_no_counter_is_estimated(upstream: str) -> None:
    """Nobody is asked, and the reply says so."""
    scene = StoredScene()
    answer = await count(scene, upstream, input=LONG)
    assert 400 < answer.json["input_tokens"] < 600
    assert answer.headers["x-trunkline-token-count"] == "estimated"
    assert scene.upstream.requests == []
    assert scene.records.only.operation == "count_tokens"
    assert scene.records.only.target == f"{upstream}/{upstream}-model"


async def test_the_route_works_without_v1() -> None:
    """As all of OpenAI's do."""
    answer = await StoredScene().ask("/responses/input_tokens", {"model": "chat-model", "input": "Hi?"})
    assert answer.status == 200


@pytest.mark.parametrize("upstream", ["responses", "messages", "gemini"])
@pytest.mark.parametrize(
    "failure",
    [
        json_reply({"error": {"message": "Not Found", "code": "404"}}, 404),
        json_reply({"error": {"message": "no"}}, 405),
        json_reply({"error": {"message": "no"}}, 501),
        json_reply({"error": {"message": "busy"}}, 429),
        json_reply({"nothing": "here"}),
        TimedOut("slow"),
        Unreachable("away"),
    ],
)
async def test_a_counter_that_fails_is_stood_in_for(upstream: str, failure: ScriptedReply | Exception) -> None:
    """An estimate is better than an error."""
    scene = StoredScene()
    scene.upstream.answer = failure
    answer = await scene.ask(PATH, {"model": f"{upstream}-model", "input": "Hi?"})
    if upstream == "responses" and failure is not None and answer.json == {"nothing": "here"}:
        return  # a native answer passes as it is
    assert answer.headers["x-trunkline-token-count"] == "estimated"


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, {"message": "no such tool", "code": "invalid_value"}),
        (404, {"message": "no such model", "code": "model_not_found"}),
    ],
)
async def test_a_refusal_is_told(status: int, error: dict[str, str]) -> None:
    """What is wrong with the request would be wrong with the answer too."""
    scene = StoredScene()
    scene.upstream.answer = json_reply({"error": error}, status)
    answer = await scene.ask(PATH, {"model": "responses-model", "input": "Hi?"})
    assert answer.status == status
    assert answer.error["message"] == error["message"]


async def test_refused_credentials_are_told_without_the_key() -> None:
    """An estimate would hide that the account is closed."""
    scene = StoredScene()
    scene.upstream.answer = json_reply({"error": {"message": f"bad key {UPSTREAM_KEY}"}}, 401)
    answer = await scene.ask(PATH, {"model": "messages-model", "input": "Hi?"})
    assert answer.status == 502
    assert UPSTREAM_KEY not in answer.body.decode()


async def test_what_a_request_goes_on_from_counts() -> None:
    """The history of a kept response is part of what the model reads."""
    scene = StoredScene()
    await scene.keep("resp_1", LONG, {"type": "message", "role": "assistant", "content": []})
    plain = await count(scene, "chat")
    chained = await count(scene, "chat", previous_response_id="resp_1")
    assert chained.json["input_tokens"] > plain.json["input_tokens"] + 350


async def test_who_answered_before_counts_for_what_names_no_model() -> None:
    """OpenAI's route takes requests without a model."""
    scene = StoredScene()
    scene.upstream.answer = json_reply({"input_tokens": 7})
    await scene.keep("resp_1", LONG, account="messages")
    kept = await scene.kept.responses.find("/", "resp_1")
    assert kept is not None
    await scene.kept.responses.keep(replace(kept, response=kept.response[:-1] + b',"model":"messages-model"}'))
    answer = await scene.ask(PATH, {"input": "x", "previous_response_id": "resp_1"})
    assert answer.json == {"object": "response.input_tokens", "input_tokens": 7}
    assert scene.upstream.json["model"] == "messages-model"


@pytest.mark.parametrize("members", [{}, {"previous_response_id": "resp_elsewhere"}, {"model": None}])
async def test_what_names_no_model_and_goes_on_from_nothing_known_is_refused(members: dict[str, Any]) -> None:
    """How many tokens something is depends on who reads it."""
    answer = await StoredScene().ask(PATH, {"input": "x", **members})
    assert (answer.status, answer.error["param"]) == (400, "model")


async def test_a_conversation_that_somebody_runs_on_can_be_counted() -> None:
    """Counting takes no lock, and waits for none."""
    scene = StoredScene()
    made = await scene.ask("/v1/conversations", {"items": [{"role": "user", "content": LONG}]})
    assert await scene.kept.conversations.hold("/", made.json["id"], "req_another", 60.0)
    answer = await count(scene, "chat", conversation=made.json["id"])
    assert answer.json["input_tokens"] > 350
    assert not await scene.kept.conversations.hold("/", made.json["id"], "req_third", 60.0)


async def test_an_unknown_response_cannot_be_counted() -> None:
    """It answers as a request for an answer would."""
    answer = await StoredScene().ask(PATH, {"model": "chat-model", "input": "x", "previous_response_id": "resp_no"})
    assert (answer.status, answer.error["code"]) == (400, "previous_response_not_found")


async def test_a_conversation_is_free_again_after_a_count() -> None:
    """Counting holds it no longer than it takes."""
    scene = StoredScene()
    made = await scene.ask("/v1/conversations", {"items": [{"role": "user", "content": LONG}]})
    for _ in range(2):
        answer = await count(scene, "chat", conversation=made.json["id"])
        assert answer.json["input_tokens"] > 350


async def test_a_limited_thought_is_no_hindrance() -> None:
    """Anthropic's callers count with a thinking budget and without a limit."""
    scene = StoredScene()
    scene.upstream.answer = json_reply({"totalTokens": 9})
    body = {
        "model": "gemini-model",
        "messages": [{"role": "user", "content": "Hi?"}],
        "thinking": {"type": "enabled", "budget_tokens": 4096},
    }
    answer = await scene.ask("/v1/messages/count_tokens", body)
    assert answer.json == {"input_tokens": 9}


async def test_googles_callers_are_counted_by_anthropic() -> None:
    """A wrapped request is unwrapped for it."""
    scene = StoredScene()
    scene.upstream.answer = json_reply({"input_tokens": 9})
    wrapped = {"model": "models/m", "contents": [{"role": "user", "parts": [{"text": "Hi?"}]}]}
    answer = await scene.ask("/v1beta/models/messages-model:countTokens", {"generateContentRequest": wrapped})
    assert answer.json == {"totalTokens": 9}
    assert scene.upstream.json["messages"][0]["content"][0]["text"] == "Hi?"


async def test_a_wrapped_request_must_be_an_object() -> None:
    """In Google's shape."""
    answer = await StoredScene().ask("/v1beta/models/chat-model:countTokens", {"generateContentRequest": 5})
    assert answer.status == 400


async def test_an_estimate_learns_from_answers() -> None:
    """After some answers that counted half as much again, so does the estimate."""
    scene = StoredScene()
    before = (await count(scene, "chat", input=LONG)).json["input_tokens"]
    usage = {"prompt_tokens": round(before * 1.5), "completion_tokens": 1, "total_tokens": round(before * 1.5) + 1}
    choice = {"index": 0, "message": {"role": "assistant", "content": "ok"}, "finish_reason": "stop"}
    scene.upstream.answer = json_reply({"id": "c", "model": "m", "choices": [choice], "usage": usage})
    for _ in range(4):
        assert (await scene.ask("/v1/responses", {"model": "chat-model", "input": LONG})).status == 200
    after = (await count(scene, "chat", input=LONG)).json["input_tokens"]
    assert after == pytest.approx(before * 1.5, rel=0.02)
