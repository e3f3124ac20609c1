"""`emulate: [verbosity]`: a wish for short or long answers, told in words to models that have no dial for it."""

from typing import Any

import pytest

from scripted_gateway import PATHS, Answer, Scene, json_reply

COMPLETION = {
    "id": "c",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi."}, "finish_reason": "stop"}],
}
MESSAGE = {"type": "message", "content": [{"type": "text", "text": "Hi."}], "stop_reason": "end_turn"}


def told() -> Scene:
    """Two aliases, one of which tells verbosity in words."""
    aliases = {"told": "messages/messages-model", "chatty": "chat/chat-model", "plain": "messages/messages-model"}
    words = frozenset({"verbosity"})
    return Scene(aliases=aliases, emulating={"told": words, "chatty": words})


async def ask(scene: Scene, caller: str, model: str, **members: Any) -> Answer:
    scene.upstream.answer = json_reply(COMPLETION if model == "chatty" else MESSAGE)
    history = {"input": "Hi?"} if caller == "responses" else {"messages": [{"role": "user", "content": "Hi?"}]}
    return await scene.ask(PATHS[caller], {"model": model, **history, **members})


@pytest.mark.parametrize(("level", "words"), [("low", "briefly"), ("medium", "moderate"), ("high", "at length")])
async def test_verbosity_is_one_line_of_the_instructions(level: str, words: str) -> None:
    """After the caller's own, and said."""
    scene = told()
    answer = await ask(scene, "responses", "told", text={"verbosity": level}, instructions="Be kind.")
    assert scene.upstream.json["system"].startswith("Be kind.\n\n")
    assert words in scene.upstream.json["system"]
    assert answer.headers["x-trunkline-emulated"] == "text.verbosity"
    assert "text.verbosity" not in answer.headers.get("x-trunkline-dropped", "")


async def test_verbosity_is_dropped_elsewhere() -> None:
    """A hidden prompt is no default."""
    scene = told()
    answer = await ask(scene, "responses", "plain", text={"verbosity": "low"})
    assert "system" not in scene.upstream.json
    assert answer.headers["x-trunkline-dropped"] == "text.verbosity"


async def test_a_chat_caller_is_told_too() -> None:
    """Also where the provider speaks Chat itself."""
    scene = told()
    answer = await ask(scene, "chat", "chatty", verbosity="low")
    assert "verbosity" not in scene.upstream.json
    assert "briefly" in scene.upstream.json["messages"][0]["content"]
    assert answer.headers["x-trunkline-emulated"] == "verbosity"


async def test_nothing_is_told_unasked() -> None:
    """An alias alone changes no prompt."""
    scene = told()
    answer = await ask(scene, "chat", "chatty")
    assert scene.upstream.json["messages"] == [{"role": "user", "content": "Hi?"}]
    assert "x-trunkline-emulated" not in answer.headers
