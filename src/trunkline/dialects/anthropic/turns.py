"""Items → the turns of an Anthropic request, which alternate, begin with the user, and answer calls at once.

Source: https://docs.anthropic.com/en/api/messages, …/docs/agents-and-tools/tool-use/implement-tool-use.
"""

import hashlib
import re
from typing import Any, assert_never

from trunkline.dialects.anthropic.arguments import read_arguments
from trunkline.dialects.anthropic.blocks import DIALECT
from trunkline.dialects.anthropic.media import write_document, write_image
from trunkline.errors import Unsupported
from trunkline.items import (
    Audio,
    File,
    Image,
    Item,
    Message,
    OtherItem,
    OtherPart,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolOutput,
)

Wire = dict[str, Any]

# What stands for a user who has not spoken yet: Anthropic wants the first turn to be the user's.
PLACEHOLDER = "(The conversation begins here.)"

_SAFE_ID = re.compile(r"[a-zA-Z0-9_-]{1,128}")
_UNSAFE = re.compile(r"[^a-zA-Z0-9_-]")


class Turns:
    """The conversation for the wire: `system` holds what is hoisted there, `messages` the turns.

    With `mid_system` a system message among the turns stays there: right after a user's turn, where alone it may
    stand. What comes before the first turn is hoisted all the same.
    """

    def __init__(self, items: list[Item], *, mid_system: bool = False) -> None:
        self.system: list[Wire] = []
        self.messages: list[Wire] = []
        self._mid_system = mid_system
        # System text that waits for the user's turn to end.
        self._waiting: list[Wire] = []
        self._ids = _CallIds()
        self._outputs = _gather_outputs(items)
        # Ids of calls of the open assistant turn, whose outputs must open the next user turn.
        self._open_calls: list[tuple[str, str]] = []
        for item in items:
            self._add(item)
        self._answer_calls()
        self._finish()

    def _add(self, item: Item) -> None:
        match item:
            case Message(role="system" | "developer"):
                self._instruct(_write_system(item))
            case Message(role="user"):
                self._say("user", write_parts(item.parts))
            case Message():
                self._say("assistant", write_parts(item.parts))
            case Reasoning():
                self._say("assistant", _write_reasoning(item))
            case ToolCall():
                safe = self._ids.take(item.call_id)
                self._say("assistant", [_write_call(item, safe)])
                self._open_calls.append((item.call_id, safe))
            case ToolOutput():
                # The results follow the turn that called, wherever they stand; the turn is over with the first.
                self._answer_calls()
            case OtherItem():
                if item.dialect == DIALECT:
                    self._say("assistant", [item.value])
            case _:
                assert_never(item)

    def _instruct(self, blocks: list[Wire]) -> None:
        if self._mid_system and self.messages:
            self._waiting += blocks
        else:
            self.system += blocks

    def _place_system(self) -> None:
        """Put what waits behind the user's turn, which is over now."""
        if self._waiting and self.messages[-1]["role"] == "user":
            self.messages.append({"role": "system", "content": self._waiting})
            self._waiting = []

    def _say(self, role: str, blocks: list[Wire]) -> None:
        if not blocks:
            return
        if role == "user":
            self._answer_calls()
        self._place_system()
        if self.messages and self.messages[-1]["role"] == role:
            self.messages[-1]["content"] += blocks
        else:
            self.messages.append({"role": role, "content": [*blocks]})

    def _answer_calls(self) -> None:
        """All results of the turn, in the order of its calls, before anything else is said."""
        calls, self._open_calls = self._open_calls, []
        results = [
            _write_output(outputs.pop(0), safe) for call_id, safe in calls if (outputs := self._outputs.get(call_id))
        ]
        self._say("user", results)

    def _finish(self) -> None:
        self._place_system()
        self.system += self._waiting
        if not self.messages or self.messages[0]["role"] != "user":
            self.messages.insert(0, {"role": "user", "content": [{"type": "text", "text": PLACEHOLDER}]})
        last = self.messages[-1]
        block = last["content"][-1]
        if last["role"] == "assistant" and block.get("type") == "text":
            # A prefill must not end in white space.
            last["content"][-1] = {**block, "text": block["text"].rstrip()}


def _gather_outputs(items: list[Item]) -> dict[str, list[ToolOutput]]:
    """Outputs by call id, in order: an id that a provider used twice is answered twice."""
    outputs: dict[str, list[ToolOutput]] = {}
    for item in items:
        if isinstance(item, ToolOutput):
            outputs.setdefault(item.call_id, []).append(item)
    return outputs


class _CallIds:
    """Ids that Anthropic takes, the same for the same history, so that its cache holds."""

    def __init__(self) -> None:
        self._used: set[str] = set()

    def take(self, call_id: str) -> str:
        safe = safe_id(call_id)
        unique, count = safe, 1
        while unique in self._used:
            count += 1
            unique = f"{safe}_{count}"
        self._used.add(unique)
        return unique


def safe_id(call_id: str) -> str:
    """The id itself where its letters are allowed, else one made from it."""
    if _SAFE_ID.fullmatch(call_id):
        return call_id
    digest = hashlib.sha256(call_id.encode("utf-8", "replace")).hexdigest()[:12]
    return f"{_UNSAFE.sub('_', call_id)[:64]}_{digest}"


# --- items --------------------------------------------------------------------------------------------------------


def _write_system(item: Message) -> list[Wire]:
    blocks = []
    for part in item.parts:
        if not isinstance(part, Text | OtherPart):
            raise Unsupported("system messages hold text alone with this model: move the rest to a user message")
        blocks += _write_part(part)
    return blocks


def _write_reasoning(item: Reasoning) -> list[Wire]:
    """Anthropic's own thought, byte for byte; anybody else's would be refused, so it is left out."""
    carrier = item.carrier
    if carrier is None or carrier.family != DIALECT:
        return []
    if carrier.kind == "redacted":
        return [{"type": "redacted_thinking", "data": carrier.payload}]
    return [{"type": "thinking", **carrier.payload}]


def _write_call(item: ToolCall, safe: str) -> Wire:
    given = {"input": item.arguments} if item.kind == "custom" else read_arguments(item.arguments)
    return {"type": "tool_use", "id": safe, "name": item.name, "input": given, **item.extras.get(DIALECT, {})}


def _write_output(item: ToolOutput, safe: str) -> Wire:
    result: Wire = {"type": "tool_result", "tool_use_id": safe}
    if isinstance(item.output, str):
        if item.output.strip():
            result["content"] = item.output
    elif blocks := write_parts(item.output):
        result["content"] = blocks
    if item.is_error:
        result["is_error"] = True
    return {**result, **item.extras.get(DIALECT, {})}


# --- parts --------------------------------------------------------------------------------------------------------


def write_parts(parts: list[Part]) -> list[Wire]:
    """The blocks of a turn; text without anything to read makes none, as Anthropic refuses it."""
    return [block for part in parts for block in _write_part(part)]


def _write_part(part: Part) -> list[Wire]:
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
