"""One HTTP/1.1 connection to a provider: writes a request, reads its reply.

Knows sockets and framing, not pools, retries or which proxy the bytes go through.
"""

import asyncio
from typing import Protocol, cast

import httptools

from trunkline.errors import Failed, Garbled, TimedOut, TrunklineError
from trunkline.ports import DEFAULT_TIMEOUTS, Origin, UpstreamRequest
from trunkline.upstream.head import (
    MAX_HEAD_BYTES,
    MAX_HEADERS,
    Nonsense,
    check_coding,
    check_size,
    describe_trouble,
    read_idle_seconds,
    take_decoder,
)
from trunkline.upstream.reply import Reply
from trunkline.upstream.tls import has_orderly_end

# A body from this size on is not copied behind its head but written beside it.
_SEPARATE_BODY_BYTES = 65_536


class Stale(Failed):
    """A kept connection turned out to be closed before a byte of the reply: the request may be sent once more."""


class Home(Protocol):
    """Where a connection goes when it is done: its pool."""

    origin: Origin
    idle_seconds: float

    def now(self) -> float: ...

    def release(self, connection: "Connection") -> None: ...

    def lost(self, connection: "Connection") -> None: ...


class Connection(asyncio.Protocol):
    """Serves one request at a time; `reply` is the one being served, `None` when idle.

    Deadlines are stamps on the connection: `check` compares them with the clock once a second, which costs a request
    nothing, where a timer for each would cost several microseconds.
    """

    def __init__(self, home: Home, loop: asyncio.AbstractEventLoop) -> None:
        self.name = home.origin.host
        self.reply: Reply | None = None
        self.closed = False
        self.served = 0
        self.expires_at = 0.0
        self.idle_seconds = home.idle_seconds
        self._home = home
        self._now = home.now
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._timeouts = DEFAULT_TIMEOUTS
        self._since = self._ends_at = 0.0
        self._head_bytes = self._barren_bytes = self._unsent_bytes = 0
        self._in_head = self._complete = self._keep = False
        self._is_head_request = self._until_close = self._is_plain = False
        self._sending = self._reading_held = self._has_eof = False
        self._headers: dict[bytes, bytes] = {}
        self._chunks: list[bytes] = []
        # The parser calls the list itself: no Python frame for each chunk.
        self.on_body = self._chunks.append
        self._parser = httptools.HttpResponseParser(self)
        self._feed = self._parser.feed_data

    # --- the pool's side ---

    def start(self, request: UpstreamRequest, now: float, ends_at: float) -> Reply:
        """Write a request and return its reply, whose `head` is still to come. Cut at `ends_at` if not complete."""
        transport = self._transport
        if transport is None:
            raise Failed(f"the connection to `{self.name}` is closed")
        reply = self.reply = Reply(self, self._loop.create_future())
        self._timeouts = request.timeouts
        self._since, self._ends_at = now, ends_at
        self._head_bytes = self._barren_bytes = 0
        self._in_head, self._complete = True, False
        head, body = request.head, request.body
        if not body:
            self._is_head_request = head.startswith(b"HEAD ")
            has_no_body = self._is_head_request or head.startswith(b"GET ")
            transport.write(head + (b"\r\n" if has_no_body else b"content-length: 0\r\n\r\n"))
        elif len(body) < _SEPARATE_BODY_BYTES:
            self._is_head_request = False
            transport.write(b"%bcontent-length: %d\r\n\r\n%b" % (head, len(body), body))
        else:
            self._is_head_request = False
            # Not by `writelines`, which some Pythons forget to pause the protocol for.
            transport.write(b"%bcontent-length: %d\r\n\r\n" % (head, len(body)))
            transport.write(body)
        return reply

    def check(self, now: float) -> None:
        """Cut the connection if its request has run out of time."""
        timeouts = self._timeouts
        if self.reply is None:
            return
        if now >= self._ends_at:
            self._fail(TimedOut(f"`{self.name}` did not finish its reply within {timeouts.total:g} s"))
        elif self._sending:
            self._check_sending(now)
        elif self._in_head:
            if now - self._since >= timeouts.first_byte:
                self._fail(TimedOut(f"`{self.name}` did not begin to reply within {timeouts.first_byte:g} s"))
        elif now - self._since >= timeouts.idle and not self._reading_held:
            self._fail(TimedOut(f"`{self.name}` paused its reply for {timeouts.idle:g} s"))

    def _check_sending(self, now: float) -> None:
        """An upload may take its time as long as some of it moves."""
        unsent = self._transport.get_write_buffer_size() if self._transport is not None else 0
        if unsent != self._unsent_bytes:
            self._unsent_bytes, self._since = unsent, now
        elif now - self._since >= self._timeouts.idle:
            self._fail(TimedOut(f"`{self.name}` stopped taking the request for {self._timeouts.idle:g} s"))

    def abort(self) -> None:
        """Cut it at once. Idempotent."""
        self.closed = True
        self.expires_at = 0.0
        if self._transport is not None:
            self._transport.abort()

    def cut(self) -> None:
        """Cut it, and tell the holder of a reply in the making."""
        self._fail(Failed(f"the connection to `{self.name}` was closed: the gateway is shutting down"))

    # --- the reply's side ---

    def hold(self) -> None:
        if not self._reading_held and not self.closed and self._transport is not None:
            self._reading_held = True
            self._transport.pause_reading()

    def proceed(self) -> None:
        if self._reading_held:
            self._reading_held = False
            self._since = self._now()
            if not self.closed and self._transport is not None:
                self._transport.resume_reading()

    def drop(self) -> None:
        self.reply = None
        self.abort()

    # --- the transport's side ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        # So that `pause_writing` means "the kernel has not taken all of it": above one byte, because the TLS transports
        # of both loops take a limit of 0 for "always full".
        self._transport.set_write_buffer_limits(high=1)

    def pause_writing(self) -> None:
        self._sending = True

    def resume_writing(self) -> None:
        self._sending = False
        self._since = self._now()

    def data_received(self, data: bytes) -> None:
        reply = self.reply
        if reply is None:
            self.abort()  # Nobody asked for these bytes; what follows them could be taken for another request's reply.
            return
        was_in_head = self._in_head
        if was_in_head:
            self._head_bytes += len(data)
        trouble: Exception | None = None
        try:
            self._feed(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            trouble = error
        if self._in_head:
            if trouble is not None or self._head_bytes > MAX_HEAD_BYTES:
                self._fail(Garbled(f"`{self.name}` {describe_trouble(trouble)}"))
            return
        chunks = self._chunks
        if chunks:
            # Joined, so that one read of many small chunks is one write further on.
            body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
            chunks.clear()
            self._barren_bytes = 0
            if was_in_head and self._complete and self._is_plain and trouble is None:
                self._leave(self._keep)
                reply.arrive(body)
                return
            (reply.straight or reply.take)(body)
            if self.reply is not reply:
                return  # Its holder closed it while being fed.
        else:
            # Chunk heads, extensions and trailers without end would otherwise pass every limit.
            self._barren_bytes += len(data)
        if self._complete:
            self._finish(reply, self._keep and trouble is None)
        elif trouble is not None or self._barren_bytes > MAX_HEAD_BYTES:
            self._fail(Garbled(f"`{self.name}` {describe_trouble(trouble)}"))
        else:
            self._since = self._now()

    def eof_received(self) -> None:
        # Not asked on every end: only a body without a length needs to know.
        self._has_eof = self._until_close and self._transport is not None and has_orderly_end(self._transport)
        self._shut()

    def connection_lost(self, error: Exception | None) -> None:
        self._shut()
        self._transport = None
        self._home.lost(self)

    # --- the parser's side ---

    def on_message_begin(self) -> None:
        if self._complete:
            raise Nonsense("sent more than its reply")
        self._headers = {}

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        reply = self.reply
        if reply is None:
            return
        parser = self._parser
        status = parser.get_status_code()
        # Trailers will go into the new one, and nowhere from there.
        headers, self._headers = self._headers, {}
        if status < 200:
            if status == 101:
                raise Nonsense("switched to a protocol that was not asked for")
            return
        if len(headers) > MAX_HEADERS or self._head_bytes > MAX_HEAD_BYTES:
            check_size(headers)
        # A reply that overtakes its request leaves the rest of the request on the line.
        self._keep = parser.should_keep_alive() and not self._sending
        if b"transfer-encoding" in headers:
            check_coding(headers[b"transfer-encoding"])
            self._until_close = False
        else:
            self._until_close = b"content-length" not in headers and status not in (204, 304)
        if b"keep-alive" in headers:
            self.idle_seconds = read_idle_seconds(headers[b"keep-alive"], self._home.idle_seconds)
        decoder = None
        if b"content-encoding" in headers and not self._is_head_request:
            decoder = take_decoder(headers)
        self._in_head = False
        self._is_plain = decoder is None
        reply.begin(status, headers, decoder)
        if self._is_head_request:
            # The parser cannot be told that no body follows, so it is stopped here and the connection not kept.
            self._complete = True
            raise Nonsense("needs no body")

    def on_message_complete(self) -> None:
        if not self._in_head:
            self._complete = True

    # --- within ---

    def _finish(self, reply: Reply, keep: bool) -> None:
        """Give the connection away before the reply's end is told: whoever hears of it may send the next request."""
        self._leave(keep)
        reply.finish()

    def _leave(self, keep: bool) -> None:
        self.reply = None
        self.served += 1
        if keep:
            if self._reading_held:
                self.proceed()
            self._home.release(self)
        else:
            self.abort()

    def _fail(self, error: TrunklineError) -> None:
        reply, self.reply = self.reply, None
        self.abort()
        if reply is not None:
            reply.fail(error)

    def _shut(self) -> None:
        self.closed = True
        self.expires_at = 0.0
        reply = self.reply
        if reply is None:
            return
        if not self._in_head:
            # Without a length only an orderly end tells the whole from a part.
            if self._until_close and self._has_eof:
                self._finish(reply, keep=False)
            else:
                self._fail(Failed(f"`{self.name}` closed the connection before the end of its reply"))
        elif self.served and not self._head_bytes:
            self._fail(Stale(f"`{self.name}` closed the connection without a reply"))
        else:
            self._fail(Failed(f"`{self.name}` closed the connection without a reply"))
