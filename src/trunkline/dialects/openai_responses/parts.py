"""Content parts of the Responses wire ↔ the vocabulary's. Knows no item.

Source: https://platform.openai.com/docs/api-reference/responses/create#responses-create-input
"""

from collections.abc import Callable, Mapping
from typing import Any, assert_never

from trunkline.capabilities import Capabilities
from trunkline.dialects.data_url import name_file
from trunkline.dialects.forms import Forms, Spot, find_spots, put_data_url
from trunkline.dialects.kept_files import Content, check_picture
from trunkline.dialects.shapes import Fields, missing, read_object
from trunkline.items import CITED, Audio, Extras, File, Image, OtherPart, Part, Refusal, Text

DIALECT_NAME = "responses"


# --- wire → ours ------------------------------------------------------------------------------------------------


def read_extras(fields: Fields) -> Extras:
    """The members that nobody asked for, as this dialect's own."""
    rest = fields.rest()
    return {DIALECT_NAME: rest} if rest else {}


def read_parts(values: list[Any], path: str) -> list[Part]:
    """The parts of a message or of a tool's output. Raises `InvalidRequest`."""
    return [_read_part(read_object(value, f"{path}[{number}]")) for number, value in enumerate(values)]


def _read_part(fields: Fields) -> Part:
    type_ = fields.need_text("type")
    read = _PARTS.get(type_)
    return read(fields) if read is not None else OtherPart(dialect=DIALECT_NAME, type=type_, value=fields.value)


def _read_text(fields: Fields) -> Part:
    return Text(
        text=fields.need_text("text"),
        annotations=[annotation.value for annotation in fields.each("annotations")],
        logprobs=[entry.value for entry in fields.each("logprobs")] or None,
        extras=read_extras(fields),
    )


def _read_refusal(fields: Fields) -> Part:
    return Refusal(refusal=fields.need_text("refusal"), extras=read_extras(fields))


def _read_image(fields: Fields) -> Part:
    url, file_id = fields.text("image_url"), fields.text("file_id")
    if url is None and file_id is None:
        raise missing(fields.at("image_url"), "a URL, unless there is a `file_id`")
    return Image(url=url, file_id=file_id, detail=fields.text("detail"), extras=read_extras(fields))


def _read_file(fields: Fields) -> Part:
    data, url, file_id = fields.text("file_data"), fields.text("file_url"), fields.text("file_id")
    if data is None and url is None and file_id is None:
        raise missing(fields.at("file_data"), "a `data:` URL, unless there is a `file_url` or `file_id`")
    return File(data=data, url=url, file_id=file_id, filename=fields.text("filename"), extras=read_extras(fields))


def _read_audio(fields: Fields) -> Part:
    audio = fields.need_fields("input_audio")
    return Audio(data=audio.need_text("data"), format=audio.need_text("format"), extras=read_extras(fields))


_PARTS: dict[str, Callable[[Fields], Part]] = {
    "input_text": _read_text,
    "output_text": _read_text,
    # Not OpenAI's word here, but Chat's, and a common slip.
    "text": _read_text,
    "refusal": _read_refusal,
    "input_image": _read_image,
    "input_file": _read_file,
    "input_audio": _read_audio,
}


def find_media(body: Mapping[str, Any]) -> list[Spot]:
    """Where the pictures, files and sound of a body are."""
    return list(find_spots(body.get("input"), "input", _read_spot, ("content", "output")))


def _read_spot(part: dict[str, Any], path: str) -> Spot | None:
    match part.get("type"):
        case "input_image":
            key = "file_id" if part.get("image_url") is None and part.get("file_id") is not None else "image_url"
            return Spot("image", path, key, part, key)
        case "input_file":
            keys = ("file_data", "file_url", "file_id")
            key = next((key for key in keys if part.get(key) is not None), "file_data")
            return Spot("file", path, key, part, key)
        case "input_audio":
            return Spot("audio", path, "input_audio", part, "input_audio")
        case _:
            return None


def put_content(spot: Spot, media_type: str, base64: str) -> None:
    """Content in the place of a URL: a file has another member for it."""
    if spot.key != "file_url":
        put_data_url(spot, media_type, base64)
        return
    del spot.holder["file_url"]
    spot.holder["file_data"] = data = f"data:{media_type};base64,{base64}"
    spot.holder.setdefault("filename", name_file(data))


def _inline_image(part: dict[str, Any], content: Content, capabilities: Capabilities) -> None:
    check_picture(content)
    if content.copy:
        part["file_id"] = content.copy
        return
    del part["file_id"]
    part["image_url"] = content.url


def _inline_file(part: dict[str, Any], content: Content, capabilities: Capabilities) -> None:
    if content.is_text and not capabilities.files:
        part.clear()
        part.update({"type": "input_text", "text": content.tell()})
        return
    if name := part.get("filename") or content.name:
        part["filename"] = name
    if content.copy:
        part["file_id"] = content.copy
        return
    del part["file_id"]
    part["file_data"] = content.url


# OpenAI fetches URLs by itself. Sound is no part of its Responses: Chat has it.
FORMS = Forms(
    kinds=frozenset({"image", "file"}),
    systems=True,
    find=find_media,
    put=put_content,
    inline={"input_image": _inline_image, "computer_screenshot": _inline_image, "input_file": _inline_file},
)


# --- ours → wire ------------------------------------------------------------------------------------------------


def write_part(part: Part, *, output: bool) -> dict[str, Any] | None:
    """One part; `output` where the model speaks. `None` for what only another dialect knows."""
    match part:
        case Text() if output:
            body = write_output_text(part.text, part.annotations, part.logprobs)
        case Text():
            body = {"type": "input_text", "text": part.text}
        case Refusal():
            body = {"type": "refusal", "refusal": part.refusal}
        case Image():
            body = {
                "type": "input_image",
                "image_url": part.url,
                "file_id": part.file_id,
                "detail": part.detail or "auto",
            }
        case File():
            body = {
                "type": "input_file",
                "file_data": part.data,
                "file_url": part.url,
                "file_id": part.file_id,
                # OpenAI wants a name beside data.
                "filename": part.filename or (name_file(part.data) if part.data else None),
            }
        case Audio():
            body = {"type": "input_audio", "input_audio": {"data": part.data, "format": part.format}}
        case OtherPart():
            return part.value if part.dialect == DIALECT_NAME else None
        case _:
            assert_never(part)
    return without_none(body) | part.extras.get(DIALECT_NAME, {})


def write_output_text(
    text: str, annotations: list[dict[str, Any]], logprobs: list[dict[str, Any]] | None
) -> dict[str, Any]:
    """A text part of an answer: both lists are required, empty where there is nothing."""
    shown = [show_annotation(annotation) for annotation in annotations]
    return {"type": "output_text", "text": text, "annotations": shown, "logprobs": logprobs or []}


def show_annotation(annotation: dict[str, Any]) -> dict[str, Any]:
    """An annotation without what this wire has no word for."""
    if CITED not in annotation:
        return annotation
    return {name: value for name, value in annotation.items() if name != CITED}


def write_parts(parts: list[Part], *, output: bool) -> list[dict[str, Any]]:
    """The parts that this wire can hold."""
    written = (write_part(part, output=output) for part in parts)
    return [part for part in written if part is not None]


def without_none(body: dict[str, Any]) -> dict[str, Any]:
    """The members that hold something."""
    return {name: value for name, value in body.items() if value is not None}
