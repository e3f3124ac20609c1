"""One choice of an unfaithful provider's stream, straightened as it passes: its deltas, its calls and its finish."""

from typing import Any

from trunkline.dialects.openai_chat.calls import Calls, OpenCall, make_call_id, read_arguments
from trunkline.dialects.openai_chat.finish import read_finish, write_finish
from trunkline.dialects.openai_chat.reasoning import give_reasoning
from trunkline.dialects.shapes import lenient_list, lenient_object, lenient_text
from trunkline.errors import UpstreamError


class Choice:
    """What has passed of one choice. `finish` is the chunk that ends it, which is held back until the stream is
    over."""

    __slots__ = ("calls", "finish", "finish_word", "has_role", "is_cut", "uses_function_call")

    def __init__(self) -> None:
        self.calls = Calls()
        self.finish: dict[str, Any] | None = None
        self.finish_word = ""
        self.has_role = False
        self.uses_function_call = False
        # Known at the end.
        self.is_cut = False

    def mend_delta(self, delta: dict[str, Any], reply_id: str) -> bool:
        """Put a delta right, in place; whether it says anything."""
        give_reasoning(delta)
        if "tool_calls" in delta:
            fragments = [call for call in lenient_list(delta["tool_calls"]) if type(call) is dict]
            calls = [self._mend_call(fragment, reply_id) for fragment in fragments]
            delta["tool_calls"] = [call for call in calls if call is not None]
            if not delta["tool_calls"]:
                del delta["tool_calls"]
        if delta.get("function_call"):
            self.uses_function_call = True
        return any(value for name, value in delta.items() if name != "role")

    def _mend_call(self, fragment: dict[str, Any], reply_id: str) -> dict[str, Any] | None:
        kind = "custom" if type(fragment.get("custom")) is dict else "function"
        field = "input" if kind == "custom" else "arguments"
        body = lenient_object(fragment.get(kind))
        name, arguments = lenient_text(body.get("name")), read_arguments(body.get(field))
        call = self.calls.find(fragment.get("index"), lenient_text(fragment.get("id")), name, bool(arguments))
        call.kind = kind
        if arguments == "null" and not call.pieces:
            arguments = ""
        if arguments:
            call.pieces.append(arguments)
        rest = {key: value for key, value in fragment.items() if key not in ("id", "type", "index", kind)}
        inner = {key: value for key, value in body.items() if key not in ("name", field)}
        if call.is_started:
            if not (arguments or rest or inner):
                return None
            return {"index": call.tag, **rest, kind: {**inner, field: arguments}}
        if not call.name:
            return None
        return self._start_call(call, reply_id, rest, inner, field)

    def _start_call(
        self, call: OpenCall, reply_id: str, rest: dict[str, Any], inner: dict[str, Any], field: str
    ) -> dict[str, Any]:
        """The first fragment of a call that passes, with all that came before its name did."""
        call.is_started = True
        call.tag = sum(other.is_started for other in self.calls.all) - 1
        return {
            "index": call.tag,
            "id": call.id or make_call_id(reply_id, call.number),
            "type": call.kind,
            **rest,
            call.kind: {"name": call.name, **inner, field: "".join(call.pieces)},
        }

    def end(self) -> list[dict[str, Any]]:
        """The last chunks: the arguments of calls that came without any, and the finish."""
        chunk = self.finish or {}
        started = [call for call in self.calls.all if call.is_started]
        finish = read_finish(self.finish_word)
        word = write_finish(finish, bool(started)) if not isinstance(finish, UpstreamError) else "stop"
        if word == "stop" and self.uses_function_call:
            word = "function_call"
        self.is_cut = word in ("length", "content_filter")
        out = []
        empty = [call for call in started if not call.pieces and call.kind == "function"]
        if empty and word == "tool_calls":
            calls = [{"index": call.tag, "function": {"arguments": "{}"}} for call in empty]
            out.append(_with_choice(chunk, {"delta": {"tool_calls": calls}}))
        delta = {} if self.has_role else {"role": "assistant", "content": ""}
        return [*out, _with_choice(chunk, {"delta": delta, "finish_reason": word})]


def _with_choice(chunk: dict[str, Any], members: dict[str, Any]) -> dict[str, Any]:
    return {**chunk, "choices": [{**chunk["choices"][0], **members}]}
