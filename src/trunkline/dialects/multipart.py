"""`multipart/form-data`, read as it comes: bytes in, parts and their content out, nothing kept but a line's worth.

Strict where readers differ: lines end with CRLF, nothing stands before the first boundary, a header is said once.
Knows no form and no file. Source: RFC 7578, and RFC 2046 section 5.1 for the frame.
"""

import re
from collections.abc import Callable, Iterator
from urllib.parse import unquote

from msgspec import Struct

from trunkline.errors import InvalidRequest, UnsupportedMediaType

_TYPE = "multipart/form-data"
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")
_WORD = r"[0-9A-Za-z!#$%&'*+.^_`|~-]+"
_PARAMETER = re.compile(rf'\s*;\s*({_WORD})\s*=\s*("(?:[^"\\]|\\.)*"|[^\s;"]*)\s*', re.DOTALL)
_HEADER = re.compile(rf"({_WORD}):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*)")
_ESCAPED = re.compile(r'\\(["\\])')

# The head of a part is a name, a file's name and a type.
_HEAD_BYTES = 8_192
_LINE_END, _HEAD_END = b"\r\n", b"\r\n\r\n"
_PLAIN_ENCODINGS = ("7bit", "8bit", "binary")


class FormPart(Struct, frozen=True):
    """The head of a part. `file_name` is `None` for a plain field, and as it was sent otherwise."""

    name: str
    file_name: str | None = None
    media_type: str = ""


class Form:
    """One form. `boundary` is what `read_boundary` found."""

    def __init__(self, boundary: bytes) -> None:
        self._delimiter = b"\r\n--" + boundary
        # The first boundary ends a line that is not there.
        self._held = bytearray(_LINE_END)
        self._step: Callable[[], FormPart | bytes | None] = self._read_content
        self._is_in_part = False
        self._is_over = False

    def feed(self, data: bytes) -> Iterator[FormPart | bytes]:
        """What has become known: the head of each part as it begins, and behind it its content in pieces.

        Raises `InvalidRequest`.
        """
        self._held += data
        while not self._is_over and (found := self._step()) is not None:
            if found:
                yield found
        if self._is_over:
            # What stands behind the last boundary is nobody's.
            self._held.clear()

    def finish(self) -> None:
        """No more will come. Raises `InvalidRequest` when the last boundary is missing."""
        if not self._is_over:
            raise _wrong("it ends before its last boundary")

    # Each step returns what it found, nothing of it when there was only framing, `None` when it needs more.

    def _read_content(self) -> bytes | None:
        end = self._held.find(self._delimiter)
        if end < 0:
            # The end may be the beginning of a boundary.
            end = max(0, len(self._held) - len(self._delimiter) + 1)
            return self._take(end) or None
        content = self._take(end)
        del self._held[: len(self._delimiter)]
        self._step = self._read_frame
        return content

    def _take(self, size: int) -> bytes:
        content = bytes(self._held[:size])
        del self._held[:size]
        if content.strip(_LINE_END) and not self._is_in_part:
            raise _wrong("it must begin with the boundary that `content-type` names, on lines that end with CRLF")
        return content if self._is_in_part else b""

    def _read_frame(self) -> bytes | None:
        """Behind a boundary: the end of its line, or the end of all."""
        self._held = self._held.lstrip(b" \t")
        if len(self._held) < 2:
            return None
        if self._held.startswith(b"--"):
            self._is_over = True
        elif not self._held.startswith(_LINE_END):
            raise _wrong("the line of a boundary must end with CRLF")
        self._step = self._read_head
        return b""

    def _read_head(self) -> FormPart | None:
        end = self._held.find(_HEAD_END)
        if end > _HEAD_BYTES or (end < 0 and len(self._held) > _HEAD_BYTES):
            raise _wrong(f"the head of a part is longer than {_HEAD_BYTES} bytes")
        if end < 0:
            return None
        head = bytes(self._held[:end])
        del self._held[: end + len(_HEAD_END)]
        self._step = self._read_content
        self._is_in_part = True
        return _read_part(head)


def read_boundary(content_type: str) -> bytes:
    """The boundary that a `content-type` names.

    Raises `UnsupportedMediaType` for another type, `InvalidRequest` without a boundary.
    """
    kind, _, _ = content_type.partition(";")
    if kind.strip().lower() != _TYPE:
        raise UnsupportedMediaType(f"the body must be `{_TYPE}`, as a form with a file is sent", param="content-type")
    boundary = _read_parameters(content_type[len(kind) :], "`content-type`").get("boundary", "")
    if not _BOUNDARY.fullmatch(boundary):
        raise InvalidRequest(
            f"`content-type` names no boundary of 1 to 70 characters: `{_TYPE}; boundary=…`", param="content-type"
        )
    return boundary.encode("ascii")


def _read_part(head: bytes) -> FormPart:
    fields = _read_fields(head)
    disposition = fields.get("content-disposition", "")
    kind, _, _ = disposition.partition(";")
    if kind.strip().lower() != "form-data":
        raise _wrong("a part has no `content-disposition: form-data; name=…`")
    if fields.get("content-transfer-encoding", "binary").lower() not in _PLAIN_ENCODINGS:
        raise _wrong("a part has a `content-transfer-encoding`: send its bytes as they are")
    parameters = _read_parameters(disposition[len(kind) :], "a part's `content-disposition`")
    if not parameters.get("name"):
        raise _wrong("a part has no name")
    return FormPart(parameters["name"], _read_file_name(parameters), fields.get("content-type", ""))


def _read_fields(head: bytes) -> dict[str, str]:
    try:
        text = head.decode()
    except UnicodeDecodeError:
        raise _wrong("the head of a part is not UTF-8") from None
    fields: dict[str, str] = {}
    for line in text.split("\r\n")[1:]:
        match = _HEADER.fullmatch(line)
        if match is None:
            raise _wrong("the head of a part holds a line that is no `name: value`")
        if match[1].lower() in fields:
            raise _wrong(f"a part has more than one `{match[1].lower()}`")
        fields[match[1].lower()] = match[2].strip()
    return fields


def _read_parameters(text: str, place: str) -> dict[str, str]:
    """`; name=value; name="value"` as it stands behind a type."""
    parameters: dict[str, str] = {}
    at = 0
    while at < len(text) and (match := _PARAMETER.match(text, at)) is not None:
        at = match.end()
        name, value = match[1].lower(), match[2]
        if name in parameters:
            raise _wrong(f"{place} says `{name}` more than once")
        parameters[name] = _ESCAPED.sub(r"\1", value[1:-1]) if value.startswith('"') else value
    if text[at:].strip(" ;"):
        raise _wrong(f"{place} cannot be read")
    return parameters


def _read_file_name(parameters: dict[str, str]) -> str | None:
    """The name as it was before it was made fit for a header."""
    extended = parameters.get("filename*")
    if extended is not None:
        charset, _, rest = extended.partition("'")
        if charset.lower() != "utf-8":
            raise _wrong("`filename*` must be UTF-8: `filename*=UTF-8''…`")
        return unquote(rest.partition("'")[2])
    name = parameters.get("filename")
    # What browsers write for the three characters that would end the value.
    return name and name.replace("%22", '"').replace("%0D", "\r").replace("%0A", "\n")


def _wrong(what: str) -> InvalidRequest:
    return InvalidRequest(f"the body is not valid {_TYPE}: {what}")
