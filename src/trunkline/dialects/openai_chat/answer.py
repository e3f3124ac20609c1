"""What the chunks of one Chat answer add up to, whatever the vendor does to the grammar: events.

Vendors' crookedness ends here: what comes out keeps `trunkline.events`. What deviates is named where it is mended.
"""

from typing import Any, Literal

from trunkline.dialects.openai_chat.calls import Calls, OpenCall, read_arguments
from trunkline.dialects.openai_chat.chunks import CallDelta, Choice, Chunk, Delta, FunctionDelta
from trunkline.dialects.openai_chat.errors import ENDED_UNEXPECTEDLY, find_bare_error, find_error, read_error_object
from trunkline.dialects.openai_chat.finish import read_finish
from trunkline.dialects.openai_chat.images import read_image
from trunkline.dialects.openai_chat.reasoning import merge_details, read_reasoning, split_content
from trunkline.dialects.openai_chat.usage import find_usage, read_usage
from trunkline.dialects.shapes import lenient_list, lenient_object, lenient_text
from trunkline.dialects.sound import make_sound
from trunkline.errors import Failed, Garbled, TrunklineError
from trunkline.events import (
    AnnotationAdded,
    ArgumentsAdded,
    Event,
    Finish,
    ItemEnded,
    ItemStarted,
    PartEnded,
    PartKind,
    PartStarted,
    ResponseEnded,
    ResponseFailed,
    ResponseStarted,
    TextAdded,
    UsageReported,
)
from trunkline.items import Carrier, Item, Message, OtherItem, Reasoning, Status, ToolCall

_FAMILY = "chat"


class Answer:
    """One answer, fed chunk by chunk, or with one chunk that is a whole reply."""

    __slots__ = (
        "_annotations",
        "_calls",
        "_counted",
        "_details",
        "_finish",
        "_index",
        "_is_over",
        "_is_started",
        "_item",
        "_kind",
        "_next_index",
        "_out",
        "_part",
        "_signatures",
        "_stop_sequence",
        "_usage",
    )

    def __init__(self) -> None:
        self._out: list[Event] = []
        self._is_started = False
        self._is_over = False
        self._next_index = 0
        # The open message or reasoning, and its open part; calls stay open beside it until the end.
        self._item: Literal["message", "reasoning"] | None = None
        self._index = 0
        self._part = -1
        self._kind: PartKind | None = None
        self._details: list[dict[str, Any]] = []
        self._annotations: list[dict[str, Any]] = []
        self._calls = Calls()
        self._signatures: dict[int, Carrier] = {}
        self._finish: Finish | None = None
        self._stop_sequence: str | None = None
        self._usage: dict[str, Any] | None = None
        # Where the usage was found: a tier and a cost may stand beside it.
        self._counted: tuple[Any, bytes] = (None, b"")

    def read_whole(self, chunk: Chunk, body: bytes) -> list[Event]:
        """The events of a reply that came whole: one chunk, whose choice holds a message."""
        self._take_chunk(chunk, body)
        if not self._is_over:
            if chunk.choices and self._finish is None:
                # What came whole is over, whether it says why or not.
                self._finish = "stop"
            self._close_stream()
        return self._flush()

    def is_finished(self) -> bool:
        return self._finish is not None

    def _flush(self) -> list[Event]:
        out = self._out
        self._out = []
        return out

    # --- chunks -------------------------------------------------------------------------------------------------

    def _take_chunk(self, chunk: Chunk, data: bytes) -> None:
        if chunk.error or not chunk.choices:
            self._take_bare_chunk(chunk, data)
            return
        if not self._is_started:
            self._start(chunk)
        if chunk.usage or chunk.x_groq:
            self._take_usage(chunk, data)
        for choice in chunk.choices:
            # Neutral answers hold one choice; lowering refuses `n`.
            if not choice.index:
                self._take_choice(choice)

    def _take_usage(self, chunk: Chunk, data: bytes) -> None:
        usage = find_usage(chunk.usage, chunk.x_groq)
        if usage is not None:
            self._usage, self._counted = usage, (chunk.service_tier, data)

    def _take_bare_chunk(self, chunk: Chunk, data: bytes) -> None:
        """A chunk without choices: an error, usage, or nothing of ours (Azure's prompt filter results)."""
        self._take_usage(chunk, data)
        error = find_bare_error(chunk)
        if error is not None:
            self._fail(read_error_object(error))

    def _start(self, chunk: Chunk) -> None:
        self._is_started = True
        self._out.append(ResponseStarted(lenient_text(chunk.id), lenient_text(chunk.model)))

    def _take_choice(self, choice: Choice) -> None:
        delta = choice.delta or choice.message
        if delta is not None:
            self._take_delta(delta, choice.logprobs)
        word = choice.finish_reason
        if type(word) is str and word:
            self._take_finish(word, choice)

    def _take_finish(self, word: str, choice: Choice) -> None:
        finish = read_finish(word)
        if isinstance(finish, TrunklineError):
            error = find_error({"error": choice.error})
            self._fail(read_error_object(error) if error else finish)
            return
        self._finish = finish
        for stop in (choice.stop_reason, choice.matched_stop):
            if type(stop) is str and finish == "stop":
                self._stop_sequence = stop

    def _take_delta(self, delta: Delta, logprobs: Any) -> None:
        content = delta.content
        reasoning: Any = delta.reasoning_content or delta.reasoning or delta.reasoning_details
        if reasoning or type(content) is list:
            content = self._take_reasoning(delta)
        if content and type(content) is str:
            if self._kind != "text":
                self._open_part("text")
            self._out.append(
                TextAdded(self._index, self._part, "text", content, _read_logprobs(logprobs) if logprobs else None)
            )
        if delta.refusal and type(delta.refusal) is str:
            self._open_part("refusal")
            self._out.append(TextAdded(self._index, self._part, "refusal", delta.refusal))
        if delta.annotations:
            self._take_annotations(delta.annotations)
        if delta.tool_calls:
            for call in delta.tool_calls:
                self._take_call(call)
        if delta.function_call is not None:
            self._take_call(CallDelta(index=-1, function=delta.function_call))
        if delta.audio or delta.images:
            self._take_media(delta)

    # --- messages and reasoning ---------------------------------------------------------------------------------

    def _take_reasoning(self, delta: Delta) -> Any:
        """Reasoning in any spelling; gives back the content without it."""
        content: Any = delta.content
        text = read_reasoning(delta.reasoning_content, delta.reasoning, delta.reasoning_details)
        if type(content) is list:
            thoughts, content = split_content(content)
            text = text or thoughts
        if text:
            self._open_part("reasoning")
            self._out.append(TextAdded(self._index, self._part, "reasoning", text))
        if delta.reasoning_details:
            # Details may come alone and late (a signature after the text): they are a step of their own then.
            self._open_item("reasoning")
            merge_details(self._details, delta.reasoning_details)
        return content

    def _take_media(self, delta: Delta) -> None:
        """Sound and pictures are items of their own; what is said in a sound is the message's text."""
        sound = lenient_object(delta.audio)
        if transcript := lenient_text(sound.get("transcript")):
            self._open_part("text")
            self._out.append(TextAdded(self._index, self._part, "text", transcript))
        if data := lenient_text(sound.get("data")):
            self._add_whole(make_sound(data))
        for image in lenient_list(delta.images):
            self._add_whole(read_image(image))

    def _add_whole(self, item: OtherItem) -> None:
        """Add an item that comes whole, beside what is open."""
        index = self._next_index
        self._next_index += 1
        self._out += [ItemStarted(index, item), ItemEnded(index, "completed", None, item)]

    def _take_annotations(self, annotations: Any) -> None:
        for annotation in annotations if type(annotations) is list else ():
            flat = _flatten_annotation(annotation)
            if flat is None:
                continue
            if self._kind == "text":
                self._out.append(AnnotationAdded(self._index, self._part, flat))
            else:
                self._annotations.append(flat)

    def _open_item(self, item: Literal["message", "reasoning"]) -> None:
        if self._item == item:
            return
        self._close_item()
        self._item = item
        self._index = self._next_index
        self._next_index += 1
        self._part = -1
        empty: Item = Message(role="assistant", parts=[]) if item == "message" else Reasoning()
        self._out.append(ItemStarted(self._index, empty))

    def _open_part(self, kind: PartKind) -> None:
        if self._kind == kind:
            return
        self._open_item("reasoning" if kind == "reasoning" else "message")
        self._close_part()
        self._part += 1
        self._kind = kind
        self._out.append(PartStarted(self._index, self._part, kind))
        if kind == "text" and self._annotations:
            self._out += [AnnotationAdded(self._index, self._part, annotation) for annotation in self._annotations]
            self._annotations = []

    def _close_part(self) -> None:
        if self._kind is not None:
            self._out.append(PartEnded(self._index, self._part, self._kind))
            self._kind = None

    def _close_item(self, status: Status = "completed") -> None:
        if self._item is None:
            return
        self._close_part()
        carrier = Carrier(_FAMILY, "reasoning_details", self._details) if self._details else None
        self._details = []
        self._out.append(ItemEnded(self._index, status, carrier))
        self._item = None

    # --- calls --------------------------------------------------------------------------------------------------

    def _take_call(self, fragment: CallDelta) -> None:
        if fragment.custom is not None:
            name, arguments = lenient_text(fragment.custom.name), lenient_text(fragment.custom.input)
        else:
            function = fragment.function or FunctionDelta()
            name, arguments = lenient_text(function.name), read_arguments(function.arguments)
        call = self._calls.find(fragment.index, lenient_text(fragment.id), name, bool(arguments))
        if fragment.custom is not None:
            call.kind = "custom"
        if fragment.extra_content:
            self._signatures[call.number] = Carrier(_FAMILY, "extra_content", fragment.extra_content)
        if call.name and not call.is_started:
            self._start_call(call)
        # "null" for no arguments at all (Cohere): a call that ends without any gets `{}`.
        if arguments and (call.pieces or arguments != "null"):
            call.pieces.append(arguments)
            if call.is_started:
                self._out.append(ArgumentsAdded(call.tag, arguments))

    def _start_call(self, call: OpenCall) -> None:
        self._close_item()
        call.is_started = True
        call.tag = self._next_index
        self._next_index += 1
        kind: Literal["function", "custom"] = "custom" if call.kind == "custom" else "function"
        self._out.append(
            ItemStarted(
                call.tag, ToolCall(call_id=call.id, name=call.name, arguments="", kind=kind, status="in_progress")
            )
        )
        self._out += [ArgumentsAdded(call.tag, piece) for piece in call.pieces]

    def _close_calls(self, last_status: Status) -> None:
        """End every call; `last_status` is for the one that is the last item of all, the rest is complete."""
        for call in self._calls.all:
            if not call.is_started:
                continue
            is_last = call.tag == self._next_index - 1
            status: Status = last_status if is_last else "completed"
            if not call.pieces and call.kind == "function" and status == "completed":
                self._out.append(ArgumentsAdded(call.tag, "{}"))
            self._out.append(ItemEnded(call.tag, status, self._signatures.get(call.number)))

    # --- the end ------------------------------------------------------------------------------------------------

    def _close_stream(self) -> None:
        """A `[DONE]` or the end of the bytes: proper if the model had said why it stopped."""
        finish = self._finish
        if finish is None:
            self._fail(Failed(ENDED_UNEXPECTEDLY))
            return
        nameless = next((call for call in self._calls.all if not call.is_started and call.pieces), None)
        if nameless is not None:
            self._fail(Garbled("the upstream made a tool call without a name"))
            return
        last_status: Status = "completed" if finish == "stop" else "incomplete"
        self._close_item(last_status)
        self._close_calls(last_status)
        self._report_usage()
        self._is_over = True
        self._out.append(ResponseEnded(finish, self._stop_sequence))

    def _fail(self, error: TrunklineError) -> None:
        if not self._is_started:
            self._is_started = True
            self._out.append(ResponseStarted())
        self._close_item("incomplete")
        self._out += [ItemEnded(call.tag, "incomplete") for call in self._calls.all if call.is_started]
        self._report_usage()
        self._is_over = True
        self._out.append(ResponseFailed(error))

    def _report_usage(self) -> None:
        """Once, at the end: many vendors count on every chunk, and the last count is the truth."""
        if self._usage is not None:
            self._out.append(UsageReported(read_usage(self._usage, *self._counted)))


def _read_logprobs(logprobs: Any) -> list[dict[str, Any]] | None:
    content = logprobs.get("content") if type(logprobs) is dict else None
    if type(content) is not list:
        return None
    return [entry for entry in content if type(entry) is dict] or None


def _flatten_annotation(annotation: Any) -> dict[str, Any] | None:
    """`{type, url_citation: {…}}`, nested as Chat has it → flat, as Responses has it."""
    if type(annotation) is not dict or type(annotation.get("type")) is not str:
        return None
    nested = annotation.get(annotation["type"])
    return {"type": annotation["type"], **nested} if type(nested) is dict else annotation
