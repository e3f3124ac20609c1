"""Files that a provider keeps: how it is given one, and what it calls it from then on.

Each dialect whose providers keep files has a `file_api` of its own. Knows bodies alone, no paths.
"""

import re
from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from trunkline.dialects.kept_files import Content
from trunkline.dialects.shapes import decode_json, lenient_object
from trunkline.errors import Garbled

FILES, UPLOAD = "files", "files:upload"
"""What a provider declares that keeps files: where they are found, and where they are sent to."""

DAY_SECONDS = 86_400

LEAST_SECONDS, MOST_SECONDS = 3_600, 30 * DAY_SECONDS
"""How long OpenAI and Anthropic keep a file: both have the same least time, and that of OpenAI is the shorter of the
longest."""

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

    `write(content, boundary, seconds)` is the upload of a file that is wanted for so long at most, `read(answer)` what
    is said of it. `keeps_seconds` is how long a file may stay that is wanted for longer. `needs` are headers that every
    request must have which is about files, or names one.
    """

    write: Callable[[Content, str, int], Form]
    read: Callable[[bytes], Copy]
    keeps_seconds: int
    needs: Mapping[bytes, bytes] = {}


def write_form(fields: Mapping[str, str], content: Content, media_type: str, boundary: str) -> Form:
    """An upload as a form with these fields and the file."""
    parts = [(f'content-disposition: form-data; name="{name}"', value.encode()) for name, value in fields.items()]
    file = f'content-disposition: form-data; name="file"; filename="{_UNFIT.sub("_", content.name)}"'
    body = join_parts([*parts, (f"{file}\r\ncontent-type: {media_type}", content.data)], boundary)
    return Form({b"content-type": f"multipart/form-data; boundary={boundary}".encode()}, body)


def join_parts(parts: Sequence[tuple[str, bytes]], boundary: str) -> bytes:
    """The body that these heads and contents make. Source: RFC 2046, section 5.1."""
    line = f"--{boundary}".encode()
    pieces = [piece for head, value in parts for piece in (line, b"\r\n", head.encode(), b"\r\n\r\n", value, b"\r\n")]
    return b"".join([*pieces, line, b"--\r\n"])


def read_copy(answer: bytes) -> Copy:
    """What is said by providers that have a file ready at once."""
    return Copy(need_name(lenient_object(decode_json(answer)).get("id")))


def need_name(value: object) -> str:
    """What a provider calls a file. Raises `Garbled` when it does not say."""
    if not isinstance(value, str) or not value:
        raise Garbled("the provider was given a file, and its answer does not say what it calls it")
    return value
