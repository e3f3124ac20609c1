"""The same answers as Bedrock and Cohere would send them, which no caller speaks; written by hand from their pages.

Shares nothing with the dialects that read them.
"""

import json
import zlib
from collections.abc import Iterator
from typing import Any

from upstreams import ERROR, INPUT_TOKENS, OUTPUT_TOKENS, Answer, Args, Open, Think, frame

KINDS = ("bedrock", "cohere")

JSON_HEADERS = {":content-type": "application/json"}


def write_stream(kind: str, answer: Answer) -> list[bytes]:
    """The events of a stream."""
    return list((_stream_bedrock if kind == "bedrock" else _stream_cohere)(answer))


def write_reply(kind: str, answer: Answer) -> dict[str, Any]:
    """A whole reply; only of an answer that came to an end."""
    return (_reply_bedrock if kind == "bedrock" else _reply_cohere)(answer)


def runs_of(answer: Answer) -> list[tuple[str, list[str], list[str]]]:
    """Kind, names and pieces of each block: neither sends blocks at once."""
    runs: list[tuple[str, list[str], list[str]]] = []
    calls: dict[int, list[str]] = {}
    for move in answer.moves:
        match move:
            case Open():
                calls[move.call] = []
                runs.append(("call", [move.id, move.name], calls[move.call]))
            case Args():
                calls[move.call].append(move.text)
            case _:
                kind = "reasoning" if isinstance(move, Think) else "text"
                if not runs or runs[-1][0] != kind:
                    runs.append((kind, [], []))
                runs[-1][2].append(move.text)
    return runs


# --- Bedrock ----------------------------------------------------------------------------------------------------


def message(headers: dict[str, str], payload: Any) -> bytes:
    """One message of an AWS event stream."""
    written = b""
    for name, value in headers.items():
        written += bytes([len(name)]) + name.encode() + b"\x07" + len(value).to_bytes(2, "big") + value.encode()
    body = payload if isinstance(payload, bytes) else json.dumps(payload, ensure_ascii=False).encode()
    total = 12 + len(written) + len(body) + 4
    prelude = total.to_bytes(4, "big") + len(written).to_bytes(4, "big")
    prelude += zlib.crc32(prelude).to_bytes(4, "big")
    whole = prelude + written + body
    return whole + zlib.crc32(whole).to_bytes(4, "big")


def event(kind: str, **members: Any) -> bytes:
    """An event of ConverseStream, with the padding that AWS adds."""
    headers = {":event-type": kind, **JSON_HEADERS, ":message-type": "event"}
    return message(headers, {**members, "p": "abcdefgh"})


def exception(kind: str, text: str) -> bytes:
    return message({":exception-type": kind, **JSON_HEADERS, ":message-type": "exception"}, {"message": text})


BEDROCK_USAGE = {
    "inputTokens": INPUT_TOKENS,
    "outputTokens": OUTPUT_TOKENS,
    "totalTokens": INPUT_TOKENS + OUTPUT_TOKENS,
}


def _bedrock_stop(answer: Answer) -> str:
    if answer.end == "length":
        return "max_tokens"
    return "tool_use" if any(isinstance(move, Open) for move in answer.moves) else "end_turn"


def _stream_bedrock(answer: Answer) -> Iterator[bytes]:
    yield event("messageStart", role="assistant")
    runs = runs_of(answer)
    for index, (kind, names, pieces) in enumerate(runs):
        if kind == "call":
            start = {"toolUse": {"toolUseId": names[0], "name": names[1]}}
            yield event("contentBlockStart", start=start, contentBlockIndex=index)
        for piece in pieces:
            delta: dict[str, Any] = {
                "call": {"toolUse": {"input": piece}},
                "reasoning": {"reasoningContent": {"text": piece}},
                "text": {"text": piece},
            }[kind]
            yield event("contentBlockDelta", delta=delta, contentBlockIndex=index)
        if index == len(runs) - 1 and answer.end in ("error", "cut"):
            break
        if kind == "reasoning":
            signature = {"reasoningContent": {"signature": "c2ln"}}
            yield event("contentBlockDelta", delta=signature, contentBlockIndex=index)
        yield event("contentBlockStop", contentBlockIndex=index)
    if answer.end == "error":
        yield exception("modelStreamErrorException", ERROR["message"] or "")
    if answer.end in ("error", "cut"):
        return
    yield event("messageStop", stopReason=_bedrock_stop(answer))
    yield event("metadata", usage=BEDROCK_USAGE, metrics={"latencyMs": 5})


def _bedrock_block(kind: str, values: list[str]) -> dict[str, Any]:
    match kind:
        case "call":
            try:
                given = json.loads(values[2])
            except ValueError:
                given = {}
            return {"toolUse": {"toolUseId": values[0], "name": values[1], "input": given}}
        case "reasoning":
            return {"reasoningContent": {"reasoningText": {"text": values[0], "signature": "c2ln"}}}
        case _:
            return {"text": values[0]}


def _reply_bedrock(answer: Answer) -> dict[str, Any]:
    content = [_bedrock_block(kind, values) for kind, *values in answer.items]
    return {
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": _bedrock_stop(answer),
        "usage": BEDROCK_USAGE,
        "metrics": {"latencyMs": 5},
    }


# --- Cohere -----------------------------------------------------------------------------------------------------

COHERE_USAGE = {
    "billed_units": {"input_tokens": 2, "output_tokens": 3},
    "tokens": {"input_tokens": INPUT_TOKENS, "output_tokens": OUTPUT_TOKENS},
}


def _cohere_finish(answer: Answer) -> str:
    if answer.end == "length":
        return "MAX_TOKENS"
    return "TOOL_CALL" if any(isinstance(move, Open) for move in answer.moves) else "COMPLETE"


def _stream_cohere(answer: Answer) -> Iterator[bytes]:
    def event(type: str, index: int | None = None, **message: Any) -> bytes:
        at = {} if index is None else {"index": index}
        delta = {"delta": {"message": message}} if message else {}
        return frame({"type": type, **at, **delta}, type)

    begun = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
    yield frame({"id": "up-1", "type": "message-start", "delta": {"message": begun}}, "message-start")
    counts = {"call": 0, "content": 0}
    runs = runs_of(answer)
    for number, (kind, names, pieces) in enumerate(runs):
        is_broken = number == len(runs) - 1 and answer.end in ("error", "cut")
        if kind == "call":
            index = counts["call"]
            counts["call"] += 1
            function = {"name": names[1], "arguments": ""}
            yield event("tool-call-start", index, tool_calls={"id": names[0], "type": "function", "function": function})
            for piece in pieces:
                yield event("tool-call-delta", index, tool_calls={"function": {"arguments": piece}})
            if not is_broken:
                yield event("tool-call-end", index)
            continue
        index = counts["content"]
        counts["content"] += 1
        name = "thinking" if kind == "reasoning" else "text"
        yield event("content-start", index, content={"type": name, name: ""})
        for piece in pieces:
            yield event("content-delta", index, content={name: piece})
        if not is_broken:
            yield event("content-end", index)
    if answer.end == "cut":
        return
    finish = "ERROR" if answer.end == "error" else _cohere_finish(answer)
    failed = {"error": ERROR["message"]} if answer.end == "error" else {}
    yield frame(
        {"type": "message-end", "delta": {"finish_reason": finish, "usage": COHERE_USAGE, **failed}}, "message-end"
    )


def _reply_cohere(answer: Answer) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant"}
    for kind, *values in answer.items:
        if kind == "call":
            function = {"name": values[1], "arguments": values[2]}
            message.setdefault("tool_calls", []).append({"id": values[0], "type": "function", "function": function})
        else:
            name = "thinking" if kind == "reasoning" else "text"
            message.setdefault("content", []).append({"type": name, name: values[0]})
    return {"id": "up-1", "message": message, "finish_reason": _cohere_finish(answer), "usage": COHERE_USAGE}
