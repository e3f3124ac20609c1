"""Thought survives: what a model must get back comes back byte for byte, in its order, through every caller's API."""

from typing import Any

import msgspec
import pytest

from scripted_gateway import PATHS, Answer, Scene, ScriptedReply, json_reply, stream

TOOL = {"name": "look", "parameters": {"type": "object", "properties": {}}}
TOOLS: dict[str, list[dict[str, Any]]] = {
    "responses": [{"type": "function", **TOOL}],
    "chat": [{"type": "function", "function": TOOL}],
    "messages": [{"name": "look", "input_schema": {"type": "object", "properties": {}}}],
}

THINKING = {"type": "thinking", "thinking": "Zürich 🎉", "signature": "SIG0=="}
REDACTED = {"type": "redacted_thinking", "data": "RED+/"}
EMPTY = {"type": "thinking", "thinking": "", "signature": "SIG4=="}


def call_block(call_id: str) -> dict[str, Any]:
    return {"type": "tool_use", "id": call_id, "name": "look", "input": {}}


TURN = [
    THINKING,
    REDACTED,
    {"type": "text", "text": "Let me look."},
    call_block("toolu_1"),
    EMPTY,
    call_block("toolu_2"),
]
"""An interleaved turn of Anthropic's, as it must be replayed."""

USAGE = {"input_tokens": 10, "output_tokens": 5}


def messages_reply(blocks: list[dict[str, Any]], *, streamed: bool) -> ScriptedReply:
    head = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [], "usage": USAGE}
    if not streamed:
        return json_reply({**head, "content": blocks, "stop_reason": "tool_use", "stop_sequence": None})
    events: list[dict[str, Any]] = [{"type": "message_start", "message": head}]
    for number, block in enumerate(blocks):
        events += [{"index": number, **event} for event in _block_events(block)]
    events.append({"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 5}})
    events.append({"type": "message_stop"})
    return stream(*(_event(event) for event in events))


def _block_events(block: dict[str, Any]) -> list[dict[str, Any]]:
    deltas: list[dict[str, Any]] = []
    start = dict(block)
    if block["type"] == "thinking":
        start |= {"thinking": "", "signature": ""}
        if block["thinking"]:
            deltas.append({"type": "thinking_delta", "thinking": block["thinking"]})
        deltas.append({"type": "signature_delta", "signature": block["signature"]})
    elif block["type"] == "text":
        start["text"] = ""
        deltas.append({"type": "text_delta", "text": block["text"]})
    elif block["type"] == "tool_use":
        deltas.append({"type": "input_json_delta", "partial_json": ""})
    return [
        {"type": "content_block_start", "content_block": start},
        *({"type": "content_block_delta", "delta": delta} for delta in deltas),
        {"type": "content_block_stop"},
    ]


def _event(event: dict[str, Any]) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (event["type"].encode(), msgspec.json.encode(event))


def chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return b"data: %s\n\n" % msgspec.json.encode(
        {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    )


def chat_reply(message: dict[str, Any], *, streamed: bool) -> ScriptedReply:
    if not streamed:
        choice = {
            "index": 0,
            "message": {"role": "assistant", "content": None, **message},
            "finish_reason": "tool_calls",
        }
        return json_reply({"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]})
    calls = [{**call, "index": number} for number, call in enumerate(message.get("tool_calls", ()))]
    rest = {name: value for name, value in message.items() if name != "tool_calls"}
    return stream(
        chunk({"role": "assistant", **rest}), chunk({"tool_calls": calls}), chunk({}, "tool_calls"), b"data: [DONE]\n\n"
    )


def chat_call(call_id: str, **members: Any) -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": "look", "arguments": "{}"}, **members}


async def ask(scene: Scene, caller: str, model: str, history: list[Any], *, streamed: bool, **members: Any) -> Answer:
    if caller == "responses":
        body: dict[str, Any] = {"model": model, "input": history, "store": False, **members}
    else:
        body = {"model": model, "messages": history, **members}
    if caller == "messages":
        body["max_tokens"] = 4000
    return await scene.ask(PATHS[caller], {**body, "tools": TOOLS[caller], "stream": streamed})


def read_turn(caller: str, answer: Answer, *, streamed: bool) -> list[Any]:
    """What a good client keeps of an answer, as it sends it back: items, a message, or a turn."""
    assert answer.status == 200, answer.body
    if not streamed:
        body = answer.json
        if caller == "responses":
            output: list[Any] = body["output"]
            return output
        if caller == "chat":
            return [body["choices"][0]["message"]]
        return [{"role": "assistant", "content": body["content"]}]
    events = [msgspec.json.decode(line[6:]) for line in answer.body.split(b"\n") if line.startswith(b"data: {")]
    if caller == "responses":
        return [event["item"] for event in events if event["type"] == "response.output_item.done"]
    if caller == "chat":
        return [gather_chat(events)]
    return [{"role": "assistant", "content": gather_blocks(events)}]


def gather_chat(chunks: list[Any]) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": None}
    calls: dict[int, dict[str, Any]] = {}
    for delta in (each["choices"][0]["delta"] for each in chunks if each["choices"]):
        for name in ("content", "reasoning_content"):
            if delta.get(name):
                message[name] = (message.get(name) or "") + delta[name]
        message["reasoning_details"] = message.get("reasoning_details", []) + delta.get("reasoning_details", [])
        for piece in delta.get("tool_calls", ()):
            call = calls.setdefault(piece["index"], {"function": {"arguments": ""}})
            arguments = piece.get("function", {}).pop("arguments", "")
            call["function"] |= piece.pop("function", {})
            call["function"]["arguments"] += arguments
            call |= piece
    message["tool_calls"] = [{name: call[name] for name in call if name != "index"} for call in calls.values()]
    return message


def gather_blocks(events: list[Any]) -> list[Any]:
    blocks: dict[int, dict[str, Any]] = {}
    for event in events:
        if event["type"] == "content_block_start":
            blocks[event["index"]] = event["content_block"]
        elif event["type"] == "content_block_delta":
            for name in ("text", "thinking", "signature"):
                if name in event["delta"]:
                    block = blocks[event["index"]]
                    block[name] = block.get(name, "") + event["delta"][name]
    return list(blocks.values())


def say(caller: str, text: str) -> list[Any]:
    return [{"role": "user", "content": text}]


def answer_calls(caller: str, *call_ids: str) -> list[Any]:
    if caller == "responses":
        return [{"type": "function_call_output", "call_id": call_id, "output": "seen"} for call_id in call_ids]
    if caller == "chat":
        return [{"role": "tool", "tool_call_id": call_id, "content": "seen"} for call_id in call_ids]
    results = [{"type": "tool_result", "tool_use_id": call_id, "content": "seen"} for call_id in call_ids]
    return [{"role": "user", "content": results}]


def assistant_blocks(scene: Scene) -> list[Any]:
    """The assistant's turn in the last request to an Anthropic upstream, without marks."""
    turns = [turn for turn in scene.upstream.json["messages"] if turn["role"] == "assistant"]
    return [
        {name: value for name, value in block.items() if name != "cache_control"}
        for turn in turns
        for block in turn["content"]
    ]


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("caller", ["responses", "chat"])
async def test_t45_interleaved_thought(caller: str, streamed: bool) -> None:
    """T-45, T-43: thinking, redacted and signature-only blocks come back to Anthropic byte for byte and in order."""
    scene = Scene()
    scene.upstream.answer = messages_reply(TURN, streamed=streamed)
    first = await ask(scene, caller, "messages-model", say(caller, "Look twice."), streamed=streamed)
    assert b"SIG0" not in first.body
    turn = read_turn(caller, first, streamed=streamed)
    history = [*say(caller, "Look twice."), *turn, *answer_calls(caller, "toolu_1", "toolu_2")]
    await ask(scene, caller, "messages-model", history, streamed=streamed)
    assert assistant_blocks(scene) == TURN


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("text", [[], [{"type": "text", "text": "Let me look."}]])
async def test_t45_thought_behind_the_last_call(text: list[Any], streamed: bool) -> None:
    """T-45: it stays there, also where a message of Chat's knows no such place."""
    scene = Scene()
    turn = [THINKING, *text, call_block("toolu_1"), EMPTY]
    scene.upstream.answer = messages_reply(turn, streamed=streamed)
    first = await ask(scene, "chat", "messages-model", say("chat", "Look."), streamed=streamed)
    said = read_turn("chat", first, streamed=streamed)
    history = [*say("chat", "Look."), *said, *answer_calls("chat", "toolu_1")]
    await ask(scene, "chat", "messages-model", history, streamed=streamed)
    assert assistant_blocks(scene) == turn


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(
    "fields", [("role", "content", "tool_calls"), ("role", "content", "reasoning_content", "tool_calls")]
)
async def test_t45_thought_that_a_chat_client_dropped(streamed: bool, fields: tuple[str, ...]) -> None:
    """T-45: a Chat client that keeps texts and calls alone loses nothing: the gateway has kept the rest."""
    scene = Scene()
    scene.upstream.answer = messages_reply(TURN, streamed=streamed)
    first = await ask(scene, "chat", "messages-model", say("chat", "Look twice."), streamed=streamed)
    [message] = read_turn("chat", first, streamed=streamed)
    kept = {name: message[name] for name in fields}
    history = [*say("chat", "Look twice."), kept, *answer_calls("chat", "toolu_1", "toolu_2")]
    await ask(scene, "chat", "messages-model", history, streamed=streamed)
    assert assistant_blocks(scene) == TURN
    scene.clock.advance(24 * 3600)
    await ask(scene, "chat", "messages-model", history, streamed=streamed)
    assert assistant_blocks(scene) == [block for block in TURN if "thinking" not in block["type"]]


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("members", [{"reasoning_content": "Thought."}, {"reasoning": "Thought."}])
async def test_t49_dropped_reasoning_content(streamed: bool, members: dict[str, Any]) -> None:
    """T-49: a call goes back to a Chat provider with its reasoning, though the client dropped it."""
    scene = Scene()
    scene.upstream.answer = chat_reply({**members, "tool_calls": [chat_call("call_1")]}, streamed=streamed)
    await ask(scene, "chat", "chat-model", say("chat", "Look."), streamed=streamed)
    assistant = {"role": "assistant", "content": None, "tool_calls": [chat_call("call_1")]}
    history = [*say("chat", "Look."), assistant, *answer_calls("chat", "call_1")]
    answer = await ask(scene, "chat", "chat-model", history, streamed=streamed)
    assert answer.headers["x-trunkline-route"].startswith("patch")
    assert scene.upstream.json["messages"][1] == {**assistant, "reasoning_content": "Thought."}


async def test_t49_kept_reasoning_is_the_clients() -> None:
    """T-49: what a client did keep goes out as it stands."""
    scene = Scene()
    reply = chat_reply({"reasoning_content": "Thought.", "tool_calls": [chat_call("call_1")]}, streamed=False)
    scene.upstream.answer = reply
    await ask(scene, "chat", "chat-model", say("chat", "Look."), streamed=False)
    assistant = {"role": "assistant", "content": "", "reasoning": "Mine.", "tool_calls": [chat_call("call_1")]}
    history = [*say("chat", "Look."), assistant, *answer_calls("chat", "call_1")]
    await ask(scene, "chat", "chat-model", history, streamed=False)
    assert scene.upstream.json["messages"][1] == assistant


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("caller", ["responses", "messages"])
async def test_t49_reasoning_content_through_other_apis(caller: str, streamed: bool) -> None:
    """T-49: `reasoning_content` comes back to where it was made through Responses and Messages."""
    scene = Scene()
    reply = {"reasoning_content": "Thought.", "tool_calls": [chat_call("call_1")]}
    scene.upstream.answer = chat_reply(reply, streamed=streamed)
    first = await ask(scene, caller, "chat-model", say(caller, "Look."), streamed=streamed)
    history = [
        *say(caller, "Look."),
        *read_turn(caller, first, streamed=streamed),
        *answer_calls(caller, "call_1"),
    ]
    await ask(scene, caller, "chat-model", history, streamed=streamed)
    assistant = scene.upstream.json["messages"][1]
    assert assistant["reasoning_content"] == "Thought."
    assert [call["id"] for call in assistant["tool_calls"]] == ["call_1"]


async def test_t49_not_to_openai_proper() -> None:
    """T-49: OpenAI gets no field that it does not know."""
    scene = Scene()
    assistant = {
        "type": "thinking",
        "thinking": "Thought.",
        "signature": "of-another-house",
    }
    history = [
        *say("messages", "Look."),
        {"role": "assistant", "content": [assistant, call_block("call_1")]},
        *answer_calls("messages", "call_1"),
    ]
    scene.upstream.answer = chat_reply({"content": "Seen."}, streamed=False)
    await ask(scene, "messages", "native_chat-model", history, streamed=False)
    assert set(scene.upstream.json["messages"][1]) == {"role", "content", "tool_calls"}


async def test_t49_no_thought_of_another_vendor_to_openai_proper() -> None:
    """T-49: not from Chat clients either, who keep what another model thought; all else goes out as it came."""
    scene = Scene()
    scene.upstream.answer = chat_reply({"content": "Seen."}, streamed=False)
    calls = [chat_call("call_1")]
    assistant = {"role": "assistant", "content": None, "reasoning_content": "Thought.", "tool_calls": calls, "x": 1.0}
    asked = {"role": "user", "content": 'What is "reasoning_content"?'}
    history = [asked, assistant, *answer_calls("chat", "call_1")]
    answer = await ask(scene, "chat", "native_chat-model", history, streamed=False)
    assert answer.headers["x-trunkline-route"].startswith("patch")
    assert answer.headers["x-trunkline-dropped"] == "reasoning_content"
    del assistant["reasoning_content"]
    assert scene.upstream.json["messages"] == history
    await ask(scene, "chat", "native_chat-model", [asked], streamed=False)
    assert scene.records.kept[-1].route.startswith("tee")


DETAILS = [
    {"type": "reasoning.text", "text": "Thought.", "signature": "S/+", "format": "anthropic-claude-v1", "index": 0},
    {"type": "reasoning.encrypted", "data": "E==", "format": "anthropic-claude-v1", "index": 1},
]


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("caller", ["responses", "messages"])
async def test_t103_reasoning_details(caller: str, streamed: bool) -> None:
    """T-103: OpenRouter's details come back unchanged through every API."""
    scene = Scene()
    reply = {"reasoning": "Thought.", "reasoning_details": DETAILS, "tool_calls": [chat_call("call_1")]}
    scene.upstream.answer = chat_reply(reply, streamed=streamed)
    first = await ask(scene, caller, "chat-model", say(caller, "Look."), streamed=streamed)
    history = [*say(caller, "Look."), *read_turn(caller, first, streamed=streamed), *answer_calls(caller, "call_1")]
    await ask(scene, caller, "chat-model", history, streamed=streamed)
    assert scene.upstream.json["messages"][1]["reasoning_details"] == DETAILS


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("members", [{}, {"reasoning": "Thought."}])
async def test_t103_details_that_a_client_dropped(streamed: bool, members: dict[str, str]) -> None:
    """T-103: a Chat client that keeps no details, or the text alone, has them put back unchanged."""
    scene = Scene()
    reply = {"reasoning": "Thought.", "reasoning_details": DETAILS, "tool_calls": [chat_call("call_1")]}
    scene.upstream.answer = chat_reply(reply, streamed=streamed)
    await ask(scene, "chat", "chat-model", say("chat", "Look."), streamed=streamed)
    assistant = {"role": "assistant", "content": None, **members, "tool_calls": [chat_call("call_1")]}
    await ask(
        scene,
        "chat",
        "chat-model",
        [*say("chat", "Look."), assistant, *answer_calls("chat", "call_1")],
        streamed=streamed,
    )
    assert scene.upstream.json["messages"][1]["reasoning_details"] == DETAILS


REASONING = {
    "type": "reasoning",
    "id": "rs_1",
    "summary": [{"type": "summary_text", "text": text} for text in ("**Looking**\n\nI look.", "I see.")],
    "encrypted_content": "gAAA/+==",
}
CALL = {
    "type": "function_call",
    "id": "fc_1",
    "call_id": "call_1",
    "name": "look",
    "arguments": "{}",
    "status": "completed",
}


def responses_reply(items: list[dict[str, Any]], *, streamed: bool) -> ScriptedReply:
    usage = {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15}
    response = {
        "id": "resp_1",
        "object": "response",
        "model": "m",
        "status": "completed",
        "output": items,
        "usage": usage,
    }
    if not streamed:
        return json_reply(response)
    opening = {**response, "status": "in_progress", "output": [], "usage": None}
    events: list[dict[str, Any]] = [{"type": "response.created", "response": opening}]
    for number, item in enumerate(items):
        started = {**item, "status": "in_progress"} | ({"arguments": ""} if "arguments" in item else {})
        events.append({"type": "response.output_item.added", "output_index": number, "item": started})
        events.append({"type": "response.output_item.done", "output_index": number, "item": item})
    events.append({"type": "response.completed", "response": response})
    return stream(*(_event({**event, "sequence_number": place}) for place, event in enumerate(events)))


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(("caller", "keeps"), [("messages", True), ("chat", True), ("chat", False)])
async def test_t50_encrypted_reasoning(caller: str, keeps: bool, streamed: bool) -> None:
    """T-50: OpenAI's encrypted reasoning comes back as it was from callers of other APIs, paragraph by paragraph."""
    scene = Scene()
    scene.upstream.answer = responses_reply([REASONING, CALL], streamed=streamed)
    first = await ask(scene, caller, "responses-model", say(caller, "Look."), streamed=streamed)
    turn = read_turn(caller, first, streamed=streamed)
    if not keeps:
        turn[0].pop("reasoning_details")
    await ask(
        scene,
        caller,
        "responses-model",
        [*say(caller, "Look."), *turn, *answer_calls(caller, "call_1")],
        streamed=streamed,
    )
    items = scene.upstream.json["input"]
    kinds = [item.get("type", "message") for item in items]
    assert kinds == ["message", "reasoning", "function_call", "function_call_output"]
    assert items[1] == REASONING


async def test_t51_native_reasoning_is_untouched() -> None:
    """T-51: encrypted reasoning between a Responses caller and OpenAI is not touched."""
    scene = Scene()
    scene.upstream.answer = responses_reply([REASONING, CALL], streamed=False)
    history = [*say("responses", "Look."), REASONING, CALL, *answer_calls("responses", "call_1")]
    answer = await ask(scene, "responses", "responses-model", history, streamed=False)
    assert answer.headers["x-trunkline-route"].startswith("tee")
    assert scene.upstream.json["input"] == history


async def test_t44_unsigned_thought() -> None:
    """T-44: thought without a signature, or of another house, does not reach Anthropic; the request does."""
    scene = Scene()
    scene.upstream.answer = chat_reply({"reasoning_content": "T", "tool_calls": [chat_call("call_1")]}, streamed=False)
    first = await ask(scene, "messages", "chat-model", say("messages", "Look."), streamed=False)
    foreign = read_turn("messages", first, streamed=False)[0]["content"]
    unsigned = {"type": "thinking", "thinking": "T", "signature": ""}
    history = [
        *say("messages", "Look."),
        {"role": "assistant", "content": [unsigned, *foreign]},
        *answer_calls("messages", "call_1"),
    ]
    scene.upstream.answer = messages_reply([{"type": "text", "text": "Seen."}], streamed=False)
    answer = await ask(scene, "messages", "messages-model", history, streamed=False)
    assert answer.status == 200
    assert answer.headers["x-trunkline-dropped"] == "thinking"
    assert assistant_blocks(scene) == [call_block("call_1")]


async def test_sealed_values_stay_home() -> None:
    """What we sealed for one family never reaches a native upstream of another, wherever a client put it."""
    scene = Scene()
    scene.upstream.answer = messages_reply(TURN, streamed=False)
    first = await ask(scene, "chat", "messages-model", say("chat", "Look twice."), streamed=False)
    [message] = read_turn("chat", first, streamed=False)
    sealed = message["reasoning_details"][0]["data"]
    message["thinking_blocks"] = [{"type": "thinking", "thinking": "T", "signature": sealed}]
    message["tool_calls"][0]["extra_content"] = {"google": {"thought_signature": sealed}}
    history = [*say("chat", "Look twice."), message, *answer_calls("chat", "toolu_1", "toolu_2")]
    scene.upstream.answer = chat_reply({"content": "Seen."}, streamed=False)
    answer = await ask(scene, "chat", "native_chat-model", history, streamed=False)
    assert b"tl1." not in scene.upstream.body
    assert "reasoning_details" in answer.headers["x-trunkline-dropped"]


async def test_notes_are_bound_to_their_account() -> None:
    """A call id that another upstream made brings nothing of its thought along."""
    scene = Scene()
    scene.upstream.answer = messages_reply(TURN, streamed=False)
    await ask(scene, "chat", "messages-model", say("chat", "Look."), streamed=False)
    history = [
        *say("chat", "Look."),
        {"role": "assistant", "content": None, "tool_calls": [chat_call("toolu_1")]},
        *answer_calls("chat", "toolu_1"),
    ]
    scene.upstream.answer = chat_reply({"content": "Seen."}, streamed=False)
    await ask(scene, "chat", "chat-model", history, streamed=False)
    assert set(scene.upstream.json["messages"][1]) == {"role", "content", "tool_calls"}
