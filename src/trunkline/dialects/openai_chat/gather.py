"""A Chat stream → the whole reply that it makes, as wire objects: for a stream that came where JSON was asked for."""

from typing import Any

import msgspec

from trunkline.dialects.dialect import TeeOptions
from trunkline.dialects.openai_chat.mend import Mend
from trunkline.dialects.shapes import lenient_text
from trunkline.dialects.sse import Splitter

_TEXTS = ("content", "reasoning_content", "reasoning", "refusal")


def gather_stream(body: bytes) -> dict[str, Any]:
    """The reply in a whole stream, mended on the way. Raises the error that the stream ends with."""
    mend = Mend(TeeOptions())
    stream = mend.feed(body) + mend.end()
    if mend.error is not None:
        raise mend.error
    reply: dict[str, Any] = {"object": "chat.completion"}
    choices: dict[int, dict[str, Any]] = {}
    for _, data in Splitter().feed(stream):
        if data == b"[DONE]":
            break
        chunk = msgspec.json.decode(data)
        reply.update((name, value) for name, value in chunk.items() if name not in ("object", "choices") and value)
        for choice in chunk["choices"]:
            _take(choices.setdefault(choice["index"], {"index": choice["index"], "message": {}}), choice)
    return {**reply, "choices": [choices[index] for index in sorted(choices)]}


def _take(whole: dict[str, Any], choice: dict[str, Any]) -> None:
    message = whole["message"]
    whole["finish_reason"] = choice.get("finish_reason") or whole.get("finish_reason")
    for name, value in choice["delta"].items():
        if name in _TEXTS and type(value) is str:
            message[name] = lenient_text(message.get(name)) + value
        elif name == "tool_calls":
            for fragment in value:
                _take_call(message.setdefault("tool_calls", []), fragment)
        elif type(value) is list and type(message.get(name)) is list:
            message[name] += value
        elif value is not None:
            message[name] = value
    if type(logprobs := choice.get("logprobs")) is dict:
        _take_logprobs(whole, logprobs)


def _take_logprobs(whole: dict[str, Any], fragment: dict[str, Any]) -> None:
    known = whole.setdefault("logprobs", {"content": None, "refusal": None})
    for name, entries in fragment.items():
        if type(entries) is list:
            known[name] = (known.get(name) or []) + entries


def _take_call(calls: list[dict[str, Any]], fragment: dict[str, Any]) -> None:
    if fragment["index"] >= len(calls):
        calls.append({name: value for name, value in fragment.items() if name != "index"})
        return
    call = calls[fragment["index"]]
    for kind, field in (("function", "arguments"), ("custom", "input")):
        if kind in fragment and kind in call:
            call[kind][field] += fragment[kind].get(field, "")
