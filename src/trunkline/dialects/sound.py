"""Sound that a model made: an item in the words of OpenAI's Chat API, whoever the model is."""

import binascii
from base64 import b64decode

from trunkline.dialects.shapes import lenient_text
from trunkline.items import Item, OtherItem

_DIALECT, _TYPE = "chat", "audio"

_HEADS = {
    b"RIFF": "audio/wav",
    b"ID3": "audio/mpeg",
    b"\xff\xfb": "audio/mpeg",
    b"\xff\xf3": "audio/mpeg",
    b"fLaC": "audio/flac",
    b"OggS": "audio/ogg",
}

# What OpenAI streams, and what has no head to tell it by.
_BARE_SAMPLES = "audio/L16;rate=24000"


def make_sound(data: str) -> OtherItem:
    """The item that a piece of sound is, in base64."""
    return OtherItem(dialect=_DIALECT, type=_TYPE, value={"type": _TYPE, "data": data})


def find_sound(item: Item | None) -> str:
    """The sound that an item is, in base64; nothing for every other item."""
    if not isinstance(item, OtherItem) or (item.dialect, item.type) != (_DIALECT, _TYPE):
        return ""
    return lenient_text(item.value.get("data"))


def type_sound(data: str) -> str:
    """The media type that the head of some sound proves."""
    try:
        head = b64decode(data[:8])
    except (binascii.Error, ValueError):
        return _BARE_SAMPLES
    return next((kind for start, kind in _HEADS.items() if head.startswith(start)), _BARE_SAMPLES)
