"""A body made ready for its target: what is passed on, what is put in, what is taken out."""

from typing import Any

import pytest

from scripted_gateway import PATHS, Scene, json_reply, question, stream

HELLO = b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"Hello"},"finish_reason":null}],"usage":null}\n\n'
STOP = b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null}\n\n'
USAGE = b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[],"usage":{"prompt_tokens":7,"completion_tokens":2,"total_tokens":9}}\n\n'
DONE = b"data: [DONE]\n\n"
COMPLETION = {
    "id": "c",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}],
}


async def sent(body: bytes, caller: str = "chat", reply: Any = None) -> Scene:
    """A scene after one request that went through."""
    scene = Scene()
    scene.upstream.answer = reply or json_reply(COMPLETION)
    answer = await scene.ask(PATHS[caller], body)
    assert answer.status == 200, answer.body
    return scene


async def test_a_tee_keeps_every_value() -> None:
    """Its own bytes, in its own order, with what nobody knows; only the model's name is the provider's."""
    scene = await sent(
        b'{ "new":[1.0, {"b" : 1e3}], "model":"native_chat/native_chat-model" , "messages":[ ],"a":null}'
    )
    assert scene.upstream.body == b'{"new":[1.0, {"b" : 1e3}],"model":"native_chat-model","messages":[ ],"a":null}'


@pytest.mark.parametrize(
    ("options", "sent_options", "is_cut"),
    [
        (b"", b'{"include_usage":true}', True),
        (b',"stream_options":null', b'{"include_usage":true}', True),
        (b',"stream_options":{}', b'{"include_usage":true}', True),
        (b',"stream_options":{"include_usage":false}', b'{"include_usage":true}', True),
        (b',"stream_options":{"x":1.5}', b'{"x":1.5,"include_usage":true}', True),
        (b',"stream_options":{ "include_usage" : true }', b'{ "include_usage" : true }', False),
    ],
)
@pytest.mark.parametrize("account", ["chat", "native_chat"])
async def test_usage_is_asked_for(options: bytes, sent_options: bytes, is_cut: bool, account: str) -> None:
    """On every Chat stream; the chunk is cut out again for who did not ask."""
    scene = Scene()
    scene.upstream.answer = stream(HELLO, STOP, USAGE, DONE)
    body = b'{"model":"%b-model","stream":true,"messages":[]%b}' % (account.encode(), options)
    answer = await scene.ask(PATHS["chat"], body)
    assert b'"stream_options":' + sent_options in scene.upstream.body
    assert (b'"choices":[]' in answer.body) is not is_cut
    if account == "native_chat":
        assert answer.body == b"".join([HELLO, STOP, b"" if is_cut else USAGE, DONE])
    assert scene.records.only.usage.total == 9


async def test_usage_is_not_asked_for_without_a_stream() -> None:
    """Providers refuse `stream_options` there."""
    scene = await sent(b'{"model":"native_chat-model","messages":[]}')
    assert b"stream_options" not in scene.upstream.body


@pytest.mark.parametrize("options", [b"5", b'"x"', b"[]", b"true"])
async def test_bad_stream_options_are_refused(options: bytes) -> None:
    """By name."""
    scene = Scene()
    body = b'{"model":"native_chat-model","stream":true,"messages":[],"stream_options":%b}' % options
    answer = await scene.ask(PATHS["chat"], body)
    assert (answer.status, answer.error["param"]) == (400, "stream_options")


@pytest.mark.parametrize("caller", list(PATHS))
@pytest.mark.parametrize("account", ["chat", "native_chat"])
async def test_provider_options_are_merged(caller: str, account: str) -> None:
    """The account's own over its provider's; others' are taken out."""
    provider = {"chat": "compatible", "native_chat": "openai"}[account]
    options = {
        provider: {"top_k": 3, "vendor": {"deep": [1]}, "seed": 1},
        account: {"seed": 2},
        "groq": {"never": True},
    }
    scene = Scene()
    scene.upstream.answer = json_reply(COMPLETION)
    answer = await scene.ask(PATHS[caller], question(caller, f"{account}-model", provider_options=options))
    assert answer.status == 200
    body = scene.upstream.json
    assert "provider_options" not in body
    assert (body["top_k"], body["vendor"], body["seed"]) == (3, {"deep": [1]}, 2)
    assert "never" not in body


async def test_provider_options_win() -> None:
    """They come last."""
    scene = await sent(
        b'{"model":"chat-model","messages":[],"temperature":1,"provider_options":{"chat":{"temperature":0.5}}}'
    )
    assert scene.upstream.json["temperature"] == 0.5


@pytest.mark.parametrize("account", ["chat", "native_chat"])
async def test_an_object_of_provider_options_is_merged_into_the_one_that_is_there(account: str) -> None:
    """One level deep; who speaks of another `type` means another object."""
    options = {
        "compatible": {"stream_options": {"deep": {"a": 1}, "less": 1}},
        "openai": {"stream_options": {"deep": {"a": 1}, "less": 1}},
        account: {"stream_options": {"deep": {"b": 2}, "more": 1}, "response_format": {"type": "grammar"}},
    }
    body = question(
        "chat",
        f"{account}-model",
        stream=True,
        stream_options={"include_usage": True, "deep": {"c": 3}, "own": 1},
        response_format={"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}},
        provider_options=options,
    )
    scene = Scene()
    scene.upstream.answer = stream(HELLO, STOP, USAGE, DONE)
    assert (await scene.ask(PATHS["chat"], body)).status == 200
    sent = scene.upstream.json
    assert sent["stream_options"] == {"include_usage": True, "deep": {"b": 2}, "own": 1, "less": 1, "more": 1}
    assert sent["response_format"] == {"type": "grammar"}


@pytest.mark.parametrize("caller", ["responses", "messages"])
async def test_an_object_of_provider_options_is_merged_into_a_translated_one(caller: str) -> None:
    """What the gateway wrote there for itself stays: without it nobody would know what the answer took."""
    scene = Scene()
    scene.upstream.answer = stream(HELLO, STOP, USAGE, DONE)
    options = {"chat": {"stream_options": {"more": 1}}}
    await scene.ask(PATHS[caller], question(caller, "chat-model", stream=True, provider_options=options))
    assert scene.upstream.json["stream_options"] == {"include_usage": True, "more": 1}


DECIDED: tuple[dict[str, Any], ...] = (
    {"model": "dearer"},
    {"stream": True},
    {"store": True},
    {"background": True},
    {"previous_response_id": "resp_1"},
    {"conversation": "conv_1"},
    {"prompt": {"id": "pmpt_1"}},
    {"input": [{"type": "item_reference", "id": "msg_1"}]},
    {"messages": []},
    {"contents": []},
    {"tools": [{"type": "code_interpreter", "container": {"type": "auto", "file_ids": ["file-1"]}}]},
)


@pytest.mark.parametrize("options", DECIDED, ids=lambda options: next(iter(options)))
async def test_provider_options_cannot_say_what_the_gateway_decides(options: dict[str, Any]) -> None:
    """What was resolved and allowed is what is called; nor the form of the answer, nor what is somebody else's."""
    for caller in PATHS:
        for account in ("chat", "responses"):
            scene = Scene()
            body = question(caller, f"{account}-model", provider_options={account: options})
            answer = await scene.ask(PATHS[caller], body)
            assert answer.status == 400
            assert "provider_options" in answer.error["message"]
            assert scene.upstream.requests == []


@pytest.mark.parametrize("caller", list(PATHS))
@pytest.mark.parametrize("options", [5, [], "x", {"chat": 5}])
async def test_bad_provider_options_are_refused(caller: str, options: Any) -> None:
    """With the shape that is right."""
    answer = await Scene().ask(PATHS[caller], question(caller, "chat-model", provider_options=options))
    assert answer.status == 400
    assert "provider_options" in answer.error["message"]


@pytest.mark.parametrize("caller", list(PATHS))
async def test_no_provider_options_are_none(caller: str) -> None:
    """Null and an empty object."""
    for options in (None, {}):
        scene = Scene()
        scene.upstream.answer = json_reply(COMPLETION)
        answer = await scene.ask(PATHS[caller], question(caller, "chat-model", provider_options=options))
        assert answer.status == 200
        assert "provider_options" not in scene.upstream.json


@pytest.mark.parametrize("caller", list(PATHS))
@pytest.mark.parametrize("account", ["chat", "responses", "messages"])
async def test_nothing_is_invented(caller: str, account: str) -> None:
    """FR-11: no tools, no choice of one, no `stream`, where none was asked for."""
    scene = Scene()
    scene.upstream.answer = json_reply({"error": {"message": "x", "code": 400}}, 400)
    await scene.ask(PATHS[caller], question(caller, f"{account}-model"))
    body = scene.upstream.json
    assert not {"tools", "tool_choice", "parallel_tool_calls", "functions"} & set(body)
    assert not body.get("stream")


@pytest.mark.parametrize("caller", list(PATHS))
@pytest.mark.parametrize("account", ["chat", "native_chat", "responses", "messages"])
async def test_half_a_surrogate_pair_is_no_500(caller: str, account: str) -> None:
    """FR-36: refused, or passed on as it came."""
    scene = Scene()
    scene.upstream.answer = json_reply({"error": {"message": "x"}}, 400)
    member = (
        b'"input":"a \\ud83d b"' if caller == "responses" else b'"messages":[{"role":"user","content":"a \\ud83d b"}]'
    )
    answer = await scene.ask(PATHS[caller], b'{"model":"%b-model","max_tokens":5,%b}' % (account.encode(), member))
    assert answer.status == 400


@pytest.mark.parametrize("account", ["chat", "messages"])
async def test_a_call_without_its_output_is_refused(account: str) -> None:
    """FR-16: before the provider is asked."""
    scene = Scene()
    items = [
        {"role": "user", "content": "x"},
        {"type": "function_call", "call_id": "c", "name": "transfer_to_billing", "arguments": "{}"},
        {"role": "user", "content": "y"},
    ]
    answer = await scene.ask(PATHS["responses"], question("responses", f"{account}-model") | {"input": items})
    assert answer.status == 400
    assert scene.upstream.requests == []


@pytest.mark.parametrize("caller", ["chat", "messages"])
async def test_a_probe_of_one_token(caller: str) -> None:
    """FR-40: OpenAI's Responses take no less than 16; 50 stays 50."""
    for asked, expected in ((1, 16), (15, 16), (50, 50)):
        scene = Scene()
        scene.upstream.answer = json_reply({"error": {"message": "x"}}, 400)
        await scene.ask(PATHS[caller], question(caller, "responses-model") | {"max_tokens": asked})
        assert scene.upstream.json.get("max_output_tokens", 16) == expected


async def test_an_unknown_field_is_refused_where_it_would_be_lost() -> None:
    """Translated, it has no home; passed on, it goes along."""
    answer = await Scene().ask(PATHS["responses"], question("responses", "chat-model", brand_new=1))
    assert (answer.status, answer.error["code"], answer.error["param"]) == (400, "unknown_parameter", "brand_new")
    scene = await sent(b'{"model":"chat-model","messages":[],"brand_new":1}')
    assert scene.upstream.json["brand_new"] == 1


async def test_nobody_is_sent_an_empty_conversation() -> None:
    """A caller may say nothing at all; each upstream is told that in words that it takes."""
    for upstream in ("chat", "cohere", "messages", "gemini", "bedrock"):
        scene = Scene()
        await scene.ask("/v1/responses", {"model": f"{upstream}-model", "input": []})
        body = scene.upstream.json
        assert body.get("messages") or body.get("contents"), upstream
    scene = Scene()
    await scene.ask("/v1/chat/completions", {"model": "responses-model", "messages": [{"role": "user", "content": ""}]})
    assert scene.upstream.json["input"] == [{"type": "message", "role": "user", "content": ""}]
