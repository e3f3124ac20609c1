"""Names and ids that a target's alphabet or length would refuse, made fit: the same each time, so that caches hold.

Limits: OpenAI takes tool names of 64 letters, digits, `_` and `-`; Anthropic of 128 (64 on older models); nobody less.
Google's begin with a letter or `_`.
Call ids may have 64 letters; Mistral's are exactly nine letters or digits.
"""

import hashlib
import re

from msgspec.structs import replace

from trunkline.capabilities import Capabilities
from trunkline.items import Item, ToolCall, ToolOutput

_SAFE_NAME = re.compile(r"[a-zA-Z0-9_-]+")
_UNSAFE = re.compile(r"[^a-zA-Z0-9_-]")
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def safe_name(name: str, length: int, is_word: bool = False) -> str:
    """A tool's name that a target takes: itself if it is one, else made from it. `is_word`: whether it must begin with
    a letter or `_`."""
    begins = not is_word or name[:1] == "_" or name[:1].isalpha()
    if begins and len(name) <= length and _SAFE_NAME.fullmatch(name):
        return name
    return _mark(("" if begins else "_") + _UNSAFE.sub("_", name), name, length, 8)


def safe_id(call_id: str, length: int) -> str:
    """A call id of at most `length` letters: itself if it is one, else made from it."""
    return call_id if len(call_id) <= length else _mark(call_id, call_id, length, 12)


def _mark(readable: str, whole: str, length: int, digits: int) -> str:
    digest = hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()[:digits]
    return f"{readable[: length - digits - 1]}_{digest}"


def short_id(call_id: str, length: int) -> str:
    """A call id of exactly `length` letters and digits: itself if it is one, else made from it, the same each time.

    Only requests need it: what such a target makes itself is fit for every caller.
    """
    if len(call_id) == length and call_id.isascii() and call_id.isalnum():
        return call_id
    number = 0
    for byte in call_id.encode("utf-8", "surrogatepass"):
        number = (number * 1_000_003 + byte + 1) % (62**length - 59)
    digits = []
    for _ in range(length):
        number, digit = divmod(number, 62)
        digits.append(_DIGITS[digit])
    return "".join(digits)


def fit_call_ids(items: list[Item], capabilities: Capabilities) -> list[Item]:
    """The history with ids that the target takes, calls and outputs alike."""
    exactly, most = capabilities.call_id_digits, capabilities.call_id_length
    fitted: list[Item] = []
    for item in items:
        if type(item) is ToolCall or type(item) is ToolOutput:
            call_id = short_id(item.call_id, exactly) if exactly else safe_id(item.call_id, most)
            item = item if call_id == item.call_id else replace(item, call_id=call_id)
        fitted.append(item)
    return fitted
