"""Ids of files in a request, and the content of a file in the place of one.

Knows the words that the wires share: a part names a file by `file_id`, in itself or in the object that says where its
content comes from, and a tool's container lists `file_ids`. What each wire puts in the place is the dialect's
(`Forms.inline`). Where files are kept it does not know.
"""

import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from trunkline.dialects.data_url import HEAD_BYTES, Malformed, is_text, type_of

# A letter of `file_ids` spelt as an escape: another parser would read it all the same.
_SPELT_OUT = re.compile(rb"\\u00(?:66|69|6[cC]|65|5[fF]|64|73)")

# What a model or a tool has brought forth, a tool's own arguments, and schemas: ids in there name nothing for us to
# give, and items that carry their own content are never refused for an id.
_PASSED_OVER = frozenset(
    {"annotations", "results", "input", "arguments", "function", "parameters", "input_schema", "output_schema"}
)
_PRODUCED = "_tool_result"

MEMBERS = ("input", "messages", "tools", "container")
"""The members of a body in which files are named."""

# Deeper than any wire nests parts; what is deeper is none.
_DEPTH = 24


def may_hold_file_ids(body: bytes) -> bool:
    """A cheap look: whether a body may name a file at all."""
    return body.find(b'"file_id') >= 0 or (body.find(b"\\u00") >= 0 and _SPELT_OUT.search(body) is not None)


class FileId(Struct, frozen=True):
    """One id. `path` says where it stands, `holder[key]` is it, and `part` is what it belongs to."""

    path: str
    part: dict[str, Any]
    holder: dict[str, Any] | list[Any]
    key: Any

    @property
    def id(self) -> str:
        value: str = self.holder[self.key]
        return value


def find_file_ids(body: Mapping[str, Any]) -> list[FileId]:
    """The ids of all files that a body wants the model or its tools to have."""
    return [found for name in MEMBERS if name in body for found in _find(body[name], name, {}, _DEPTH)]


def _find(value: Any, path: str, part: dict[str, Any], depth: int) -> Iterator[FileId]:
    if not depth:
        return
    if isinstance(value, list):
        for number, element in enumerate(value):
            yield from _find(element, f"{path}[{number}]", part, depth - 1)
    elif isinstance(value, dict) and not _is_produced(value):
        # `{"type": "file", "file": {"file_id": …}}` and `{"type": "document", "source": {"file_id": …}}` are one part.
        part = part if "file_id" in value and path.endswith((".file", ".source")) else value
        for name, member in value.items():
            if name == "file_id" and isinstance(member, str):
                yield FileId(f"{path}.file_id", part, value, name)
            elif name == "file_ids" and isinstance(member, list):
                yield from _find_listed(member, f"{path}.file_ids", part)
            elif name not in _PASSED_OVER:
                yield from _find(member, f"{path}.{name}", value, depth - 1)


def _find_listed(ids: list[Any], path: str, part: dict[str, Any]) -> Iterator[FileId]:
    for number, id in enumerate(ids):
        if isinstance(id, str):
            yield FileId(f"{path}[{number}]", part, ids, number)


def _is_produced(value: dict[str, Any]) -> bool:
    type_ = value.get("type")
    return isinstance(type_, str) and type_.endswith(_PRODUCED)


class Content(Struct, frozen=True):
    """What is in a file, and what it is called.

    `copy` is what the target calls a copy that it has: then that stands for the content, and the name may be empty.
    """

    name: str
    media_type: str
    data: bytes
    copy: str = ""

    @property
    def url(self) -> str:
        return f"data:{self.media_type};base64,{self.base64}"

    @property
    def base64(self) -> str:
        return b64encode(self.data).decode()

    @property
    def is_picture(self) -> bool:
        return self.media_type.startswith("image/") and self.media_type != "image/svg+xml"

    @property
    def is_text(self) -> bool:
        return is_text(self.media_type)

    @property
    def text(self) -> str:
        return self.data.decode("utf-8", "replace")

    def tell(self) -> str:
        """A text file as text, named, for a model that takes no such file."""
        return tell_file(self.name, self.text)


def make_content(name: str, told: str, data: bytes) -> Content:
    """The content, under the type that its bytes prove, else the one that was told or that its name says."""
    media_type = type_of(data[:HEAD_BYTES], told, name)
    if media_type == "application/octet-stream" and _reads_as_text(data):
        media_type = "text/plain"
    return Content(name, media_type, data)


def _reads_as_text(data: bytes) -> bool:
    try:
        return "\0" not in data.decode()
    except UnicodeDecodeError:
        return False


def check_picture(content: Content) -> None:
    """Raises `Malformed` for what is no picture that models read."""
    if not content.is_picture:
        raise Malformed(f"names a file of type `{content.media_type[:64]}`, which is no picture that models read")


def tell_file(name: str, text: str) -> str:
    shown = f' name="{name}"' if name else ""
    return f"<file{shown}>\n{text}\n</file>"
