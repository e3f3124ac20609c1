"""A call's arguments as the object that Anthropic's wire wants where our vocabulary holds JSON text."""

import re
from typing import Any

import msgspec

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]:,]|[^\s{}\[\]:,"]+|"')
_CLOSERS = {"{": "}", "[": "]"}


def read_arguments(text: str) -> dict[str, Any]:
    """The object that the text holds. Text cut short gives what of it is whole, as the official SDK reads it too.

    What is no object stands under `input`, be it JSON or not; null and nothing are no arguments.
    """
    try:
        value = msgspec.json.decode(text) if text.strip() else None
    except (msgspec.MsgspecError, ValueError, RecursionError):
        value = _decode(complete(text)) if text.lstrip()[:1] in _CLOSERS else text
    if value is None:
        return {}
    return value if isinstance(value, dict) else {"input": value}


def _decode(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


def complete(text: str) -> str:
    """Truncated JSON, cut back to its last whole member and closed; empty when there is none."""
    closers: list[str] = []
    end, closing = 0, ""
    pending_key = False
    previous = ""
    for token in _TOKEN.finditer(text):
        word = token.group()
        if word == '"':
            break  # A string without its end: nothing after it can be told apart.
        if word in _CLOSERS:
            closers.append(_CLOSERS[word])
        elif word in ("}", "]"):
            if not closers or closers.pop() != word:
                break
        elif word == ":":
            pending_key = False
        elif word != "," and previous in ("{", ",") and closers and closers[-1] == "}":
            pending_key = True
        # A number or word at the very end may be half of a longer one.
        is_open_ended = token.end() == len(text) and word[-1] not in '"{}[]:,'
        if word not in (":", ",") and not pending_key and not is_open_ended:
            end, closing = token.end(), "".join(reversed(closers))
        previous = word
    return text[:end] + closing
