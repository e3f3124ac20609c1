"""Embeddings, counts of tokens, lists of models and health."""

from gateway_scene import check_envelope

from scripted_gateway import (
    UPSTREAM_KEY,
    Scene,
    json_reply,
)
from trunkline.usage import Usage


async def test_embeddings_pass_as_they_are() -> None:
    """But for the model's name; usage is read in passing."""
    scene = Scene()
    reply = b'{"object":"list","data":[{"embedding":[0.10]}],"x":1.0,"usage":{"prompt_tokens":5,"total_tokens":5}}'
    scene.upstream.answer = json_reply(reply)
    answer = await scene.ask("/v1/embeddings", b'{"model":"chat/chat-model","input":[ 1.0 ]}')
    assert answer.body == reply
    assert scene.upstream.body == b'{"model":"chat-model","input":[ 1.0 ]}'
    assert scene.upstream.requests[-1].head.startswith(b"POST /v1/embeddings ")
    record = scene.records.only
    assert (record.operation, record.usage) == ("embeddings", Usage(5, 0, 0, 0))


async def test_embeddings_of_a_provider_without_any_are_refused() -> None:
    """It says why."""
    answer = await Scene().ask("/v1/embeddings", {"model": "messages-model", "input": "x"})
    assert answer.status == 400
    assert answer.error["param"] == "model"


async def test_an_error_of_embeddings_is_redacted() -> None:
    """Inside a success as well."""
    for status in (200, 400):
        scene = Scene()
        scene.upstream.answer = json_reply({"error": {"message": f"key {UPSTREAM_KEY}", "code": 400}}, status)
        answer = await scene.ask("/v1/embeddings", {"model": "chat-model", "input": "x"})
        assert answer.status == 400
        assert UPSTREAM_KEY not in answer.body.decode()


async def test_tokens_are_counted_by_anthropic() -> None:
    """Where it serves the model."""
    scene = Scene()
    scene.upstream.answer = json_reply(b'{"input_tokens":17}')
    body = {"model": "messages-model", "messages": [{"role": "user", "content": "x"}]}
    answer = await scene.ask("/v1/messages/count_tokens", body)
    assert answer.json == {"input_tokens": 17}
    assert "x-trunkline-token-count" not in answer.headers


async def test_tokens_are_estimated_elsewhere() -> None:
    """And said to be."""
    scene = Scene()
    body = {"model": "chat-model", "messages": [{"role": "user", "content": "How are you?"}]}
    answer = await scene.ask("/v1/messages/count_tokens", body)
    assert 0 < answer.json["input_tokens"] < 50
    assert answer.headers["x-trunkline-token-count"] == "estimated"
    assert scene.upstream.requests == []
    assert scene.records.only.operation == "count_tokens"


async def test_a_bad_count_is_refused() -> None:
    """In Anthropic's shape."""
    answer = await Scene().ask("/v1/messages/count_tokens", {"model": "chat-model", "messages": 5})
    assert answer.status == 400
    check_envelope("messages", answer)


async def test_health_needs_no_key() -> None:
    """Probes have none."""
    for path in ("/health", "/health/ready"):
        answer = await Scene().ask(path, method="GET", authorization="")
        assert (answer.status, answer.json) == (200, {"status": "ok"})


async def test_models_are_listed_in_both_shapes() -> None:
    """FR-34: Anthropic's when its version is sent."""
    scene = Scene()
    answer = await scene.ask("/v1/models", method="GET")
    assert answer.json["object"] == "list"
    assert {model["id"] for model in answer.json["data"]} >= {"chat-model", "messages-model"}
    answer = await scene.ask("/v1/models?limit=2", method="GET", anthropic_version="2023-06-01")
    page = answer.json
    assert len(page["data"]) == 2
    assert (page["has_more"], page["first_id"], page["last_id"]) == (True, page["data"][0]["id"], page["data"][1]["id"])
    answer = await scene.ask(
        f"/v1/models?limit=1000&after_id={page['last_id']}", method="GET", anthropic_version="2023-06-01"
    )
    assert not answer.json["has_more"]
    assert {model["id"] for model in answer.json["data"]}.isdisjoint(model["id"] for model in page["data"])


async def test_one_model() -> None:
    """By a listed name, by an encoded `provider/model`; an unknown one is a 404."""
    scene = Scene()
    assert (await scene.ask("/v1/models/chat-model", method="GET")).json["id"] == "chat-model"
    assert (await scene.ask("/v1/models/chat%2Fother", method="GET")).json["id"] == "chat/other"
    answer = await scene.ask("/v1/models/unknown", method="GET")
    assert (answer.status, answer.error["code"]) == (404, "model_not_found")
    answer = await scene.ask("/v1/models/unknown", method="GET", anthropic_version="2023-06-01")
    assert (answer.status, answer.error["type"]) == (404, "not_found_error")
    check_envelope("messages", answer)
