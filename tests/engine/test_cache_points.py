"""Prompt caching for callers that cannot ask for it: an agent loop pays for its prefix once."""

import hashlib
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from scripted_gateway import PATHS, Answer, Scene, ScriptedReply, json_reply
from trunkline.catalog.capabilities import find_capabilities
from trunkline.ports import UpstreamRequest
from trunkline.providers.account import Account, make_account
from trunkline.providers.directory import load_provider

LONG = "All that an agent must know. " * 400
TOOL = {"name": "look", "description": LONG, "parameters": {"type": "object", "properties": {}}}
TOOLS: dict[str, list[Any]] = {
    "responses": [{"type": "function", **TOOL}],
    "chat": [{"type": "function", "function": TOOL}],
    "messages": [{"name": "look", "description": LONG, "input_schema": {"type": "object", "properties": {}}}],
}


class CachingAnthropic:
    """Answers as Anthropic does, cache and all: a marked prefix is written, and read when it comes again."""

    def __init__(self) -> None:
        self.cached: dict[bytes, int] = {}
        self.calls = 0

    def answer(self, request: UpstreamRequest) -> ScriptedReply:
        body = msgspec.json.decode(request.body)
        system = body.get("system", [])
        blocks = [*body.get("tools", ()), *([{"type": "text", "text": system}] if isinstance(system, str) else system)]
        blocks += [block for turn in body["messages"] for block in turn["content"]]
        marks = [place for place, block in enumerate(blocks) if "cache_control" in block]
        plain = [{name: value for name, value in block.items() if name != "cache_control"} for block in blocks]
        read = written = 0
        for place in range(len(plain)):
            prefix = msgspec.json.encode(plain[: place + 1])
            key, tokens = hashlib.sha256(prefix).digest(), len(prefix) // 4
            if key in self.cached and any(place <= mark for mark in marks):
                read = tokens
            elif place in marks:
                written = tokens
                self.cached[key] = tokens
        total = len(msgspec.json.encode(plain)) // 4
        self.calls += 1
        usage = {
            "input_tokens": total - max(read, written),
            "cache_read_input_tokens": read,
            "cache_creation_input_tokens": max(0, written - read),
            "output_tokens": 3,
        }
        call = {"type": "tool_use", "id": f"toolu_{self.calls}", "name": "look", "input": {}}
        message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [call]}
        return json_reply({**message, "stop_reason": "tool_use", "stop_sequence": None, "usage": usage})


def accounts(**options: Any) -> list[Account]:
    return [
        make_account(load_provider(name), base_url=f"https://{name}.test/v1", api_key="sk-1234567890", **options)
        for name in ("anthropic", "openrouter")
    ]


def scene_with(model: str = "claude-opus-5", **options: Any) -> Scene:
    scene = Scene(**{"accounts": accounts(), **options})
    scene.catalog.capabilities = lambda provider, _, base: find_capabilities(provider, model, base)  # type: ignore[method-assign]
    return scene


Extend = Callable[[list[Any], Answer], list[Any]]


def extend_chat(history: list[Any], answer: Answer) -> list[Any]:
    message = answer.json["choices"][0]["message"]
    call_id = message["tool_calls"][0]["id"]
    return [*history, message, {"role": "tool", "tool_call_id": call_id, "content": "seen " * 300}]


def extend_responses(history: list[Any], answer: Answer) -> list[Any]:
    output = answer.json["output"]
    return [
        *history,
        *output,
        {"type": "function_call_output", "call_id": output[-1]["call_id"], "output": "seen " * 300},
    ]


async def ask(scene: Scene, caller: str, history: list[Any], model: str = "anthropic/claude-opus-5") -> Answer:
    words: dict[str, Any] = {"input": history, "instructions": "Be useful."}
    if caller == "chat":
        words = {"messages": [{"role": "system", "content": "Be useful."}, *history]}
    answer = await scene.ask(PATHS[caller], {"model": model, "tools": TOOLS[caller], **words})
    assert answer.status == 200, answer.body
    return answer


def cached_tokens(caller: str, answer: Answer) -> tuple[int, int]:
    """Read from the cache, and written to it, as the caller is told."""
    usage = answer.json["usage"]
    details = usage["prompt_tokens_details" if caller == "chat" else "input_tokens_details"]
    return details["cached_tokens"], details["cache_write_tokens"]


@pytest.mark.parametrize(("caller", "extend"), [("chat", extend_chat), ("responses", extend_responses)])
async def test_agent_loop_reads_its_prefix(caller: str, extend: Extend) -> None:
    """A loop writes its prefix once it goes on, and reads it from then on; a one-shot call pays no surcharge."""
    scene, upstream = scene_with(), CachingAnthropic()
    scene.upstream.answer = upstream.answer
    history: list[Any] = [{"role": "user", "content": "Look around."}]
    told = []
    for _ in range(5):
        answer = await ask(scene, caller, history)
        told.append(cached_tokens(caller, answer))
        history = extend(history, answer)
    assert told[0] == (0, 0)
    assert told[1][1] > 2900
    assert all(read > 2900 for read, _ in told[2:])
    # What grows is read as well: each turn adds to what the one before has written.
    assert told[2][0] < told[3][0] < told[4][0]
    assert all(written < 1000 for _, written in told[2:])


@pytest.mark.parametrize(("caller", "extend"), [("chat", extend_chat), ("responses", extend_responses)])
async def test_next_loop_reads_from_its_first_turn(caller: str, extend: Extend) -> None:
    """With the same tools and instructions within five minutes, a new conversation reads them at once."""
    scene, upstream = scene_with(), CachingAnthropic()
    scene.upstream.answer = upstream.answer
    history: list[Any] = [{"role": "user", "content": "Look around."}]
    history = extend(history, await ask(scene, caller, history))
    await ask(scene, caller, history)
    scene.clock.advance(200)
    answer = await ask(scene, caller, [{"role": "user", "content": "Something else."}])
    assert cached_tokens(caller, answer)[0] > 2900


async def test_marks() -> None:
    """The last tool, the system text and the last turn but one are marked, and nothing else."""
    scene = scene_with()
    scene.upstream.answer = CachingAnthropic().answer
    history: list[Any] = [{"role": "user", "content": "Look around."}]
    history = extend_chat(history, await ask(scene, "chat", history))
    assert b"cache_control" not in scene.upstream.body
    await ask(scene, "chat", history)
    body = scene.upstream.json
    mark = {"type": "ephemeral"}
    assert body["tools"][-1]["cache_control"] == mark
    assert body["system"] == [{"type": "text", "text": "Be useful.", "cache_control": mark}]
    assert body["messages"][-2]["content"][-1]["cache_control"] == mark
    assert scene.upstream.body.count(b"cache_control") == 3


async def test_old_prefix_is_forgotten() -> None:
    """A head that was seen longer than five minutes ago is new again."""
    scene = scene_with()
    scene.upstream.answer = CachingAnthropic().answer
    for seconds, count in ((0, 0), (299, 2), (299, 2), (301, 0)):
        scene.clock.advance(seconds)
        await ask(scene, "chat", [{"role": "user", "content": f"Call {seconds}."}])
        assert scene.upstream.body.count(b"cache_control") == count


async def test_short_prefix() -> None:
    """Below what the model would cache nothing is marked: Opus 4.5 wants four thousand tokens."""
    scene = scene_with("claude-opus-4-5")
    scene.upstream.answer = CachingAnthropic().answer
    history: list[Any] = [{"role": "user", "content": "Look around."}]
    history = extend_chat(history, await ask(scene, "chat", history))
    await ask(scene, "chat", history)
    assert b"cache_control" not in scene.upstream.body


async def continued(scene: Scene, model: str, **members: Any) -> bytes:
    """The body of a request that goes on with a conversation."""
    scene.upstream.answer = json_reply({"error": {"message": "enough"}}, status=400)
    call = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    messages = [
        {"role": "user", "content": "Look around."},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "seen"},
    ]
    body = {"model": model, "tools": TOOLS["chat"], "messages": messages, **members}
    await scene.ask(PATHS["chat"], body)
    return scene.upstream.body


async def test_switched_off() -> None:
    """`cache_points: off` of a provider or an alias is obeyed."""
    assert b"cache_control" in await continued(scene_with(), "anthropic/claude-opus-5")
    off = scene_with(accounts=accounts(cache_points=False))
    assert b"cache_control" not in await continued(off, "anthropic/claude-opus-5")
    aliases = {
        "plain": "anthropic/claude-opus-5",
        "p-*": "anthropic/claude-opus-5",
        "marked": "anthropic/claude-opus-5",
    }
    scene = scene_with(aliases=aliases, uncached=frozenset({"plain", "p-*"}))
    assert b"cache_control" not in await continued(scene, "plain")
    assert b"cache_control" not in await continued(scene, "p-1")
    assert b"cache_control" in await continued(scene, "marked")


async def test_callers_own_marks() -> None:
    """Nothing is added to the marks of a caller that set its own."""
    system = {"role": "system", "content": [{"type": "text", "text": LONG, "cache_control": {"type": "ephemeral"}}]}
    body = await continued(scene_with(), "openrouter/anthropic/claude-opus-5", messages=[system, *TURNS])
    assert body.count(b"cache_control") == 1


async def test_messages_callers_ask_themselves() -> None:
    """A Messages caller's body is passed on as it is."""
    scene = scene_with()
    scene.upstream.answer = json_reply({"error": {"message": "enough"}}, status=400)
    turns = [
        {"role": "user", "content": LONG},
        {"role": "assistant", "content": "Yes."},
        {"role": "user", "content": "Go on."},
    ]
    question = {"model": "anthropic/claude-opus-5", "max_tokens": 9, "messages": turns, "tools": TOOLS["messages"]}
    answer = await scene.ask(PATHS["messages"], question)
    assert b"cache_control" not in scene.upstream.body
    assert answer.status == 400


TURNS = [
    {"role": "user", "content": "Look around."},
    {"role": "assistant", "content": "I looked."},
    {"role": "user", "content": "Again."},
]


async def test_openrouter() -> None:
    """OpenRouter's Anthropic models are asked by marks on text parts; the caller's other values stay as they are."""
    scene = scene_with()
    messages = [{"role": "system", "content": LONG}, *TURNS]
    await continued(scene, "openrouter/anthropic/claude-opus-5", messages=messages, top_k=3)
    body = scene.upstream.json
    mark = {"cache_control": {"type": "ephemeral"}}
    assert body["messages"][0]["content"] == [{"type": "text", "text": LONG, **mark}]
    assert body["messages"][2]["content"] == [{"type": "text", "text": "I looked.", **mark}]
    assert (body["messages"][1], body["messages"][3]) == (TURNS[0], TURNS[2])
    assert body["tools"] == TOOLS["chat"]


async def test_models_that_cache_by_themselves() -> None:
    """A model that is not Anthropic's gets no marks."""
    body = await continued(scene_with("gpt-5-mini"), "openrouter/openai/gpt-5-mini", messages=TURNS)
    assert b"cache_control" not in body
