"""A gateway that keeps files, and forms that upload them."""

import asyncio
from typing import Any

from msgspec.structs import replace
from stored_scene import NEIGHBOUR, StoredScene, bearer

from memory_files import MemoryBlobs, MemoryFiles
from scripted_gateway import Answer, make_call
from trunkline.call import Reply

ANA = {"authorization": bearer(NEIGHBOUR)}
FORM = "multipart/form-data; boundary=b"


class Pieces:
    """An upload that comes in pieces; an exception among them is raised, and `None` never comes."""

    def __init__(self, *pieces: bytes | Exception | None) -> None:
        self._pieces = list(pieces)

    async def read(self) -> bytes:
        if not self._pieces:
            return b""
        piece = self._pieces.pop(0)
        if piece is None:
            await asyncio.Event().wait()
        if isinstance(piece, Exception):
            raise piece
        return piece or b""


def part(name: str, value: bytes, file_name: str | None = None, *lines: str) -> bytes:
    named = "" if file_name is None else f'; filename="{file_name}"'
    head = "\r\n".join([f'Content-Disposition: form-data; name="{name}"{named}', *lines])
    return f"--b\r\n{head}\r\n\r\n".encode() + value + b"\r\n"


def form(*parts: bytes) -> bytes:
    return b"".join(parts) + b"--b--\r\n"


PURPOSE = part("purpose", b"user_data")
FILE = part("file", b"Some notes.", "notes.txt", "Content-Type: text/plain")


class FileScene(StoredScene):
    """A gateway that keeps files in memory."""

    @property
    def files(self) -> MemoryFiles:
        assert isinstance(self.kept.files, MemoryFiles)
        return self.kept.files

    @property
    def blobs(self) -> MemoryBlobs:
        assert isinstance(self.kept.blobs, MemoryBlobs)
        return self.kept.blobs

    async def reply(self, *pieces: bytes | Exception | None, **headers: str) -> Reply:
        call = make_call("/v1/files", content_type=FORM, **headers) if "content_type" not in headers else None
        call = call or make_call("/v1/files", **headers)
        return await self.gateway.handle(replace(call, upload=Pieces(*pieces)))

    async def upload(self, *pieces: bytes | Exception | None, **headers: str) -> Answer:
        reply = await self.reply(*pieces, **headers)
        assert isinstance(reply.body, bytes)
        return Answer(reply.status, {name.decode(): value.decode() for name, value in reply.headers}, reply.body)

    @property
    def is_empty(self) -> bool:
        return not (self.files.kept or self.blobs.whole or self.blobs.drafts)


async def put(scene: FileScene, *parts: bytes, **headers: str) -> dict[str, Any]:
    answer = await scene.upload(form(*(parts or (PURPOSE, FILE))), **headers)
    assert answer.status == 200, answer.body
    file: dict[str, Any] = answer.json
    return file
