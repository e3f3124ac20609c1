"""What the events of one Anthropic answer add up to; streams and whole replies take the same way."""

from typing import Any

from trunkline.dialects.anthropic.blocks import KINDS, Delta, OtherBlock
from trunkline.dialects.anthropic.citations import read_citation
from trunkline.dialects.anthropic.usage import merge_counts, read_finish, read_usage
from trunkline.dialects.blocks import BlockAnswer, TextBlock
from trunkline.dialects.shapes import lenient_list, lenient_object, lenient_text
from trunkline.usage import Usage


class Answer(BlockAnswer[Delta]):
    """What the events of one answer add up to; fed by the stream or by a whole reply."""

    __slots__ = ("_counts",)

    def __init__(self) -> None:
        super().__init__()
        self._counts: dict[str, Any] = {}

    def start(self, message: dict[str, Any]) -> None:
        """`message_start`, or the envelope of a whole reply, whose blocks it may hold already.

        A second one comes where a server has spliced another model's answer in: what was closed stays, what was open
        is broken off, and block indexes begin anew.
        """
        self.begin(lenient_text(message.get("id")), lenient_text(message.get("model")))
        self.abandon()
        self.count(message.get("usage"))
        for number, block in enumerate(lenient_list(message.get("content"))):
            self.open(number, lenient_object(block))
            self.stop(number)
        if type(reason := message.get("stop_reason")) is str:
            sequence = lenient_text(message.get("stop_sequence")) or None
            self.stop_for(reason, sequence, message.get("stop_details"))

    def open(self, number: int, block: dict[str, Any]) -> None:
        self.begin()
        self.stop(number)
        kind = lenient_text(block.get("type"))
        if kind == "text":
            text = TextBlock(self.place_text, read_citation)
            self.put(number, text)
            text.add(Delta(text=lenient_text(block.get("text"))), self.out)
            for citation in lenient_list(block.get("citations")):
                text.add(Delta(citation=citation), self.out)
        else:
            self.put(number, KINDS.get(kind, OtherBlock)(self.place(), block, self.out))

    def stop_for(self, reason: str, stop_sequence: str | None, stop_details: Any) -> None:
        """Why the model stopped: now the last item can end."""
        self.finish = read_finish(reason)
        self.stop_sequence = stop_sequence
        self.explanation = lenient_text(lenient_object(stop_details).get("explanation")) or None

    def count(self, usage: Any) -> None:
        merge_counts(self._counts, usage)

    def read_usage(self) -> Usage | None:
        return read_usage(self._counts) if self._counts else None
