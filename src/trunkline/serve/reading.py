"""One connection's requests, from the parser's callbacks to a judged head and a bounded body.

The lower half of the hot lane: it refuses by raising from the callbacks, and hands each whole request to `on_request`.
It writes nothing.
"""

import abc
import asyncio
from typing import Any, Final

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from trunkline.call import Call
from trunkline.errors import InvalidRequest, TooLarge
from trunkline.serve import strict, uploads
from trunkline.serve.answering import Asked
from trunkline.serve.app import App
from trunkline.serve.body import check_coding
from trunkline.serve.chunks import ChunkLines
from trunkline.serve.known import KnownHead, keep_head
from trunkline.serve.uploads import Arriving

# What a connection is reading, in the order of a life. FRESH: nothing came yet; IDLE: between two requests; HEAD;
# BODY; UPGRADE: a head that asks for another protocol; GREETED: a WebSocket that is about to be told; DEAF: nothing
# more is read; LINGERING: the last word is said, and the client may finish sending before the connection is closed.
FRESH: Final = 0
IDLE: Final = 1
HEAD: Final = 2
BODY: Final = 3
UPGRADE: Final = 4
GREETED: Final = 5
DEAF: Final = 6
LINGERING: Final = 7

_METHODS = {name.encode(): name for name in ("GET", "POST", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS")}


class Reading(HttpToolsProtocol, abc.ABC):
    """Reads requests. Of the base class only the constructor and `connection_made` are used."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        if not isinstance(config.app, App):
            raise TypeError("the hot lane serves a trunkline App")
        self.face = config.app.face
        self.limits = self.face.limits
        self.targets = self.face.targets
        self.peer = ""
        self.is_proxied = False

        self.stage = FRESH
        # Since the stage began, and since the last bytes of a body came: counted by the sweep.
        self.stage_seconds = 0.0
        self.quiet_seconds = 0.0

        self.method = "GET"
        self.url = b""
        self.target = strict.Target("/", b"")
        self.fields: dict[bytes, bytes] = {}
        self.repeats = 0
        self.repeat_bytes = 0
        # All bytes that came for this request; until a second read of it an upper bound.
        self.raw_bytes = 0
        self.coding = b""
        self.body: bytes | bytearray = b""
        self.body_bytes = 0
        self.body_limit = self.limits.body_bytes
        # The body that is being handed over as it comes.
        self.upload: Arriving | None = None
        self.keep_alive = True
        self.is_first_edition = False
        self.awaits_continue = False
        self.is_chunked = False
        self.chunk_lines: ChunkLines | None = None
        # The bytes being parsed and the last ones before them: where a chunked body begins is not told otherwise.
        self.data = b""
        self.tail = b""
        self.is_first_in_data = True
        # Set between two requests only, when the parser stands at the beginning of one.
        self.known_head: KnownHead | None = None

    @abc.abstractmethod
    def on_request(self, asked: Asked) -> None:
        """A whole request."""

    @abc.abstractmethod
    def invite(self) -> None:
        """`awaits_continue` has been set: the client wants to hear that its body is welcome."""

    @abc.abstractmethod
    def ask_for_more(self) -> None:
        """The reader of the upload has read all that has come."""

    def find_peer(self) -> str:
        """Where the request comes from: the other end of the connection, or who stands behind that."""
        if self.is_proxied and b"x-forwarded-for" in self.fields:
            return self.face.proxies.find_caller(self.peer, self.fields[b"x-forwarded-for"])
        return self.peer

    # --- between the callbacks ---

    def check_unfinished(self, data: bytes) -> None:
        """The parser gathers an endless line in silence, so what has come is counted as well."""
        limits = self.limits
        if self.stage != HEAD:
            lines = self.chunk_lines
            if lines is not None and lines.beyond > limits.head_bytes:
                strict.raise_head_too_large(limits)
            if lines is not None and lines.ahead > self.body_limit + 2:
                strict.raise_body_too_large(self.body_limit)
            return
        self.tail = (self.tail + data)[-3:]
        if len(self.url) > limits.target_bytes:
            raise strict.TargetTooLong(f"the request target is longer than {limits.target_bytes} bytes")
        if self.raw_bytes > limits.head_bytes + limits.target_bytes:
            strict.raise_head_too_large(limits)

    def check_chunks(self, data: bytes) -> None:
        """Reads the lines between the chunks, ahead of the parser, and bounds what is not body."""
        limits = self.limits
        if self.chunk_lines is not None:
            self.chunk_lines.feed(data)
        if self.raw_bytes > 2 * self.body_limit + limits.head_bytes:
            raise TooLarge("the chunks of the body are mostly framing")

    # --- the parser's callbacks ---

    def on_message_begin(self) -> None:
        if self.stage >= DEAF:
            raise InvalidRequest("nothing is read behind the last request")
        self.stage = HEAD
        self.stage_seconds = 0.0
        self.raw_bytes = len(self.data)
        self.method = "GET"
        self.url = b""
        self.fields = {}
        self.repeats = 0
        self.repeat_bytes = 0
        self.tail = b""

    def on_url(self, url: bytes) -> None:
        self.url = self.url + url if self.url else url

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.stage != HEAD:
            # A trailer: nothing that stands behind the body may change what the head said.
            return
        name = name.lower()
        fields = self.fields
        if name in fields:
            strict.refuse_repeat(name)
            self.repeats += 1
            self.repeat_bytes += strict.field_size(name, fields[name])
        fields[name] = value

    def on_headers_complete(self) -> None:
        parser = self.parser
        limits = self.limits
        fields = self.fields
        version = parser.get_http_version()
        method = parser.get_method()
        self.method = _METHODS.get(method) or method.decode("ascii")
        count = len(fields) + self.repeats
        if self.raw_bytes > limits.head_bytes or count > limits.head_fields:
            size = sum(map(strict.field_size, fields, fields.values())) + self.repeat_bytes
            strict.check_size(count, size, limits)
        self.target = self.targets.get(self.url) or self.face.read_target(self.url)
        is_upload = self.target.path in uploads.ROUTES and self.method == "POST"
        self.body_limit = limits.upload_bytes if is_upload else limits.body_bytes
        strict.check_fields(fields, version, self.body_limit)
        self.keep_alive = version == "1.1" and parser.should_keep_alive()
        self.is_first_edition = version == "1.0"
        self.coding = check_coding(fields[b"content-encoding"]) if b"content-encoding" in fields else b""
        if parser.should_upgrade():
            self.stage = UPGRADE
            return
        self.stage = BODY
        self.stage_seconds = self.quiet_seconds = 0.0
        self.body = b""
        self.body_bytes = 0
        self.chunk_lines = None
        self.is_chunked = b"transfer-encoding" in fields
        if self.is_chunked:
            self._begin_chunks()
        if b"expect" in fields and strict.expects_continue(fields) and not self.is_first_edition:
            self.awaits_continue = True
        if is_upload:
            self._begin_upload()
        elif self.awaits_continue:
            self.invite()

    def _begin_upload(self) -> None:
        """The request is on its way before its body has come. What is not let in is not read."""
        uploads.check_coding(self.coding)
        upload = Arriving(self.flow.pause_reading, self.ask_for_more)
        target = self.target
        call = Call(
            method=self.method,
            path=target.path,
            query=target.query,
            headers=self.fields,
            peer=self.find_peer(),
            upload=upload,
        )
        self.face.gateway.authenticate(call)
        self.upload = upload
        self.on_request(Asked(call, b"", self.keep_alive, self.is_first_edition))

    def _end_upload(self, upload: Arriving) -> None:
        self.upload = None
        upload.end()
        self.awaits_continue = False
        self.stage = IDLE if self.keep_alive else DEAF
        self.stage_seconds = 0.0

    def _begin_chunks(self) -> None:
        """Chunk lines are read from the end of the head on.

        Of a request that came in one read with the one before it, where the head ends is not known: its chunk lines
        are the parser's business alone.
        """
        if not self.is_first_in_data:
            return
        seen = self.tail + self.data
        # Blank lines before the request line are skipped, as the parser does.
        start = 0 if self.tail else len(seen) - len(seen.lstrip(b"\r\n"))
        self.chunk_lines = ChunkLines()
        self.chunk_lines.feed(seen[seen.index(b"\r\n\r\n", start) + 4 :])

    def on_body(self, body: bytes) -> None:
        size = self.body_bytes + len(body)
        if size > self.body_limit:
            strict.raise_body_too_large(self.body_limit)
        self.body_bytes = size
        if self.upload is not None:
            self.upload.feed(body)
            return
        if not self.body:
            self.body = body
            return
        # One growing buffer, not a list: a body of one-byte chunks would cost forty times its size.
        if isinstance(self.body, bytes):
            self.body = bytearray(self.body)
        self.body += body

    def on_message_complete(self) -> None:
        is_alone = self.is_first_in_data and self.raw_bytes == len(self.data)
        self.is_first_in_data = False
        if self.stage == UPGRADE:
            return
        if self.upload is not None:
            self._end_upload(self.upload)
            return
        body = self.body
        target = self.target
        call = Call(
            method=self.method,
            path=target.path,
            query=target.query,
            headers=self.fields,
            body=body if isinstance(body, bytes) else bytes(body),
            peer=self.find_peer(),
        )
        self.body = b""
        self.awaits_continue = False
        self.stage = IDLE if self.keep_alive else DEAF
        self.stage_seconds = 0.0
        if is_alone and body and self.keep_alive:
            self.known_head = keep_head(self.data, call, self.limits)
        self.on_request(Asked(call, self.coding if body else b"", self.keep_alive, self.is_first_edition))
