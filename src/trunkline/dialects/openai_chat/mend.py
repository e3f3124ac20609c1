"""An unfaithful provider's stream for a Chat caller: crooked events are straightened, all others pass as they were.

What comes out keeps the grammar that the SDKs rely on: call indexes dense from 0, one id and name a call, arguments
as text, one finish per choice that says `tool_calls` when there are calls, usage once and only if wanted, `[DONE]`.
Members that nobody knows here are kept. Source: https://platform.openai.com/docs/api-reference/chat/streaming
"""

import re
from typing import Any, NamedTuple

import msgspec

from trunkline.dialects.dialect import TeeOptions
from trunkline.dialects.openai_chat.errors import ENDED_UNEXPECTEDLY, find_error, read_error_object, write_error_event
from trunkline.dialects.openai_chat.finish import read_finish
from trunkline.dialects.openai_chat.mend_choice import Choice
from trunkline.dialects.openai_chat.usage import find_usage, read_usage, straighten_usage
from trunkline.dialects.shapes import UNREADABLE, lenient_int, lenient_list, lenient_object, lenient_text
from trunkline.dialects.sse import EventTooLarge, ServerSentEvent, Splitter
from trunkline.errors import Failed, Garbled, TrunklineError, UpstreamError
from trunkline.usage import NO_USAGE, Usage

_CROOKED = re.compile(
    rb'"tool_calls":\s*\[|"error":\s*[^n\s]|"usage":\s*\{|"finish_reason":\s*"|"content":\s*\[|"choices":\s*(?:\[\]|n)'
    rb'|"function_call":\s*\{|"message":'
)
"""What an event that may need mending holds. Inside a JSON string the quotes would be escaped."""

_SAYS_SOMETHING = re.compile(rb'"(?:content|reasoning_content|reasoning|refusal)":\s*"[^"]')
_PLAIN = re.compile(rb'"(?:content|reasoning_content)":\s*"([^"\\]*)"')
_THOUGHT = re.compile(rb'"reasoning":\s*"([^"]+)"')

_encode = msgspec.json.encode


class _Twin(NamedTuple):
    """An event whose thought is told twice, under two names: what stands around it as it came, and as it goes out."""

    before: bytes
    after: bytes
    first: bytes
    between: bytes
    last: bytes

    def draw(self, data: bytes) -> bytes | None:
        """Another event like it, as it goes out; `None` for one that differs in more than its thought."""
        if not (data.startswith(self.before) and data.endswith(self.after)):
            return None
        thought = data[len(self.before) : -len(self.after)]
        if thought.find(b'"') >= 0 or len(data) < len(self.before) + len(self.after):
            return None
        return self.first + thought + self.between + thought + self.last


def _make_twin(data: bytes, out: bytes) -> _Twin | None:
    """What was made of an event, for the next one like it."""
    found = _THOUGHT.search(data)
    if found is None:
        return None
    told = b'"' + found[1] + b'"'
    parts = out.split(b'"reasoning":' + told), out.split(b'"reasoning_content":' + told)
    if any(len(each) != 2 for each in parts) or len(parts[0][0]) > len(parts[1][0]):
        return None
    first, last = parts[0][0] + b'"reasoning":"', b'"' + parts[1][1]
    between = out[len(first) + len(found[1]) : len(out) - len(last) - len(found[1])]
    return _Twin(data[: found.start(1)], data[found.end(1) :], first, between, last)


class Mend:
    """A `Passage` that straightens one stream."""

    __slots__ = (
        "_after",
        "_before",
        "_events",
        "_choices",
        "_cut_usage",
        "_head",
        "_is_over",
        "_mark",
        "_raw_usage",
        "_options",
        "_splitter",
        "_twin",
        "error",
        "has_content",
        "incomplete",
        "usage",
    )

    def __init__(self, options: TeeOptions) -> None:
        self.has_content = False
        self.incomplete = False
        self.error: TrunklineError | None = None
        self.usage: Usage = NO_USAGE
        self._cut_usage = options.cut_usage
        self._options = options
        self._twin: _Twin | None = None
        self._splitter = Splitter()
        self._choices: dict[int, Choice] = {}
        # `id`, `object`, `created` and `model`, as the first chunk that has choices says them.
        self._head: dict[str, Any] = {}
        # The head's id as it stands in the bytes of a chunk that agrees with it.
        self._mark = b""
        # What stood around the text of the last straight event.
        self._before = b""
        self._after = b""
        self._raw_usage: dict[str, Any] | None = None
        self._events = 0
        self._is_over = False

    # --- the interface ------------------------------------------------------------------------------------------

    def feed(self, data: bytes) -> bytes:
        """The caller's bytes for the events that these complete."""
        if self._is_over:
            return b""
        try:
            events = self._splitter.feed(data)
        except EventTooLarge:
            return self.fail(Garbled("the upstream sent an event beyond the size limit"))
        return self._pass(events)

    def end(self) -> bytes:
        """The upstream is at its end."""
        if self._is_over:
            return b""
        rest = self._splitter.pending.strip()
        if rest[:1] in (b"{", b"["):
            return self._pass_body(rest)
        return self._pass(self._splitter.end()) + self._close()

    def fail(self, error: TrunklineError) -> bytes:
        """Break off, unless the stream was over."""
        if self._is_over:
            return b""
        return self._close() if self.is_finished() else self._break(error)

    def is_finished(self) -> bool:
        choices = self._choices.values()
        return bool(choices) and all(choice.finish is not None for choice in choices)

    def estimate(self) -> int | None:
        """An event holds about a token."""
        return self._events if self.usage is NO_USAGE else None

    # --- events -------------------------------------------------------------------------------------------------

    def _pass(self, events: list[ServerSentEvent]) -> bytes:
        out: list[bytes] = []
        self._events += len(events)
        for _, data in events:
            if self._twin is not None and (twin := self._twin.draw(data)) is not None:
                out.append(twin)
            elif self._is_straight(data):
                out.append(b"data: " + data + b"\n\n")
            elif data == b"[DONE]":
                out.append(self._close())
            else:
                out.append(self._mend(data))
            if self._is_over:
                break
        return b"".join(out)

    def _is_straight(self, data: bytes) -> bool:
        """Whether an event can pass unread: it differs from the last such one in its text alone, or holds nothing
        that would need mending."""
        before, after = self._before, self._after
        if before and data.startswith(before) and data.endswith(after):
            text = data[len(before) : -len(after)]
            if text.find(b'"') < 0 and len(data) >= len(before) + len(after):
                self.has_content |= bool(text)
                return True
        if not self._mark or data.find(self._mark) < 0 or _CROOKED.search(data) or _THOUGHT.search(data):
            return False
        self.has_content = self.has_content or _SAYS_SOMETHING.search(data) is not None
        plain = _PLAIN.search(data)
        if plain is not None:
            self._before, self._after = data[: plain.start(1)], data[plain.end(1) :]
        return True

    def _pass_body(self, body: bytes) -> bytes:
        """A JSON body where a stream was asked for: an error, or a whole answer, passed on as a stream of one."""
        return self._mend(body[1:-1] if body[:1] == b"[" else body) + self._close()

    def _mend(self, data: bytes) -> bytes:
        try:
            chunk = msgspec.json.decode(data)
        except UNREADABLE:
            # A broken event helps nobody; the stream may still end well.
            return b""
        error = find_error(chunk)
        if error is not None:
            return self._break(read_error_object(error))
        if type(chunk) is not dict:
            return b""
        self._take_usage(chunk, data)
        choices = lenient_list(chunk.get("choices"))
        if not choices:
            return self._mend_bare(chunk)
        if not self._head:
            self._start(chunk)
        chunk.update(self._head)
        # The first one of a choice says its role as well.
        is_first = not self._choices or not all(choice.has_role for choice in self._choices.values())
        kept = []
        for choice in choices:
            if type(choice) is dict and self._mend_choice(chunk, choice):
                kept.append(choice)
            if self._is_over:
                return write_error_event(self.error) if self.error is not None else b""
        if not kept:
            return b""
        chunk["choices"] = kept
        out = self._draw(chunk)
        if not is_first and _CROOKED.search(data) is None:
            self._twin = _make_twin(data, out)
        return out

    def _draw(self, chunk: dict[str, Any]) -> bytes:
        return b"data: " + _encode(chunk) + b"\n\n"

    def _start(self, chunk: dict[str, Any]) -> None:
        self._head = {
            "id": lenient_text(chunk.get("id")) or "chatcmpl-0",
            "object": "chat.completion.chunk",
            "created": lenient_int(chunk.get("created")) or self._options.created,
            "model": lenient_text(chunk.get("model")) or self._options.model,
        }
        # Only a chunk that says all of this in the plainest way passes unread.
        if all(chunk.get(name) == said for name, said in self._head.items()):
            self._mark = _encode(self._head["id"])

    def _take_usage(self, chunk: dict[str, Any], data: bytes) -> None:
        usage = find_usage(chunk.get("usage"), chunk.get("x_groq"))
        if usage is not None:
            self._raw_usage = usage
            self.usage = read_usage(usage, chunk.get("service_tier"), data)
        if "usage" in chunk:
            if self._cut_usage:
                del chunk["usage"]
            else:
                chunk["usage"] = None

    def _mend_bare(self, chunk: dict[str, Any]) -> bytes:
        """A chunk without choices: usage is told at the end, the rest (Azure's filter results) passes."""
        if set(chunk) <= {"id", "object", "created", "model", "choices", "usage", "system_fingerprint", "service_tier"}:
            return b""
        if self._raw_usage is not None:
            return b""
        return self._draw({**chunk, "choices": []})

    # --- choices ------------------------------------------------------------------------------------------------

    def _mend_choice(self, chunk: dict[str, Any], choice: dict[str, Any]) -> bool:
        """Put one choice right, in place; whether anything of it is left to pass now."""
        index = lenient_int(choice.get("index"))
        choice["index"] = index
        state = self._choices.setdefault(index, Choice())
        delta = lenient_object(choice.pop("message", None)) or lenient_object(choice.get("delta"))
        choice["delta"] = delta
        says_something = state.mend_delta(delta, self._head["id"])
        self.has_content |= says_something
        word = lenient_text(choice.get("finish_reason"))
        choice["finish_reason"] = None
        if not state.has_role and (says_something or not word):
            state.has_role = True
            choice["delta"] = {"role": "assistant", **delta}
        if word:
            finish = read_finish(word)
            if isinstance(finish, UpstreamError):
                error = find_error({"error": choice.get("error")})
                self._break(read_error_object(error) if error is not None else finish)
                return False
            state.finish_word = word.lower()
            state.finish = {
                **{name: value for name, value in chunk.items() if name != "x_groq"},
                "choices": [{**choice, "delta": {}, "logprobs": None}],
            }
            return says_something
        return True

    # --- the end ------------------------------------------------------------------------------------------------

    def _break(self, error: TrunklineError) -> bytes:
        self._is_over = True
        self.error = error
        return write_error_event(error)

    def _close(self) -> bytes:
        """What closes a stream: arguments of calls without any, each finish, usage, `[DONE]`. Nothing if it is
        closed."""
        if self._is_over:
            return b""
        choices = self._choices
        if not self.is_finished():
            return self._break(Failed(ENDED_UNEXPECTEDLY))
        self._is_over = True
        self.has_content = True
        out = [self._draw(chunk) for index in sorted(choices) for chunk in choices[index].end()]
        self.incomplete = any(choice.is_cut for choice in choices.values())
        if self._raw_usage is not None and not self._cut_usage:
            out.append(self._draw({**self._head, "choices": [], "usage": straighten_usage(self._raw_usage)}))
        return b"".join(out) + b"data: [DONE]\n\n"
