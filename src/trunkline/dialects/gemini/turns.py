"""Items → the contents of a Gemini request, where results follow the turn that called, all in one content.

Source: https://ai.google.dev/gemini-api/docs/function-calling, …/gemini-api/docs/thought-signatures.
"""

from typing import Any, assert_never

import msgspec

from trunkline.capabilities import Capabilities
from trunkline.dialects.gemini.media import write_audio, write_file, write_image
from trunkline.dialects.gemini.wire import DIALECT, SKIP_SIGNATURE
from trunkline.dialects.shapes import lenient_object, lenient_text
from trunkline.dialects.turns import PLACEHOLDER, Called, Wire
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


class Turns(SharedTurns):
    """The conversation for the wire, whose turns are called contents, their blocks parts, and the assistant a model."""

    MODEL = "model"
    BLOCKS = "parts"

    def __init__(self, items: list[Item], capabilities: Capabilities) -> None:
        self._capabilities = capabilities
        # What the next call must carry.
        self._signature: dict[str, Any] | None = None
        # Whether the model gave its calls of this turn ids of their own, which must come back with the results.
        self._has_own_ids = False
        # What results hold that has no place in them.
        self._beside: list[Wire] = []
        super().__init__(items)
        self.let_user_begin([{"text": PLACEHOLDER}])

    def write_parts(self, parts: list[Part]) -> list[Wire]:
        if len(parts) == 1:
            return _write_part(parts[0])
        return [written for part in parts for written in _write_part(part)]

    def add_other(self, item: OtherItem) -> None:
        """A part of this dialect, as it was."""
        if item.dialect == DIALECT:
            self.say("model", [{name: value for name, value in item.value.items() if name != "type"}])

    # --- thought ------------------------------------------------------------------------------------------------

    def think(self, item: Reasoning) -> None:
        """Gemini's own signatures, each on the part it came with; anybody else's would be refused."""
        carrier = item.carrier
        if carrier is None or carrier.family != DIALECT:
            return
        payload = lenient_object(carrier.payload)
        signature = lenient_text(payload.get("signature"))
        if not signature:
            return
        if carrier.kind == "call":
            self._signature = payload
        elif carrier.kind == "thought":
            text = lenient_text(payload.get("text"))
            self.say("model", [{"text": text, "thought": True, "thoughtSignature": signature}])
        else:
            self._sign_last(signature, payload.get("length"))

    def _sign_last(self, signature: str, length: Any) -> None:
        """Put a signature on the part before, cut as it came; on an empty part where there is none such."""
        last = self.messages[-1]["parts"][-1] if self.messages and self.messages[-1]["role"] == "model" else {}
        is_free = bool(last) and "thoughtSignature" not in last and "functionCall" not in last
        if is_free and "text" not in last:
            last["thoughtSignature"] = signature
        elif is_free and type(length) is int and 0 < length <= len(last["text"]):
            before, text = last["text"][:-length], last["text"][-length:]
            signed = {"text": text, "thoughtSignature": signature}
            self.messages[-1]["parts"][-1:] = [{**last, "text": before}, signed] if before else [signed]
        else:
            self.say("model", [{"text": "", "thoughtSignature": signature}])

    # --- calls --------------------------------------------------------------------------------------------------

    def call(self, item: ToolCall) -> None:
        signed, self._signature = self._signature, None
        if signed is None and item.carrier is not None and item.carrier.family == DIALECT:
            signed = lenient_object(item.carrier.payload)
        own_id = self._own_id(item, signed)
        call: Wire = {"name": item.name, "args": _write_arguments(item)}
        if own_id:
            call["id"] = own_id
        part: Wire = {"functionCall": call, **item.extras.get(DIALECT, {})}
        if signed is not None and (signature := lenient_text(signed.get("signature"))):
            part["thoughtSignature"] = signature
        elif not self.open_calls and self._capabilities.thinking not in ("manual", "none"):
            # The first call of each step must carry one, also if another model made it.
            part["thoughtSignature"] = SKIP_SIGNATURE
        self.say("model", [part])
        self.open_calls.append(Called(item.call_id, item.name, own_id))

    def _own_id(self, item: ToolCall, signed: dict[str, Any] | None) -> str:
        """The id that the model itself gave to a call; empty for one that was minted on the way."""
        if signed is not None and (own := lenient_text(signed.get("id"))):
            self._has_own_ids = True
            return own
        # Later calls of a step carry nothing: they have ids of their own where the first had one.
        return item.call_id if self._has_own_ids and not item.call_id.startswith("call_") else ""

    def answer_calls(self) -> None:
        super().answer_calls()
        beside, self._beside = self._beside, []
        self.append("user", beside)
        self._signature = None
        self._has_own_ids = False

    def write_output(self, output: ToolOutput, called: Called) -> Wire:
        response: Wire = {"name": called.name}
        if called.wire_id:
            response["id"] = called.wire_id
        own = output.extras.get(DIALECT, {}).get("response")
        if isinstance(output.output, str):
            text, media = output.output, []
        else:
            text = "\n\n".join(part.text for part in output.output if isinstance(part, Text) and part.text)
            media = self.write_parts([part for part in output.output if not isinstance(part, Text)])
        response["response"] = own if isinstance(own, dict) else {"error" if output.is_error else "output": text}
        if media and self._capabilities.thinking not in ("manual", "none"):
            response["parts"] = media
        elif media:
            self._beside += [{"text": f"(What `{called.name}` returned beside its text:)"}, *media]
        return {"functionResponse": response}


def _write_arguments(item: ToolCall) -> dict[str, Any]:
    """The arguments as the object that the wire wants; text that is none stands under `input`."""
    if item.kind == "custom":
        return {"input": item.arguments}
    try:
        value = msgspec.json.decode(item.arguments) if item.arguments.strip() else None
    except (msgspec.MsgspecError, ValueError, RecursionError):
        value = item.arguments
    if value is None:
        return {}
    return value if isinstance(value, dict) else {"input": value}


def _write_part(part: Part) -> list[Wire]:
    match part:
        case Text():
            return [{"text": part.text, **part.extras.get(DIALECT, {})}] if part.text else []
        case Refusal():
            return [{"text": part.refusal}] if part.refusal else []
        case Image():
            return [write_image(part)]
        case File():
            return [write_file(part)]
        case Audio():
            return [write_audio(part)]
        case OtherPart():
            if part.dialect != DIALECT:
                raise Unsupported(f"a part of type `{part.type}` is not possible with this model: leave it out")
            return [part.value]
        case _:
            assert_never(part)
