"""Contents of files as they are kept: sealed on the way in, opened on the way out, wherever they lie."""

import importlib
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path

from trunkline.clock import Clock
from trunkline.errors import ConfigError
from trunkline.state.files import Blob, Blobs
from trunkline.store.blobs_disk import DiskBlobs
from trunkline.store.cipher import Cipher, Stream, Unreadable
from trunkline.store.rows import sealed_away

SETTING = "TRUNKLINE_BLOBS_URL"


def open_blobs(url: str, data_dir: Path, cipher: Cipher, clock: Clock) -> "SealedBlobs":
    """Contents at `s3://bucket/prefix`, or, without a URL, in `files/` below the data folder.

    Raises `ConfigError` for any other URL, and when what it takes is not installed.
    """
    if not url:
        return SealedBlobs(DiskBlobs(data_dir / "files", clock), cipher)
    scheme, _, place = url.partition("://")
    if scheme != "s3" or not place.partition("/")[0]:
        raise ConfigError(f"`{SETTING}` should name a bucket: `s3://bucket/prefix`")
    try:
        # Only who uses it waits for it: it takes longer to load than the rest of the start.
        blobs: Blobs = importlib.import_module("trunkline.store.blobs_s3").S3Blobs(place)
    except ModuleNotFoundError:
        raise ConfigError(
            f"`{SETTING}` names S3, whose client is not installed: run `pip install 'trunkline[s3]'`"
        ) from None
    return SealedBlobs(blobs, cipher)


class SealedBlobs:
    """Implements `state.Blobs` over other blobs, which see sealed bytes alone."""

    def __init__(self, blobs: Blobs, cipher: Cipher) -> None:
        self._blobs = blobs
        self._cipher = cipher

    async def open(self, id: str) -> Blob:
        return _SealedBlob(await self._blobs.open(id), self._cipher.seal_stream())

    async def read(self, id: str) -> AsyncGenerator[bytes, None]:
        stream = self._cipher.open_stream()
        try:
            async with aclosing(self._blobs.read(id)) as sealed:
                async for data in sealed:
                    if opened := stream.update(data):
                        yield opened
            if opened := stream.finish():
                yield opened
        except Unreadable as error:
            raise sealed_away(id, error) from error

    async def delete(self, id: str) -> None:
        await self._blobs.delete(id)

    async def seal_again(self, id: str) -> bool:
        """Put the content in its own place as it would be written now. Whether it was written otherwise.

        Raises `KeyError` when there is none, `Unavailable` when it cannot be opened.
        """
        async with aclosing(self._blobs.read(id)) as sealed:
            if self._cipher.is_current(await anext(sealed, b"")):
                return False
        blob = await self.open(id)
        try:
            async with aclosing(self.read(id)) as pieces:
                async for piece in pieces:
                    await blob.write(piece)
            await blob.finish()
        finally:
            await blob.discard()
        return True


class _SealedBlob:
    def __init__(self, blob: Blob, stream: Stream) -> None:
        self._blob = blob
        self._stream = stream

    async def write(self, data: bytes) -> None:
        if sealed := self._stream.update(data):
            await self._blob.write(sealed)

    async def finish(self) -> None:
        if sealed := self._stream.finish():
            await self._blob.write(sealed)
        await self._blob.finish()

    async def discard(self) -> None:
        await self._blob.discard()
