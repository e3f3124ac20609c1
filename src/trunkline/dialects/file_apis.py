"""Providers that keep files: how each is given one, and what it calls it from then on.

Knows bodies alone, no paths. Sources: https://platform.openai.com/docs/api-reference/files/create,
https://docs.anthropic.com/en/docs/build-with-claude/files, https://ai.google.dev/api/files.
"""

import re
from collections.abc import Callable, Mapping, Sequence, Set

import msgspec
from msgspec import Struct

from trunkline.dialects.kept_files import Content
from trunkline.dialects.shapes import decode_json, lenient_object
from trunkline.errors import Garbled

FILES, UPLOAD = "files", "files:upload"
"""What a provider declares that keeps files: where they are found, and where they are sent to."""

_DAY_SECONDS = 86_400
# Both have the same least time; that of OpenAI is the shorter of the longest.
_LEAST_SECONDS, _MOST_SECONDS = 3_600, 30 * _DAY_SECONDS

# What one of them refuses in a name, and what would end the header that it stands in.
_UNFIT = re.compile(r'[<>:"|?*\\/\x00-\x1f\x7f]')


class Form(Struct, frozen=True):
    """An upload as it is sent."""

    headers: Mapping[bytes, bytes]
    body: bytes


class Copy(Struct, frozen=True):
    """What a provider says of a file that it was given. Until it `is_ready` no request can name it."""

    id: str
    is_ready: bool = True


class FileApi(Struct, frozen=True):
    """One way of keeping files.

    `write(content, boundary, seconds)` is the upload of a file that is wanted for so long at most, `read(answer)` what is said
    of it. `keeps_seconds` is how long a file may stay that is wanted for longer. `needs` are headers that every request
    must have which is about files, or names one.
    """

    write: Callable[[Content, str, int], Form]
    read: Callable[[bytes], Copy]
    keeps_seconds: int
    needs: Mapping[bytes, bytes] = {}


def find_file_api(dialect: str, operations: Set[str]) -> FileApi | None:
    """How a provider with these operations is given files for requests in one of its dialects."""
    return _APIS.get(dialect) if UPLOAD in operations else None


# --- OpenAI, Anthropic --------------------------------------------------------------------------------------------


def _write_openai(content: Content, boundary: str, seconds: int) -> Form:
    fields = {
        "purpose": "vision" if content.is_picture else "user_data",
        "expires_after[anchor]": "created_at",
        "expires_after[seconds]": str(max(_LEAST_SECONDS, seconds)),
    }
    return _write_form(fields, content, content.media_type, boundary)


def _write_anthropic(content: Content, boundary: str, seconds: int) -> Form:
    # It reads plain text alone.
    media_type = "text/plain" if content.is_text else content.media_type
    return _write_form({"expires_in_seconds": str(max(_LEAST_SECONDS, seconds))}, content, media_type, boundary)


def _write_form(fields: Mapping[str, str], content: Content, media_type: str, boundary: str) -> Form:
    parts = [(f'content-disposition: form-data; name="{name}"', value.encode()) for name, value in fields.items()]
    file = f'content-disposition: form-data; name="file"; filename="{_fit_name(content.name)}"'
    body = _join([*parts, (f"{file}\r\ncontent-type: {media_type}", content.data)], boundary)
    return Form({b"content-type": f"multipart/form-data; boundary={boundary}".encode()}, body)


def _read_copy(answer: bytes) -> Copy:
    return Copy(_need_text(lenient_object(decode_json(answer)).get("id")))


# --- Gemini -------------------------------------------------------------------------------------------------------


def _write_gemini(content: Content, boundary: str, seconds: int) -> Form:
    # JSON and the like are not among the types that it reads; as plain text they are.
    media_type = "text/plain" if content.is_text and not content.media_type.startswith("text/") else content.media_type
    described = msgspec.json.encode({"file": {"displayName": content.name, "mimeType": media_type}})
    parts = [("content-type: application/json", described), (f"content-type: {media_type}", content.data)]
    headers = {
        b"content-type": f"multipart/related; boundary={boundary}".encode(),
        b"x-goog-upload-protocol": b"multipart",
    }
    return Form(headers, _join(parts, boundary))


def _read_gemini(answer: bytes) -> Copy:
    """An upload is answered by an object around the file, a question after it by the file itself."""
    said = lenient_object(decode_json(answer))
    file = lenient_object(said.get("file", said))
    if file.get("state") == "FAILED":
        raise Garbled("the provider could not read a file that it was given")
    return Copy(_need_text(file.get("name")), is_ready=file.get("state") != "PROCESSING")


# --- the parts ----------------------------------------------------------------------------------------------------


def _fit_name(name: str) -> str:
    return _UNFIT.sub("_", name)


def _join(parts: Sequence[tuple[str, bytes]], boundary: str) -> bytes:
    line = f"--{boundary}".encode()
    pieces = [piece for head, value in parts for piece in (line, b"\r\n", head.encode(), b"\r\n\r\n", value, b"\r\n")]
    return b"".join([*pieces, line, b"--\r\n"])


def _need_text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise Garbled("the provider was given a file, and its answer does not say what it calls it")
    return value


_OPENAI = FileApi(_write_openai, _read_copy, _MOST_SECONDS)

_APIS: Mapping[str, FileApi] = {
    "responses": _OPENAI,
    "chat": _OPENAI,
    "messages": FileApi(_write_anthropic, _read_copy, _MOST_SECONDS, {b"anthropic-beta": b"files-api-2025-04-14"}),
    "gemini": FileApi(_write_gemini, _read_gemini, 2 * _DAY_SECONDS),
}
