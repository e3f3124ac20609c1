"""What the frames of one Gemini answer add up to, as events."""

from typing import Any, Literal

import msgspec
from msgspec import Raw

from trunkline.dialects.drawn import make_drawn
from trunkline.dialects.gemini.arguments import PartialArguments
from trunkline.dialects.gemini.errors import read_error_object
from trunkline.dialects.gemini.grounding import read_citations, read_grounding, read_search
from trunkline.dialects.gemini.logprobs import read_logprobs
from trunkline.dialects.gemini.usage import FAILURES, count_searches, read_finish, read_usage
from trunkline.dialects.gemini.wire import DIALECT, Candidate, Frame, FunctionCall, Part, compact
from trunkline.dialects.reading import Answer as SharedAnswer
from trunkline.dialects.shapes import lenient_object, lenient_text
from trunkline.dialects.sound import make_sound
from trunkline.errors import Failed
from trunkline.events import AnnotationAdded, ArgumentsAdded, ItemEnded, ItemStarted, PartEnded, PartStarted, TextAdded
from trunkline.items import Carrier, Message, OtherItem, Reasoning, Status, ToolCall
from trunkline.usage import Usage

Open = Literal["", "message", "thought", "call"]


class Answer(SharedAnswer):
    """What the frames of one answer add up to. One thing is open at a time."""

    __slots__ = (
        "_arguments",
        "_citations",
        "_code",
        "_counts",
        "_frames",
        "_grounding",
        "_index",
        "_open",
        "_part_starts",
        "_signatures",
        "_texts",
    )

    def __init__(self) -> None:
        super().__init__()
        self._open: Open = ""
        self._index = -1
        self._texts: list[str] = []
        # Signatures that came within a message: it may go on, so they follow it.
        self._signatures: list[Carrier] = []
        self._arguments = PartialArguments()
        self._code: str | None = None
        self._grounding: Any = None
        self._citations: Any = None
        self._part_starts: list[int] = []
        self._frames = 0
        self._counts = Raw()

    # --- frames -------------------------------------------------------------------------------------------------

    def add(self, frame: Frame) -> None:
        """Take one frame in."""
        if frame.error is not None:
            self.fail(read_error_object(frame.error))
            return
        self.begin(frame.responseId or "", frame.modelVersion or "")
        self._frames += 1
        # Cumulative, so that the last is the whole; early frames may hold nothing but the kind of traffic.
        if len(frame.usageMetadata) and (not len(self._counts) or _COUNT in bytes(frame.usageMetadata)):
            self._counts = frame.usageMetadata
        if frame.candidates:
            for candidate in frame.candidates:
                if not candidate.index:
                    self._add_candidate(candidate)
        elif frame.promptFeedback is not None:
            self._block(lenient_object(frame.promptFeedback))

    def _block(self, feedback: dict[str, Any]) -> None:
        # What Google says of it is not the model's refusal, so there is nothing that a caller could show as one.
        if lenient_text(feedback.get("blockReason")):
            self.finish = "content_filter"

    def _add_candidate(self, candidate: Candidate) -> None:
        parts = candidate.content.parts if candidate.content is not None else None
        if parts:
            logprobs = None if candidate.logprobsResult is None else read_logprobs(candidate.logprobsResult)
            for part in parts:
                self._add_part(part, logprobs)
            if logprobs and self._open == "message" and not any(part.text for part in parts):
                # They come behind the last of the text.
                self.out.append(TextAdded(self._index, 0, "text", "", logprobs))
        if candidate.groundingMetadata is not None:
            self._grounding = candidate.groundingMetadata
        if candidate.citationMetadata is not None:
            self._citations = candidate.citationMetadata
        self.token = candidate.continuationToken or self.token
        if candidate.finishReason is not None:
            self._take_finish(candidate.finishReason, lenient_text(candidate.finishMessage))

    def _take_finish(self, reason: str, message: str) -> None:
        if reason in FAILURES:
            words = message or FAILURES[reason]
            self.fail(Failed(f"{words} ({reason})", code="server_error"))
            return
        self.finish = read_finish(reason)

    # --- parts --------------------------------------------------------------------------------------------------

    def _add_part(self, part: Part, logprobs: list[dict[str, Any]] | None) -> None:
        """Take one part in. The commonest come first."""
        if self.over:
            return
        if self._frames == 1:
            self._part_starts.append(sum(map(len, self._texts)))
        text = part.text
        signature = part.thoughtSignature
        if text is not None:
            if text:
                self._add_text(text, "thought" if part.thought else "message", logprobs)
            if signature:
                self._sign_text(text, signature)
        elif part.functionCall is not None:
            self._add_call(part.functionCall, signature)
        else:
            self._add_other(part)
            if signature:
                self._sign(Carrier(DIALECT, "part", {"signature": signature}))

    def _add_text(self, text: str, kind: Open, logprobs: list[dict[str, Any]] | None) -> None:
        if self._open != kind:
            self._close()
            if kind == "message":
                self._start(Message(role="assistant", parts=[], status="in_progress"), kind)
                self.out.append(PartStarted(self._index, 0, "text"))
                self._texts = []
            else:
                self._start(Reasoning(status="in_progress"), kind)
                self.out.append(PartStarted(self._index, 0, "summary"))
        if kind == "message":
            self._texts.append(text)
            self.out.append(TextAdded(self._index, 0, "text", text, logprobs))
        else:
            self.out.append(TextAdded(self._index, 0, "summary", text))

    def _sign_text(self, text: str, signature: str) -> None:
        """A signature beside text: of thought, of the words, or on an empty part at the end."""
        if self._open == "thought":
            if text:
                self._close(carrier=Carrier(DIALECT, "thought", {"signature": signature, "text": text}))
            else:
                self._close(carrier=Carrier(DIALECT, "part", {"signature": signature}))
            return
        carrier = Carrier(DIALECT, "part", {"signature": signature, "length": len(text)})
        if self._open == "message":
            self._signatures.append(carrier)
        else:
            self._sign(carrier)

    def _sign(self, carrier: Carrier) -> None:
        """A step of thought that is nothing but its signature."""
        self._close()
        self._start(Reasoning(status="in_progress"), "")
        self.out.append(ItemEnded(self._index, "completed", carrier))

    def _add_call(self, call: FunctionCall, signature: str | None) -> None:
        if not call.name:
            self._continue_call(call)
            return
        if signature:
            # The signature must come back on the call, so it stands right before it.
            carrier = Carrier(DIALECT, "call", {"signature": signature, "id": call.id or ""})
            if self._open == "thought":
                self._close(carrier=carrier)
            else:
                self._sign(carrier)
        else:
            self._close()
        started = ToolCall(call_id=call.id or "", name=call.name, arguments="", status="in_progress")
        self._start(started, "call")
        if call.willContinue or call.partialArgs:
            self._arguments = PartialArguments(_read_raw(call.args))
            self._continue_call(call)
            return
        text = compact(call.args)
        self.out.append(ArgumentsAdded(self._index, "{}" if text in ("", "null") else text))
        self._open = ""
        self.out.append(ItemEnded(self._index))

    def _continue_call(self, call: FunctionCall) -> None:
        """A piece of the open call; one without anything more to come ends it."""
        if self._open != "call":
            return
        for piece in call.partialArgs or ():
            self._arguments.add(piece)
        if not call.willContinue:
            self._close()

    def _add_other(self, part: Part) -> None:
        if part.inlineData is not None:
            self._close()
            self._add_media(lenient_object(part.inlineData), part.inlineData)
        elif part.executableCode is not None:
            self._close()
            self._code = lenient_text(lenient_object(part.executableCode).get("code"))
        elif part.fileData is not None:
            self._close()
            self._add_item(DIALECT, {"type": "fileData", "fileData": part.fileData})
        elif part.codeExecutionResult is not None:
            self._close()
            self._add_code(lenient_text(lenient_object(part.codeExecutionResult).get("output")))

    def _add_media(self, blob: dict[str, Any], value: Any) -> None:
        data = lenient_text(blob.get("data"))
        kind = lenient_text(blob.get("mimeType"))
        if kind.startswith("image/"):
            self._add_whole(make_drawn(data, kind.partition("/")[2]))
        elif kind.startswith("audio/"):
            self._add_whole(make_sound(data))
        else:
            self._add_item(DIALECT, {"type": "inlineData", "inlineData": value})

    def _add_code(self, output: str) -> None:
        code, self._code = self._code or "", None
        call = {"type": "code_interpreter_call", "status": "completed", "code": code, "container_id": ""}
        self._add_item("responses", {**call, "outputs": [{"type": "logs", "logs": output}]})

    def _add_item(self, dialect: str, value: dict[str, Any]) -> None:
        self._add_whole(OtherItem(dialect=dialect, type=value["type"], value=value))

    def _add_whole(self, item: OtherItem) -> None:
        self._start(item, "")
        self.out.append(ItemEnded(self._index, "completed", None, item))

    # --- opening and closing ------------------------------------------------------------------------------------

    def _start(self, item: Message | Reasoning | ToolCall | OtherItem, kind: Open) -> None:
        self._index = self.take_index()
        self._open = kind
        self.out.append(ItemStarted(self._index, item))

    def _close(self, status: Status = "completed", carrier: Carrier | None = None) -> None:
        """End what is open, and say what waits for its end."""
        kind, self._open = self._open, ""
        if kind == "message":
            self._annotate()
            self.out.append(PartEnded(self._index, 0, "text"))
        elif kind == "thought":
            self.out.append(PartEnded(self._index, 0, "summary"))
        elif kind == "call":
            self.out.append(ArgumentsAdded(self._index, self._arguments.text()))
        if kind:
            self.out.append(ItemEnded(self._index, status, carrier))
        if self._code is not None and kind:
            self._add_code("")
        if self._signatures:
            signatures, self._signatures = self._signatures, []
            for signature in signatures:
                self._sign(signature)

    def _annotate(self) -> None:
        if self._grounding is None and self._citations is None:
            return
        text = "".join(self._texts)
        starts = self._part_starts if self._frames == 1 else ()
        citations = [*read_grounding(self._grounding, text, starts), *read_citations(self._citations, text)]
        for annotation in citations:
            self.out.append(AnnotationAdded(self._index, 0, annotation))

    # --- the end ------------------------------------------------------------------------------------------------

    def close(self, last: Status) -> None:
        self._close(last)
        if self._code is not None:
            self._add_code("")
        if (search := read_search(self._grounding)) is not None:
            self._add_item("responses", search)

    def break_off(self) -> None:
        self._close("incomplete")

    def read_usage(self) -> Usage | None:
        counts = _read_raw(self._counts)
        if "promptTokenCount" not in counts and "totalTokenCount" not in counts:
            return None
        return read_usage(counts, count_searches(self._grounding))


_COUNT = b"TokenCount"


def _read_raw(raw: Raw) -> dict[str, Any]:
    try:
        return lenient_object(msgspec.json.decode(raw))
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return {}
