"""Gemini at either end: the shared answers as its models send them, and what a careful client makes of its replies.

Written from Google's description; shares nothing with the dialect.
"""

import json
from collections.abc import Iterator
from typing import Any

from callers import Items, Seen
from upstreams import INPUT_TOKENS, OUTPUT_TOKENS, Answer, Args, Open, Refuse, Say, Think

MODEL = "up-model"
ERROR = {"error": {"code": 503, "message": "upstream exploded", "status": "UNAVAILABLE"}}
USAGE = {
    "promptTokenCount": INPUT_TOKENS,
    "candidatesTokenCount": OUTPUT_TOKENS,
    "totalTokenCount": INPUT_TOKENS + OUTPUT_TOKENS,
}


# --- as an upstream -----------------------------------------------------------------------------------------------


def _parts(answer: Answer) -> Iterator[dict[str, Any]]:
    """Pieces of text, and each call whole where it began; refusals are words."""
    calls: dict[int, str] = {}
    for move in answer.moves:
        if isinstance(move, Args):
            calls[move.call] = calls.get(move.call, "") + move.text
    for move in answer.moves:
        match move:
            case Say():
                yield {"text": move.text}
            case Refuse():
                yield {"text": move.text}
            case Think():
                yield {"text": move.text, "thought": True}
            case Open():
                args = json.loads(calls.get(move.call) or "{}")
                yield {"functionCall": {"id": move.id, "name": move.name, "args": args}}


def _response(parts: list[dict[str, Any]], finish: str | None = None) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"parts": parts, "role": "model"}, "index": 0}
    if finish:
        candidate["finishReason"] = finish
    return {"candidates": [candidate], "usageMetadata": USAGE, "modelVersion": MODEL, "responseId": "up"}


def _finish(answer: Answer) -> str:
    return "MAX_TOKENS" if answer.end == "length" else "STOP"


def _frame(value: Any) -> bytes:
    return b"data: " + json.dumps(value, ensure_ascii=False).encode() + b"\r\n\r\n"


def write_stream(answer: Answer) -> list[bytes]:
    """The events of a stream."""
    frames = [_frame(_response([part])) for part in _parts(answer)]
    if answer.end == "error":
        frames.append(_frame(ERROR))
    elif answer.end != "cut":
        frames.append(_frame(_response([{"text": ""}], _finish(answer))))
    return frames


def write_reply(answer: Answer) -> dict[str, Any]:
    """A whole reply, whose pieces of one kind are one part."""
    parts: list[dict[str, Any]] = []
    for part in _parts(answer):
        if parts and "text" in part and part.keys() == parts[-1].keys():
            parts[-1]["text"] += part["text"]
        else:
            parts.append(part)
    return _response(parts, _finish(answer))


# --- as a caller --------------------------------------------------------------------------------------------------


class _Reading:
    def __init__(self) -> None:
        self.seen = Seen()
        self.items: list[list[str]] = []

    def take(self, response: dict[str, Any]) -> None:
        assert self.seen.error is None, "nothing follows an error"
        if "error" in response:
            assert {"code", "message", "status"} <= response["error"].keys()
            self.seen.error = response["error"]["message"]
            return
        assert self.seen.finish is None, "nothing follows the finish"
        assert response["modelVersion"]
        assert response["responseId"]
        [candidate] = response["candidates"]
        assert candidate["index"] == 0
        assert candidate["content"]["role"] == "model"
        assert isinstance(candidate["content"]["parts"], list)
        for part in candidate["content"]["parts"]:
            self.part(part)
        self.seen.finish = {None: None, "STOP": "stop", "MAX_TOKENS": "length", "SAFETY": "refusal"}[
            candidate.get("finishReason")
        ]
        if usage := response.get("usageMetadata"):
            counts = (usage["promptTokenCount"], usage["candidatesTokenCount"])
            assert usage["totalTokenCount"] == sum(counts) + usage.get("thoughtsTokenCount", 0)
            self.seen.input_tokens, self.seen.output_tokens = counts

    def part(self, part: dict[str, Any]) -> None:
        if "functionCall" in part:
            call = part["functionCall"]
            assert call["id"]
            assert isinstance(call["args"], dict)
            arguments = json.dumps(call["args"], ensure_ascii=False, separators=(",", ":"))
            self.items.append(["call", call["id"], call["name"], arguments])
            return
        kind = "reasoning" if part.get("thought") else "text"
        if self.items and self.items[-1][0] == kind:
            self.items[-1][1] += part["text"]
        elif part["text"]:
            self.items.append([kind, part["text"]])

    def whole(self) -> Seen:
        self.seen.items = [tuple(item) for item in self.items]
        if any(item[0] == "call" for item in self.items) and self.seen.finish == "stop":
            self.seen.finish = "tool_calls"
        return self.seen


def read_stream(data: bytes) -> Seen:
    """The answer in a stream: JSON behind `data:`, nothing else (FR-18)."""
    reading = _Reading()
    blocks = data.replace(b"\r\n", b"\n").split(b"\n\n")
    assert blocks.pop() == b"", "events are whole"
    for block in blocks:
        assert block.startswith(b"data: ")
        reading.take(json.loads(block[6:]))
    seen = reading.whole()
    assert (seen.finish is None) == (seen.error is not None), "it finishes or fails"
    return seen


def read_reply(body: Any) -> Seen:
    """The answer in a whole reply."""
    reading = _Reading()
    reading.take(body)
    return reading.whole()


def plain(items: Items) -> Items:
    """What the dialect can hold: no refusals but in words, and arguments by their value, half ones as they came."""
    held: Items = []
    for kind, *values in items:
        if kind == "call":
            try:
                value = json.loads(values[2])
            except ValueError:
                value = {"input": values[2]}
            held.append(("call", *values[:2], json.dumps(value, sort_keys=True)))
        else:
            held.append(("text" if kind == "refusal" else kind, *values))
    return held
