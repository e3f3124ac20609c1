"""Pictures and documents → Converse's blocks, which hold bytes or a place in S3.

Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_DocumentBlock.html, …_ImageBlock.html.
"""

import re
from collections.abc import Mapping
from typing import Any

from trunkline.dialects.data_url import Data, Malformed, check_base64, is_data_url, is_text, read_data_url
from trunkline.dialects.forms import Forms
from trunkline.errors import InvalidRequest, Unsupported
from trunkline.items import File, Image

S3 = "s3://"

WISHES = ("context", "citations")
"""What may be asked of a document, in the words of Anthropic's callers."""

_IMAGES: Mapping[str, str] = {"image/png": "png", "image/jpeg": "jpeg", "image/gif": "gif", "image/webp": "webp"}
_DOCUMENTS: Mapping[str, str] = {
    "application/pdf": "pdf",
    "text/csv": "csv",
    "application/msword": "doc",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.ms-excel": "xls",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "text/html": "html",
    "text/markdown": "md",
}

FORMS = Forms(
    kinds=frozenset({"image", "file"}),
    urls=frozenset(),
    ids=frozenset(),
    own_urls=(S3,),
    image_types=tuple(_IMAGES),
    file_types=(*_DOCUMENTS, "text/*"),
)

_NAMELESS = "document"
_NAME_CHARACTERS = re.compile(r"[^A-Za-z0-9()\[\] -]+")
_SPACES = re.compile(r" {2,}")
# The wire's own limit.
_NAME_LENGTH = 200


def write_image(part: Image) -> dict[str, Any]:
    url = part.url or ""
    if url.startswith(S3):
        suffix = url.rpartition(".")[2].lower()
        kind = {"jpg": "jpeg"}.get(suffix, suffix)
        return _block("image", kind if kind in _IMAGES.values() else "png", {"s3Location": {"uri": url}})
    if not is_data_url(url):
        raise Unsupported("an image must be a base64 `data:` URL or an `s3://` one with this model")
    data = _read(url, "an image")
    if data.media_type not in _IMAGES:
        raise InvalidRequest(f"an image is of type `{data.media_type[:64]}` but must be one of {', '.join(_IMAGES)}")
    return _inline("image", _IMAGES[data.media_type], data)


def write_document(part: File, taken: set[str]) -> dict[str, Any]:
    """A document under a name that is not `taken`; a picture that came as a file is an image all the same."""
    if part.data is None and part.url is not None and part.url.startswith(S3):
        suffix = part.url.rpartition(".")[2].lower()
        kind = suffix if suffix in (*_DOCUMENTS.values(), "txt") else "pdf"
        return _named(_block("document", kind, {"s3Location": {"uri": part.url}}), part, taken)
    if part.data is None:
        raise Unsupported("a file must be a base64 `data:` URL or an `s3://` one with this model")
    data = _read(part.data, "a file")
    if data.media_type in _IMAGES:
        return _inline("image", _IMAGES[data.media_type], data)
    if data.media_type not in _DOCUMENTS and not is_text(data.media_type):
        raise InvalidRequest(f"a file is of type `{data.media_type[:64]}`, which this model does not read")
    return _named(_inline("document", _DOCUMENTS.get(data.media_type, "txt"), data), part, taken)


def _read(value: str, what: str) -> Data:
    try:
        return read_data_url(value) if is_data_url(value) else Data("application/pdf", check_base64(value))
    except Malformed as error:
        raise InvalidRequest(f"{what} {error}") from None


def _inline(block: str, kind: str, data: Data) -> dict[str, Any]:
    return _block(block, kind, {"bytes": data.base64})


def _block(block: str, kind: str, source: dict[str, Any]) -> dict[str, Any]:
    return {block: {"format": kind, "source": source}}


def _named(block: dict[str, Any], part: File, taken: set[str]) -> dict[str, Any]:
    document = block["document"]
    name = unique = fit_name(part.filename or _NAMELESS)
    number = 1
    while unique in taken:
        number += 1
        unique = f"{name} ({number})"
    taken.add(unique)
    written = {"format": document["format"], "name": unique, "source": document["source"]}
    # Anthropic's callers may say what a document is about, and wish that it is cited; Converse has the same words.
    asked = part.extras.get("messages", {})
    return {"document": written | {name: asked[name] for name in WISHES if asked.get(name)}}


def fit_name(filename: str) -> str:
    """A file's name in the few characters that the wire takes, without its suffix, which the format says."""
    stem = filename.rpartition("/")[2]
    stem = stem.rpartition(".")[0] or stem
    name = _SPACES.sub(" ", _NAME_CHARACTERS.sub(" ", stem)).strip()
    return name[: _NAME_LENGTH - 10].strip() or _NAMELESS
