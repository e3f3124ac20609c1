"""Pictures and documents ↔ Anthropic's blocks, from URLs, `data:` URLs and file ids.

Source: https://docs.anthropic.com/en/docs/build-with-claude/vision, …/pdf-support.
"""

from collections.abc import Mapping
from typing import Any

from trunkline.capabilities import Capabilities
from trunkline.dialects.data_url import Data, Malformed, check_base64, is_data_url, is_text, read_data_url
from trunkline.dialects.forms import Forms, Spot, find_spots
from trunkline.dialects.kept_files import Content, check_picture
from trunkline.dialects.shapes import lenient_text
from trunkline.errors import InvalidRequest
from trunkline.items import File, Image

IMAGE_TYPES = ("image/jpeg", "image/png", "image/gif", "image/webp")

# How a block holds its thing: the member of `source` for each type of source that becomes a part of ours.
_IMAGE_SOURCES = {"base64": "data", "url": "url", "file": "file_id"}
_DOCUMENT_SOURCES = {**_IMAGE_SOURCES, "text": "data"}


# --- where they stand in a caller's body --------------------------------------------------------------------------


def find_media(body: Mapping[str, Any]) -> list[Spot]:
    """Where the pictures and documents of a body are."""
    return list(find_spots(body.get("messages"), "messages", _read_spot, ("content",)))


def _read_spot(block: dict[str, Any], path: str) -> Spot | None:
    kind, source = block.get("type"), block.get("source")
    if kind not in ("image", "document") or not isinstance(source, dict):
        return None
    key = (_IMAGE_SOURCES if kind == "image" else _DOCUMENT_SOURCES).get(lenient_text(source.get("type")))
    if key is None:
        return None
    return Spot("image" if kind == "image" else "file", path, f"source.{key}", source, key)


def put_content(spot: Spot, media_type: str, base64: str) -> None:
    """Put a content in the place of a URL, in a body."""
    spot.holder.clear()
    spot.holder.update({"type": "base64", "media_type": media_type, "data": base64})


def _inline_image(block: dict[str, Any], content: Content, capabilities: Capabilities) -> None:
    check_picture(content)
    block["source"] = _write_source(content)


def _inline_document(block: dict[str, Any], content: Content, capabilities: Capabilities) -> None:
    """A document's content; pictures have a block of their own, and only text has one in plain sight."""
    if content.is_picture:
        # None of them is an image's to have.
        for name in ("title", "context", "citations"):
            block.pop(name, None)
        block["type"] = "image"
        _inline_image(block, content, capabilities)
    elif content.is_text and not content.copy:
        block["source"] = {"type": "text", "media_type": "text/plain", "data": content.text}
        block.setdefault("title", content.name)
    else:
        block["source"] = _write_source(content)
        if content.name:
            block.setdefault("title", content.name)


def _write_source(content: Content) -> dict[str, Any]:
    if content.copy:
        return {"type": "file", "file_id": content.copy}
    return {"type": "base64", "media_type": content.media_type, "data": content.base64}


FORMS = Forms(
    inline={"image": _inline_image, "document": _inline_document},
    kinds=frozenset({"image", "file"}),
    image_types=IMAGE_TYPES,
    file_types=("application/pdf", "text/*"),
    find=find_media,
    put=put_content,
)


# --- ours → wire --------------------------------------------------------------------------------------------------


def write_image(part: Image) -> dict[str, Any]:
    if part.file_id is not None:
        return {"type": "image", "source": {"type": "file", "file_id": part.file_id}}
    url = part.url or ""
    if not is_data_url(url):
        return {"type": "image", "source": {"type": "url", "url": url}}
    data = _read(url, "an image")
    if data.media_type not in IMAGE_TYPES:
        raise InvalidRequest(
            f"an image is of type `{data.media_type[:64]}` but must be one of {', '.join(IMAGE_TYPES)}"
        )
    return _inline("image", data)


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
    if not is_data_url(value) and not (filename or "").lower().endswith(".pdf"):
        raise InvalidRequest("a file must be a base64 `data:` URL: `data:application/pdf;base64,<data>`")
    data = _read(value, "a file")
    if data.media_type in IMAGE_TYPES:
        return _inline("image", data)
    if data.media_type == "application/pdf":
        return _inline("document", data)
    if is_text(data.media_type):
        source = {"type": "text", "media_type": "text/plain", "data": data.text()}
        return {"type": "document", "source": source}
    raise InvalidRequest(
        f"a file is of type `{data.media_type[:64]}`, which this model does not read: send PDF or text"
    )


def _read(value: str, what: str) -> Data:
    try:
        return read_data_url(value) if is_data_url(value) else Data("application/pdf", check_base64(value))
    except Malformed as error:
        raise InvalidRequest(f"{what} {error}") from None


def _inline(block: str, data: Data) -> dict[str, Any]:
    return {"type": block, "source": {"type": "base64", "media_type": data.media_type, "data": data.base64}}
