"""A form with a file in it, taken as it comes: the file into a blob, everything else into memory, which is little."""

from collections.abc import Mapping

from msgspec import Struct

from trunkline.call import Upload
from trunkline.dialects.multipart import Form, FormPart
from trunkline.dialects.shapes import missing
from trunkline.errors import InvalidRequest, UnknownParameter
from trunkline.state.files import Blob, Blobs

# The longest value that means anything has a dozen letters.
_FIELD_BYTES = 1_024
_NAME_LETTERS = 255
_FILE = "file"


class Taken(Struct, frozen=True):
    """What has been taken: the fields, and of the file what is known. Its content is a blob that is not finished
    yet."""

    fields: Mapping[str, str]
    name: str
    media_type: str
    size_bytes: int
    blob: Blob


async def take(upload: Upload, boundary: bytes, blobs: Blobs, id: str, known: frozenset[str]) -> Taken:
    """Take a form whose fields are among those `known`, and one `file`, whose content goes to the blob of this id.

    Raises `InvalidRequest` for any other form, and what the upload and the blobs raise; then nothing is left behind.
    """
    taking = _Taking(blobs, id, known)
    try:
        return await taking.take(upload, Form(boundary))
    except BaseException:
        await taking.discard()
        raise


class _Taking:
    def __init__(self, blobs: Blobs, id: str, known: frozenset[str]) -> None:
        self._blobs = blobs
        self._id = id
        self._known = known
        self._fields: dict[str, bytearray] = {}
        self._field: bytearray | None = None
        self._part = FormPart(_FILE)
        self._blob: Blob | None = None
        self._size_bytes = 0

    async def take(self, upload: Upload, form: Form) -> Taken:
        while data := await upload.read():
            for found in form.feed(data):
                if isinstance(found, FormPart):
                    await self._begin(found)
                else:
                    await self._add(found)
        form.finish()
        if self._blob is None:
            raise missing(_FILE, "the file to be kept, as a part with a `filename`")
        if not self._size_bytes:
            raise InvalidRequest("`file` is empty: there is nothing to keep", param=_FILE)
        fields = {name: _decode(name, value) for name, value in self._fields.items()}
        name = read_name(self._part.file_name or "")
        return Taken(fields, name, self._part.media_type, self._size_bytes, self._blob)

    async def discard(self) -> None:
        if self._blob is not None:
            await self._blob.discard()

    async def _begin(self, part: FormPart) -> None:
        if part.name == _FILE:
            await self._begin_file(part)
            return
        if part.name not in self._known:
            raise UnknownParameter(f"`{part.name[:64]}` is not a known parameter", param=part.name[:64])
        if part.name in self._fields:
            raise InvalidRequest(f"`{part.name}` was sent more than once: send it once", param=part.name)
        self._field = self._fields[part.name] = bytearray()

    async def _begin_file(self, part: FormPart) -> None:
        if self._blob is not None:
            raise InvalidRequest("`file` was sent more than once: upload one file at a time", param=_FILE)
        if part.file_name is None:
            raise InvalidRequest("`file` must be a file: a part with a `filename`", param=_FILE)
        read_name(part.file_name)
        self._part, self._field = part, None
        self._blob = await self._blobs.open(self._id)

    async def _add(self, piece: bytes) -> None:
        if self._field is None:
            assert self._blob is not None, "content comes behind the head of its part"
            self._size_bytes += len(piece)
            await self._blob.write(piece)
            return
        self._field += piece
        if len(self._field) > _FIELD_BYTES:
            raise InvalidRequest(f"a field of the form is longer than {_FIELD_BYTES} bytes")


def read_name(sent: str) -> str:
    """The name of a file without the folders that it lay in. Raises `InvalidRequest` for what is no name."""
    name = sent.replace("\\", "/").rpartition("/")[2].strip()
    if not name.strip(".") or len(name) > _NAME_LETTERS or not name.isprintable():
        raise InvalidRequest(
            f"`file` must have a name of 1 to {_NAME_LETTERS} letters, without line breaks or control characters",
            param=_FILE,
        )
    return name


def _decode(name: str, value: bytearray) -> str:
    try:
        return value.decode().strip()
    except UnicodeDecodeError:
        raise InvalidRequest(f"`{name}` is not UTF-8", param=name) from None
