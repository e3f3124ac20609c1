"""The files of a fake upstream, as three vendors keep them. One that has been deleted is missed by name.

Sources: https://platform.openai.com/docs/api-reference/files, https://ai.google.dev/api/files,
https://docs.anthropic.com/en/docs/build-with-claude/files.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from trunkline.clock import Mint
from trunkline.upstream.fake.wire import BadRequest, Body

_PURPOSES = frozenset({"assistants", "batch", "fine-tune", "vision", "user_data", "evals"})
_GOOGLES = "https://generativelanguage.googleapis.com/v1beta/"


class Kept(Struct):
    """One file. `is_new` until it was asked for: a film takes a while to be looked through."""

    name: str
    media_type: str
    data: bytes
    is_new: bool = False


class Shelf:
    """Files by their ids."""

    def __init__(self, mint: Mint) -> None:
        self.kept: dict[str, Kept] = {}
        self._mint = mint
        self._gone: set[str] = set()

    def lose(self) -> None:
        """Let go of all of them, as an upstream does whose files have expired."""
        self._gone |= self.kept.keys()
        self.kept.clear()

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Body | None:
        """The answer to a request about files; `None` to any other."""
        above, _, id = path.rpartition("/")
        if method == "POST" and id == "files":
            return self._take(path, headers, body)
        if not above.endswith("/files"):
            return None
        _check_beta(headers)
        kept = self.kept.get(id)
        if kept is None:
            raise BadRequest(f"No such File object: {id}", param="id", status=404)
        if method == "DELETE":
            del self.kept[id]
            self._gone.add(id)
            return {"id": id, "object": "file", "deleted": True}
        told = _draw_google(id, kept)
        kept.is_new = False
        return told

    def check(self, body: Body, headers: Mapping[str, str]) -> None:
        """Refuse a request that names a file that was here."""
        for id in _named(body):
            if id in self._gone:
                raise BadRequest(f"No such File object: {id}", param="file_id", status=404)
            if id in self.kept:
                _check_beta(headers)

    def _take(self, path: str, headers: Mapping[str, str], body: bytes) -> Body:
        kind, _, boundary = headers.get("content-type", "").partition("; boundary=")
        parts = dict(_split(body, boundary.encode()))
        id = self._mint("file-")
        if path.startswith("/upload/"):
            _require(kind == "multipart/related" and headers.get("x-goog-upload-protocol") == "multipart", "kind")
            media_type, data = parts["content-type"]
            described = json.loads(parts["application/json"][1])["file"]
            _require(described["mimeType"] == media_type, "mimeType")
            kept = self.kept[id] = Kept(described["displayName"], media_type, data, media_type.startswith("video/"))
            return {"file": _draw_google(id, kept)}
        _require(kind == "multipart/form-data", "content-type")
        media_type, data = parts["file"]
        self.kept[id] = Kept(parts["filename"][0], media_type, data)
        if "anthropic-version" in headers:
            _check_beta(headers)
            return {"id": id, "type": "file", "filename": parts["filename"][0], "size_bytes": len(data)}
        purpose = parts.get("purpose", ("", b""))[1].decode()
        _require(purpose in _PURPOSES, "purpose")
        return {"id": id, "object": "file", "bytes": len(data), "purpose": purpose, "status": "processed"}


def _check_beta(headers: Mapping[str, str]) -> None:
    if "anthropic-version" in headers and "files-api-" not in headers.get("anthropic-beta", ""):
        raise BadRequest("The files API is a beta: `anthropic-beta: files-api-2025-04-14` is required.")


def _require(is_right: bool, what: str) -> None:
    if not is_right:
        raise BadRequest(f"Invalid '{what}' of an upload.", param=what)


def _split(body: bytes, boundary: bytes) -> Iterator[tuple[str, tuple[str, bytes]]]:
    """The parts of a form by name, each with its type; those of Google's by what they are."""
    for part in body.split(b"--" + boundary)[1:-1]:
        head, _, content = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        fields = {
            name.lower(): value for name, _, value in (line.partition(": ") for line in head.decode().split("\r\n"))
        }
        media_type = fields.get("content-type", "")
        _, *words = fields.get("content-disposition", "").split("; ")
        said = {name: value.strip('"') for name, _, value in (word.partition("=") for word in words)}
        if "filename" in said:
            yield "filename", (said["filename"], b"")
        name = said.get("name") or ("application/json" if media_type.startswith("application/json") else "content-type")
        yield name, (media_type, content[:-2])


def _draw_google(id: str, kept: Kept) -> dict[str, Any]:
    return {
        "name": f"files/{id}",
        "displayName": kept.name,
        "mimeType": kept.media_type,
        "sizeBytes": str(len(kept.data)),
        "uri": f"{_GOOGLES}files/{id}",
        "state": "PROCESSING" if kept.is_new else "ACTIVE",
    }


def _named(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for element in value:
            yield from _named(element)
    elif isinstance(value, dict):
        for name, member in value.items():
            if name in ("file_id", "fileUri") and isinstance(member, str):
                yield member.rpartition("/")[2]
            else:
                yield from _named(member)
