"""What is too long for a model: cut where the caller allows it, refused in one way everywhere else."""

from typing import Any

import pytest

from scripted_gateway import Scene, json_reply
from trunkline.capabilities import Capabilities

COMPLETION = {
    "id": "c",
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi."}, "finish_reason": "stop"}],
}
LONG: list[dict[str, Any]] = [{"role": "user", "content": f"{number} " + "x" * 400} for number in range(20)]


def scene_of(**facts: Any) -> Scene:
    scene = Scene()
    scene.catalog.capabilities = lambda _, __, base: Capabilities(**facts)  # type: ignore[method-assign]
    scene.upstream.answer = json_reply(COMPLETION)
    return scene


async def test_what_is_too_long_loses_its_beginning() -> None:
    """`truncation: auto`, which the reply repeats and says to be the gateway's doing."""
    scene = scene_of(context_tokens=600)
    body = {"model": "chat-model", "input": LONG, "truncation": "auto"}
    answer = await scene.ask("/v1/responses", body)
    assert [message["content"][:2] for message in scene.upstream.json["messages"]] == ["15", "16", "17", "18", "19"]
    assert answer.headers["x-trunkline-emulated"] == "truncation"
    assert answer.json["truncation"] == "auto"


async def test_where_the_limit_is_not_known_nothing_is_cut() -> None:
    """And that is said too."""
    scene = scene_of()
    answer = await scene.ask("/v1/responses", {"model": "chat-model", "input": LONG, "truncation": "auto"})
    assert len(scene.upstream.json["messages"]) == 20
    assert answer.headers["x-trunkline-dropped"] == "truncation"


WORDS = {
    "chat": [
        {"message": "This model's maximum context length is 8192 tokens. However, you requested 9000.", "code": 400},
        {"message": "the request exceeds the available context size, try increasing it", "type": "exceed_context"},
        {"message": "Prompt contains 40000 tokens, too large for model with 32768 maximum context length"},
        {
            "message": "Please reduce the length of the messages.",
            "code": "context_length_exceeded",
            "param": "messages",
        },
    ],
    "responses": [
        {"message": "Your input exceeds the context window of this model.", "code": "context_length_exceeded"}
    ],
    "messages": [{"type": "invalid_request_error", "message": "prompt is too long: 210000 tokens > 200000 maximum"}],
    "gemini": [
        {"code": 400, "message": "The input token count exceeds the maximum number of tokens allowed (1048576)."}
    ],
}


@pytest.mark.parametrize(("upstream", "error"), [(kind, error) for kind in WORDS for error in WORDS[kind]])
async def test_what_is_too_long_is_refused_as_openai_does(upstream: str, error: dict[str, Any]) -> None:
    """One code and one field, whatever the provider's words."""
    scene = Scene()
    scene.upstream.answer = json_reply({"error": error}, 400)
    answer = await scene.ask("/v1/responses", {"model": f"{upstream}-model", "input": LONG})
    assert answer.status == 400
    assert (answer.error["code"], answer.error["param"]) == ("context_length_exceeded", "input")


SEARCH = {"type": "web_search"}


async def test_a_limit_of_hosted_calls_is_anthropics_own() -> None:
    """`max_tool_calls` counts hosted tools alone, and its search takes the number."""
    scene = Scene()
    body = {"model": "messages-model", "input": "Hi?", "tools": [SEARCH], "max_tool_calls": 3}
    answer = await scene.ask("/v1/responses", body)
    assert scene.upstream.json["tools"][0]["max_uses"] == 3
    assert "max_tool_calls" not in answer.headers.get("x-trunkline-dropped", "")


async def test_a_limit_that_cannot_be_kept_is_said() -> None:
    """Google's search takes none."""
    scene = Scene()
    body = {"model": "gemini-model", "input": "Hi?", "tools": [SEARCH], "max_tool_calls": 3}
    answer = await scene.ask("/v1/responses", body)
    assert answer.headers["x-trunkline-dropped"] == "max_tool_calls"
