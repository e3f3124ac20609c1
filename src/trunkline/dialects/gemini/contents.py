"""A caller's contents and their parts → items.

Calls may come without ids, and results then answer the first open call of their name: ids are made from where a call
stands, so that the same history has the same ids. Source: https://ai.google.dev/api/caching#Content.
"""

from typing import Any

import msgspec
from msgspec.structs import replace

from trunkline.dialects.dialect import Unseal
from trunkline.dialects.gemini.media import read_blob, read_file
from trunkline.dialects.gemini.wire import DIALECT, fields_of, unseal_signature
from trunkline.dialects.shapes import Fields, wrong_type, wrong_value
from trunkline.errors import InvalidRequest
from trunkline.items import (
    Carrier,
    Extras,
    Item,
    Message,
    OtherItem,
    OtherPart,
    Part,
    Reasoning,
    Role,
    Text,
    ToolCall,
    ToolOutput,
)

PART_EXTRAS = (
    "audioMetadata",
    "audioTranscription",
    "documentMetadata",
    "mediaProcessing",
    "mediaResolution",
    "partMetadata",
    "speechMetadata",
    "spreadsheetMetadata",
    "videoMetadata",
)
"""What a part may say of itself beside what it is."""

_ROLES: dict[str, Role] = {"user": "user", "model": "assistant", "function": "user"}


def read_contents(contents: list[Any], unseal: Unseal) -> list[Item]:
    """The conversation. A content that holds calls, results or thought becomes several items, in order."""
    history = _History(unseal)
    for number, value in enumerate(contents):
        if type(value) is str:
            value = {"parts": [{"text": value}]}
        history.add(fields_of(value, f"contents[{number}]"), number)
    return history.items


class _History:
    """The items so far: parts gather in a message until something that is no part comes between."""

    def __init__(self, unseal: Unseal) -> None:
        self.items: list[Item] = []
        self._unseal = unseal
        self._role: Role = "user"
        self._parts: list[Part] = []
        self._thoughts: list[str] = []
        self._open_calls: list[tuple[str, str]] = []

    def add(self, content: Fields, number: int) -> None:
        role = content.text("role") or "user"
        if role not in _ROLES:
            raise wrong_value(content.at("role"), role, ("user", "model"))
        self._role = _ROLES[role]
        parts = content.any("parts")
        if role != "model":
            # What others have added to a model's own turn is passed over.
            content.close()
        if type(parts) is dict:
            parts = [parts]
        if parts is not None and type(parts) is not list:
            raise wrong_type(content.at("parts"), "an array of parts", parts)
        for place, value in enumerate(parts or ()):
            if type(value) is dict and len(value) == 1 and type(text := value.get("text")) is str:
                self._add_text(text, False, None)
                continue
            self._add_part(fields_of(value, f"{content.at('parts')}[{place}]"), f"call_{number}_{place}")
        self._flush_thoughts()
        self._flush()

    def _flush(self) -> None:
        if self._parts:
            self.items.append(Message(role=self._role, parts=self._parts))
            self._parts = []

    def _flush_thoughts(self, carrier: Carrier | None = None) -> None:
        """End a step of thought, with what makes it replayable."""
        thoughts, self._thoughts = self._thoughts, []
        if not thoughts and carrier is None:
            return
        self._flush()
        texts = ["".join(thoughts)] if thoughts else []
        if carrier is not None and carrier.family == "chat":
            # Models behind Chat show their raw thought, and want it back as such.
            self.items.append(Reasoning(content=texts, carrier=carrier))
        else:
            self.items.append(Reasoning(summary=texts, carrier=carrier))

    # --- parts --------------------------------------------------------------------------------------------------

    def _add_part(self, part: Fields, place_id: str) -> None:
        signature = part.text("thoughtSignature")
        is_thought = part.flag("thought") or False
        text = part.text("text")
        if text is not None:
            self._add_text(text, is_thought, signature, self._read_extras(part))
            return
        if not is_thought:
            call = part.object("functionCall")
            if call is not None:
                self._read_extras(part)
                self._add_call(fields_of(call, part.at("functionCall")), place_id, signature)
                return
            self._flush_thoughts()
            response = part.object("functionResponse")
            if response is not None:
                self._flush()
                self._add_output(fields_of(response, part.at("functionResponse")), self._read_extras(part))
                return
        self._add_other(part)
        if signature:
            self._sign("part", signature, {})

    def _read_extras(self, part: Fields) -> Extras:
        """What else a part says of itself. What nobody knows is passed over in a model's own turn."""
        rest = {name: value for name, value in part.rest().items() if value is not None}
        if self._role == "assistant":
            rest = {name: value for name, value in rest.items() if name in PART_EXTRAS}
        return {DIALECT: rest} if rest else {}

    def _add_text(self, text: str, is_thought: bool, signature: str | None, extras: Extras | None = None) -> None:
        if is_thought:
            if text:
                self._thoughts.append(text)
            if signature:
                self._sign("thought" if text else "part", signature, {"text": text} if text else {})
            return
        self._flush_thoughts()
        if text:
            self._parts.append(Text(text=text, extras=extras or {}))
        if signature:
            self._sign("part", signature, {"length": len(text)})

    def _sign(self, kind: str, signature: str, payload: dict[str, Any]) -> None:
        """A step of thought for a signature: what was sealed here is opened, another is Google's own."""
        carrier = unseal_signature(signature, self._unseal)
        if carrier is None and signature:
            carrier = Carrier(DIALECT, kind, {"signature": signature, **payload})
        self._flush_thoughts(carrier)

    def _sign_call(self, signature: str, call_id: str) -> Carrier | None:
        """What is the call's own, as Chat's providers sign them; anything else is the step of thought before it."""
        carrier = unseal_signature(signature, self._unseal)
        if carrier is not None and carrier.kind == "extra_content":
            return carrier
        self._sign("call", signature, {"id": call_id})
        return None

    def _add_call(self, call: Fields, place_id: str, signature: str | None) -> None:
        call_id, name = call.text("id"), call.need_text("name")
        given = call.object("args")
        try:
            arguments = msgspec.json.encode(given or {}).decode()
        except (UnicodeEncodeError, RecursionError, TypeError, msgspec.MsgspecError) as error:
            raise InvalidRequest(f"`{call.at('args')}` is not valid JSON", param=call.at("args")) from error
        carrier = self._sign_call(signature, call_id or "") if signature else None
        self._flush_thoughts()
        self._flush()
        self.items.append(ToolCall(call_id=call_id or place_id, name=name, arguments=arguments, carrier=carrier))
        self._open_calls.append((call_id or place_id, name))

    def _add_output(self, response: Fields, extras: Extras) -> None:
        name, own_id = response.need_text("name"), response.text("id")
        value = response.object("response") or {}
        response.any("parts")
        rest = {member: told for member, told in response.rest().items() if told is not None}
        own = {**extras.get(DIALECT, {}), **rest, "response": value}
        text, is_error = _read_response(value)
        media: list[Part] = []
        for place, inner in enumerate(response.array("parts") or ()):
            media.append(_read_media(fields_of(inner, f"{response.at('parts')}[{place}]")))
        output: str | list[Part] = text
        if media:
            output = [*([Text(text=text)] if text else []), *media]
        self.items.append(
            ToolOutput(
                call_id=self._answered(name, own_id, response),
                output=output,
                is_error=is_error,
                extras={DIALECT: own},
            )
        )

    def _answered(self, name: str, own_id: str | None, response: Fields) -> str:
        """The id of the call that a result answers, by its own id, else the first open one of its name."""
        for number, (call_id, called) in enumerate(self._open_calls):
            if call_id == own_id if own_id else called == name:
                del self._open_calls[number]
                return call_id
        raise InvalidRequest(
            f"`{response.path}` answers a call of `{name}` that is not in the history before it", param=response.path
        )

    def _add_other(self, part: Fields) -> None:
        for name, read in (("inlineData", read_blob), ("fileData", read_file)):
            value = part.object(name)
            if value is not None:
                media = read(fields_of(value, part.at(name)))
                own = {**media.extras.get(DIALECT, {}), **self._read_extras(part).get(DIALECT, {})}
                self._parts.append(replace(media, extras={DIALECT: own}) if own else media)
                return
        kinds = [name for name, value in part.rest().items() if value is not None]
        if not kinds:
            return
        if self._role == "assistant":
            self._flush()
            self.items.append(OtherItem(dialect=DIALECT, type=kinds[0], value=part.value))
        else:
            self._parts.append(OtherPart(dialect=DIALECT, type=kinds[0], value=part.value))


def read_bare_text(part: Fields) -> str:
    """The text of a part that holds nothing else."""
    text = part.need_text("text")
    part.close()
    return text


def _read_media(part: Fields) -> Part:
    """A part of a function's result."""
    for name, read in (("inlineData", read_blob), ("fileData", read_file)):
        value = part.object(name)
        if value is not None:
            part.close()
            return read(fields_of(value, part.at(name)))
    return OtherPart(dialect=DIALECT, type=next(iter(part.value), ""), value=part.value)


def _read_response(value: dict[str, Any]) -> tuple[str, bool | None]:
    """A result's text and whether it is an error: one member of a usual name is the result itself."""
    if len(value) == 1:
        [(name, member)] = value.items()
        if name in ("output", "result", "error"):
            return member if isinstance(member, str) else _encode(member), True if name == "error" else None
    return (_encode(value) if value else ""), None


def _encode(value: Any) -> str:
    try:
        return msgspec.json.encode(value).decode()
    except (UnicodeEncodeError, RecursionError, TypeError, msgspec.MsgspecError) as error:
        raise InvalidRequest("a function's `response` is not valid JSON", param="contents") from error
