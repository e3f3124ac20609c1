"""What a careful client of each dialect makes of a reply, and the grammar that it insists on while it does.

Written from the dialects' descriptions; shares nothing with the code that writes them.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

Items = list[tuple[str, ...]]

_OPENAI_ERROR = {"message", "type", "param", "code"}


@dataclass
class Seen:
    """An answer as its client has it. `ids`: every item's own id; `error`: the message of what ended it."""

    items: Items = field(default_factory=list)
    finish: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    error: str | None = None
    statuses: list[str] = field(default_factory=list)


def read_stream(caller: str, data: bytes, *, is_native: bool = False) -> Seen:
    """The answer in a stream, which must keep the dialect's grammar.

    With `is_native` its errors may be as the vendors themselves send them: without a `[DONE]` behind, or nested alone.
    """
    if caller == "messages":
        return _MessagesStream().read(data)
    return (_ChatStream if caller == "chat" else _ResponsesStream)(is_native).read(data)


def read_reply(caller: str, body: Any) -> Seen:
    """The answer in a whole reply."""
    return {"chat": _read_chat, "responses": _read_response, "messages": _read_message}[caller](body)


def _frames(data: bytes) -> Iterator[tuple[str, str]]:
    """Name and data of every event; comments are passed over."""
    assert data.endswith(b"\n\n"), "events are whole"
    for block in data.decode().split("\n\n")[:-1]:
        name, lines = "", []
        for line in block.split("\n"):
            field_name, _, value = line.partition(":")
            if field_name == "event":
                name = value.removeprefix(" ")
            elif field_name == "retry":
                pass
            elif field_name == "data":
                lines.append(value.removeprefix(" "))
            else:
                assert field_name == "", f"unknown line {line!r}"
        if lines:
            yield name, "\n".join(lines)


# --- Chat -------------------------------------------------------------------------------------------------------


class _ChatStream:
    def __init__(self, is_native: bool) -> None:
        self.is_native = is_native
        self.seen = Seen()
        self.texts = {"reasoning_content": "", "content": "", "refusal": ""}
        self.calls: list[dict[str, str]] = []
        self.head: tuple[Any, ...] | None = None
        self.usages = 0

    def read(self, data: bytes) -> Seen:
        frames = list(_frames(data))
        assert frames, "a stream says something"
        is_done = frames[-1] == ("", "[DONE]")
        for name, text in frames[: -1 if is_done else None]:
            assert name == "", "Chat's events have no name"
            assert self.seen.error is None, "nothing follows an error but `[DONE]`"
            chunk = json.loads(text)
            if "error" in chunk:
                assert set(chunk["error"]) == _OPENAI_ERROR
                self.seen.error = chunk["error"]["message"]
            else:
                self.chunk(chunk)
        assert is_done or (self.seen.error and self.is_native), "`[DONE]` is the last"
        names = {"reasoning_content": "reasoning", "content": "text", "refusal": "refusal"}
        self.seen.items = [(names[name], text) for name, text in self.texts.items() if text]
        self.seen.items += [("call", call["id"], call["name"], call["arguments"]) for call in self.calls]
        assert (self.seen.finish is None) == (self.seen.error is not None), "it finishes or fails"
        return self.seen

    def chunk(self, chunk: dict[str, Any]) -> None:
        if not chunk["choices"] and not chunk.get("usage"):
            return  # what Azure's filters said of the prompt
        assert chunk["object"] == "chat.completion.chunk"
        head = (chunk["id"], chunk["model"])
        assert chunk["id"]
        assert isinstance(chunk["created"], int)
        assert self.head in (None, head), "id and model stay the same"
        if chunk.get("usage"):
            self.usages += 1
            assert chunk["choices"] == []
            assert self.seen.finish is not None, "usage comes after the finish"
            assert self.usages == 1, "usage comes once"
            usage = chunk["usage"]
            assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
            self.seen.input_tokens, self.seen.output_tokens = usage["prompt_tokens"], usage["completion_tokens"]
            return
        [choice] = chunk["choices"]
        assert choice["index"] == 0
        assert self.seen.finish is None, "no choice follows the finish"
        delta = choice["delta"]
        role = delta.get("role")
        assert role == "assistant" or (role is None and self.head is not None), "the role comes first"
        self.head = head
        for name in self.texts:
            self.texts[name] += delta.get(name) or ""
        if not delta.get("reasoning_content"):
            self.texts["reasoning_content"] += delta.get("reasoning") or ""
        for fragment in delta.get("tool_calls") or ():
            self.fragment(fragment)
        assert delta.get("tool_calls") != [], "no empty list of calls"
        self.seen.finish = choice.get("finish_reason")
        assert self.seen.finish in (None, "stop", "length", "tool_calls", "content_filter")

    def fragment(self, fragment: dict[str, Any]) -> None:
        index = fragment["index"]
        function = fragment["function"]
        if index == len(self.calls):
            assert fragment["type"] == "function"
            assert fragment["id"]
            assert function["name"]
            self.calls.append({"id": fragment["id"], "name": function["name"], "arguments": ""})
        else:
            assert 0 <= index < len(self.calls), "indexes are dense"
            assert not fragment.get("id"), "an id comes once"
            assert not function.get("name"), "a name comes once"
        assert isinstance(function.get("arguments", ""), str)
        self.calls[index]["arguments"] += function.get("arguments", "")


def _read_chat(body: Any) -> Seen:
    assert body["object"] == "chat.completion"
    assert body["id"]
    assert body["model"]
    assert isinstance(body["created"], int)
    [choice] = body["choices"]
    message = choice["message"]
    assert message["role"] == "assistant"
    assert "content" in message
    seen = Seen(finish=choice["finish_reason"])
    for name, kind in (("reasoning_content", "reasoning"), ("content", "text"), ("refusal", "refusal")):
        text = message.get(name) or (name == "reasoning_content" and message.get("reasoning"))
        if text:
            seen.items.append((kind, text))
    for call in message.get("tool_calls") or ():
        assert call["type"] == "function"
        seen.items.append(("call", call["id"], call["function"]["name"], call["function"]["arguments"]))
    usage = body["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    seen.input_tokens, seen.output_tokens = usage["prompt_tokens"], usage["completion_tokens"]
    return seen


# --- Responses --------------------------------------------------------------------------------------------------

_RESPONSE_FIELDS = (
    "id object created_at status model output error incomplete_details instructions metadata parallel_tool_calls"
    " temperature tool_choice tools top_p usage"
).split()


class _ResponsesStream:
    def __init__(self, is_native: bool) -> None:
        self.is_native = is_native
        self.seen = Seen()
        self.id: str | None = None
        self.open: dict[int, dict[str, Any]] = {}
        self.part: dict[tuple[int, str], dict[str, Any]] = {}
        self.done: dict[int, dict[str, Any]] = {}
        self.next_index = 0
        self.terminal: str | None = None

    def read(self, data: bytes) -> Seen:
        frames = list(_frames(data))
        if frames[-1] == ("", "[DONE]"):
            frames.pop()
        events = [(name, json.loads(text)) for name, text in frames]
        assert [name for name, _ in events] == [event["type"] for _, event in events], "the name is the type"
        numbers = [event["sequence_number"] for _, event in events]
        assert numbers == list(range(len(events))), "sequence numbers are dense from 0"
        types = [name for name, _ in events]
        assert types[:2] == ["response.created", "response.in_progress"]
        assert types.count("response.created") == types.count("response.in_progress") == 1
        for name, event in events:
            assert self.terminal is None, "nothing follows the terminal event"
            if name != "error":
                assert "error" not in event, "SDKs raise at any top-level `error`"
            self.take(name.removeprefix("response."), event)
        assert self.terminal is not None, "there is a terminal event"
        assert not self.open, "every item has ended"
        return self.seen

    def take(self, name: str, event: dict[str, Any]) -> None:
        match name:
            case "created" | "in_progress":
                self.response(event["response"], "in_progress")
                assert event["response"]["output"] == []
            case "completed" | "incomplete" | "failed":
                self.end(name, event["response"])
            case "error":
                assert set(event["error"]) == _OPENAI_ERROR
                assert self.is_native or {"code", "message", "param"} <= set(event)
                self.seen.error = event["error"]["message"]
            case "output_item.added":
                assert event["output_index"] == self.next_index, "indexes are dense, in order of start"
                self.next_index += 1
                item = event["item"]
                assert item["id"]
                assert item.get("status", "in_progress") == "in_progress"
                assert not item.get("content")
                assert not item.get("summary")
                assert not item.get("arguments")
                assert self.seen.error is None
                self.open[event["output_index"]] = {**item, "text": "", "parts": []}
            case "output_item.done":
                self.end_item(event["output_index"], event["item"])
            case _:
                self.inside(name, event)

    def inside(self, name: str, event: dict[str, Any]) -> None:
        index = event["output_index"]
        item = self.open[index]
        assert event["item_id"] == item["id"], "deltas name their item"
        kind, _, step = name.rpartition(".")
        if kind == "function_call_arguments":
            assert item["type"] == "function_call"
            if step == "delta":
                assert "arguments" not in item["parts"], "no delta follows `done`"
                item["text"] += event["delta"]
            else:
                assert event["name"] == item["name"]
                # A call without arguments is told as `{}` at the end.
                assert event["arguments"] == item["text"] or (event["arguments"] == "{}" and not item["text"])
                item["text"] = event["arguments"]
                item["parts"].append("arguments")
            return
        at = "summary_index" if "summary" in kind else "content_index"
        key = (index, at)
        holder = "reasoning" if "reasoning" in kind or "summary" in kind else item["type"]
        assert item["type"] == holder
        match kind.rpartition("_")[2], step:
            case "part", "added":
                assert key not in self.part, "one part at a time"
                assert event[at] == len([part for part in item["parts"] if part["at"] == at]), "parts count from 0"
                self.part[key] = {"at": at, "number": event[at], "type": event["part"]["type"], "text": ""}
            case "part", "done":
                part = self.part.pop(key)
                assert part["number"] == event[at]
                assert part["closed"]
                assert _text_of(event["part"]) == part["text"]
                item["parts"].append({**part, "wire": event["part"]})
            case _, "delta":
                part = self.part[key]
                assert part["number"] == event[at]
                assert not part.get("closed"), "no delta follows `done`"
                if kind == "output_text":
                    assert isinstance(event["logprobs"], list)
                part["text"] += event["delta"]
            case _, "done":
                part = self.part[key]
                assert part["number"] == event[at]
                assert event.get("refusal", event.get("text")) == part["text"]
                part["closed"] = True
            case _:
                raise AssertionError(f"unknown event {name}")

    def end_item(self, index: int, item: dict[str, Any]) -> None:
        opened = self.open.pop(index)
        assert not [key for key in self.part if key[0] == index], "its parts have ended"
        for member in ("id", "type", "call_id", "name", "role"):
            assert item.get(member) == opened.get(member), f"`{member}` stays the same"
        assert item.get("status", "completed") in ("completed", "incomplete")
        if item["type"] == "function_call":
            assert item["arguments"] == opened["text"]
        elif item["type"] == "message":
            assert item["content"] == [part["wire"] for part in opened["parts"]]
        else:
            for member, at in (("summary", "summary_index"), ("content", "content_index")):
                told = [part["wire"] for part in opened["parts"] if part["at"] == at]
                assert (item.get(member) or []) == told
        self.done[index] = item

    def response(self, response: dict[str, Any], status: str) -> None:
        assert all(name in response for name in _RESPONSE_FIELDS)
        assert response["object"] == "response"
        assert response["status"] == status
        assert self.id in (None, response["id"]), "one id"
        self.id = response["id"]

    def end(self, status: str, response: dict[str, Any]) -> None:
        self.terminal = status
        self.response(response, status)
        output = [self.done[index] for index in sorted(self.done)]
        if status == "failed":
            assert self.seen.error is not None, "the error event comes first"
            assert response["error"]["message"] == self.seen.error
            self.open.clear() if not response["output"] else None
            self.part.clear()
            read = _read_output(response["output"])
            self.seen.items, self.seen.statuses = read.items, read.statuses
            self.seen.finish = None
            return
        assert self.seen.error is None
        assert response["output"] == output, "the final output is what was streamed"
        read = _read_response(response)
        read.error = self.seen.error
        self.seen = read


def _text_of(part: dict[str, Any]) -> str:
    return str(part.get("refusal", part.get("text")))


def _read_output(output: list[dict[str, Any]]) -> Seen:
    seen = Seen()
    for item in output:
        seen.statuses.append(item.get("status", "completed"))
        match item["type"]:
            case "message":
                for part in item["content"]:
                    kind = "refusal" if part["type"] == "refusal" else "text"
                    assert part["type"] in ("output_text", "refusal")
                    seen.items.append((kind, _text_of(part)))
            case "reasoning":
                parts = [*item["summary"], *(item.get("content") or [])]
                seen.items.append(("reasoning", "".join(part["text"] for part in parts)))
            case "function_call":
                seen.items.append(("call", item["call_id"], item["name"], item["arguments"]))
            case _:
                raise AssertionError(f"unknown item {item['type']}")
    ids = [item["id"] for item in output]
    assert len(set(ids)) == len(ids)
    return seen


def _read_response(response: dict[str, Any]) -> Seen:
    assert all(name in response for name in _RESPONSE_FIELDS)
    seen = _read_output(response["output"])
    assert response["status"] in ("completed", "incomplete")
    assert response["error"] is None
    details = response["incomplete_details"]
    assert (details is not None) == (response["status"] == "incomplete")
    seen.finish = {None: "stop", "max_output_tokens": "length", "content_filter": "content_filter"}[
        details["reason"] if details else None
    ]
    usage = response["usage"]
    if usage is None:
        return seen  # the upstream told none
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
    assert "cached_tokens" in usage["input_tokens_details"]
    assert "reasoning_tokens" in usage["output_tokens_details"]
    seen.input_tokens, seen.output_tokens = usage["input_tokens"], usage["output_tokens"]
    return seen


# --- Messages ---------------------------------------------------------------------------------------------------


class _MessagesStream:
    def __init__(self) -> None:
        self.seen = Seen()
        self.blocks: list[dict[str, Any]] = []
        self.is_open = False
        self.pieces = ""
        self.state = "before"
        self.start: dict[str, Any] = {}

    def read(self, data: bytes) -> Seen:
        for name, text in _frames(data):
            event = json.loads(text)
            assert name == event["type"], "the name is the type"
            assert self.state != "over", "nothing follows the end"
            self.take(event)
        assert self.state == "over", "there is an end"
        self.seen.items = [_read_block(block) for block in self.blocks]
        return self.seen

    def take(self, event: dict[str, Any]) -> None:
        match event["type"]:
            case "ping":
                return
            case "error":
                assert set(event["error"]) == {"type", "message"}
                self.seen.error = event["error"]["message"]
                self.state = "over"
            case "message_start":
                assert self.state == "before", "it starts once"
                self.state = "within"
                message = event["message"]
                assert (message["type"], message["role"], message["content"]) == ("message", "assistant", [])
                assert message["stop_reason"] is None
                assert message["id"]
                assert message["model"]
                assert message["usage"]["input_tokens"] > 0
                assert "output_tokens" in message["usage"]
                self.seen.input_tokens = message["usage"]["input_tokens"]
            case "content_block_start":
                assert self.state == "within"
                assert not self.is_open, "blocks come one after another"
                assert event["index"] == len(self.blocks), "indexes are dense"
                block = dict(event["content_block"])
                match block["type"]:
                    case "text":
                        assert block["text"] == ""
                    case "thinking":
                        assert (block["thinking"], block["signature"]) == ("", "")
                    case "tool_use":
                        assert block["input"] == {}
                self.blocks.append(block)
                self.is_open, self.pieces = True, ""
            case "content_block_delta":
                assert self.is_open
                assert event["index"] == len(self.blocks) - 1, "a delta is inside its block"
                self.delta(self.blocks[-1], event["delta"])
            case "content_block_stop":
                assert self.is_open
                assert event["index"] == len(self.blocks) - 1
                self.is_open = False
                self.close(self.blocks[-1])
            case "message_delta":
                assert self.state == "within"
                assert not self.is_open
                assert {"stop_reason", "stop_sequence"} <= set(event["delta"])
                self.seen.finish = _finish_of(event["delta"]["stop_reason"])
                usage = event["usage"]
                self.seen.output_tokens = usage["output_tokens"]
                self.seen.input_tokens = usage.get("input_tokens") or self.seen.input_tokens
                self.state = "stopping"
            case "message_stop":
                assert self.state == "stopping"
                self.state = "over"
            case _:
                raise AssertionError(f"unknown event {event['type']}")

    def delta(self, block: dict[str, Any], delta: dict[str, Any]) -> None:
        allowed = {
            "text": {"text_delta", "citations_delta"},
            "thinking": {"thinking_delta", "signature_delta"},
            "tool_use": {"input_json_delta"},
        }[block["type"]]
        assert delta["type"] in allowed
        match delta["type"]:
            case "text_delta":
                block["text"] += delta["text"]
            case "thinking_delta":
                assert not block["signature"], "the signature is the last of its block"
                block["thinking"] += delta["thinking"]
            case "signature_delta":
                block["signature"] += delta["signature"]
            case "input_json_delta":
                self.pieces += delta["partial_json"]

    def close(self, block: dict[str, Any]) -> None:
        if block["type"] == "thinking":
            assert block["signature"], "thinking is signed, or it cannot be sent back"
        if block["type"] == "tool_use":
            block["raw"] = self.pieces or "{}"


def _finish_of(stop_reason: str) -> str:
    return {"end_turn": "stop", "max_tokens": "length", "tool_use": "tool_calls", "refusal": "refusal"}[stop_reason]


def _read_block(block: dict[str, Any]) -> tuple[str, ...]:
    match block["type"]:
        case "text":
            return ("text", block["text"])
        case "thinking":
            return ("reasoning", block["thinking"])
        case "tool_use":
            raw = block.get("raw") or json.dumps(block["input"], ensure_ascii=False, separators=(",", ":"))
            return ("call", block["id"], block["name"], raw)
        case _:
            raise AssertionError(f"unknown block {block['type']}")


def _read_message(body: dict[str, Any]) -> Seen:
    assert (body["type"], body["role"]) == ("message", "assistant")
    assert body["id"]
    assert body["model"]
    assert "stop_sequence" in body
    for block in body["content"]:
        if block["type"] == "thinking":
            assert block["signature"]
    usage = body["usage"]
    return Seen(
        items=[_read_block(block) for block in body["content"]],
        finish=_finish_of(body["stop_reason"]),
        input_tokens=usage["input_tokens"],
        output_tokens=usage["output_tokens"],
    )
