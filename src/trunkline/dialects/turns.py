"""Items → turns, for the wires on which turns alternate, calls are blocks, and their results make up the next turn.

Knows no wire's blocks: those are the dialect's to write.
"""

import abc
import hashlib
import re
from typing import Any, ClassVar, assert_never

from msgspec import Struct

from trunkline.errors import Unsupported
from trunkline.items import Item, Message, OtherItem, OtherPart, Part, Reasoning, Text, ToolCall, ToolOutput

Wire = dict[str, Any]

PLACEHOLDER = "(The conversation begins here.)"
"""What stands for a user who has not spoken yet: the first turn must be the user's."""

NO_OUTPUT = "(no output)"
"""What stands for a tool that gave nothing back, where that may not be empty."""


class Called(Struct, frozen=True):
    """A call that waits for its result; `wire_id` is its id as it was written, perhaps none."""

    call_id: str
    name: str
    wire_id: str


class Outputs:
    """The outputs of a conversation by call id, in order: an id that a provider used twice is answered twice."""

    def __init__(self, items: list[Item]) -> None:
        self._outputs: dict[str, list[ToolOutput]] = {}
        for item in items:
            if type(item) is ToolOutput:
                self._outputs.setdefault(item.call_id, []).append(item)

    def take(self, call_id: str) -> ToolOutput | None:
        """The next output of a call, if it has one."""
        outputs = self._outputs.get(call_id)
        return outputs.pop(0) if outputs else None


class Alphabet:
    """How the ids of a wire may look: at most so many of a class of letters."""

    def __init__(self, letters: str, most: int) -> None:
        self.most = most
        self._fits = re.compile(f"[{letters}]{{1,{most}}}")
        self._others = re.compile(f"[^{letters}]")

    def make_safe(self, call_id: str) -> str:
        """The id itself where it fits, else one made from it."""
        if self._fits.fullmatch(call_id):
            return call_id
        digest = hashlib.sha256(call_id.encode("utf-8", "replace")).hexdigest()[:12]
        return f"{self._others.sub('_', call_id)[: min(self.most, 80) - 16]}_{digest}"


class CallIds:
    """Ids that a wire takes, the same for the same history, so that caches hold."""

    def __init__(self, alphabet: Alphabet) -> None:
        self._alphabet = alphabet
        self._used: set[str] = set()

    def take(self, call_id: str) -> str:
        """A safe id; one that was used twice is told apart."""
        unique = safe = self._alphabet.make_safe(call_id)
        count = 1
        while unique in self._used:
            count += 1
            unique = f"{safe[: self._alphabet.most - 6]}_{count}"
        self._used.add(unique)
        return unique


class Turns(abc.ABC):
    """The conversation for the wire: `system` holds what is hoisted there, `messages` the turns.

    A role's blocks in a row are one turn, and all results of a turn, in the order of its calls, open the next.
    """

    MODEL: ClassVar[str] = "assistant"
    BLOCKS: ClassVar[str] = "content"

    def __init__(self, items: list[Item]) -> None:
        self.system: list[Wire] = []
        self.messages: list[Wire] = []
        self.open_calls: list[Called] = []
        self._outputs = Outputs(items)
        for item in items:
            self._add(item)
        self.answer_calls()

    # --- what a dialect writes ------------------------------------------------------------------------------------

    @abc.abstractmethod
    def write_parts(self, parts: list[Part]) -> list[Wire]:
        """The blocks of a turn."""

    def write_said(self, parts: list[Part]) -> list[Wire]:
        """The blocks of what the model has said."""
        return self.write_parts(parts)

    @abc.abstractmethod
    def write_output(self, output: ToolOutput, called: Called) -> Wire:
        """A call's result."""

    @abc.abstractmethod
    def call(self, item: ToolCall) -> None:
        """Say a call, and add it to `open_calls`."""

    @abc.abstractmethod
    def think(self, item: Reasoning) -> None:
        """Say the model's own thought; anybody else's would be refused."""

    def add_other(self, item: OtherItem) -> None:  # noqa: B027 - most dialects have nothing to say to these
        """What only one dialect knows. Nothing, where no caller speaks this one."""

    def instruct(self, blocks: list[Wire]) -> None:
        """The blocks of a system message."""
        self.system += blocks

    # --- what all have in common ----------------------------------------------------------------------------------

    def _add(self, item: Item) -> None:
        match item:
            case Message() if item.role == "user":
                self.say("user", self.write_parts(item.parts))
            case Message() if item.role == "assistant":
                self.say(self.MODEL, self.write_said(item.parts))
            case Message():
                self.instruct(self.write_parts(_check_text(item)))
            case ToolCall():
                self.call(item)
            case Reasoning():
                self.think(item)
            case ToolOutput():
                # The results follow the turn that called, wherever they stand; the turn is over with the first.
                self.answer_calls()
            case OtherItem():
                self.add_other(item)
            case _:
                assert_never(item)

    def say(self, role: str, blocks: list[Wire]) -> None:
        """Blocks of a role; nothing, where there are none."""
        if blocks and role == "user":
            self.answer_calls()
        self.append(role, blocks)

    def append(self, role: str, blocks: list[Wire]) -> None:
        if not blocks:
            return
        if self.messages and self.messages[-1]["role"] == role:
            self.messages[-1][self.BLOCKS] += blocks
        else:
            self.messages.append({"role": role, self.BLOCKS: [*blocks]})

    def answer_calls(self) -> None:
        """All results of the turn, in the order of its calls, before anything else is said."""
        if not self.open_calls:
            return
        calls, self.open_calls = self.open_calls, []
        outputs = [(self._outputs.take(called.call_id), called) for called in calls]
        self.append("user", [self.write_output(output, called) for output, called in outputs if output is not None])

    def let_user_begin(self, blocks: list[Wire]) -> None:
        """See that the first turn is the user's: `blocks` is what stands for it."""
        if not self.messages or self.messages[0]["role"] != "user":
            self.messages.insert(0, {"role": "user", self.BLOCKS: blocks})


_IN_SYSTEM = frozenset({Text, OtherPart})


def _check_text(item: Message) -> list[Part]:
    if not all(type(part) in _IN_SYSTEM for part in item.parts):
        raise Unsupported("system messages hold text alone with this model: move the rest to a user message")
    return item.parts
