"""A model that needs no weights: what it answers follows from what it is asked, and from nothing else.

Offered tools are called once for each user message, those that the user mentions all at once; their results are
quoted; a schema is filled in; anything else is said back. Knows no wire.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from trunkline.upstream.fake.instances import fill, fill_json

_HANDOFF = "transfer_to_"

_ANY_OBJECT = {"type": "object", "properties": {"ok": {"type": "boolean"}}}

# Parts of a function's name that say nothing about what it is for.
_EMPTY_WORDS = frozenset("a add agent ask call do fetch find for get in lookup make of run search send the to".split())


class Tool(Struct, frozen=True):
    """A function or custom tool as it was offered."""

    name: str
    parameters: Mapping[str, Any]
    is_custom: bool = False

    @property
    def is_handoff(self) -> bool:
        return self.name.startswith(_HANDOFF)


class Entry(Struct, frozen=True):
    """One thing that was said so far. `kind` is `system`, `user`, `assistant`, `call` or `output`."""

    kind: str
    text: str
    call_id: str = ""
    name: str = ""


class Ask(Struct, frozen=True, kw_only=True):
    """A request, free of its wire. `choice` is `auto`, `none`, `required` or a tool's name; a bare answer has no
    quotes."""

    entries: tuple[Entry, ...]
    tools: tuple[Tool, ...] = ()
    choice: str = "auto"
    parallel: bool = True
    schema: Mapping[str, Any] | None = None
    is_bare: bool = False
    limit: int | None = None
    stops: tuple[str, ...] = ()
    reasons: bool = False


class ToolCall(Struct, frozen=True):
    """A call it makes. `arguments` is JSON, or the free input of a custom tool."""

    name: str
    arguments: str
    is_custom: bool = False


class Answer(Struct, frozen=True, kw_only=True):
    """What it says: a text or calls. `finish` is `stop`, `length`, `calls` or `stop_sequence`."""

    text: str = ""
    calls: tuple[ToolCall, ...] = ()
    thought: str = ""
    finish: str = "stop"
    stop_sequence: str | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0


def answer(ask: Ask) -> Answer:
    """The one answer to a request."""
    calls = _choose_calls(ask)
    thought = "The user wants something; this is how." if ask.reasons else ""
    text, finish, stop_sequence = ("", "calls", None) if calls else _cut(_write_text(ask), ask)
    reasoning_tokens = count(thought)
    said = sum(count(call.name) + count(call.arguments) for call in calls) + count(text)
    return Answer(
        text=text,
        calls=calls,
        thought=thought,
        finish=finish,
        stop_sequence=stop_sequence,
        input_tokens=count_input(ask),
        output_tokens=said + reasoning_tokens,
        reasoning_tokens=reasoning_tokens,
    )


def count(text: str) -> int:
    """Tokens of a text: words and signs."""
    return len(re.findall(r"\w+|[^\w\s]", text))


def count_input(ask: Ask) -> int:
    """Tokens of a request: its texts, three for each entry and eight for each tool."""
    return sum(3 + count(entry.text) for entry in ask.entries) + 8 * len(ask.tools)


def split_text(text: str) -> list[str]:
    """The deltas of a text: word by word, each with the space behind it."""
    return re.findall(r"\s*\S+\s*", text) or ([text] if text else [])


def split_arguments(arguments: str) -> list[str]:
    """The deltas of a call's arguments: five characters each, so that names and escapes are torn."""
    return [arguments[at : at + 5] for at in range(0, len(arguments), 5)]


def _last_user(ask: Ask) -> int:
    """Where the last user message stands; -1 without one."""
    return max((at for at, entry in enumerate(ask.entries) if entry.kind == "user"), default=-1)


def _user_text(ask: Ask) -> str:
    at = _last_user(ask)
    return ask.entries[at].text if at >= 0 else ""


def _outputs(ask: Ask) -> list[Entry]:
    """Tool results since the last user message. That a handoff happened is not one."""
    since = ask.entries[_last_user(ask) + 1 :]
    return [entry for entry in since if entry.kind == "output" and not entry.name.startswith(_HANDOFF)]


def _choose_calls(ask: Ask) -> tuple[ToolCall, ...]:
    text = _user_text(ask)
    chosen = _choose_tools(ask, text)
    if not ask.parallel:
        chosen = chosen[:1]
    return tuple(
        ToolCall(tool.name, text, is_custom=True) if tool.is_custom else ToolCall(tool.name, _fill_in(tool, text))
        for tool in chosen
    )


def _fill_in(tool: Tool, text: str) -> str:
    return json.dumps(fill(tool.parameters, text), ensure_ascii=False, separators=(",", ":"))


def _choose_tools(ask: Ask, text: str) -> list[Tool]:
    if not ask.tools or ask.choice == "none":
        return []
    if ask.choice not in ("auto", "required"):
        return [tool for tool in ask.tools if tool.name == ask.choice]
    if ask.choice == "auto" and _outputs(ask):
        return []
    taken = {entry.name for entry in ask.entries[_last_user(ask) + 1 :] if entry.kind == "call"}
    handoffs = [tool for tool in ask.tools if tool.is_handoff and tool.name not in taken and _mentions(text, tool)]
    if handoffs:
        return handoffs[:1]
    plain = [tool for tool in ask.tools if not tool.is_handoff]
    if _outputs(ask):
        # It has to call one more: the next, such as one that takes the answer.
        plain = [tool for tool in plain if tool.name not in taken] or plain
    mentioned = [tool for tool in plain if _mentions(text, tool)]
    if mentioned or plain:
        return mentioned or plain[:1]
    return list(ask.tools[:1]) if ask.choice == "required" else []


def _mentions(text: str, tool: Tool) -> bool:
    """Whether the user names a tool: whole, or by a word that its name is made of."""
    name = tool.name.removeprefix(_HANDOFF).lower()
    words = set(re.split(r"[_\W]+", name)) - _EMPTY_WORDS
    said = set(re.findall(r"[^\W_]+", text.lower()))
    return tool.name.lower() in text.lower() or bool(words & said)


def _write_text(ask: Ask) -> str:
    text = _user_text(ask)
    outputs = _outputs(ask)
    schema = ask.schema if ask.schema is not None else _schema_in_words(ask)
    if schema is not None:
        return str(fill(schema, text)) if ask.is_bare else fill_json(schema, text)
    if outputs:
        return "The tools say: " + "; ".join(output.text for output in outputs) + "."
    wanted = re.search(r"[Rr]eply with exactly[:\s]+(.+?)\.?\s*$", text)
    if wanted:
        return wanted[1]
    turn = sum(entry.kind == "user" for entry in ask.entries)
    return f"ok, you said: {text}" + (f" (turn {turn})" if turn > 1 else "")


def _schema_in_words(ask: Ask) -> Mapping[str, Any] | None:
    """The schema of an answer that the instructions want as a JSON object, whichever they name."""
    words = "\n".join(entry.text for entry in ask.entries if entry.kind == "system")
    if "JSON object" not in words:
        return None
    _, _, written = words.rpartition("JSON schema:")
    try:
        schema, _ = json.JSONDecoder().raw_decode(written.lstrip())
    except ValueError:
        schema = None
    return schema if isinstance(schema, dict) else _ANY_OBJECT


def _cut(text: str, ask: Ask) -> tuple[str, str, str | None]:
    """The text up to the first stop sequence, and to the limit; with why it ended."""
    found = [(text.index(stop), stop) for stop in ask.stops if stop and stop in text]
    finish, stopped_by = "stop", None
    if found:
        at, stopped_by = min(found)
        text, finish = text[:at], "stop_sequence"
    if ask.limit is not None and count(text) > ask.limit:
        ends = [match.end() for match in re.finditer(r"\w+|[^\w\s]", text)]
        return text[: ends[ask.limit - 1]] if ask.limit > 0 else "", "length", None
    return text, finish, stopped_by
