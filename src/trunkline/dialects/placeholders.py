"""Texts with `{{name}}` in them: which names stand there, and what comes of them once the values are known.

Pure, and of no dialect. A value is put in as it is: what looks like a placeholder in it is not one.
"""

import re
from collections.abc import Callable, Iterator
from typing import TypeVar

Value = TypeVar("Value")

_NAME = r"[\w-]{1,64}"
_PLACEHOLDER = re.compile(r"\{\{[ \t]*(" + _NAME + r")[ \t]*\}\}")

# What was meant to be one, as far as can be told.
_MEANT = re.compile(r"\{\{[^{}]*\}\}")


def is_name(text: str) -> bool:
    """Whether a placeholder can be called so."""
    return re.fullmatch(_NAME, text) is not None


def names_in(text: str) -> list[str]:
    """The names in a text, in order, as often as they stand there."""
    return _PLACEHOLDER.findall(text)


def find_bad_placeholder(text: str) -> str | None:
    """The first `{{…}}` with something in it that is no name."""
    return next((found for found in _MEANT.findall(text) if not _PLACEHOLDER.fullmatch(found)), None)


def fill(text: str, value_of: Callable[[str], Value]) -> Iterator[str | Value]:
    """The text in pieces, each placeholder's value in its place."""
    for number, piece in enumerate(_PLACEHOLDER.split(text)):
        if number % 2:
            yield value_of(piece)
        elif piece:
            yield piece
