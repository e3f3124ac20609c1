"""Pictures, documents and sound ↔ Gemini's `inlineData` and `fileData`.

Source: https://ai.google.dev/gemini-api/docs/image-understanding, …/document-processing, …/audio.
"""

from collections.abc import Mapping
from typing import Any

from trunkline.dialects.data_url import Data, Malformed, check_base64, is_data_url, is_text, read_data_url
from trunkline.dialects.forms import Forms, Spot, find_spots
from trunkline.dialects.gemini.wire import DIALECT
from trunkline.dialects.shapes import Fields
from trunkline.errors import InvalidRequest, Unsupported
from trunkline.items import Audio, Extras, File, Image

IMAGE_TYPES = ("image/png", "image/jpeg", "image/webp", "image/heic", "image/heif", "image/gif")

OWN_URLS = ("gs://", "https://generativelanguage.googleapis.com/", "https://www.youtube.com/", "https://youtu.be/")
"""How addresses begin that Google resolves by itself; any other has to be fetched before it comes here."""

_FILES = "https://generativelanguage.googleapis.com/v1beta/"

_TYPES_BY_ENDING = {
    "pdf": "application/pdf",
    "txt": "text/plain",
    "md": "text/markdown",
    "csv": "text/csv",
    "html": "text/html",
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "mp4": "video/mp4",
    "mp3": "audio/mp3",
    "wav": "audio/wav",
}

_AUDIO_FORMATS = {"audio/wav": "wav", "audio/x-wav": "wav", "audio/mp3": "mp3", "audio/mpeg": "mp3"}


# --- where they stand in a caller's body --------------------------------------------------------------------------


def find_media(body: Mapping[str, Any]) -> list[Spot]:
    """Where the pictures, files and sound of a body are."""
    return list(find_spots(body.get("contents"), "contents", _read_spot, ("parts", "functionResponse")))


def _read_spot(part: dict[str, Any], path: str) -> Spot | None:
    for name, keys in (("inlineData", ("data",)), ("inline_data", ("data",)), ("fileData", ("fileUri", "file_uri"))):
        holder = part.get(name)
        if isinstance(holder, dict):
            key = next((key for key in keys if key in holder), keys[0])
            kind = str(holder.get("mimeType") or holder.get("mime_type") or "")
            if kind.startswith("image/"):
                return Spot("image", path, f"{name}.{key}", holder, key)
            is_audio = kind in _AUDIO_FORMATS and name != "fileData"
            return Spot("audio" if is_audio else "file", path, f"{name}.{key}", holder, key)
    return None


FORMS = Forms(
    urls=frozenset(),
    answers=frozenset({"image", "file", "audio"}),
    own_urls=OWN_URLS,
    image_types=IMAGE_TYPES,
    file_types=("application/pdf", "text/*", "video/*", "audio/*"),
    find=find_media,
)


# --- reading ------------------------------------------------------------------------------------------------------


def read_blob(blob: Fields) -> Image | Audio | File:
    """`inlineData`: a picture, sound in a format that others know, or a file."""
    kind, data = blob.need_text("mimeType").lower(), blob.need_text("data")
    name = blob.text("displayName")
    blob.close()
    data = data.replace("-", "+").replace("_", "/")
    if kind.startswith("image/"):
        return Image(url=f"data:{kind};base64,{data}", extras={DIALECT: {"displayName": name}} if name else {})
    if kind in _AUDIO_FORMATS:
        return Audio(data=data, format=_AUDIO_FORMATS[kind])
    return File(data=f"data:{kind};base64,{data}", filename=name)


def read_file(file: Fields) -> Image | File:
    """`fileData`: a picture or a file by its address."""
    uri, kind = file.need_text("fileUri"), file.text("mimeType")
    name = file.text("displayName")
    file.close()
    extras: Extras = {DIALECT: {"mimeType": kind}} if kind else {}
    if kind is not None and kind.startswith("image/"):
        return Image(url=uri, extras=extras)
    return File(url=uri, filename=name, extras=extras)


# --- writing ------------------------------------------------------------------------------------------------------


def write_image(part: Image) -> dict[str, Any]:
    if part.file_id is not None:
        return _write_file_id(part.file_id, "")
    url = part.url or ""
    if not is_data_url(url):
        return _write_address(url, _type_of(part.extras, url, "image/jpeg"), "an image")
    data = _read(url, "an image")
    if data.media_type not in IMAGE_TYPES:
        raise InvalidRequest(
            f"an image is of type `{data.media_type[:64]}` but must be one of {', '.join(IMAGE_TYPES)}"
        )
    return _inline(data.media_type, data.base64)


def write_file(part: File) -> dict[str, Any]:
    if part.data is not None:
        data = _read(part.data, "a file", part.filename or "")
        # JSON and the like are not among the types that are read; as plain text they are.
        is_odd_text = is_text(data.media_type) and not data.media_type.startswith("text/")
        return _inline("text/plain" if is_odd_text else data.media_type, data.base64)
    if part.url is not None:
        kind = _type_of(part.extras, part.filename or part.url, "application/pdf")
        return _write_address(part.url, kind, "a file")
    return _write_file_id(part.file_id or "", _type_of(part.extras, part.filename or "", ""))


def write_audio(part: Audio) -> dict[str, Any]:
    return _inline(f"audio/{part.format}", part.data)


def _inline(kind: str, data: str) -> dict[str, Any]:
    return {"inlineData": {"mimeType": kind, "data": data}}


def _read(value: str, what: str, name: str = "") -> Data:
    try:
        if is_data_url(value):
            return read_data_url(value)
        return Data(_type_of({}, name, "application/pdf"), check_base64(value))
    except Malformed as error:
        raise InvalidRequest(f"{what} {error}") from None


def _write_address(url: str, kind: str, what: str) -> dict[str, Any]:
    if not url.startswith(OWN_URLS):
        raise Unsupported(f"{what} by this address is not possible with this model: send its data as a `data:` URL")
    return {"fileData": {"mimeType": kind, "fileUri": url}}


def _write_file_id(file_id: str, kind: str) -> dict[str, Any]:
    """A file that lies there: of what type it is may be left unsaid."""
    if not file_id.startswith("files/"):
        raise Unsupported("a file by this id is not possible with this model: the id belongs to another provider")
    return {"fileData": {**({"mimeType": kind} if kind else {}), "fileUri": _FILES + file_id}}


def _type_of(extras: Extras, name: str, default: str) -> str:
    told = extras.get(DIALECT, {}).get("mimeType")
    if isinstance(told, str):
        return told
    ending = name.partition("?")[0].rpartition(".")[2].lower()
    return _TYPES_BY_ENDING.get(ending, default)
