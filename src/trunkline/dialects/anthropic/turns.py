"""Items → the turns of an Anthropic request, which alternate, begin with the user, and answer calls at once.

Source: https://docs.anthropic.com/en/api/messages, …/docs/agents-and-tools/tool-use/implement-tool-use.
"""

from typing import assert_never

from trunkline.dialects.anthropic.arguments import read_arguments
from trunkline.dialects.anthropic.blocks import DIALECT
from trunkline.dialects.anthropic.media import write_document, write_image
from trunkline.dialects.turns import PLACEHOLDER, Alphabet, Called, CallIds, Wire
from trunkline.dialects.turns import Turns as SharedTurns
from trunkline.errors import Unsupported
from trunkline.items import (
    Audio,
    File,
    Image,
    Item,
    OtherItem,
    OtherPart,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolOutput,
)

_IDS = Alphabet("a-zA-Z0-9_-", 128)


class Turns(SharedTurns):
    """The conversation for the wire.

    With `mid_system` a system message among the turns stays there: right after a user's turn, where alone it may
    stand. What comes before the first turn is hoisted all the same.
    """

    def __init__(self, items: list[Item], *, mid_system: bool = False) -> None:
        self._mid_system = mid_system
        # System text that waits for the user's turn to end.
        self._waiting: list[Wire] = []
        self._ids = CallIds(_IDS)
        super().__init__(items)
        self._finish()

    def write_parts(self, parts: list[Part]) -> list[Wire]:
        if len(parts) == 1:
            return _write_part(parts[0])
        return [block for part in parts for block in _write_part(part)]

    def write_output(self, output: ToolOutput, called: Called) -> Wire:
        result: Wire = {"type": "tool_result", "tool_use_id": called.wire_id}
        if isinstance(output.output, str):
            if output.output.strip():
                result["content"] = output.output
        elif blocks := self.write_parts(output.output):
            result["content"] = blocks
        if output.is_error:
            result["is_error"] = True
        return {**result, **output.extras.get(DIALECT, {})} if output.extras else result

    def call(self, item: ToolCall) -> None:
        safe = self._ids.take(item.call_id)
        given = {"input": item.arguments} if item.kind == "custom" else read_arguments(item.arguments)
        own = item.extras.get(DIALECT, {})
        self.say("assistant", [{"type": "tool_use", "id": safe, "name": item.name, "input": given, **own}])
        self.open_calls.append(Called(item.call_id, item.name, safe))

    def think(self, item: Reasoning) -> None:
        carrier = item.carrier
        if carrier is None or carrier.family != DIALECT:
            return
        if carrier.kind == "redacted":
            self.say("assistant", [{"type": "redacted_thinking", "data": carrier.payload}])
        else:
            self.say("assistant", [{"type": "thinking", **carrier.payload}])

    def add_other(self, item: OtherItem) -> None:
        if item.dialect == DIALECT:
            self.say("assistant", [item.value])

    def instruct(self, blocks: list[Wire]) -> None:
        if self._mid_system and self.messages:
            self._waiting += blocks
        else:
            super().instruct(blocks)

    def append(self, role: str, blocks: list[Wire]) -> None:
        if blocks and self._waiting:
            self._place_system()
        super().append(role, blocks)

    def _place_system(self) -> None:
        """Put what waits behind the user's turn, which is over now."""
        if self._waiting and self.messages[-1]["role"] == "user":
            self.messages.append({"role": "system", "content": self._waiting})
            self._waiting = []

    def _finish(self) -> None:
        self._place_system()
        self.system += self._waiting
        self.let_user_begin([{"type": "text", "text": PLACEHOLDER}])
        last = self.messages[-1]
        block = last["content"][-1]
        if last["role"] == "assistant" and block.get("type") == "text":
            # A prefill must not end in white space.
            last["content"][-1] = {**block, "text": block["text"].rstrip()}


def _write_part(part: Part) -> list[Wire]:
    """A part's block; text without anything to read makes none, as Anthropic refuses it."""
    if type(part) is Text and not part.extras:
        return [{"type": "text", "text": part.text}] if part.text.strip() else []
    extras = {} if isinstance(part, OtherPart) else part.extras.get(DIALECT, {})
    match part:
        case Text():
            return [{"type": "text", "text": part.text, **extras}] if part.text.strip() else []
        case Refusal():
            return [{"type": "text", "text": part.refusal, **extras}] if part.refusal.strip() else []
        case Image():
            return [{**write_image(part), **extras}]
        case File():
            return [{**write_document(part), **extras}]
        case Audio():
            raise Unsupported("this model does not take audio: leave the part out or name another model")
        case OtherPart():
            return [part.value] if part.dialect == DIALECT else []
        case _:
            assert_never(part)
