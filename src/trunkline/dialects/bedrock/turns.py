"""Items → the turns of a Converse request, which alternate, begin with the user, and answer calls at once.

Source: https://docs.aws.amazon.com/bedrock/latest/userguide/conversation-inference-call.html, …/tool-use.html.
"""

import hashlib
import re
from typing import Any, assert_never

from trunkline.dialects.anthropic.arguments import read_arguments
from trunkline.dialects.bedrock.blocks import DIALECT
from trunkline.dialects.bedrock.media import write_document, write_image
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

# What stands for a user who has not spoken yet: the first turn must be the user's.
PLACEHOLDER = "(The conversation begins here.)"
# What stands for a tool that gave nothing back, and beside documents that came without a word: neither may be empty.
NO_OUTPUT = "(no output)"
DOCUMENT_ALONE = "(See the attached document.)"

_SAFE_ID = re.compile(r"[a-zA-Z0-9_.:-]{1,64}")
_UNSAFE = re.compile(r"[^a-zA-Z0-9_.:-]")


class Turns:
    """The conversation for the wire: `system` holds what is hoisted there, `messages` the turns."""

    def __init__(self, items: list[Item]) -> None:
        self.system: list[Wire] = []
        self.messages: list[Wire] = []
        self._ids: set[str] = set()
        self._names: set[str] = set()
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
                self.system += _write_system(item)
            case Message(role="user"):
                self._say("user", self._write_user(item.parts))
            case Message():
                self._say("assistant", _write_said(item.parts))
            case Reasoning():
                self._say("assistant", _write_reasoning(item))
            case ToolCall():
                safe = self._take_id(item.call_id)
                self._say("assistant", [_write_call(item, safe)])
                self._open_calls.append((item.call_id, safe))
            case ToolOutput():
                # The results follow the turn that called, wherever they stand; the turn is over with the first.
                self._answer_calls()
            case OtherItem():
                pass  # no caller speaks this dialect, so none is of it
            case _:
                assert_never(item)

    def _say(self, role: str, blocks: list[Wire]) -> None:
        if not blocks:
            return
        if role == "user":
            self._answer_calls()
        if self.messages and self.messages[-1]["role"] == role:
            self.messages[-1]["content"] += blocks
        else:
            self.messages.append({"role": role, "content": [*blocks]})

    def _answer_calls(self) -> None:
        """All results of the turn, in the order of its calls, before anything else is said."""
        calls, self._open_calls = self._open_calls, []
        for call_id, safe in calls:
            if outputs := self._outputs.get(call_id):
                self._say("user", [self._write_output(outputs.pop(0), safe)])

    def _finish(self) -> None:
        if not self.messages or self.messages[0]["role"] != "user":
            self.messages.insert(0, {"role": "user", "content": [{"text": PLACEHOLDER}]})
        for message in self.messages:
            blocks = message["content"]
            if any("document" in block for block in blocks) and not any("text" in block for block in blocks):
                blocks.append({"text": DOCUMENT_ALONE})
        last = self.messages[-1]
        if last["role"] == "assistant" and "text" in last["content"][-1]:
            # A prefill must not end in white space.
            last["content"][-1] = {"text": last["content"][-1]["text"].rstrip()}

    def _take_id(self, call_id: str) -> str:
        """An id that the wire takes, the same for the same history; an id that was used twice is told apart."""
        safe = unique = safe_id(call_id)
        count = 1
        while unique in self._ids:
            count += 1
            unique = f"{safe[:58]}_{count}"
        self._ids.add(unique)
        return unique

    # --- what users and tools give --------------------------------------------------------------------------------

    def _write_user(self, parts: list[Part]) -> list[Wire]:
        return [block for part in parts for block in self._write_part(part)]

    def _write_output(self, item: ToolOutput, safe: str) -> Wire:
        parts: list[Part] = [Text(text=item.output)] if isinstance(item.output, str) else item.output
        content = self._write_user(parts) or [{"text": NO_OUTPUT}]
        result: Wire = {"toolUseId": safe, "content": content}
        if item.is_error:
            result["status"] = "error"
        return {"toolResult": result}

    def _write_part(self, part: Part) -> list[Wire]:
        match part:
            case Text():
                return _write_text(part.text)
            case Refusal():
                return _write_text(part.refusal)
            case Image():
                return [write_image(part)]
            case File():
                return [write_document(part, self._names)]
            case Audio():
                raise Unsupported("this model does not take audio: leave the part out or name another model")
            case OtherPart():
                return []  # lowering lets none through that is not of this dialect
            case _:
                assert_never(part)


def _gather_outputs(items: list[Item]) -> dict[str, list[ToolOutput]]:
    """Outputs by call id, in order: an id that a provider used twice is answered twice."""
    outputs: dict[str, list[ToolOutput]] = {}
    for item in items:
        if isinstance(item, ToolOutput):
            outputs.setdefault(item.call_id, []).append(item)
    return outputs


def safe_id(call_id: str) -> str:
    """The id itself where the wire takes it, else one made from it."""
    if _SAFE_ID.fullmatch(call_id):
        return call_id
    digest = hashlib.sha256(call_id.encode("utf-8", "replace")).hexdigest()[:12]
    return f"{_UNSAFE.sub('_', call_id)[:48]}_{digest}"


# --- what systems and models have said ------------------------------------------------------------------------------


def _write_text(text: str) -> list[Wire]:
    """Text without anything to read makes no block: it would be refused."""
    return [{"text": text}] if text.strip() else []


def _write_system(item: Message) -> list[Wire]:
    if not all(isinstance(part, Text | OtherPart) for part in item.parts):
        raise Unsupported("system messages hold text alone with this model: move the rest to a user message")
    return [block for part in item.parts if isinstance(part, Text) for block in _write_text(part.text)]


def _write_said(parts: list[Part]) -> list[Wire]:
    if any(isinstance(part, Image | File | Audio) for part in parts):
        raise Unsupported("assistant messages hold text alone with this model: move the rest to a user message")
    texts = (part.refusal if isinstance(part, Refusal) else getattr(part, "text", "") for part in parts)
    return [block for text in texts for block in _write_text(text)]


def _write_reasoning(item: Reasoning) -> list[Wire]:
    """The model's own thought, byte for byte; anybody else's would be refused, so it is left out."""
    carrier = item.carrier
    if carrier is None or carrier.family != DIALECT:
        return []
    if carrier.kind == "redacted":
        return [{"reasoningContent": {"redactedContent": carrier.payload}}]
    return [{"reasoningContent": {"reasoningText": carrier.payload}}]


def _write_call(item: ToolCall, safe: str) -> Wire:
    given = {"input": item.arguments} if item.kind == "custom" else read_arguments(item.arguments)
    return {"toolUse": {"toolUseId": safe, "name": item.name, "input": given}}
