"""What a part is that is not text: a picture, a file or sound; and which media types are among others."""

from collections.abc import Sequence
from typing import Literal

from trunkline.dialects.data_url import is_text
from trunkline.items import Audio, File, Image, Part

Kind = Literal["image", "file", "audio"]

_KINDS: dict[type, Kind] = {Image: "image", File: "file", Audio: "audio"}


def kind_of(part: Part) -> Kind | None:
    """Which of them a part is, or `None` for text and for what only one dialect knows."""
    return _KINDS.get(type(part))


def allows(types: Sequence[str], media_type: str) -> bool:
    """Whether a media type is among types, of which `text/*` stands for all of a kind, and none at all for any."""
    if not types or media_type in types or f"{media_type.partition('/')[0]}/*" in types:
        return True
    # JSON and the like are text by another name.
    return "text/*" in types and is_text(media_type)
