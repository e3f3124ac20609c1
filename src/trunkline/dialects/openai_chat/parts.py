"""Content parts on the Chat wire, both ways."""

from collections.abc import Mapping
from typing import Any, assert_never

from trunkline.capabilities import Capabilities
from trunkline.dialects.data_url import name_file
from trunkline.dialects.forms import Forms, Spot, find_spots, put_data_url
from trunkline.dialects.kept_files import Content
from trunkline.dialects.openai_chat.tools import chat_extras
from trunkline.dialects.shapes import Fields, missing, read_object, wrong_type
from trunkline.errors import Unsupported
from trunkline.items import Audio, File, Image, OtherPart, Part, Refusal, Text

# --- wire → ours ------------------------------------------------------------------------------------------------


def read_content(message: Fields) -> list[Part]:
    """A message's `content`: a string, parts, or nothing."""
    content = message.any("content")
    if content is None:
        return []
    if type(content) is str:
        return [Text(text=content)] if content else []
    if type(content) is not list:
        raise wrong_type(message.at("content"), "a string or an array of parts", content)
    path = message.at("content")
    return [read_part(read_object(part, f"{path}[{number}]")) for number, part in enumerate(content)]


def read_part(part: Fields) -> Part:
    """One part; a type that nobody knows here may be known to the target."""
    kind = part.need_text("type")
    match kind:
        case "text":
            return Text(text=part.need_text("text"), extras=chat_extras(part.rest()))
        case "refusal":
            return Refusal(refusal=part.need_text("refusal"), extras=chat_extras(part.rest()))
        case "image_url":
            return _read_image(part)
        case "input_audio":
            audio = part.need_fields("input_audio")
            data, format = audio.need_text("data"), audio.need_text("format")
            audio.close()
            return Audio(data=data, format=format, extras=chat_extras(part.rest()))
        case "file":
            return _read_file(part)
        case _:
            return OtherPart(dialect="chat", type=kind, value=part.value)


def _read_image(part: Fields) -> Image:
    # Many clients write the URL itself where the object belongs, and many vendors take it.
    if type(part.any("image_url")) is str:
        return Image(url=part.need_text("image_url"), extras=chat_extras(part.rest()))
    image = part.need_fields("image_url")
    url, detail = image.need_text("url"), image.text("detail")
    image.close()
    return Image(url=url, detail=detail, extras=chat_extras(part.rest()))


def _read_file(part: Fields) -> File:
    file = part.need_fields("file")
    data, file_id, filename = file.text("file_data"), file.text("file_id"), file.text("filename")
    file.close()
    if data is None and file_id is None:
        raise missing(file.at("file_data"), "a string, unless there is a `file_id`")
    if data is not None and not data.startswith("data:"):
        is_pdf = filename is None or filename.lower().endswith(".pdf")
        data = f"data:{'application/pdf' if is_pdf else 'application/octet-stream'};base64,{data}"
    return File(data=data, file_id=file_id, filename=filename, extras=chat_extras(part.rest()))


def find_media(body: Mapping[str, Any]) -> list[Spot]:
    """Where the pictures, files and sound of a body are."""
    return list(find_spots(body.get("messages"), "messages", _read_spot, ("content",)))


def _read_spot(part: dict[str, Any], path: str) -> Spot | None:
    match part.get("type"), part.get("image_url"), part.get("file"), part.get("input_audio"):
        case "image_url", dict(image), _, _:
            return Spot("image", path, "image_url.url", image, "url")
        case "image_url", _, _, _:
            return Spot("image", path, "image_url", part, "image_url")
        case "file", _, dict(file), _:
            key = "file_id" if file.get("file_data") is None else "file_data"
            return Spot("file", path, f"file.{key}", file, key)
        case "input_audio", _, _, dict(audio):
            return Spot("audio", path, "input_audio.data", audio, "data")
        case _:
            return None


def _inline_file(part: dict[str, Any], content: Content, capabilities: Capabilities) -> None:
    """A file's content; the wire has a part of their own for pictures, and text is text where no file is taken."""
    name = part["file"].get("filename") or content.name
    if content.copy:
        file = {"file_id": content.copy}
        inlined: dict[str, Any] = {"type": "file", "file": file | ({"filename": name} if name else {})}
    elif content.is_picture:
        inlined = {"type": "image_url", "image_url": {"url": content.url}}
    elif content.is_text and not capabilities.files:
        inlined = {"type": "text", "text": content.tell()}
    else:
        inlined = {"type": "file", "file": {"file_data": content.url, "filename": name}}
    del part["file"]
    part.update(inlined)


# A picture may be a URL, a file never, and only a file has an id.
FORMS = Forms(
    urls=frozenset({"image"}),
    ids=frozenset({"file"}),
    systems=True,
    find=find_media,
    put=put_data_url,
    inline={"file": _inline_file},
)


# --- ours → wire ------------------------------------------------------------------------------------------------


def write_content(parts: list[Part], capabilities: Capabilities, path: str) -> str | list[dict[str, Any]]:
    """Parts as a message's `content`: one string when they are all plain text, since every vendor takes that.

    Plain texts are joined by a blank line: many chat templates know no parts, and a seam is not lost that way.
    """
    if len(parts) == 1 and type(only := parts[0]) is Text and not only.extras:
        return only.text
    if all(isinstance(part, Text | Refusal) and not part.extras.get("chat") for part in parts):
        return join_texts(parts)
    return [_write_part(part, capabilities, path) for part in parts]


def join_texts(parts: list[Part], seam: str = "\n\n") -> str:
    """The text of parts, refusals included (vendors know no such part in a history); empty ones leave no seam."""
    texts = [part.text if type(part) is Text else getattr(part, "refusal", "") for part in parts]
    return texts[0] if len(texts) == 1 else seam.join([text for text in texts if text])


def _write_part(part: Part, capabilities: Capabilities, path: str) -> dict[str, Any]:
    match part:
        case Text():
            written: dict[str, Any] = {"type": "text", "text": part.text}
        case Refusal():
            written = {"type": "text", "text": part.refusal}
        case Image():
            written = _write_image(part, capabilities, path)
        case Audio():
            _require(capabilities.audio, "audio", path)
            written = {"type": "input_audio", "input_audio": {"data": part.data, "format": part.format}}
        case File():
            written = _write_file(part, capabilities, path)
        case OtherPart():
            _require(part.dialect == "chat", f"a part of type `{part.type}`", path)
            return part.value
        case _:
            assert_never(part)
    return {**written, **part.extras.get("chat", {})}


def _write_image(part: Image, capabilities: Capabilities, path: str) -> dict[str, Any]:
    _require(capabilities.images, "an image", path)
    if part.url is None:
        raise Unsupported("an image by file id is not possible with this model: send its URL or its data", param=path)
    image = {"url": part.url}
    if part.detail is not None:
        image["detail"] = part.detail
    return {"type": "image_url", "image_url": image}


def _write_file(part: File, capabilities: Capabilities, path: str) -> dict[str, Any]:
    _require(capabilities.files, "a file", path)
    # OpenAI wants a name beside data.
    filename = part.filename or (name_file(part.data) if part.data else None)
    file = {"file_data": part.data, "file_id": part.file_id, "filename": filename}
    if part.data is None and part.file_id is None:
        raise Unsupported("a file by URL is not possible with this model: send its data", param=path)
    return {"type": "file", "file": {name: value for name, value in file.items() if value is not None}}


def _require(possible: bool, what: str, path: str) -> None:
    if not possible:
        raise Unsupported(f"{what} is not possible with this model: leave it out or name another model", param=path)
