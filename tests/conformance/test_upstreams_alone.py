"""Every caller before the upstreams that no caller speaks: Bedrock and Cohere, streamed and whole."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from callers import Items, Seen, read_reply, read_stream
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_pairs import CUT, check_beginning, cut, gather_message, plain, seal_free
from upstreams import ANSWERS, INPUT_TOKENS, OUTPUT_TOKENS, Answer
from upstreams_alone import KINDS, event, exception, write_reply, write_stream

from scripted_gateway import Answer as Got
from scripted_gateway import Scene, json_reply, stream

CALLERS = ("chat", "responses", "messages")
EVENT_STREAMS = {"bedrock": "application/vnd.amazon.eventstream", "cohere": "text/event-stream"}

# Neither refuses by a part of its own.
HELD = {name: answer for name, answer in ANSWERS.items() if name != "refusal"}
ENDED = [name for name, answer in HELD.items() if answer.end in ("stop", "length")]
FAILED = [name for name, answer in HELD.items() if answer.end in ("error", "cut")]


async def ask_stream(caller: str, upstream: str, pieces: list[bytes], ending: str = "end") -> tuple[Scene, Got]:
    scene = Scene()
    reply = stream(*pieces, ending=ending, content_type=EVENT_STREAMS[upstream])
    return scene, await scene.generate(caller, upstream, reply, stream=True)


async def ask_whole(caller: str, upstream: str, answer: Answer) -> tuple[Scene, Got]:
    scene = Scene()
    return scene, await scene.generate(caller, upstream, json_reply(write_reply(upstream, answer)))


def expect(caller: str, answer: Answer) -> tuple[Items, str]:
    """What the caller must see of an answer that ended, and why it ended."""
    items = gather_message(answer.items, "\n\n") if caller == "chat" else answer.items
    has_calls = any(item[0] == "call" for item in items)
    is_called = has_calls and answer.end == "stop" and caller != "responses"
    return items, "tool_calls" if is_called else answer.end


@pytest.mark.parametrize("name", ENDED)
@pytest.mark.parametrize("upstream", KINDS)
@pytest.mark.parametrize("caller", CALLERS)
async def test_a_stream_arrives(caller: str, upstream: str, name: str) -> None:
    """All of it, in order, by the caller's grammar; the record has its usage."""
    scene, got = await ask_stream(caller, upstream, write_stream(upstream, HELD[name]))
    assert got.status == 200
    seen = read_stream(caller, got.body)
    items, finish = expect(caller, HELD[name])
    assert (plain(seen.items), seen.finish, seen.error) == (plain(items), finish, None)
    record = scene.records.only
    assert (record.usage.total_input, record.usage.total_output) == (INPUT_TOKENS, OUTPUT_TOKENS)
    assert record.outcome == ("incomplete" if finish == "length" else "ok")


@pytest.mark.parametrize("name", ENDED)
@pytest.mark.parametrize("upstream", KINDS)
@pytest.mark.parametrize("caller", CALLERS)
async def test_a_whole_reply_arrives(caller: str, upstream: str, name: str) -> None:
    """The same answer as its stream makes."""
    answer = HELD[name]
    if answer.is_ordered and upstream == "cohere":
        return  # a whole message of its does not tell what came after the calls
    _, got = await ask_whole(caller, upstream, answer)
    assert got.status == 200
    seen = read_reply(caller, got.json)
    items, finish = expect(caller, answer)
    if name == "cut_call":
        # Half of an object has no place in a whole reply of the one and some of the others.
        items, seen.items = [item[:3] for item in items], [item[:3] for item in seen.items]
    assert (seen.items if name == "cut_call" else plain(seen.items)) == (items if name == "cut_call" else plain(items))
    assert (seen.finish, seen.input_tokens, seen.output_tokens) == (finish, INPUT_TOKENS, OUTPUT_TOKENS)


@pytest.mark.parametrize("ending", ["end", "cut"])
@pytest.mark.parametrize("name", FAILED)
@pytest.mark.parametrize("upstream", KINDS)
@pytest.mark.parametrize("caller", CALLERS)
async def test_a_failure_is_never_a_success(caller: str, upstream: str, name: str, ending: str) -> None:
    """T-17, T-22, T-23: what came stays, its open items are incomplete, and an error ends it."""
    answer = HELD[name]
    scene, got = await ask_stream(caller, upstream, write_stream(upstream, answer), ending)
    assert got.status == 200, "it had begun"
    seen = read_stream(caller, got.body)
    assert seen.error
    assert seen.finish is None
    if answer.end == "error":
        assert "upstream exploded" in seen.error
    check_beginning(plain(seen.items), plain(gather_message(answer.items) if caller == "chat" else answer.items))
    assert (scene.records.only.outcome, scene.records.only.status) == ("error", 200)


@pytest.mark.parametrize("upstream", KINDS)
@pytest.mark.parametrize("caller", CALLERS)
async def test_single_bytes_make_the_same_answer(caller: str, upstream: str) -> None:
    """T-25: one byte a read, split UTF-8 included."""
    for name in ("reasoning", "calls", "cut_call", "error_in_a_call", "unicode"):
        data = b"".join(write_stream(upstream, HELD[name]))
        _, at_once = await ask_stream(caller, upstream, [data])
        _, single = await ask_stream(caller, upstream, [bytes([byte]) for byte in data])
        assert seal_free(single.body) == seal_free(at_once.body)


@pytest.mark.parametrize("upstream", KINDS)
@pytest.mark.parametrize("caller", CALLERS)
def test_any_cut_makes_the_same_answer(caller: str, upstream: str) -> None:
    """Wherever the reads fall."""

    @settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
    @given(name=st.sampled_from(list(HELD)), at=CUT)
    def run(name: str, at: list[int]) -> None:
        data = b"".join(write_stream(upstream, HELD[name]))

        async def both() -> None:
            _, expected = await ask_stream(caller, upstream, [data])
            _, got = await ask_stream(caller, upstream, cut(data, at))
            assert seal_free(got.body) == seal_free(expected.body)

        asyncio.run(both())

    run()


@pytest.mark.parametrize("upstream", KINDS)
@pytest.mark.parametrize("caller", CALLERS)
async def test_thought_comes_back(caller: str, upstream: str) -> None:
    """T-45: what an upstream thought before a call is in the next request as it was, through every caller."""
    scene = Scene()
    reply = json_reply(write_reply(upstream, ANSWERS["thought_call"]))
    first = await scene.generate(caller, upstream, reply)
    turn = {
        "responses": lambda body: {"input": [{"role": "user", "content": "Hi?"}, *body["output"], _output(body)]},
        "chat": lambda body: {"messages": [_ask(), body["choices"][0]["message"], _tool_message()]},
        "messages": lambda body: {
            "messages": [_ask(), {"role": "assistant", "content": body["content"]}, _tool_result()]
        },
    }[caller](first.json)
    again = await scene.generate(caller, upstream, json_reply(write_reply(upstream, ANSWERS["text"])), **turn)
    assert again.status == 200, again.body
    sent = scene.upstream.json["messages"]
    if upstream == "bedrock":
        thought = {"reasoningContent": {"reasoningText": {"text": "A tool.", "signature": "c2ln"}}}
        assert sent[1]["content"][0] == thought
    else:
        assert sent[1]["content"] == [{"type": "thinking", "thinking": "A tool."}]


def _ask() -> dict[str, str]:
    return {"role": "user", "content": "Hi?"}


def _output(body: dict[str, list[dict[str, str]]]) -> dict[str, str]:
    return {"type": "function_call_output", "call_id": body["output"][-1]["call_id"], "output": "2"}


def _tool_message() -> dict[str, str]:
    return {"role": "tool", "tool_call_id": "call_1", "content": "2"}


def _tool_result() -> dict[str, object]:
    return {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "call_1", "content": "2"}]}


# --- what Bedrock does of its own ---------------------------------------------------------------------------------


@pytest.mark.parametrize("caller", CALLERS)
async def test_a_guardrail_is_a_filter(caller: str) -> None:
    """What it says in the model's stead arrives, and that it did."""
    pieces = [
        event("messageStart", role="assistant"),
        event("contentBlockDelta", delta={"text": "Blocked."}, contentBlockIndex=0),
        event("contentBlockStop", contentBlockIndex=0),
        event("messageStop", stopReason="guardrail_intervened"),
        event("metadata", usage={"inputTokens": 1, "outputTokens": 2}),
    ]
    _, got = await ask_stream(caller, "bedrock", pieces)
    seen: Seen = read_stream(caller, got.body)
    assert seen.items == [("text", "Blocked.")]
    assert seen.finish == ("refusal" if caller == "messages" else "content_filter")


@pytest.mark.parametrize("caller", CALLERS)
async def test_an_exception_before_content_keeps_its_status(caller: str) -> None:
    """T-99: nothing was said yet, so the reply is an error of its own."""
    pieces = [event("messageStart", role="assistant"), exception("throttlingException", "Too many requests")]
    scene, got = await ask_stream(caller, "bedrock", pieces)
    assert got.status == 429
    assert got.error["message"] == "Too many requests"
    assert scene.records.only.outcome == "error"


async def test_the_model_is_in_the_path() -> None:
    """Encoded whole, be it a profile or an ARN, and the request is signed where there is no key for it."""
    scene = Scene()
    reply = stream(*write_stream("bedrock", ANSWERS["text"]), content_type=EVENT_STREAMS["bedrock"])
    scene.upstream.answer = reply
    model = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-opus-5-v1:0"
    body = {"model": f"bedrock/{model}", "messages": [_ask()], "stream": True}
    got = await scene.ask("/v1/chat/completions", body)
    assert got.status == 200, got.body
    line = scene.upstream.requests[-1].head.split(b"\r\n")[0].decode()
    encoded = model.replace(":", "%3A").replace("/", "%2F")
    assert line == f"POST /v1/model/{encoded}/converse-stream HTTP/1.1"
    assert not {"model", "stream"} & scene.upstream.json.keys()


async def test_a_call_against_the_callers_will_is_hidden() -> None:
    """T-33: with tools in the history Bedrock cannot be told not to call, so a call that comes is kept back."""
    scene = Scene()
    called = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    history = [_ask(), {"role": "assistant", "content": None, "tool_calls": [called]}]
    history.append({"role": "tool", "tool_call_id": "c1", "content": "2"})
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
    reply = json_reply(write_reply("bedrock", ANSWERS["calls"]))
    got = await scene.generate("chat", "bedrock", reply, messages=history, tools=[tool], tool_choice="none")
    assert [spec["toolSpec"]["name"] for spec in scene.upstream.json["toolConfig"]["tools"]] == ["f"]
    message = got.json["choices"][0]["message"]
    assert message["content"] == "Let me see."
    assert not message.get("tool_calls")


@pytest.mark.parametrize("upstream", KINDS)
@pytest.mark.parametrize("is_stream", [False, True])
async def test_googles_callers_too(upstream: str, is_stream: bool) -> None:
    """Text, thought and calls of both upstreams reach a caller of Google's API."""
    for name in ("text", "thought_call"):
        scene = Scene()
        if is_stream:
            pieces = write_stream(upstream, ANSWERS[name])
            scene.upstream.answer = stream(*pieces, content_type=EVENT_STREAMS[upstream])
        else:
            scene.upstream.answer = json_reply(write_reply(upstream, ANSWERS[name]))
        action = "streamGenerateContent?alt=sse" if is_stream else "generateContent"
        body = {"contents": [{"role": "user", "parts": [{"text": "Hi?"}]}]}
        got = await scene.ask(f"/v1beta/models/{upstream}-model:{action}", body)
        assert got.status == 200, got.body
        text = got.body.decode()
        assert ('"functionCall"' in text) == (name == "thought_call")
        assert scene.records.only.usage.total_input == INPUT_TOKENS


# --- recordings -----------------------------------------------------------------------------------------------------


def _recorded(folder: Path) -> Iterator[tuple[str, list[bytes]]]:
    """The recorded streams of both, framed as they come: Bedrock's events are named by their only member."""
    for path in sorted((folder / "bedrock").glob("*.chunks.txt")):
        lines = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
        yield "bedrock", [event(kind, **members) for line in lines for kind, members in line.items()]
    for path in sorted((folder / "cohere").glob("*.chunks.txt")):
        lines = [line for line in path.read_text().splitlines() if line.strip()]
        yield "cohere", [f"event: {json.loads(line)['type']}\ndata: {line}\n\n".encode() for line in lines]


@pytest.mark.requires_test_data
@pytest.mark.parametrize("caller", CALLERS)
async def test_recordings_arrive(caller: str, test_data: Path) -> None:
    """Every recorded stream, by the caller's grammar and to its end; its arguments are JSON."""
    seen = 0
    for upstream, pieces in _recorded(test_data / "recorded"):
        scene, got = await ask_stream(caller, upstream, pieces)
        answer = read_stream(caller, got.body)
        assert (answer.error, scene.records.only.outcome) == (None, "ok")
        assert answer.items
        for item in answer.items:
            if item[0] == "call":
                json.loads(item[3])
        seen += 1
    assert seen >= 6
