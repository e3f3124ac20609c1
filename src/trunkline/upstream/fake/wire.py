"""What the three wires share: frames, refusals, and the few checks that every vendor makes."""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from trunkline.upstream.fake.model import Ask, Entry

Body = Mapping[str, Any]


class BadRequest(Exception):
    """A request that the vendor would refuse, with its words for why."""

    def __init__(self, message: str, *, param: str | None = None, code: str | None = None, status: int = 400) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.code = code
        self.status = status


class Stamp(Struct, frozen=True):
    """What makes two replies differ: fresh ids (short ones, as vendors refuse long ones) and the time in seconds."""

    mint: Callable[[str], str]
    now: int

    def id(self, prefix: str) -> str:
        return self.mint(prefix)


def dump(value: Any) -> bytes:
    """JSON as vendors send it: compact, and text as it is."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def frame(data: Mapping[str, Any], event: str | None = None) -> bytes:
    """One event of a stream."""
    head = f"event: {event}\n".encode() if event else b""
    return head + b"data: " + dump(data) + b"\n\n"


def require(body: Body, field: str, kind: type | tuple[type, ...]) -> Any:
    """A field that must be there, of its type."""
    value = body.get(field)
    if value is None:
        raise BadRequest(f"Missing required parameter: '{field}'.", param=field, code="missing_required_parameter")
    if not isinstance(value, kind):
        raise BadRequest(f"Invalid type for '{field}'.", param=field, code="invalid_type")
    return value


def text_of(content: Any, where: str) -> str:
    """The text of a string or a list of parts; what is no text is named by its type: `[image_url]`."""
    if content is None or isinstance(content, str):
        return content or ""
    if not isinstance(content, list) or not all(isinstance(part, Mapping) for part in content):
        raise BadRequest(f"Invalid type for '{where}': expected a string or an array of parts.", param=where)
    words = []
    for part in content:
        text = part.get("text", part.get("refusal"))
        words.append(text if isinstance(text, str) else f"[{part.get('type')}]")
    return " ".join(words)


def check_name(name: Any, where: str, longest: int) -> str:
    """A tool's name, of the letters that vendors take."""
    if not isinstance(name, str) or not re.fullmatch(rf"[a-zA-Z0-9_-]{{1,{longest}}}", name):
        raise BadRequest(f"Invalid '{where}': string does not match pattern.", param=where, code="invalid_value")
    return name


def check_pairs(entries: Sequence[Entry], param: str) -> tuple[Entry, ...]:
    """Each call has its result before anybody else speaks, and each result its call; results learn their call's name.

    This is where a gateway that loses or reorders a part of the history is found out.
    """
    checked: list[Entry] = []
    waiting: dict[str, str] = {}
    seen: set[str] = set()
    for entry in entries:
        if entry.kind == "call":
            if not entry.call_id or entry.call_id in seen:
                raise BadRequest(f"Duplicate or empty call id '{entry.call_id}'.", param=param)
            seen.add(entry.call_id)
            waiting[entry.call_id] = entry.name
        elif entry.kind == "output":
            if entry.call_id not in waiting:
                raise BadRequest(f"No tool call found for tool output with call id {entry.call_id}.", param=param)
            entry = Entry("output", entry.text, entry.call_id, waiting.pop(entry.call_id))
        elif entry.kind == "user":
            _check_answered(waiting, param)
        checked.append(entry)
    _check_answered(waiting, param)
    return tuple(checked)


def _check_answered(waiting: Iterable[str], param: str) -> None:
    for call_id in waiting:
        raise BadRequest(f"No tool output found for tool call {call_id}.", param=param)


def check_choice(ask: Ask, param: str = "tool_choice") -> Ask:
    """A choice needs tools to choose from, and names one of them."""
    if ask.choice != "auto" and not ask.tools:
        if ask.choice != "none":
            raise BadRequest(f"Invalid value for '{param}': no tools were given.", param=param)
    elif ask.choice not in ("auto", "none", "required") and all(tool.name != ask.choice for tool in ask.tools):
        raise BadRequest(f"Tool choice '{ask.choice}' not found in 'tools'.", param=param)
    return ask
