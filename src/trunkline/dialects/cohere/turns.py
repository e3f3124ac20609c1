"""Items → the messages of a Cohere request: one assistant message a turn, its results behind it, call by call.

Source: https://docs.cohere.com/reference/chat (messages).
"""

from collections.abc import Mapping
from typing import assert_never

from trunkline.dialects.cohere.answer import DIALECT
from trunkline.dialects.turns import NO_OUTPUT, PLACEHOLDER, Outputs, Wire
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


class Turns:
    """The conversation for the wire."""

    def __init__(self, instructions: str | None, items: list[Item]) -> None:
        self.messages: list[Wire] = []
        self._outputs = Outputs(items)
        # The assistant message that is being said, and the ids of its calls.
        self._said: Wire | None = None
        self._open_calls: list[str] = []
        if instructions and instructions.strip():
            self.messages.append({"role": "system", "content": instructions})
        for item in items:
            self._add(item)
        self._answer_calls()
        if not self.messages:
            self.messages.append({"role": "user", "content": PLACEHOLDER})

    def _add(self, item: Item) -> None:
        match item:
            case Message(role="assistant"):
                self._say_content([{"type": "text", "text": text} for text in _texts(item.parts)])
            case Message():
                self._answer_calls()
                role = "user" if item.role == "user" else "system"
                if content := _write_parts(item.parts, role):
                    self.messages.append({"role": role, "content": content})
            case Reasoning():
                self._think(item)
            case ToolCall():
                function = {"name": item.name, "arguments": item.arguments or "{}"}
                call = {"id": item.call_id, "type": "function", "function": function}
                self._assistant().setdefault("tool_calls", []).append(call)
                self._open_calls.append(item.call_id)
            case ToolOutput():
                # The results follow the turn that called, wherever they stand; the turn is over with the first.
                self._answer_calls()
            case OtherItem():
                pass  # no caller speaks this dialect, so none is of it
            case _:
                assert_never(item)

    def _assistant(self) -> Wire:
        if self._said is None:
            self._said = {"role": "assistant"}
            self.messages.append(self._said)
        return self._said

    def _say_content(self, blocks: list[Wire]) -> None:
        if blocks:
            self._assistant().setdefault("content", []).extend(blocks)

    def _think(self, item: Reasoning) -> None:
        """Its own thought where it stood; nobody else's, which not every model would take."""
        carrier = item.carrier
        if carrier is None or carrier.family != DIALECT:
            return
        if carrier.kind == "tool_plan":
            self._assistant()["tool_plan"] = carrier.payload
        else:
            self._say_content([{"type": "thinking", "thinking": carrier.payload}])

    def _answer_calls(self) -> None:
        """The turn is over: all its results, in the order of its calls, then the pictures that they hold."""
        calls, self._open_calls, self._said = self._open_calls, [], None
        pictures: list[Wire] = []
        for call_id in calls:
            if (output := self._outputs.take(call_id)) is not None:
                self.messages.append({"role": "tool", "tool_call_id": call_id, "content": _write_output(output)})
                pictures += _write_pictures(output)
        if pictures:
            self.messages.append({"role": "user", "content": pictures})


# --- parts --------------------------------------------------------------------------------------------------------


def _texts(parts: list[Part]) -> list[str]:
    """What there is to read, part by part; only text and refusals may stand there."""
    texts: list[str] = []
    for part in parts:
        match part:
            case Text():
                texts.append(part.text)
            case Refusal():
                texts.append(part.refusal)
            case Image() | File() | Audio():
                raise Unsupported("with this model pictures may stand in user messages alone: move the part there")
            case OtherPart():
                pass  # lowering lets none through that is not of this dialect
            case _:
                assert_never(part)
    return [text for text in texts if text.strip()]


def _write_parts(parts: list[Part], role: str) -> str | list[Wire]:
    """A plain string where there is text alone."""
    if role != "user" or not any(isinstance(part, Image | File | Audio) for part in parts):
        texts = _texts(parts)
        return texts[0] if len(texts) == 1 else [{"type": "text", "text": text} for text in texts]
    return [block for part in parts for block in _write_part(part)]


def _write_part(part: Part) -> list[Wire]:
    if isinstance(part, Image):
        return [_write_image(part)]
    if isinstance(part, File | Audio):
        kind = "files" if isinstance(part, File) else "audio"
        raise Unsupported(f"this model does not take {kind}: leave the part out or name another model")
    return [{"type": "text", "text": text} for text in _texts([part])]


def _write_image(part: Image) -> Wire:
    if part.url is None:
        raise Unsupported("an image must be a URL with this model, not a file id")
    details: Mapping[str, str] = {"detail": part.detail} if part.detail in ("low", "high", "auto") else {}
    return {"type": "image_url", "image_url": {"url": part.url, **details}}


def _write_output(item: ToolOutput) -> str | list[Wire]:
    if isinstance(item.output, str):
        return item.output if item.output.strip() else NO_OUTPUT
    texts = _texts([part for part in item.output if not isinstance(part, Image)])
    if not texts:
        return "(See the picture below.)" if _write_pictures(item) else NO_OUTPUT
    return texts[0] if len(texts) == 1 else [{"type": "text", "text": text} for text in texts]


def _write_pictures(item: ToolOutput) -> list[Wire]:
    """The pictures that a tool gave back, which have no place in a tool's message, with a word on whose they are."""
    if isinstance(item.output, str):
        return []
    pictures = [_write_image(part) for part in item.output if isinstance(part, Image)]
    label = {"type": "text", "text": f"From the tool call {item.call_id}:"}
    return [label, *pictures] if pictures else []
