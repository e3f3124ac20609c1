"""An answer that comes in numbered content blocks, as Anthropic's and Bedrock's do: one object a block, giving events.

A block's item is not ended with the block but with the next one or the end of the answer: only then is it known
whether a limit cut it.
"""

import abc
from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from trunkline.dialects.reading import Answer
from trunkline.dialects.shapes import lenient_object
from trunkline.events import (
    AnnotationAdded,
    ArgumentsAdded,
    Event,
    ItemEnded,
    ItemStarted,
    PartEnded,
    PartStarted,
    TextAdded,
)
from trunkline.items import Carrier, Message, Reasoning, Status, ToolCall

D = TypeVar("D")
D_contra = TypeVar("D_contra", contravariant=True)

ReadCitation = Callable[[dict[str, Any], int], dict[str, Any] | None]
"""A citation, and how long the text is that it stands at → an annotation."""


class Block(Protocol[D_contra]):
    """One open block. `index` is its item's. Whatever it says goes into `out`."""

    index: int

    def add(self, delta: D_contra, out: list[Event]) -> None: ...

    def stop(self, out: list[Event]) -> None:
        """The block has ended on the wire."""

    def settle(self, status: Status, out: list[Event]) -> None:
        """End the item; a block that was not stopped is broken off."""


class TextBlock:
    """A part of a message. It takes its place with its first text, so that an empty block leaves no trace."""

    __slots__ = ("_citations", "_is_open", "_length", "_place", "_read_citation", "index", "is_placed", "part")

    def __init__(self, place: Callable[[], tuple[int, int]], read_citation: ReadCitation) -> None:
        self._place = place
        self._read_citation = read_citation
        self.index = -1
        self.part = 0
        self.is_placed = False
        self._is_open = False
        self._length = 0
        self._citations: list[Any] = []

    def add(self, delta: Any, out: list[Event]) -> None:
        """Take a piece of the block, which has `text` or a `citation`."""
        if delta.text:
            if not self._is_open:
                self._start(out)
            self._length += len(delta.text)
            out.append(TextAdded(self.index, self.part, "text", delta.text))
        elif delta.citation is not None:
            self._citations.append(delta.citation)

    def _start(self, out: list[Event]) -> None:
        self.index, self.part = self._place()
        self._is_open = self.is_placed = True
        if self.part == 0:
            out.append(ItemStarted(self.index, Message(role="assistant", parts=[], status="in_progress")))
        out.append(PartStarted(self.index, self.part, "text"))

    def stop(self, out: list[Event]) -> None:
        if not self._is_open:
            return
        self._is_open = False
        for citation in self._citations:
            annotation = self._read_citation(lenient_object(citation), self._length)
            if annotation is not None:
                out.append(AnnotationAdded(self.index, self.part, annotation))
        out.append(PartEnded(self.index, self.part, "text"))

    def settle(self, status: Status, out: list[Event]) -> None:
        self.stop(out)
        out.append(ItemEnded(self.index, status))


class Thought(abc.ABC):
    """A step of thought. It may be all signature: the default of newer models."""

    __slots__ = ("_is_open", "_is_whole", "_texts", "index")

    def __init__(self, index: int, out: list[Event]) -> None:
        self.index = index
        self._is_open = False
        self._is_whole = False
        self._texts: list[str] = []
        out.append(ItemStarted(index, Reasoning(status="in_progress")))

    @abc.abstractmethod
    def make_carrier(self, text: str) -> Carrier | None:
        """What must come back with the thought, whose whole text is given."""

    def say(self, text: str, out: list[Event]) -> None:
        """A piece of its text."""
        if not self._is_open:
            self._is_open = True
            out.append(PartStarted(self.index, 0, "summary"))
        self._texts.append(text)
        out.append(TextAdded(self.index, 0, "summary", text))

    def stop(self, out: list[Event]) -> None:
        self._is_whole = True
        self._close(out)

    def _close(self, out: list[Event]) -> None:
        if self._is_open:
            self._is_open = False
            out.append(PartEnded(self.index, 0, "summary"))

    def settle(self, status: Status, out: list[Event]) -> None:
        # A block that was broken off has no signature that would hold.
        carrier = self.make_carrier("".join(self._texts)) if self._is_whole else None
        self._close(out)
        out.append(ItemEnded(self.index, status, carrier))


class Call:
    """A call of one of the caller's tools. `given` are arguments that came with its start: deltas tell better."""

    __slots__ = ("_given", "_is_said", "index")

    def __init__(self, index: int, call: ToolCall, given: dict[str, Any], out: list[Event]) -> None:
        self.index = index
        self._given = given
        self._is_said = False
        out.append(ItemStarted(index, call))

    def say(self, text: str, out: list[Event]) -> None:
        """A piece of its arguments."""
        if text:
            self._is_said = True
            out.append(ArgumentsAdded(self.index, text))

    def stop(self, out: list[Event]) -> None:
        if not self._is_said:
            self.say(msgspec.json.encode(self._given).decode(), out)

    def settle(self, status: Status, out: list[Event]) -> None:
        out.append(ItemEnded(self.index, status))


class BlockAnswer(Answer, Generic[D]):
    """The answer that blocks make. A dialect opens them: it knows what they are."""

    __slots__ = ("_blocks", "_last")

    def __init__(self) -> None:
        super().__init__()
        self._blocks: dict[int, Block[D]] = {}
        # The stopped block whose item waits for its end.
        self._last: Block[D] | None = None

    def add(self, number: int, delta: D) -> None:
        """A piece of a block; one of a block that nobody opened is lost."""
        block = self._blocks.get(number)
        if block is not None:
            block.add(delta, self.out)

    def is_open(self, number: int) -> bool:
        return number in self._blocks

    def put(self, number: int, block: Block[D]) -> None:
        """A block opens that makes an item of its own."""
        self._blocks[number] = block

    def place(self) -> int:
        """The place of a block's item; what was said before is over."""
        self.settle_last("completed")
        return self.take_index()

    def place_text(self) -> tuple[int, int]:
        """Where text goes, as item and part: into the message that has just been said, or into a new one."""
        last = self._last
        if isinstance(last, TextBlock):
            self._last = None
            return last.index, last.part + 1
        return self.place(), 0

    def stop(self, number: int) -> None:
        block = self._blocks.pop(number, None)
        if block is None or (isinstance(block, TextBlock) and not block.is_placed):
            return
        block.stop(self.out)
        self.settle_last("completed")
        self._last = block

    def settle_last(self, status: Status) -> None:
        if self._last is not None:
            self._last.settle(status, self.out)
            self._last = None

    def close(self, last: Status) -> None:
        for number in list(self._blocks):
            self.stop(number)
        self.settle_last(last)

    def abandon(self) -> None:
        """End the blocks that were never stopped."""
        blocks, self._blocks = self._blocks, {}
        for block in blocks.values():
            if not isinstance(block, TextBlock) or block.is_placed:
                self.settle_last("completed")
                block.settle("incomplete", self.out)

    def break_off(self) -> None:
        self.abandon()
        self.settle_last("incomplete")
