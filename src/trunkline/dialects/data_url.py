"""`data:` URLs, and what bytes say of their own type. Knows no part, no dialect and no request.

Source: RFC 2397; the signatures are those of https://mimesniff.spec.whatwg.org.
"""

import base64
import posixpath
import re
from urllib.parse import unquote_to_bytes

from msgspec import Struct

_HEAD = re.compile(r"data:([^;,]*)((?:;[^;,]*)*),", re.IGNORECASE)
_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]+")
_UTF8 = ("utf-8", "utf8", "us-ascii")
_SPACES = b" \n\r\t"
_PADDING = (b"", b"=", b"==")
_DIGITS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

# Spellings in use of types that have another name.
_SAME_TYPE = {"image/jpg": "image/jpeg", "image/pjpeg": "image/jpeg", "application/x-pdf": "application/pdf"}

# As many of the first bytes as any signature needs.
HEAD_BYTES = 512

_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"%PDF-", "application/pdf"),
)
_BRANDS = {
    b"avif": "image/avif",
    b"avis": "image/avif",
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"mif1": "image/heif",
    b"msf1": "image/heif",
}
_SVG = re.compile(
    rb"\s*(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*|<!DOCTYPE[^>]*>\s*)*<svg[\s>]", re.DOTALL
)


class Malformed(ValueError):
    """What is wrong with a `data:` URL, as the rest of a sentence that begins with its place; safe to show."""


class Data(Struct, frozen=True):
    """A `data:` URL taken apart. `base64` is sound: no white space, padded. `charset` is empty for UTF-8."""

    media_type: str
    base64: str
    parameters: tuple[str, ...] = ()
    charset: str = ""

    @property
    def size_bytes(self) -> int:
        return len(self.base64) // 4 * 3 - self.base64[-2:].count("=")

    @property
    def url(self) -> str:
        return f"data:{self.media_type};base64,{self.base64}"

    def head(self) -> bytes:
        """The first bytes of the content."""
        return base64.b64decode(self.base64[: HEAD_BYTES // 3 * 4])

    def decode(self) -> bytes:
        """The content."""
        return base64.b64decode(self.base64)

    def text(self) -> str:
        """The content as text, in its own charset; what does not belong to it is replaced."""
        try:
            return self.decode().decode(self.charset or "utf-8", "replace")
        except LookupError:
            return self.decode().decode("utf-8", "replace")


def is_data_url(url: str) -> bool:
    return url[:5].lower() == "data:"


def read_data_url(url: str) -> Data:
    """The URL taken apart. Text may come percent-encoded, everything else must be base64. Raises `Malformed`."""
    match = _HEAD.match(url)
    if match is None:
        raise Malformed("is not a `data:` URL like `data:image/png;base64,…`: the comma before the data is missing")
    parameters = [parameter.strip().lower() for parameter in match[2].split(";")[1:]]
    is_base64 = bool(parameters) and parameters[-1] == "base64"
    parameters = parameters[:-1] if is_base64 else parameters
    media_type = same_type(match[1]) or "text/plain"
    if not _TYPE.fullmatch(media_type):
        raise Malformed("names no media type: write `data:<media type>;base64,<data>`, as `data:image/png;base64,…`")
    if is_base64:
        data = check_base64(url[match.end() :])
    elif is_text(media_type):
        data = base64.b64encode(unquote_to_bytes(url[match.end() :])).decode()
    else:
        raise Malformed(f"is not base64: write `data:{media_type};base64,<data>`")
    charset = next((value[8:].strip("\"'") for value in parameters if value.startswith("charset=")), "")
    return Data(media_type, data, tuple(parameters), "" if charset in _UTF8 else charset)


def check_base64(text: str) -> str:
    """Base64 that every provider takes: white space taken out, padded. Raises `Malformed` for what is none."""
    # Not decoded, which would cost five times as much: a request may hold tens of megabytes.
    others = text.encode("utf-8", "replace").translate(None, _DIGITS)
    if any(space in others for space in _SPACES):
        text, others = "".join(text.split()), others.translate(None, _SPACES)
    digits = len(text) - len(others)
    if not digits and others in _PADDING:
        raise Malformed("is empty: there is no data in it")
    if others not in _PADDING or not text.endswith(others.decode()) or digits % 4 == 1:
        raise Malformed("does not hold valid base64")
    padding = "=" * (-digits % 4)
    return text if len(padding) == len(others) else text[:digits] + padding


def write_data_url(media_type: str, data: bytes) -> str:
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"


_SUFFIXES = {
    "application/pdf": "pdf",
    "application/json": "json",
    "text/plain": "txt",
    "text/markdown": "md",
    "text/csv": "csv",
    "text/html": "html",
}


def name_file(url: str) -> str:
    """A name for a file that has none, by the type in its `data:` URL."""
    kind = same_type(url[5:64].partition(",")[0]) if is_data_url(url) else "application/pdf"
    return f"document.{_SUFFIXES.get(kind, kind.partition('/')[2].split('.')[-1] or 'bin')}"


def same_type(media_type: str) -> str:
    """A media type in lower case, without parameters, by its usual name."""
    essence = media_type.partition(";")[0].strip().lower()
    return _SAME_TYPE.get(essence, essence)


def is_text(media_type: str) -> bool:
    """Whether it can be read as text (pictures in XML are pictures)."""
    return media_type.startswith("text/") or media_type in _TEXT_TYPES


_TEXT_TYPES = frozenset(
    {"application/json", "application/xml", "application/yaml", "application/x-yaml", "application/javascript"}
)


def sniff(head: bytes) -> str | None:
    """The media type that the first bytes prove, or `None` when they prove none."""
    for signature, media_type in _SIGNATURES:
        if head.startswith(signature):
            return media_type
    if head[:4] == b"RIFF":
        return {b"WEBP": "image/webp", b"WAVE": "audio/wav"}.get(head[8:12])
    if head[:2] == b"BM" and head[6:10] == bytes(4):
        return "image/bmp"
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12])
    return "image/svg+xml" if _SVG.match(head) else None


# What a server says of bytes that it knows nothing about.
_UNTOLD = frozenset({"", "application/octet-stream", "binary/octet-stream", "application/binary"})

# Only where neither the bytes nor the server tell; enough for what people attach.
_BY_SUFFIX = {
    ".pdf": "application/pdf",
    ".txt": "text/plain",
    ".log": "text/plain",
    ".md": "text/markdown",
    ".csv": "text/csv",
    ".tsv": "text/tab-separated-values",
    ".html": "text/html",
    ".xml": "application/xml",
    ".json": "application/json",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
}


def type_of(head: bytes, told: str, filename: str) -> str:
    """The type of some content: what its bytes prove, then what its server says, then what its name says."""
    proven = sniff(head)
    if proven is not None:
        return proven
    told = same_type(told)
    by_name = _BY_SUFFIX.get(posixpath.splitext(filename.lower())[1])
    if told not in _UNTOLD and not (told == "text/plain" and by_name is not None and is_text(by_name)):
        return told
    return by_name or "application/octet-stream"
