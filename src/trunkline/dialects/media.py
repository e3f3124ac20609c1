"""Pictures, files and sound between two wires: checked, and the URLs found that the gateway must fetch.

One neutral step before lowering. `Materials` says what of a request the target cannot have by URL; whoever can do I/O
fetches it, and `fill` puts the contents in place as `data:` URLs. What is wrong is refused by the caller's own name
for it, before anything is fetched or sent. Knows no wire.
"""

import posixpath
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

from msgspec.structs import replace

from trunkline.capabilities import Capabilities
from trunkline.dialects.data_url import (
    HEAD_BYTES,
    Data,
    Malformed,
    check_base64,
    is_data_url,
    is_text,
    read_data_url,
    sniff,
    type_of,
    write_data_url,
)
from trunkline.dialects.forms import Contents, Forms, Spot, Want, is_own, is_remote, must_fetch
from trunkline.dialects.kept_files import tell_file
from trunkline.dialects.kinds import Kind, allows, kind_of
from trunkline.dialects.places import PartPlaces
from trunkline.dialects.replayed import move_replayed
from trunkline.errors import Unsupported
from trunkline.items import Audio, File, Image, Item, Message, Part, Text, ToolOutput
from trunkline.request import ModelRequest


class Materials:
    """The pictures, files and sound of one request on their way to one target.

    `request` is the request with them as the target can hold them, unless `wants` says what has to be fetched first:
    then `fill` makes it.
    `emulated` says what was turned into something else. Raises `InvalidRequest` for what is broken, `Unsupported` for
    what the target cannot take, both naming `locate()`'s spot.
    """

    def __init__(
        self, request: ModelRequest, forms: Forms, capabilities: Capabilities, locate: Callable[[], list[Spot]]
    ) -> None:
        self.wants: list[Want] = []
        self.emulated: list[str] = []
        self._forms = forms
        self._capabilities = capabilities
        total = _count_media(request.items)
        self._places = PartPlaces(locate, total)
        self._counts = {"image": 0, "file": 0, "audio": 0}
        self._contents: Contents = {}
        self._checked = self._change(request, self._check) if total else request
        self.request = request if not total or self.wants else self._settle(self._checked)

    def fill(self, contents: Contents) -> ModelRequest:
        """The request with the contents in the place of their URLs."""
        self._contents = contents
        self.request = self._settle(self._change(self._checked, self._place))
        return self.request

    def _settle(self, request: ModelRequest) -> ModelRequest:
        return replace(request, items=move_replayed(request.items, self._forms.answers))

    def _change(self, request: ModelRequest, change: Callable[[Any], Part]) -> ModelRequest:
        self._places.number = -1
        return replace(request, items=[self._change_item(item, change) for item in request.items])

    def _change_item(self, item: Item, change: Callable[[Any], Part]) -> Item:
        match item:
            case Message(parts=parts) if _holds_media(parts):
                self._refuse_in_system(item)
                return replace(item, parts=self._change_parts(parts, change))
            case ToolOutput(output=list() as parts) if _holds_media(parts):
                return replace(item, output=self._change_parts(parts, change))
            case _:
                return item

    def _refuse_in_system(self, item: Message) -> None:
        if item.role in ("system", "developer") and not self._forms.systems:
            self._places.number += 1
            raise self._places.wrong(
                "stands in a system message, which holds text alone with this model: move it to a user message",
                Unsupported,
                member=False,
            )

    def _change_parts(self, parts: list[Part], change: Callable[[Any], Part]) -> list[Part]:
        changed: list[Part] = []
        for part in parts:
            if kind_of(part) is not None:
                self._places.number += 1
                part = change(part)
            changed.append(part)
        return changed

    # --- before anything is fetched -----------------------------------------------------------------------------

    def _check(self, part: Image | File | Audio) -> Part:
        match part:
            case Image():
                self._take_in("image", self._capabilities.images, self._capabilities.max_images)
                return self._check_image(part)
            case File():
                return self._check_file(part)
            case Audio():
                self._take_in("audio", self._capabilities.audio)
                return self._check_audio(part)

    def _take_in(self, kind: Kind, taken: bool, most: int = 0) -> None:
        """Refuse a kind that the target does not take, or one too many."""
        if not taken or kind not in self._forms.kinds:
            raise self._places.wrong(
                f"is {_NAMES[kind]}, which this model does not take: leave it out or name another model",
                Unsupported,
                member=False,
            )
        self._counts[kind] += 1
        if most and self._counts[kind] > most:
            raise self._places.wrong(f"is one too many: this model takes {most} {_NAMES[kind]} at most", member=False)

    def _check_image(self, part: Image) -> Part:
        if part.url is None:
            self._check_id("image")
        elif is_data_url(part.url):
            data = self._read(part.url)
            self._check_picture(data.media_type, data.head(), data.size_bytes, declared=True)
            self._refuse_parameters(data)
            return part if data.url == part.url else replace(part, url=data.url)
        else:
            self._check_url(part.url, "image", ("image/",), self._capabilities.max_image_bytes)
        return part

    def _check_file(self, part: File) -> Part:
        if part.data is None and part.url is None:
            self._take_in("file", self._capabilities.files, self._capabilities.max_files)
            self._check_id("file")
            return part
        if part.data is None:
            # Its type tells whether the model can have it: not before it is here.
            if not self._fetches(part.url or "", "file"):
                self._take_in("file", self._capabilities.files, self._capabilities.max_files)
            self._check_url(part.url or "", "file", (), self._capabilities.max_file_bytes)
            return part
        data = self._read_file(part)
        if not is_text(data.media_type):
            self._refuse_parameters(data)
        return self._settle_file(part, data)

    def _check_audio(self, part: Audio) -> Part:
        formats = self._capabilities.audio_formats
        if formats and part.format not in formats:
            raise self._places.wrong(
                f"has the format `{part.format[:32]}`, which this model does not take: send {_listed(formats)}"
            )
        value = part.data
        try:
            data = read_data_url(value).base64 if is_data_url(value) else check_base64(value)
        except Malformed as error:
            raise self._places.wrong(str(error)) from None
        return part if data == value else replace(part, data=data)

    def _check_id(self, kind: Kind) -> None:
        if kind not in self._forms.ids:
            raise self._places.wrong(
                "is a file id, which this model's provider does not know: send its data", Unsupported
            )

    def _check_url(self, url: str, kind: Kind, types: tuple[str, ...], most_bytes: int) -> None:
        if is_own(url, self._forms, self._capabilities):
            return
        if not is_remote(url):
            raise self._places.wrong(
                "must be an `https:` URL or a `data:` URL like `data:image/png;base64,…`", code=_BAD_URL[kind]
            )
        if self._fetches(url, kind):
            self.wants.append(Want(url, self._places.name(), kind, types, most_bytes))

    def _fetches(self, url: str, kind: Kind) -> bool:
        return must_fetch(url, kind, self._forms, self._capabilities)

    def _read(self, url: str) -> Data:
        try:
            return read_data_url(url)
        except Malformed as error:
            raise self._places.wrong(str(error), code="invalid_base64_image") from None

    def _read_file(self, part: File) -> Data:
        """A file's data: a `data:` URL, or the base64 alone that OpenAI takes as well."""
        value = part.data or ""
        if is_data_url(value):
            return self._read(value)
        try:
            data = Data("", check_base64(value))
        except Malformed as error:
            raise self._places.wrong(f"{error}: send a `data:` URL like `data:application/pdf;base64,…`") from None
        return Data(type_of(data.head(), "", part.filename or ""), data.base64)

    def _refuse_parameters(self, data: Data) -> None:
        if data.parameters:
            raise self._places.wrong(
                f"has parameters between its type and its data that no provider takes: write"
                f" `data:{data.media_type};base64,<data>`"
            )

    # --- checks that hold for what was fetched as well ------------------------------------------------------------

    def _check_picture(self, media_type: str, head: bytes, size_bytes: int, *, declared: bool) -> None:
        proven = sniff(head)
        if "image/svg+xml" in (media_type, proven):
            raise self._places.wrong("is SVG, which models do not read: convert it to PNG", code=_BAD_TYPE)
        if not media_type.startswith("image/"):
            raise self._places.wrong(f"is of type `{media_type[:64]}`, which is no picture", code=_BAD_TYPE)
        if declared and proven is not None and proven != media_type:
            raise self._places.wrong(
                f"says that it is `{media_type[:64]}`, but its data is `{proven}`: name the type that it is",
                code=_BAD_TYPE,
            )
        taken = self._capabilities.image_types or self._forms.image_types
        if not allows(taken, media_type):
            raise self._places.wrong(
                f"is of type `{media_type[:64]}`, which this model does not read: send {_listed(taken)}",
                Unsupported,
                code=_BAD_TYPE,
            )
        self._check_size(size_bytes, self._capabilities.max_image_bytes)

    def _check_size(self, size_bytes: int, most_bytes: int) -> None:
        if most_bytes and size_bytes > most_bytes:
            raise self._places.wrong(
                f"has {size_bytes} bytes, but this model takes {most_bytes} at most: send a smaller one"
            )

    def _settle_file(self, part: File, data: Data) -> Part:
        """The form in which the target can have a file: as it is, as a picture, or as the text that it is."""
        proven = sniff(data.head())
        if data.media_type == "application/pdf" and proven != "application/pdf" and proven is not None:
            raise self._places.wrong(
                f"says that it is `application/pdf`, but its data is `{proven}`: name the type that it is"
            )
        taken = self._capabilities.file_types or self._forms.file_types
        files = self._capabilities.files and "file" in self._forms.kinds
        if files and allows(taken, data.media_type):
            self._take_in("file", True, self._capabilities.max_files)
            self._check_size(data.size_bytes, self._capabilities.max_file_bytes)
            return replace(part, data=data.url if not data.charset else _in_utf8(data), url=None)
        if data.media_type.startswith("image/"):
            self._take_in("image", self._capabilities.images, self._capabilities.max_images)
            self._check_picture(data.media_type, data.head(), data.size_bytes, declared=True)
            return Image(url=data.url, extras=part.extras)
        if is_text(data.media_type):
            return self._tell_text(part, data)
        if not files:
            self._take_in("file", False)
        raise self._places.wrong(
            f"is of type `{data.media_type[:64]}`, which this model does not read: send {_listed(taken)}", Unsupported
        )

    def _tell_text(self, part: File, data: Data) -> Text:
        """A text file as text, named, for a model that takes no such file."""
        self.emulated.append(self._places.name(member=False))
        return Text(text=tell_file(part.filename or "", data.text()), extras=part.extras)

    # --- what was fetched -----------------------------------------------------------------------------------------

    def _place(self, part: Image | File | Audio) -> Part:
        """Put the content that was fetched into the part that wanted it."""
        found = self._contents.get(part.url or "") if isinstance(part, Image | File) else None
        if found is None or isinstance(part, Audio):
            return part
        head = found.data[:HEAD_BYTES]
        if isinstance(part, Image):
            media_type = type_of(head, found.media_type, "")
            self._check_picture(media_type, head, len(found.data), declared=False)
            return replace(part, url=write_data_url(media_type, found.data))
        filename = part.filename or _file_name(part.url or "")
        media_type = type_of(head, found.media_type, filename)
        data = Data(media_type, b64encode(found.data).decode(), charset=found.charset)
        return self._settle_file(replace(part, filename=filename or None), data)


_NAMES: Mapping[Kind, str] = {"image": "an image", "file": "a file", "audio": "audio"}
# OpenAI's own words.
_BAD_TYPE = "unsupported_image_media_type"
_BAD_URL: Mapping[Kind, str | None] = {"image": "invalid_image_url", "file": None, "audio": None}


def _count_media(items: list[Item]) -> int:
    count = 0
    for item in items:
        if type(item) is Message:
            parts = item.parts
        elif type(item) is ToolOutput and type(item.output) is not str:
            parts = item.output  # type: ignore[assignment]  # parts, where it is no text
        else:
            continue
        for part in parts:
            count += kind_of(part) is not None
    return count


def _holds_media(parts: list[Part]) -> bool:
    return any(kind_of(part) is not None for part in parts)


def _listed(words: Sequence[str]) -> str:
    return ", ".join(f"`{word}`" for word in words) if words else "another"


def _file_name(url: str) -> str:
    return unquote(posixpath.basename(urlsplit(url).path))[:128]


def _in_utf8(data: Data) -> str:
    """A text in the one charset that everybody reads."""
    return write_data_url(data.media_type, data.text().encode("utf-8", "replace"))
