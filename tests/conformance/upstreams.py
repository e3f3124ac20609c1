"""The same answers as each kind of upstream would send them, streamed and whole, written by hand from its description.

Shares nothing with the dialects that read them.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

KINDS = ("chat", "native_chat", "responses", "messages")
"""The accounts of the scripted gateway: a Chat server of no great care, OpenAI's own Chat, Responses, Messages."""


@dataclass(frozen=True)
class Say:
    """A piece of text."""

    text: str


@dataclass(frozen=True)
class Think:
    """A piece of reasoning."""

    text: str


@dataclass(frozen=True)
class Refuse:
    """A piece of a refusal."""

    text: str


@dataclass(frozen=True)
class Open:
    """A call begins."""

    call: int
    name: str

    @property
    def id(self) -> str:
        return f"call_{self.call}"


@dataclass(frozen=True)
class Args:
    """A piece of a call's arguments."""

    call: int
    text: str


Move = Say | Think | Refuse | Open | Args
End = Literal["stop", "length", "error", "cut"]


@dataclass(frozen=True)
class Answer:
    """What a model says, piece by piece, and how it ends. `is_ordered`: text, thoughts and calls alternate, which a
    whole Chat message cannot tell."""

    moves: Sequence[Move]
    end: End = "stop"
    is_ordered: bool = False

    @property
    def items(self) -> list[tuple[str, ...]]:
        """What a caller must see, in order: `("text", …)`, `("reasoning", …)`, `("refusal", …)`, `("call", id, name,
        arguments)`."""
        return gather(self.moves)


def gather(moves: Sequence[Move]) -> list[tuple[str, ...]]:
    """Pieces of one kind in a row are one item; a call stands where it began."""
    items: list[list[str]] = []
    calls: dict[int, list[str]] = {}
    for move in moves:
        match move:
            case Open():
                calls[move.call] = ["call", move.id, move.name, ""]
                items.append(calls[move.call])
            case Args():
                calls[move.call][3] += move.text
            case _:
                kind = {Say: "text", Think: "reasoning", Refuse: "refusal"}[type(move)]
                if items and items[-1][0] == kind:
                    items[-1][1] += move.text
                else:
                    items.append([kind, move.text])
    for call in calls.values():
        call[3] = call[3] or "{}"
    return [tuple(item) for item in items]


CALLS = (
    Say("Let me see."),
    Open(1, "get_weather"),
    Open(2, "get_time"),
    Args(1, '{"city":'),
    Args(2, '{"zone":"'),
    Args(1, '"Zürich 🎉"}'),
    Args(2, 'CET","x":[1, 2.50]}'),
)

ANSWERS: dict[str, Answer] = {
    "text": Answer([Say("Hel"), Say("lo"), Say(" there")]),
    "reasoning": Answer([Think("Hm, "), Think("so"), Say("Hello")]),
    "calls": Answer(CALLS),
    "call_alone": Answer([Open(1, "f"), Args(1, '{"x":1}')]),
    "thought_call": Answer([Think("A tool."), Open(1, "f"), Args(1, '{"x":1}')]),
    "no_arguments": Answer([Open(1, "now")]),
    "refusal": Answer([Refuse("I can"), Refuse("not.")]),
    "cut_text": Answer([Say("To be or"), Say(" not")], "length"),
    "cut_call": Answer([Say("Well."), Open(1, "f"), Args(1, '{"x":"unfin')], "length"),
    "error": Answer([Say("par")], "error"),
    "error_in_a_call": Answer([Open(1, "f"), Args(1, '{"x"')], "error"),
    "broken": Answer([Say("par")], "cut"),
    "broken_calls": Answer(CALLS, "cut"),
    "late_reasoning": Answer([Think("A"), Say("hello"), Think("B"), Say(" world")], is_ordered=True),
    "text_after_a_call": Answer([Say("one"), Open(1, "f"), Args(1, "{}"), Say("two")], is_ordered=True),
    "unicode": Answer([Say("Zürich "), Say('🎉\u2028日本 "\\/'), Say("\n\tdata: [DONE]\n\n\u0000é\r\n")]),
    "nothing": Answer([]),
}

ERROR = {"message": "upstream exploded", "type": "server_error", "code": "server_error", "param": None}
INPUT_TOKENS, OUTPUT_TOKENS = 7, 5
MODEL = "up-model"


def write_stream(kind: str, answer: Answer) -> list[bytes]:
    """The events of a stream."""
    writer = {"responses": _stream_responses, "messages": _stream_messages}.get(kind, _stream_chat)
    if kind == "native_chat":
        answer = _with_arguments(answer)
    return list(writer(answer))


def write_reply(kind: str, answer: Answer) -> dict[str, Any]:
    """A whole reply; only of an answer that came to an end."""
    writer = {"responses": _reply_responses, "messages": _reply_messages}.get(kind, _reply_chat)
    return writer(answer)


def frame(event: dict[str, Any] | str, name: str | None = None) -> bytes:
    data = event if isinstance(event, str) else json.dumps(event, ensure_ascii=False, separators=(",", ":"))
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {data}\n\n".encode()


def _with_arguments(answer: Answer) -> Answer:
    """OpenAI says `{}` itself where a call has no arguments."""
    told = {move.call for move in answer.moves if isinstance(move, Args)}
    calls = [move.call for move in answer.moves if isinstance(move, Open) and move.call not in told]
    return Answer([*answer.moves, *(Args(call, "{}") for call in calls)], answer.end, answer.is_ordered)


# --- Chat -------------------------------------------------------------------------------------------------------

_CHAT_USAGE = {
    "prompt_tokens": INPUT_TOKENS,
    "completion_tokens": OUTPUT_TOKENS,
    "total_tokens": INPUT_TOKENS + OUTPUT_TOKENS,
}


def _chat_finish(answer: Answer) -> str:
    if answer.end == "length":
        return "length"
    return "tool_calls" if any(isinstance(move, Open) for move in answer.moves) else "stop"


def _stream_chat(answer: Answer) -> Iterator[bytes]:
    def chunk(delta: dict[str, Any], finish: str | None = None, **members: Any) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        whole = {"id": "chatcmpl-up", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": MODEL}
        return frame({**whole, "choices": [choice], "usage": None, **members})

    yield chunk({"role": "assistant", "content": ""})
    indexes: dict[int, int] = {}
    for move in answer.moves:
        match move:
            case Say():
                yield chunk({"content": move.text})
            case Think():
                yield chunk({"reasoning_content": move.text})
            case Refuse():
                yield chunk({"refusal": move.text})
            case Open():
                indexes[move.call] = len(indexes)
                call = {"id": move.id, "type": "function", "function": {"name": move.name, "arguments": ""}}
                yield chunk({"tool_calls": [{"index": indexes[move.call], **call}]})
            case Args():
                fragment = {"index": indexes[move.call], "function": {"arguments": move.text}}
                yield chunk({"tool_calls": [fragment]})
    if answer.end == "error":
        yield frame({"error": ERROR})
    if answer.end in ("error", "cut"):
        return
    yield chunk({}, _chat_finish(answer))
    yield chunk({}, choices=[], usage=_CHAT_USAGE)
    yield frame("[DONE]")


def _reply_chat(answer: Answer) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": None, "refusal": None}
    names = {"text": "content", "reasoning": "reasoning_content", "refusal": "refusal"}
    for kind, *values in answer.items:
        if kind == "call":
            function = {"name": values[1], "arguments": values[2]}
            message.setdefault("tool_calls", []).append({"id": values[0], "type": "function", "function": function})
        else:
            message[names[kind]] = (message.get(names[kind]) or "") + values[0]
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _chat_finish(answer)}
    return {
        "id": "chatcmpl-up",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": MODEL,
        "choices": [choice],
        "usage": _CHAT_USAGE,
    }


# --- Responses --------------------------------------------------------------------------------------------------

_RESPONSES_USAGE = {
    "input_tokens": INPUT_TOKENS,
    "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
    "output_tokens": OUTPUT_TOKENS,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": INPUT_TOKENS + OUTPUT_TOKENS,
}


def _response(status: str, output: list[Any], **members: Any) -> dict[str, Any]:
    return {
        "id": "resp_up",
        "object": "response",
        "created_at": 1_700_000_000,
        "status": status,
        "error": None,
        "incomplete_details": {"reason": "max_output_tokens"} if status == "incomplete" else None,
        "instructions": None,
        "metadata": {},
        "model": MODEL,
        "output": output,
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "usage": _RESPONSES_USAGE if status in ("completed", "incomplete") else None,
        **members,
    }


def _item(number: int, kind: str, values: Sequence[str], status: str) -> dict[str, Any]:
    match kind:
        case "call":
            call = {"call_id": values[0], "name": values[1], "arguments": values[2]}
            return {"id": f"fc_{number}", "type": "function_call", "status": status, **call}
        case "reasoning":
            summary = [{"type": "summary_text", "text": values[0]}]
            return {"id": f"rs_{number}", "type": "reasoning", "summary": summary}
        case "refusal":
            part: dict[str, Any] = {"type": "refusal", "refusal": values[0]}
        case _:
            part = {"type": "output_text", "text": values[0], "annotations": [], "logprobs": []}
    return {"id": f"msg_{number}", "type": "message", "status": status, "role": "assistant", "content": [part]}


def _output(answer: Answer) -> list[dict[str, Any]]:
    items = answer.items
    last = len(items) - 1
    return [
        _item(number, kind, values, "incomplete" if answer.end == "length" and number == last else "completed")
        for number, (kind, *values) in enumerate(items)
    ]


def _reply_responses(answer: Answer) -> dict[str, Any]:
    return _response("incomplete" if answer.end == "length" else "completed", _output(answer))


def _stream_responses(answer: Answer) -> Iterator[bytes]:
    events = list(_responses_events(answer))
    for number, event in enumerate(events):
        yield frame({**event, "sequence_number": number}, event["type"])


class _Opened:
    """An item on its way."""

    def __init__(self, number: int, kind: str, values: list[str]) -> None:
        self.number = number
        self.kind = kind
        self.values = values

    def at(self, **members: Any) -> dict[str, Any]:
        prefix = {"call": "fc", "reasoning": "rs"}.get(self.kind, "msg")
        return {"item_id": f"{prefix}_{self.number}", "output_index": self.number, **members}

    def begin(self) -> Iterator[dict[str, Any]]:
        item = _item(self.number, self.kind, ["" if self.kind != "call" else v for v in self.values], "in_progress")
        if self.kind == "call":
            item = _item(self.number, "call", [*self.values[:2], ""], "in_progress")
        for member in ("content", "summary"):
            if member in item:
                item[member] = []
        yield {"type": "response.output_item.added", "output_index": self.number, "item": item}
        match self.kind:
            case "reasoning":
                part: dict[str, Any] = {"type": "summary_text", "text": ""}
                yield {"type": "response.reasoning_summary_part.added", **self.at(summary_index=0, part=part)}
            case "refusal":
                part = {"type": "refusal", "refusal": ""}
                yield {"type": "response.content_part.added", **self.at(content_index=0, part=part)}
            case "text":
                part = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
                yield {"type": "response.content_part.added", **self.at(content_index=0, part=part)}

    def delta(self, text: str) -> dict[str, Any]:
        self.values[-1] += text
        match self.kind:
            case "call":
                return {"type": "response.function_call_arguments.delta", **self.at(delta=text)}
            case "reasoning":
                return {"type": "response.reasoning_summary_text.delta", **self.at(summary_index=0, delta=text)}
            case "refusal":
                return {"type": "response.refusal.delta", **self.at(content_index=0, delta=text)}
            case _:
                return {"type": "response.output_text.delta", **self.at(content_index=0, delta=text, logprobs=[])}

    def end(self, status: str) -> Iterator[dict[str, Any]]:
        text = self.values[-1]
        if self.kind == "call" and not text:
            self.values[-1] = text = "{}"
        item = _item(self.number, self.kind, self.values, status)
        match self.kind:
            case "call":
                arguments = self.at(name=self.values[1], arguments=text)
                yield {"type": "response.function_call_arguments.done", **arguments}
            case "reasoning":
                yield {"type": "response.reasoning_summary_text.done", **self.at(summary_index=0, text=text)}
                part = item["summary"][0]
                yield {"type": "response.reasoning_summary_part.done", **self.at(summary_index=0, part=part)}
            case "refusal":
                yield {"type": "response.refusal.done", **self.at(content_index=0, refusal=text)}
                yield {"type": "response.content_part.done", **self.at(content_index=0, part=item["content"][0])}
            case _:
                yield {"type": "response.output_text.done", **self.at(content_index=0, text=text, logprobs=[])}
                yield {"type": "response.content_part.done", **self.at(content_index=0, part=item["content"][0])}
        yield {"type": "response.output_item.done", "output_index": self.number, "item": item}


def _responses_events(answer: Answer) -> Iterator[dict[str, Any]]:
    yield {"type": "response.created", "response": _response("in_progress", [])}
    yield {"type": "response.in_progress", "response": _response("in_progress", [])}
    opened: list[_Opened] = []
    calls: dict[int, _Opened] = {}
    current: _Opened | None = None
    for move in answer.moves:
        if isinstance(move, Args):
            yield calls[move.call].delta(move.text)
            continue
        kind = {Say: "text", Think: "reasoning", Refuse: "refusal", Open: "call"}[type(move)]
        if current is not None and (kind != current.kind or kind == "call"):
            if current.kind != "call":
                yield from current.end("completed")
                opened.remove(current)
            current = None
        if current is None:
            values = [move.id, move.name, ""] if isinstance(move, Open) else [""]
            number = max([*(one.number for one in opened), -1, *_ended_numbers(answer, move)]) + 1
            current = _Opened(number, kind, values)
            opened.append(current)
            if isinstance(move, Open):
                calls[move.call] = current
            yield from current.begin()
        if not isinstance(move, Open):
            yield current.delta(move.text)
    if answer.end == "error":
        error = {"type": ERROR["type"], "code": ERROR["code"], "message": ERROR["message"], "param": None}
        yield {"type": "error", "error": error}
        failed = {"code": "server_error", "message": ERROR["message"]}
        yield {"type": "response.failed", "response": _response("failed", [], error=failed)}
    if answer.end in ("error", "cut"):
        return
    for one in opened:
        is_last = answer.end == "length" and one is opened[-1]
        yield from one.end("incomplete" if is_last else "completed")
    status = "incomplete" if answer.end == "length" else "completed"
    yield {"type": f"response.{status}", "response": _response(status, _output(answer))}


def _ended_numbers(answer: Answer, move: Move) -> range:
    """The numbers that items before this move have taken."""
    before = [one for one in answer.moves[: _position(answer, move)] if not isinstance(one, Args)]
    return range(len(gather(before)))


def _position(answer: Answer, move: Move) -> int:
    return next(number for number, one in enumerate(answer.moves) if one is move)


# --- Messages ---------------------------------------------------------------------------------------------------


def _messages_stop(answer: Answer) -> str:
    if answer.end == "length":
        return "max_tokens"
    if any(isinstance(move, Refuse) for move in answer.moves):
        return "refusal"
    return "tool_use" if any(isinstance(move, Open) for move in answer.moves) else "end_turn"


def _block(kind: str, values: Sequence[str]) -> dict[str, Any]:
    match kind:
        case "call":
            try:
                arguments = json.loads(values[2])
            except ValueError:
                arguments = {}
            return {"type": "tool_use", "id": values[0], "name": values[1], "input": arguments}
        case "reasoning":
            return {"type": "thinking", "thinking": values[0], "signature": "c2ln"}
        case _:
            return {"type": "text", "text": values[0]}


def _message(content: list[Any], stop_reason: str | None, output_tokens: int) -> dict[str, Any]:
    return {
        "id": "msg_up",
        "type": "message",
        "role": "assistant",
        "model": MODEL,
        "content": content,
        "stop_reason": stop_reason,
        "stop_sequence": None,
        "usage": {
            "input_tokens": INPUT_TOKENS,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "output_tokens": output_tokens,
        },
    }


def _reply_messages(answer: Answer) -> dict[str, Any]:
    blocks = [_block(kind, values) for kind, *values in answer.items]
    return _message(blocks, _messages_stop(answer), OUTPUT_TOKENS)


@dataclass
class _Run:
    """The pieces of one block: Anthropic sends blocks one after another."""

    kind: str
    values: list[str]
    pieces: list[str] = field(default_factory=list)


def _runs(answer: Answer) -> list[_Run]:
    runs: list[_Run] = []
    calls: dict[int, _Run] = {}
    for move in answer.moves:
        match move:
            case Open():
                calls[move.call] = _Run("call", [move.id, move.name, "{}"])
                runs.append(calls[move.call])
            case Args():
                calls[move.call].pieces.append(move.text)
            case _:
                kind = "reasoning" if isinstance(move, Think) else "text"
                if not runs or runs[-1].kind != kind:
                    runs.append(_Run(kind, [""]))
                runs[-1].pieces.append(move.text)
    return runs


def _stream_messages(answer: Answer) -> Iterator[bytes]:
    def event(type: str, **members: Any) -> bytes:
        return frame({"type": type, **members}, type)

    yield event("message_start", message=_message([], None, 1))
    yield event("ping")
    runs = _runs(answer)
    for index, run in enumerate(runs):
        is_last = index == len(runs) - 1
        start = _block(run.kind, run.values) | ({"signature": ""} if run.kind == "reasoning" else {})
        yield event("content_block_start", index=index, content_block=start)
        for piece in run.pieces:
            delta = {
                "call": {"type": "input_json_delta", "partial_json": piece},
                "reasoning": {"type": "thinking_delta", "thinking": piece},
                "text": {"type": "text_delta", "text": piece},
            }[run.kind]
            yield event("content_block_delta", index=index, delta=delta)
        if is_last and answer.end in ("error", "cut"):
            break
        if run.kind == "reasoning":
            yield event("content_block_delta", index=index, delta={"type": "signature_delta", "signature": "c2ln"})
        yield event("content_block_stop", index=index)
    if answer.end == "error":
        yield event("error", error={"type": "api_error", "message": ERROR["message"]})
    if answer.end in ("error", "cut"):
        return
    delta = {"stop_reason": _messages_stop(answer), "stop_sequence": None}
    yield event("message_delta", delta=delta, usage={"output_tokens": OUTPUT_TOKENS})
    yield event("message_stop")
