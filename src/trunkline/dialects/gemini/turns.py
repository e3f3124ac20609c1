"""Items → the contents of a Gemini request, where results follow the turn that called, all in one content.

Source: https://ai.google.dev/gemini-api/docs/function-calling, …/gemini-api/docs/thought-signatures.
"""

from typing import Any, assert_never

import msgspec

from trunkline.capabilities import Capabilities
from trunkline.dialects.gemini.media import write_audio, write_file, write_image
from trunkline.dialects.gemini.wire import DIALECT, SKIP_SIGNATURE
from trunkline.dialects.shapes import lenient_object, lenient_text
from trunkline.errors import Unsupported
from trunkline.items import (
    Audio,
    Carrier,
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

# What stands for a user who has not spoken yet: Gemini wants something to answer, and calls only after a user's turn.
PLACEHOLDER = "(The conversation begins here.)"


class Turns:
    """The conversation for the wire: `system` holds the parts that are hoisted there, `contents` the turns."""

    def __init__(self, items: list[Item], capabilities: Capabilities) -> None:
        self.system: list[Wire] = []
        self.contents: list[Wire] = []
        self._capabilities = capabilities
        self._outputs = _gather_outputs(items)
        # Calls of the open model turn, whose outputs must make up the next user turn.
        self._open_calls: list[_Called] = []
        # What the next call must carry.
        self._signature: dict[str, Any] | None = None
        # Whether the model gave its calls of this turn ids of their own, which must come back with the results.
        self._has_own_ids = False
        for item in items:
            self._add(item)
        self._answer_calls()
        self._finish()

    def _add(self, item: Item) -> None:
        match item:
            case Message(role="system" | "developer"):
                self.system += _write_system(item)
            case Message(role="user"):
                self._say("user", write_parts(item.parts))
            case Message():
                self._say("model", write_parts(item.parts))
            case Reasoning():
                self._think(item)
            case ToolCall():
                self._call(item)
            case ToolOutput():
                # The results follow the turn that called, wherever they stand; the turn is over with the first.
                self._answer_calls()
            case OtherItem():
                self._say("model", _write_other(item))
            case _:
                assert_never(item)

    def _say(self, role: str, parts: list[Wire]) -> None:
        if not parts:
            return
        if role == "user":
            self._answer_calls()
        if self.contents and self.contents[-1]["role"] == role:
            self.contents[-1]["parts"] += parts
        else:
            self.contents.append({"role": role, "parts": [*parts]})

    # --- thought ------------------------------------------------------------------------------------------------

    def _think(self, item: Reasoning) -> None:
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
            self._say("model", [{"text": text, "thought": True, "thoughtSignature": signature}])
        else:
            self._sign_last(signature, payload.get("length"))

    def _sign_last(self, signature: str, length: Any) -> None:
        """Put a signature on the part before, cut as it came; on an empty part where there is none such."""
        last = self.contents[-1]["parts"][-1] if self.contents and self.contents[-1]["role"] == "model" else {}
        is_free = bool(last) and "thoughtSignature" not in last and "functionCall" not in last
        if is_free and "text" not in last:
            last["thoughtSignature"] = signature
        elif is_free and type(length) is int and 0 < length <= len(last["text"]):
            before, text = last["text"][:-length], last["text"][-length:]
            signed = {"text": text, "thoughtSignature": signature}
            self.contents[-1]["parts"][-1:] = [{**last, "text": before}, signed] if before else [signed]
        else:
            self._say("model", [{"text": "", "thoughtSignature": signature}])

    # --- calls --------------------------------------------------------------------------------------------------

    def _call(self, item: ToolCall) -> None:
        signed, self._signature = self._signature, None
        if signed is None and item.carrier is not None and item.carrier.family == DIALECT:
            signed = _payload_of(item.carrier)
        own_id = self._own_id(item, signed)
        call: Wire = {"name": item.name, "args": _write_arguments(item)}
        if own_id:
            call["id"] = own_id
        part: Wire = {"functionCall": call, **item.extras.get(DIALECT, {})}
        if signed is not None and (signature := lenient_text(signed.get("signature"))):
            part["thoughtSignature"] = signature
        elif not self._open_calls and self._capabilities.thinking not in ("manual", "none"):
            # The first call of each step must carry one, also if another model made it.
            part["thoughtSignature"] = SKIP_SIGNATURE
        self._say("model", [part])
        self._open_calls.append(_Called(item.call_id, item.name, own_id))

    def _own_id(self, item: ToolCall, signed: dict[str, Any] | None) -> str:
        """The id that the model itself gave to a call; empty for one that was minted on the way."""
        if signed is not None and (own := lenient_text(signed.get("id"))):
            self._has_own_ids = True
            return own
        # Later calls of a step carry nothing: they have ids of their own where the first had one.
        return item.call_id if self._has_own_ids and not item.call_id.startswith("call_") else ""

    def _answer_calls(self) -> None:
        """All results of the turn, in the order of its calls, in one content before anything else is said."""
        calls, self._open_calls = self._open_calls, []
        self._signature = None
        self._has_own_ids = False
        parts: list[Wire] = []
        beside: list[Wire] = []
        for called in calls:
            if outputs := self._outputs.get(called.call_id):
                parts.append(self._write_output(outputs.pop(0), called, beside))
        self._say("user", parts + beside)

    def _write_output(self, item: ToolOutput, called: "_Called", beside: list[Wire]) -> Wire:
        response: Wire = {"name": called.name}
        if called.own_id:
            response["id"] = called.own_id
        own = item.extras.get(DIALECT, {}).get("response")
        if isinstance(item.output, str):
            text, media = item.output, []
        else:
            text = "\n\n".join(part.text for part in item.output if isinstance(part, Text) and part.text)
            media = [written for part in item.output if not isinstance(part, Text) for written in _write_part(part)]
        response["response"] = own if isinstance(own, dict) else {"error" if item.is_error else "output": text}
        if media and self._capabilities.thinking not in ("manual", "none"):
            response["parts"] = media
        elif media:
            beside += [{"text": f"(What `{called.name}` returned beside its text:)"}, *media]
        return {"functionResponse": response}

    def _finish(self) -> None:
        if not self.contents or self.contents[0]["role"] != "user":
            self.contents.insert(0, {"role": "user", "parts": [{"text": PLACEHOLDER}]})


class _Called:
    """A call that waits for its result."""

    __slots__ = ("call_id", "name", "own_id")

    def __init__(self, call_id: str, name: str, own_id: str) -> None:
        self.call_id = call_id
        self.name = name
        self.own_id = own_id


def _payload_of(carrier: Carrier) -> dict[str, Any]:
    return lenient_object(carrier.payload)


def _gather_outputs(items: list[Item]) -> dict[str, list[ToolOutput]]:
    """Outputs by call id, in order: an id that a provider used twice is answered twice."""
    outputs: dict[str, list[ToolOutput]] = {}
    for item in items:
        if isinstance(item, ToolOutput):
            outputs.setdefault(item.call_id, []).append(item)
    return outputs


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


# --- parts --------------------------------------------------------------------------------------------------------


def _write_system(item: Message) -> list[Wire]:
    parts: list[Wire] = []
    for part in item.parts:
        if not isinstance(part, Text | OtherPart):
            raise Unsupported("system messages hold text alone with this model: move the rest to a user message")
        parts += _write_part(part)
    return parts


def _write_other(item: OtherItem) -> list[Wire]:
    """A part of this dialect, as it was."""
    if item.dialect != DIALECT:
        return []
    return [{name: value for name, value in item.value.items() if name != "type"}]


def write_parts(parts: list[Part]) -> list[Wire]:
    """Parts for the wire, without the empty texts that it refuses."""
    return [written for part in parts for written in _write_part(part)]


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
