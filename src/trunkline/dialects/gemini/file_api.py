"""Google's Files API. Source: https://ai.google.dev/api/files."""

import msgspec

from trunkline.dialects.file_api import DAY_SECONDS, Copy, FileApi, Form, join_parts, need_name
from trunkline.dialects.kept_files import Content
from trunkline.dialects.shapes import decode_json, lenient_object
from trunkline.errors import Garbled


def _write(content: Content, boundary: str, seconds: int) -> Form:
    # JSON and the like are not among the types that it reads; as plain text they are.
    media_type = "text/plain" if content.is_text and not content.media_type.startswith("text/") else content.media_type
    described = msgspec.json.encode({"file": {"displayName": content.name, "mimeType": media_type}})
    parts = [("content-type: application/json", described), (f"content-type: {media_type}", content.data)]
    headers = {
        b"content-type": f"multipart/related; boundary={boundary}".encode(),
        b"x-goog-upload-protocol": b"multipart",
    }
    return Form(headers, join_parts(parts, boundary))


def _read(answer: bytes) -> Copy:
    """An upload is answered by an object around the file, a question after it by the file itself."""
    said = lenient_object(decode_json(answer))
    file = lenient_object(said.get("file", said))
    if file.get("state") == "FAILED":
        raise Garbled("the provider could not read a file that it was given")
    return Copy(need_name(file.get("name")), is_ready=file.get("state") != "PROCESSING")


FILE_API = FileApi(_write, _read, 2 * DAY_SECONDS)
