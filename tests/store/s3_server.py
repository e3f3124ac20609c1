"""As much of S3 as blobs need, in memory, on a loopback port."""

import contextlib
import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

_CREATED = "<InitiateMultipartUploadResult><UploadId>{}</UploadId></InitiateMultipartUploadResult>"
_COMPLETED = "<CompleteMultipartUploadResult><ETag>whole</ETag></CompleteMultipartUploadResult>"
_MISSING = "<Error><Code>NoSuchKey</Code></Error>"
_BROKEN = "<Error><Code>InternalError</Code></Error>"


class S3Server(ThreadingHTTPServer):
    """`objects` and `uploads` are what is there. When `broken` it answers nothing but that."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.objects: dict[str, bytes] = {}
        self.uploads: dict[str, dict[int, bytes]] = {}
        self.broken = False

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that leaves is none of a test's business; what else goes wrong shows in what the client sees."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: S3Server

    def _answer(self) -> None:
        target = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(target.query, keep_blank_values=True).items()}
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.server.broken:
            self._say(501, _BROKEN)
            return
        if "uploads" in query:
            id = f"upload-{len(self.server.uploads)}"
            self.server.uploads[id] = {}
            self._say(200, _CREATED.format(id))
        elif "uploadId" in query:
            self._answer_upload(query["uploadId"], query.get("partNumber"), target.path, body)
        else:
            self._answer_object(target.path, body)

    def _answer_upload(self, id: str, number: str | None, path: str, body: bytes) -> None:
        if self.command == "DELETE":
            del self.server.uploads[id]
            self._say(204)
        elif number is not None:
            self.server.uploads[id][int(number)] = body
            self._say(200, etag=hashlib.md5(body, usedforsecurity=False).hexdigest())
        else:
            parts = self.server.uploads.pop(id)
            assert all(len(parts[part]) >= 5 * 1024 * 1024 for part in sorted(parts)[:-1]), "S3 takes no smaller ones"
            self.server.objects[path] = b"".join(parts[part] for part in sorted(parts))
            self._say(200, _COMPLETED)

    def _answer_object(self, path: str, body: bytes) -> None:
        if self.command == "PUT":
            self.server.objects[path] = body
            self._say(200, etag="whole")
        elif self.command == "DELETE":
            self.server.objects.pop(path, None)
            self._say(204)
        elif path in self.server.objects:
            self._say(200, self.server.objects[path])
        else:
            self._say(404, _MISSING)

    do_GET = do_PUT = do_POST = do_DELETE = _answer  # noqa: N815  # the names are the base's

    def _say(self, status: int, body: str | bytes = b"", etag: str = "") -> None:
        data = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        self.send_header("content-length", str(len(data)))
        if etag:
            self.send_header("etag", f'"{etag}"')
        self.end_headers()
        # A client may leave within an object.
        with contextlib.suppress(ConnectionError):
            self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is logged."""


@contextlib.contextmanager
def running() -> Iterator[S3Server]:
    with S3Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
