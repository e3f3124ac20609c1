"""A chat completion as it is kept and shown: the answer with its labels, and the messages that it answers.

Source: https://platform.openai.com/docs/api-reference/chat/list
"""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Raw, Struct

from trunkline.dialects.pages import Listed
from trunkline.dialects.shapes import lenient_list, lenient_object, lenient_text

_SHOWN_PARTS = ("text", "image_url")


class Told(Struct):
    """What is read of a completion in order to keep it."""

    id: str
    model: str = ""


_decode_members = msgspec.json.Decoder(dict[str, Raw]).decode
_decode_messages = msgspec.json.Decoder(list[dict[str, Any]]).decode

read_told = msgspec.json.Decoder(Told).decode


def label(completion: bytes, metadata: bytes) -> bytes:
    """The completion with these labels in the place of any others."""
    return msgspec.json.encode(_decode_members(completion) | {"metadata": Raw(metadata)})


def list_messages(completion_id: str, messages: bytes) -> list[Listed]:
    """The messages of a request as they are listed, each with an id of its place."""
    return [
        _list_message(f"{completion_id}-{number}", message) for number, message in enumerate(_decode_messages(messages))
    ]


def _list_message(id: str, message: Mapping[str, Any]) -> Listed:
    content = message.get("content")
    shown = {"id": id, "name": None, "refusal": None, **message, "content": content, "content_parts": None}
    if type(content) is list:
        parts = [part for part in content if lenient_object(part).get("type") in _SHOWN_PARTS]
        shown["content"] = "".join(lenient_text(lenient_object(part).get("text")) for part in lenient_list(content))
        shown["content_parts"] = parts
    return Listed(id, Raw(msgspec.json.encode(shown)))
