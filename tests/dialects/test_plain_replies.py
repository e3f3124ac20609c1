"""Whole replies of a plain sort are read in one step as they are event by event."""

from types import ModuleType
from typing import Any

import msgspec
import pytest

from trunkline.dialects.anthropic import plain_reply as plain_messages
from trunkline.dialects.anthropic import reply as messages
from trunkline.dialects.gemini import plain_reply as plain_gemini
from trunkline.dialects.gemini import reply as gemini
from trunkline.dialects.openai_chat import plain_reply as plain_chat
from trunkline.dialects.openai_chat import reply as chat
from trunkline.dialects.openai_responses import plain_reply as plain_responses
from trunkline.dialects.openai_responses import reply as responses

Json = dict[str, Any]

READERS: dict[str, tuple[ModuleType, ModuleType]] = {
    "chat": (chat, plain_chat),
    "messages": (messages, plain_messages),
    "gemini": (gemini, plain_gemini),
    "responses": (responses, plain_responses),
}


def _chat(message: Json, finish: str = "stop", **members: Any) -> Json:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "logprobs": None, "finish_reason": finish}
    return {"id": "chatcmpl-1", "object": "chat.completion", "model": "m", "choices": [choice], **members}


def _messages(*content: Json, **members: Any) -> Json:
    end = {"stop_reason": "end_turn", "stop_sequence": None}
    return {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": content, **end, **members}


def _gemini(*parts: Json, **members: Any) -> Json:
    candidate = {"content": {"parts": parts, "role": "model"}, "finishReason": "STOP", "index": 0}
    return {"candidates": [candidate], "modelVersion": "m", "responseId": "r1", **members}


def _responses(*output: Json, **members: Any) -> Json:
    head = {"id": "resp_1", "object": "response", "status": "completed", "model": "m", "error": None, "tools": []}
    return {**head, "output": output, **members}


_CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
_CHAT_USAGE = {"prompt_tokens": 9, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 4}, "cost": 0.01}
_TEXT = {"type": "text", "text": "Hi!"}
_USE = {"type": "tool_use", "id": "c1", "name": "f", "input": {"a": 1}}
_MESSAGES_USAGE = {"input_tokens": 9, "output_tokens": 3, "cache_read_input_tokens": None, "service_tier": "priority"}
_COUNTS = {"promptTokenCount": 9, "candidatesTokenCount": 3, "totalTokenCount": 12, "trafficType": "ON_DEMAND"}
_OUTPUT_TEXT = {"type": "output_text", "text": "Hi!", "annotations": [], "logprobs": []}
_MESSAGE = {"id": "m1", "type": "message", "role": "assistant", "status": "completed", "content": [_OUTPUT_TEXT] * 2}
_FUNCTION_CALL = {"id": "f1", "type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"}
_RESPONSES_USAGE = {"input_tokens": 9, "output_tokens": 3, "input_tokens_details": {"cached_tokens": 4}}

PLAIN: list[tuple[str, Json]] = [
    ("chat", _chat({"content": "Hi!", "refusal": None, "annotations": []}, usage=_CHAT_USAGE, service_tier="flex")),
    ("chat", _chat({"content": "Hi!", "tool_calls": [_CALL, {**_CALL, "id": "c2"}]}, "tool_calls", usage=None)),
    ("chat", _chat({"content": None, "tool_calls": [_CALL]}, usage={})),
    ("messages", _messages(_TEXT, {**_TEXT, "citations": None}, usage=_MESSAGES_USAGE)),
    ("messages", _messages(_TEXT, _USE, _TEXT, {**_USE, "input": {}}, stop_reason="tool_use")),
    ("messages", _messages(_USE, usage={"input_tokens": 9, "output_tokens": 3, "cost": 0.5})),
    ("gemini", _gemini({"text": "Hi!"}, {"text": " Well?"}, usageMetadata=_COUNTS)),
    ("gemini", _gemini({"text": "Hi!"}, {"functionCall": {"name": "f", "args": {"a": 1}, "id": "c1"}}, {"text": "?"})),
    ("gemini", _gemini({"functionCall": {"name": "f"}}, usageMetadata={"trafficType": "ON_DEMAND"})),
    ("responses", _responses(_MESSAGE, usage=_RESPONSES_USAGE, service_tier="priority")),
    ("responses", _responses(_MESSAGE, {**_FUNCTION_CALL, "status": "completed"}, usage=None)),
]

OTHERS: list[tuple[str, Json]] = [
    ("chat", _chat({"content": ""})),
    ("chat", _chat({"content": "Hi!"}, "length")),
    ("chat", _chat({"content": "Hi!", "reasoning_content": "Hm."})),
    ("chat", _chat({"content": "Hi!", "thinking": "Hm."})),
    ("chat", _chat({"tool_calls": [_CALL, _CALL]})),
    ("chat", _chat({"tool_calls": [{**_CALL, "function": {"name": "f", "arguments": "null"}}]})),
    ("chat", _chat({"content": "Hi!"}, x_groq={"usage": {"prompt_tokens": 3}})),
    ("messages", _messages({"type": "thinking", "thinking": "Hm.", "signature": "s"}, _TEXT)),
    ("messages", _messages({**_USE, "caller": {"type": "direct"}})),
    ("messages", _messages(_TEXT, stop_reason="stop_sequence", stop_sequence="!")),
    ("messages", _messages({"type": "text", "text": ""})),
    ("gemini", _gemini({"text": "Hm.", "thought": True}, {"text": "Hi!"})),
    ("gemini", _gemini({"text": "Hi!", "thoughtSignature": "c2ln"})),
    ("gemini", _gemini({})),
    ("responses", _responses({"id": "r1", "type": "reasoning", "summary": []}, _MESSAGE)),
    ("responses", _responses({**_FUNCTION_CALL, "status": "completed", "namespace": "n"})),
    ("responses", _responses(_MESSAGE, tool_usage={"web_search": {"num_requests": 2}})),
    ("responses", _responses(_MESSAGE, status="incomplete")),
]


@pytest.mark.parametrize(("dialect", "reply"), PLAIN)
def test_a_plain_reply_is_what_it_is_event_by_event(dialect: str, reply: Json, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways of reading come to the same answer."""
    whole, plain = READERS[dialect]
    body = msgspec.json.encode(reply)
    answer = plain.read_plain_reply(body)
    assert answer is not None
    monkeypatch.setattr(whole, "read_plain_reply", lambda _: None)
    assert answer == whole.read_reply(body)


@pytest.mark.parametrize(("dialect", "reply"), OTHERS)
def test_what_is_not_plain_is_read_event_by_event(dialect: str, reply: Json) -> None:
    """Whatever has more to it than a text and calls, or less."""
    _, plain = READERS[dialect]
    assert plain.read_plain_reply(msgspec.json.encode(reply)) is None


@pytest.mark.parametrize("dialect", READERS)
def test_no_reply_is_no_plain_one(dialect: str) -> None:
    """Streams, pages, half characters and nothing at all are left to who knows what is wrong with them."""
    _, plain = READERS[dialect]
    for body in (b"", b"data: {}\n\n", b"<html>", b'{"id": "\xff"}', b"[" * 5000):
        assert plain.read_plain_reply(body) is None
