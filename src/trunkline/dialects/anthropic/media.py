"""Pictures and documents → Anthropic's blocks, from URLs, `data:` URLs and file ids.

Source: https://docs.anthropic.com/en/docs/build-with-claude/vision, …/pdf-support.
"""

import base64
import binascii
import re
from typing import Any

from trunkline.errors import InvalidRequest
from trunkline.items import File, Image

_IMAGE_TYPES = ("image/jpeg", "image/png", "image/gif", "image/webp")
_DATA_URL = re.compile(r"data:([^;,]*)((?:;[^;,]*)*),", re.IGNORECASE)
_SAME_TYPE = {"image/jpg": "image/jpeg", "application/x-pdf": "application/pdf"}


def split_data_url(url: str, what: str) -> tuple[str, str]:
    """Media type and base64 of a `data:` URL. Raises `InvalidRequest` for one that is not base64."""
    match = _DATA_URL.match(url)
    if match is None or not match.group(2).lower().endswith(";base64"):
        raise InvalidRequest(f"{what} must be a base64 `data:` URL: `data:<media type>;base64,<data>`")
    kind = match.group(1).strip().lower()
    return _SAME_TYPE.get(kind, kind), url[match.end() :]


def write_image(part: Image) -> dict[str, Any]:
    if part.file_id is not None:
        return {"type": "image", "source": {"type": "file", "file_id": part.file_id}}
    url = part.url or ""
    if url[:5].lower() != "data:":
        return {"type": "image", "source": {"type": "url", "url": url}}
    kind, data = split_data_url(url, "an image")
    if kind not in _IMAGE_TYPES:
        raise InvalidRequest(f"an image is of type `{kind[:64]}` but must be one of {', '.join(_IMAGE_TYPES)}")
    return _inline("image", kind, data)


def write_document(part: File) -> dict[str, Any]:
    """A document; a picture that came as a file is an image all the same."""
    if part.data is not None:
        block = _write_data(part.data, part.filename)
    elif part.url is not None:
        block = {"type": "document", "source": {"type": "url", "url": part.url}}
    else:
        block = {"type": "document", "source": {"type": "file", "file_id": part.file_id}}
    if part.filename is not None and block["type"] == "document":
        block["title"] = part.filename
    return block


def _write_data(value: str, filename: str | None) -> dict[str, Any]:
    if value[:5].lower() != "data:":
        if not (filename or "").lower().endswith(".pdf"):
            raise InvalidRequest("a file must be a base64 `data:` URL: `data:application/pdf;base64,<data>`")
        return _inline("document", "application/pdf", value)
    kind, data = split_data_url(value, "a file")
    if kind in _IMAGE_TYPES:
        return _inline("image", kind, data)
    if kind == "application/pdf":
        return _inline("document", kind, data)
    if kind.startswith("text/") or kind == "application/json":
        source = {"type": "text", "media_type": "text/plain", "data": _decode_text(data)}
        return {"type": "document", "source": source}
    raise InvalidRequest(f"a file is of type `{kind[:64]}`, which this model does not read: send PDF or text")


def _inline(block: str, kind: str, data: str) -> dict[str, Any]:
    return {"type": block, "source": {"type": "base64", "media_type": kind, "data": data}}


def _decode_text(data: str) -> str:
    try:
        return base64.b64decode(data, validate=False).decode("utf-8", "replace")
    except (binascii.Error, ValueError) as error:
        raise InvalidRequest("a file's `data:` URL does not hold valid base64") from error
