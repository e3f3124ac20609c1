"""Contents of files in a bucket of S3, or of whatever speaks like it.

Where it is and who may enter, the usual variables and files of AWS say (`AWS_ENDPOINT_URL`, `AWS_ACCESS_KEY_ID`, …).
A large content goes up in parts, which become an object when it is whole. Knows no encryption and no table.
"""

from collections.abc import AsyncGenerator
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from trunkline.errors import Unavailable
from trunkline.store.worker import Worker

# S3 takes parts of 5 MiB at least, and ten thousand of them.
_PART_BYTES = 8 * 1024 * 1024
_PIECE_BYTES = 262_144

_CLIENT = Config(
    connect_timeout=5,
    read_timeout=20,
    retries={"max_attempts": 3, "mode": "standard"},
    # The newer checksums are Amazon's own: others refuse them.
    request_checksum_calculation="when_required",
    response_checksum_validation="when_required",
)


class S3Blobs:
    """Implements `state.Blobs`. `place` is `bucket/prefix`."""

    def __init__(self, place: str) -> None:
        self._bucket, _, prefix = place.partition("/")
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self._client: Any = boto3.client("s3", config=_CLIENT)

    async def open(self, id: str) -> "S3Blob":
        return S3Blob(self._client, self._named(id))

    async def read(self, id: str) -> AsyncGenerator[bytes, None]:
        worker = Worker(_explain)
        body = (await worker.do(self._client.get_object, **self._named(id)))["Body"]
        try:
            while piece := await worker.do(body.read, _PIECE_BYTES):
                yield piece
        finally:
            await worker.settle()
            body.close()

    async def delete(self, id: str) -> None:
        await Worker(_explain).do(self._client.delete_object, **self._named(id))

    def _named(self, id: str) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": self._prefix + id}


class S3Blob:
    """Implements `state.Blob`."""

    def __init__(self, client: Any, named: dict[str, str]) -> None:
        self._client = client
        self._named = named
        self._held = bytearray()
        self._upload: dict[str, str] = {}
        self._parts: list[dict[str, Any]] = []
        self._worker = Worker(_explain)

    async def write(self, data: bytes) -> None:
        self._held += data
        while len(self._held) > _PART_BYTES:
            await self._worker.do(self._send_part, _PART_BYTES)

    async def finish(self) -> None:
        await self._worker.do(self._finish)

    async def discard(self) -> None:
        await self._worker.settle()
        self._held.clear()
        if self._upload:
            await self._worker.do(self._abort)

    # --- in a thread ----------------------------------------------------------------------------------------------

    def _send_part(self, size: int) -> None:
        if not self._upload:
            begun = self._client.create_multipart_upload(**self._named)
            self._upload = self._named | {"UploadId": begun["UploadId"]}
        number = len(self._parts) + 1
        sent = self._client.upload_part(**self._upload, PartNumber=number, Body=bytes(self._held[:size]))
        self._parts.append({"PartNumber": number, "ETag": sent["ETag"]})
        del self._held[:size]

    def _finish(self) -> None:
        if not self._upload:
            self._client.put_object(**self._named, Body=bytes(self._held))
            return
        self._send_part(len(self._held))
        self._client.complete_multipart_upload(**self._upload, MultipartUpload={"Parts": self._parts})
        self._upload = {}

    def _abort(self) -> None:
        self._client.abort_multipart_upload(**self._upload)
        self._upload = {}


def _explain(error: Exception) -> Exception | None:
    """A bucket that cannot be reached or used, or an object that is not there."""
    if not isinstance(error, BotoCoreError | ClientError | OSError):
        return None
    code = error.response.get("Error", {}).get("Code", "") if isinstance(error, ClientError) else ""
    if code == "NoSuchKey":
        return KeyError(code)
    return Unavailable(
        "The files of this gateway cannot be read or written right now. Please try again in a moment.",
        detail=f"{type(error).__name__} {code}".rstrip(),
    )
