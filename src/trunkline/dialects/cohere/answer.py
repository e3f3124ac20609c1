"""What the pieces of one Cohere answer add up to, as events; streams and whole replies take the same way."""

from collections.abc import Mapping
from typing import Any

from trunkline.dialects.cohere.citations import read_citation
from trunkline.dialects.cohere.errors import broken_off
from trunkline.dialects.reading import Answer as SharedAnswer
from trunkline.dialects.shapes import lenient_int, lenient_object
from trunkline.events import (
    AnnotationAdded,
    ArgumentsAdded,
    Finish,
    ItemEnded,
    ItemStarted,
    PartEnded,
    PartStarted,
    TextAdded,
)
from trunkline.items import Carrier, Message, Reasoning, Status, ToolCall
from trunkline.usage import Usage, from_inclusive

DIALECT = "cohere"

_FINISHES: Mapping[str, Finish] = {
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop",
    "TOOL_CALL": "stop",
    "MAX_TOKENS": "length",
    "ERROR_LIMIT": "length",
    "ERROR_TOXIC": "content_filter",
}
_FAILURES = frozenset({"ERROR", "TIMEOUT"})

# What some models say for a call that needs no arguments.
_NULL = "null"


class _Said:
    """Text that is open: a part of a message, or a thought (`kind` is `thinking` or `tool_plan`)."""

    __slots__ = ("index", "kind", "part", "texts")

    def __init__(self, kind: str, index: int, part: int) -> None:
        self.kind = kind
        self.index = index
        self.part = part
        self.texts: list[str] = []


class _Call:
    """A call on its way. `held` is what may yet turn out to be no arguments at all."""

    __slots__ = ("held", "index", "said")

    def __init__(self, index: int) -> None:
        self.index = index
        self.held = ""
        self.said = False


class Answer(SharedAnswer):
    """What the events of one answer add up to; fed by the stream or by a whole reply.

    An item is ended when the next one begins, not with its last piece: only then is it known whether a limit cut it,
    and citations come when their text is over.
    """

    __slots__ = ("_calls", "_is_fresh", "_said", "_usage", "_waiting")

    def __init__(self) -> None:
        super().__init__()
        self._said: _Said | None = None
        self._is_fresh = False
        self._calls: dict[int, _Call] = {}
        # Items that are whole but not ended, with what belongs to their end.
        self._waiting: list[tuple[int, Carrier | None]] = []
        self._usage: Usage | None = None

    # --- text and thought -----------------------------------------------------------------------------------------

    def say(self, kind: str, text: str, logprobs: list[dict[str, Any]] | None = None) -> None:
        """A piece of `text`, `thinking` or `tool_plan`; what is empty leaves no trace."""
        if not text:
            return
        said = self._said
        if said is None or said.kind != kind:
            said = self._open(kind)
        elif self._is_fresh:
            said = self._follow(said)
        self._is_fresh = False
        if kind == "text":
            self.out.append(TextAdded(said.index, said.part, "text", text, logprobs))
        else:
            said.texts.append(text)
            self.out.append(TextAdded(said.index, 0, "reasoning", text))

    def _open(self, kind: str) -> _Said:
        self.begin()
        self._settle()
        said = self._said = _Said(kind, self.take_index(), 0)
        item = Message(role="assistant", parts=[], status="in_progress") if kind == "text" else None
        self.out.append(ItemStarted(said.index, item or Reasoning(status="in_progress")))
        self.out.append(PartStarted(said.index, 0, "text" if kind == "text" else "reasoning"))
        return said

    def start_block(self) -> None:
        """Another block begins; if it has anything to say, that is apart from what was said before."""
        self._is_fresh = True

    def _follow(self, said: _Said) -> _Said:
        """Text behind text is another part of the same message, a thought behind a thought another thought."""
        if said.kind != "text":
            return self._open(said.kind)
        self.out.append(PartEnded(said.index, said.part, "text"))
        said.part += 1
        self.out.append(PartStarted(said.index, said.part, "text"))
        return said

    def cite(self, citation: dict[str, Any]) -> None:
        """A citation in the text that is open; of any other it comes too late."""
        said = self._said
        if said is not None and said.kind == "text":
            self.out += [AnnotationAdded(said.index, said.part, found) for found in read_citation(citation)]

    # --- calls ----------------------------------------------------------------------------------------------------

    def call(self, number: int, call_id: str, name: str, arguments: str) -> None:
        self.begin()
        self.end_call(number)
        self._settle()
        call = self._calls[number] = _Call(self.take_index())
        item = ToolCall(call_id=call_id, name=name, arguments="", status="in_progress")
        self.out.append(ItemStarted(call.index, item))
        self.argue(number, arguments)

    def argue(self, number: int, text: str) -> None:
        call = self._calls.get(number)
        if call is None or not text:
            return
        if not call.said:
            call.held += text
            if _NULL.startswith(call.held):
                return
            text, call.held, call.said = call.held, "", True
        self.out.append(ArgumentsAdded(call.index, text))

    def end_call(self, number: int) -> None:
        call = self._calls.pop(number, None)
        if call is None:
            return
        if not call.said:
            self.out.append(ArgumentsAdded(call.index, "{}" if call.held in ("", _NULL) else call.held))
        self._waiting.append((call.index, None))

    # --- the ends -------------------------------------------------------------------------------------------------

    def close(self, last: Status) -> None:
        for number in list(self._calls):
            self.end_call(number)
        self._settle(last)

    def break_off(self) -> None:
        calls, self._calls = self._calls, {}
        self._settle("completed" if calls else "incomplete")
        for call in calls.values():
            if call.held:
                self.out.append(ArgumentsAdded(call.index, call.held))
            self.out.append(ItemEnded(call.index, "incomplete"))

    def read_usage(self) -> Usage | None:
        return self._usage

    def _settle(self, last: Status = "completed") -> None:
        """End what is whole; `last` is how the last of it ends."""
        said, self._said = self._said, None
        if said is not None:
            self.out.append(PartEnded(said.index, said.part, "text" if said.kind == "text" else "reasoning"))
            carrier = None if said.kind == "text" else Carrier(DIALECT, said.kind, "".join(said.texts))
            self._waiting.append((said.index, carrier))
        waiting, self._waiting = self._waiting, []
        for place, (index, carrier) in enumerate(waiting, 1):
            status = last if place == len(waiting) else "completed"
            self.out.append(ItemEnded(index, status, carrier if status == "completed" else None))

    def stop_for(self, reason: str, usage: Any, words: str) -> None:
        """Why the model stopped, and what it has used."""
        counts = lenient_object(usage)
        billed = lenient_object(counts.get("billed_units"))
        tokens = lenient_object(counts.get("tokens")) or billed
        if tokens:
            self._usage = from_inclusive(
                lenient_int(tokens.get("input_tokens")),
                lenient_int(tokens.get("output_tokens")),
                cached=lenient_int(counts.get("cached_tokens")),
            )
        if tokens is not billed:
            # `tokens` counts Cohere's own words around the prompt as well, which nobody pays for.
            self.billed = Usage(
                billed_input_tokens=lenient_int(billed.get("input_tokens")),
                billed_output_tokens=lenient_int(billed.get("output_tokens")),
            )
        if reason in _FAILURES:
            self.failure = broken_off(reason, words)
        else:
            self.finish = _FINISHES.get(reason, "stop")
            if reason == "STOP_SEQUENCE":
                self.stop_sequence = ""
