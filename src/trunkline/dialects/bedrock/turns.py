"""Items → the turns of a Converse request, which alternate, begin with the user, and answer calls at once.

Source: https://docs.aws.amazon.com/bedrock/latest/userguide/conversation-inference-call.html, …/tool-use.html.
"""

from typing import assert_never

from trunkline.dialects.anthropic.arguments import read_arguments
from trunkline.dialects.bedrock.blocks import DIALECT
from trunkline.dialects.bedrock.media import write_document, write_image
from trunkline.dialects.turns import NO_OUTPUT, PLACEHOLDER, Alphabet, Called, CallIds, Wire
from trunkline.dialects.turns import Turns as SharedTurns
from trunkline.errors import Unsupported
from trunkline.items import (
    Audio,
    File,
    Image,
    Item,
    OtherPart,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolOutput,
)

# What stands beside documents that came without a word.
DOCUMENT_ALONE = "(See the attached document.)"


_IDS = Alphabet("a-zA-Z0-9_.:-", 64)


class Turns(SharedTurns):
    """The conversation for the wire."""

    def __init__(self, items: list[Item]) -> None:
        self._ids = CallIds(_IDS)
        # Names of documents, which must differ.
        self._names: set[str] = set()
        super().__init__(items)
        self._finish()

    def write_parts(self, parts: list[Part]) -> list[Wire]:
        return [block for part in parts for block in (*self._write_part(part), *_write_mark(part))]

    def write_said(self, parts: list[Part]) -> list[Wire]:
        if any(isinstance(part, Image | File | Audio) for part in parts):
            raise Unsupported("assistant messages hold text alone with this model: move the rest to a user message")
        return self.write_parts(parts)

    def write_output(self, output: ToolOutput, called: Called) -> Wire:
        parts: list[Part] = [Text(text=output.output)] if isinstance(output.output, str) else output.output
        result: Wire = {"toolUseId": called.wire_id, "content": self.write_parts(parts) or [{"text": NO_OUTPUT}]}
        if output.is_error:
            result["status"] = "error"
        return {"toolResult": result}

    def call(self, item: ToolCall) -> None:
        safe = self._ids.take(item.call_id)
        given = {"input": item.arguments} if item.kind == "custom" else read_arguments(item.arguments)
        self.say("assistant", [{"toolUse": {"toolUseId": safe, "name": item.name, "input": given}}])
        self.open_calls.append(Called(item.call_id, item.name, safe))

    def think(self, item: Reasoning) -> None:
        carrier = item.carrier
        if carrier is None or carrier.family != DIALECT:
            return
        name = "redactedContent" if carrier.kind == "redacted" else "reasoningText"
        self.say("assistant", [{"reasoningContent": {name: carrier.payload}}])

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

    def _finish(self) -> None:
        self.let_user_begin([{"text": PLACEHOLDER}])
        for message in self.messages:
            blocks = message["content"]
            if any("document" in block for block in blocks) and not any("text" in block for block in blocks):
                blocks.append({"text": DOCUMENT_ALONE})
        last = self.messages[-1]
        if last["role"] == "assistant" and "text" in last["content"][-1]:
            # A prefill must not end in white space.
            last["content"][-1] = {"text": last["content"][-1]["text"].rstrip()}


def _write_mark(part: Part) -> list[Wire]:
    """Behind a part that is the end of what the cache is to hold."""
    mark = None if isinstance(part, OtherPart) else part.extras.get(DIALECT, {}).get("cachePoint")
    return [{"cachePoint": mark}] if mark else []


def _write_text(text: str) -> list[Wire]:
    """Text without anything to read makes no block: it would be refused."""
    return [{"text": text}] if text.strip() else []
