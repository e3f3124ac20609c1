"""What a request stands for that names a prompt: the prompt's members under the request's own, its placeholders filled.

Placeholders stand in the prompt's instructions and in the texts of its messages, nowhere else. Knows no store: a
version is what one gives. Source:
https://platform.openai.com/docs/api-reference/responses/create#responses-create-prompt
"""

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Raw, Struct

from trunkline.dialects.openai_responses.history import read_input
from trunkline.dialects.openai_responses.ids import check_id
from trunkline.dialects.placeholders import fill, names_in
from trunkline.dialects.shapes import UNREADABLE, Fields, missing, wrong_type, wrong_value
from trunkline.errors import InvalidRequest, TooLarge
from trunkline.state.prompts import KeptVersion

Members = dict[str, Raw]

Variable = str | dict[str, Any]
"""A text, or a part of a message: `input_text`, `input_image` or `input_file`."""

PARTS: Mapping[str, Sequence[str]] = {
    "input_text": ("text",),
    "input_image": ("image_url", "file_id"),
    "input_file": ("file_data", "file_url", "file_id"),
}
"""The parts that a variable can be, and the members of which each needs one."""

MERGED = ("text", "reasoning")
"""Members whose own members are overridden one by one: a client that only says how long an answer should be must not
take away the format that the prompt asks for."""

_TEXTS = ("input_text", "output_text", "text")
_PLAIN = {"type": "input_text"}

# A value can stand in a thousand places, and the whole must still be a request.
_MOST_CHARACTERS = 32_000_000

_NULL = Raw(b"null")

_decode_members = msgspec.json.Decoder(Members).decode


class PromptCall(Struct, frozen=True):
    """How a request names a prompt. Without a version it means the default one."""

    id: str
    version: str | None
    variables: Mapping[str, Variable]


class Expanded(Struct, frozen=True):
    """What the request stands for: its members, without `prompt`, and the prompt's messages.

    The messages stand before all that the request goes on from, and its own input behind that. Like instructions they
    hold for this request alone: what goes on from its response does not inherit them. So they are no part of `input`.
    """

    members: Members
    messages: list[Raw]


# --- how a request names a prompt -------------------------------------------------------------------------------


def read_prompt(raw: Raw) -> PromptCall | None:
    """The request's member `prompt`; `None` for null. Raises `InvalidRequest` with the path of what is wrong."""
    fields = Fields({"prompt": _decode(raw, "prompt")}).fields("prompt")
    if fields is None:
        return None
    id, version = fields.need_text("id"), fields.text("version")
    variables = fields.object("variables") or {}
    place = fields.at("variables")
    for name in fields.rest():
        raise InvalidRequest(
            f"`prompt.{name[:64]}` is not known: a prompt takes `id`, `version` and `variables`",
            param=f"prompt.{name[:64]}",
            code="unknown_parameter",
        )
    # Null counts as absent, here as anywhere.
    given = {name: check_variable(value, f"{place}.{name}") for name, value in variables.items() if value is not None}
    return PromptCall(check_id(id, "prompt.id"), version, given)


def check_variable(value: Any, path: str) -> Variable:
    """A value as it may stand in the place of a placeholder. Raises `InvalidRequest`."""
    if type(value) is str:
        return value
    if type(value) is not dict:
        raise wrong_type(path, "a string, or an `input_text`, `input_image` or `input_file` object", value)
    fields = Fields(value, path)
    type_ = fields.need_text("type")
    if type_ not in PARTS:
        raise wrong_value(fields.at("type"), type_, tuple(PARTS))
    # Each is looked at, so that none is of a wrong type.
    if not [name for name in PARTS[type_] if fields.text(name) is not None]:
        raise missing(fields.at(PARTS[type_][0]), f"a string ({' or '.join(PARTS[type_])})")
    return value


# --- what it stands for -----------------------------------------------------------------------------------------


def expand(members: Members, call: PromptCall, version: KeptVersion) -> Expanded:
    """The request with the prompt's members under its own: what it says itself holds, unless it is null.

    Only what is used of the prompt needs its variables. Raises `InvalidRequest` for a variable that is missing, not
    known, or of a kind that its place cannot hold, and where nobody names a model.
    """
    prompt = _decode_members(version.body)
    messages = [msgspec.json.decode(item) for item in read_input(prompt.pop("input", _NULL))]
    instructions = msgspec.json.decode(prompt.get("instructions", _NULL))
    values = _Values(call, _read_defaults(prompt.pop("variables", _NULL)))
    texts = [instructions or "", *(text for message in messages for text in texts_of(message))]
    values.check_names(name for text in texts for name in names_in(text))
    own = {name: value for name, value in members.items() if name != "prompt"}
    if instructions is not None and _is_absent(own, "instructions"):
        prompt["instructions"] = Raw(msgspec.json.encode("".join(fill(instructions, values.take_text))))
    filled = [Raw(msgspec.json.encode(_fill_message(message, values))) for message in messages]
    expanded = _lay_over(prompt, own)
    if _is_absent(expanded, "model"):
        raise InvalidRequest("`model` is missing: neither the request nor its prompt names one", param="model")
    return Expanded(expanded, filled)


class _Values:
    """The values of a call. They are handed out by name, and only so much of them altogether."""

    def __init__(self, call: PromptCall, defaults: Mapping[str, Variable | None]) -> None:
        self._call = call
        self._defaults = defaults
        self._characters = 0

    def check_names(self, used: Iterable[str]) -> None:
        """Raise `InvalidRequest` for a variable that the prompt neither uses nor declares."""
        known = list(dict.fromkeys([*used, *self._defaults]))
        for name in self._call.variables:
            if name not in known:
                raise _unknown_variable(name, known)

    def take(self, name: str) -> Variable:
        """The value that stands for a name. Raises `InvalidRequest` when there is none."""
        value = self._call.variables.get(name)
        if value is None:
            value = self._defaults.get(name)
        if value is None:
            raise missing(_place(name), f"a value for `{{{{{name}}}}}`, for which the prompt has no default")
        self._characters += len(value) if isinstance(value, str) else sum(len(str(each)) for each in value.values())
        if self._characters > _MOST_CHARACTERS:
            raise TooLarge(f"with these variables the prompt is longer than {_MOST_CHARACTERS} characters")
        return value

    def take_text(self, name: str) -> str:
        """The text that stands for a name where nothing but text can stand."""
        value = self.take(name)
        if isinstance(value, str):
            return value
        if value["type"] == "input_text":
            return str(value["text"])
        raise InvalidRequest(
            f"`{_place(name)}` is an `{value['type']}`, but stands in the prompt's instructions or in an answer of the"
            " assistant, where only text can stand: send a string",
            param=_place(name),
            code="invalid_type",
        )


def _place(name: str) -> str:
    return f"prompt.variables.{name[:64]}"


def _unknown_variable(name: str, known: Sequence[str]) -> InvalidRequest:
    near = difflib.get_close_matches(name, known, n=1)
    listed = ", ".join(f"`{each}`" for each in known)
    mend = f"did you mean `{near[0]}`?" if near else f"it takes {listed or 'none'}"
    return InvalidRequest(
        f"`{_place(name)}` is no variable of this prompt: {mend}", param=_place(name), code="unknown_parameter"
    )


def _read_defaults(raw: Raw) -> dict[str, Variable | None]:
    declared: dict[str, dict[str, Any] | None] = msgspec.json.decode(raw) or {}
    return {name: (declaration or {}).get("default") for name, declaration in declared.items()}


# --- texts of messages ------------------------------------------------------------------------------------------


def texts_of(item: Any) -> Iterator[str]:
    """The texts of a message, in which placeholders may stand; none of any other item."""
    content = item.get("content") if is_message(item) else None
    if isinstance(content, str):
        yield content
    for part in content if isinstance(content, list) else ():
        if _is_text(part):
            yield part["text"]


def is_message(item: Any) -> bool:
    """Whether an item is one. Its type may be left out."""
    return isinstance(item, dict) and item.get("type", "message") == "message"


def _is_text(part: Any) -> bool:
    return isinstance(part, dict) and part.get("type") in _TEXTS and isinstance(part.get("text"), str)


def _fill_message(message: Any, values: _Values) -> Any:
    if not is_message(message):
        return message
    content = message.get("content")
    # What a model is said to have answered is text.
    take = values.take_text if message.get("role") == "assistant" else values.take
    if isinstance(content, str):
        pieces = _fill_text(content, take)
        filled = pieces[0] if len(pieces) == 1 and isinstance(pieces[0], str) else _write_pieces(_PLAIN, pieces)
    elif isinstance(content, list):
        filled = [piece for part in content for piece in _fill_part(part, take)]
    else:
        return message
    return {**message, "content": filled}


def _fill_part(part: Any, take: Callable[[str], Variable]) -> list[Any]:
    return _write_pieces(part, _fill_text(part["text"], take)) if _is_text(part) else [part]


def _write_pieces(part: Mapping[str, Any], pieces: Sequence[Variable]) -> list[Any]:
    """A part of text as parts, split around the pieces that are parts themselves."""
    return [{**part, "text": piece} if isinstance(piece, str) else piece for piece in pieces]


def _fill_text(text: str, take: Callable[[str], Variable]) -> list[Variable]:
    """A text with its values in it: one text, unless a value is a part."""
    pieces: list[Variable] = [""]
    for piece in fill(text, take):
        last = pieces[-1]
        if isinstance(piece, str) and isinstance(last, str):
            pieces[-1] = last + piece
        else:
            pieces.append(piece)
    return [piece for piece in pieces if piece] or [""]


# --- the prompt's members under the request's own ---------------------------------------------------------------


def _is_absent(members: Members, name: str) -> bool:
    return members.get(name, _NULL) == _NULL


def _lay_over(prompt: Members, own: Members) -> Members:
    laid = {**prompt, **{name: value for name, value in own.items() if name not in prompt or value != _NULL}}
    for name in MERGED:
        if name in prompt and not _is_absent(own, name):
            laid[name] = _merge(prompt[name], own[name])
    return laid


def _merge(prompt: Raw, own: Raw) -> Raw:
    try:
        members = {name: value for name, value in _decode_members(own).items() if value != _NULL}
    except msgspec.ValidationError:
        return own  # of a wrong type: whoever reads it whole says so
    return Raw(msgspec.json.encode({**_decode_members(prompt), **members}))


def _decode(raw: Raw, name: str) -> Any:
    try:
        return msgspec.json.decode(raw)
    except UNREADABLE as error:
        raise InvalidRequest(f"`{name}` is not valid JSON: {error}", param=name) from None
