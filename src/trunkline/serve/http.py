"""The hot lane: uvicorn's httptools protocol, with everything between bytes and `Call` our own.

uvicorn keeps what it is good at: sockets, signals, TLS, the order of a graceful stop. It leans on uvicorn's insides,
so the version is pinned and a test compares the source of the module. Knows nothing of what a request asks for.
"""

import asyncio
from collections import deque
from typing import Any

import httptools
from uvicorn.config import Config
from uvicorn.server import ServerState

from trunkline.call import Call, Reply
from trunkline.errors import InvalidRequest, Slow, TrunklineError
from trunkline.serve import websocket
from trunkline.serve.answering import Answering, Asked
from trunkline.serve.bugs import log_bug
from trunkline.serve.head import CONTINUE, write_whole
from trunkline.serve.reading import BODY, DEAF, FRESH, GREETED, HEAD, IDLE, LINGERING, Reading

# A client may send its next requests before the answer has come; from here on it has to wait.
_AHEAD_BYTES = 65_536


class HotProtocol(Reading):
    """One connection. `uvicorn.Config(App(face), http=HotProtocol)`."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.is_leaving = False
        self.is_lost = False
        self.answering = Answering(self)
        self.waiting: deque[Asked] = deque()
        self.last_words = b""
        self.ahead_bytes = 0
        self.thrown_bytes = 0
        self.stuck_seconds = 0.0
        self.unsent_bytes = 0

    # --- the connection ---

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in the base
        super().connection_made(transport)
        self.peer = self.client[0] if self.client else ""
        self.is_proxied = self.face.proxies.trusts(self.peer)
        self.face.sweep.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_lost = True
        self.connections.discard(self)
        self.face.sweep.connections.discard(self)
        self.waiting.clear()
        self.answering.end()
        # They hold each other.
        self.parser = None  # type: ignore[assignment]  # as in the base

    def eof_received(self) -> None:
        """The client is done sending, and with it gone: what it waits for is not worth making."""
        if self.answering.is_busy or self.waiting:
            self.transport.abort()

    @property
    def is_write_paused(self) -> bool:
        return self.flow.write_paused

    def pause_writing(self) -> None:
        self.flow.write_paused = True
        pouring = self.answering.pouring
        if pouring is not None and pouring.source is not None:
            pouring.source.pause()

    def resume_writing(self) -> None:
        self.flow.write_paused = False
        pouring = self.answering.pouring
        if pouring is not None and pouring.source is not None:
            pouring.source.resume()
        elif self.answering.is_busy:
            return
        elif not self.transport.is_closing():
            self._go_on()

    def shutdown(self) -> None:
        """The server stops: what is under way may end, and the connection ends with it."""
        self.is_leaving = True
        if self.is_still and self.stage in (FRESH, IDLE):
            self.transport.close()

    # --- bytes in ---

    def data_received(self, data: bytes) -> None:
        stage = self.stage
        answering = self.answering
        is_still = not (answering.is_busy or self.waiting)
        if stage == IDLE and is_still and self.known_head is not None and not self.flow.write_paused:
            call = self.known_head.read(data)
            if call is not None:
                answering.start(Asked(call))
                return
        elif stage >= GREETED:
            if stage == GREETED:
                self._say_farewell()
            elif stage == LINGERING:
                self._throw_away(len(data))
            return
        stopped_at = 0
        self.data = data
        self.is_first_in_data = True
        self.raw_bytes += len(data)
        try:
            if stage == BODY:
                self.quiet_seconds = 0.0
                if self.is_chunked:
                    self.check_chunks(data)
            self.parser.feed_data(data)
            if HEAD <= self.stage <= BODY:
                self.check_unfinished(data)
        except httptools.HttpParserUpgrade as upgrade:
            stopped_at = upgrade.args[0]
        except httptools.HttpParserCallbackError as error:
            self._refuse_for(error.__context__)
        except httptools.HttpParserError as error:
            self._refuse(InvalidRequest("the request is not valid HTTP/1.1", detail=str(error)))
        except TrunklineError as error:
            self._refuse(error)
        self.data = b""
        if stopped_at:
            # Not while handling: a callback's error inside would be told with the wrong context.
            self._upgrade(data[stopped_at:])
        if not is_still and self.upload is None:
            self._hold_back(len(data))

    def _hold_back(self, size: int) -> None:
        self.ahead_bytes += size
        if self.ahead_bytes > _AHEAD_BYTES:
            self.flow.pause_reading()

    def invite(self) -> None:
        if self.is_still:
            self.awaits_continue = False
            self.transport.write(CONTINUE)

    def ask_for_more(self) -> None:
        if self.awaits_continue:
            self.awaits_continue = False
            self.transport.write(CONTINUE)
        self.flow.resume_reading()

    def on_request(self, asked: Asked) -> None:
        if self.answering.is_busy or self.waiting or self.flow.write_paused:
            self.waiting.append(asked)
        else:
            self.answering.start(asked)

    # --- replies ---

    @property
    def is_still(self) -> bool:
        """Whether no request is being answered or waits for it."""
        return not (self.answering.is_busy or self.waiting)

    def answered(self, keep_alive: bool) -> None:
        if self.is_lost or self.transport.is_closing():
            return
        if not keep_alive:
            if self.upload is not None:
                self._end_with(b"")
                return
            self.stage = DEAF
            self.transport.close()
            return
        if self.stage == IDLE:
            self.stage_seconds = 0.0
        if self.ahead_bytes or self.waiting or self.last_words or self.awaits_continue or self.is_leaving:
            self._go_on()

    def _go_on(self) -> None:
        """The next request that has come already, the last word, or the rest of what the client has been sending."""
        if self.flow.write_paused:
            return
        if self.waiting:
            self.answering.start(self.waiting.popleft())
            return
        if self.last_words:
            self._end_with(self.last_words)
            return
        self.ahead_bytes = 0
        self.flow.resume_reading()
        if self.awaits_continue:
            self.invite()
        if self.is_leaving and self.stage == IDLE:
            self.transport.close()

    def _refuse_for(self, cause: BaseException | None) -> None:
        """Refuses for what a callback raised."""
        if isinstance(cause, TrunklineError):
            self._refuse(cause)
            return
        if cause is not None:
            log_bug(cause)
        self._refuse(InvalidRequest("the request could not be read"))

    def _refuse(self, error: TrunklineError) -> None:
        """Draws the error when all before it is answered, and reads no more."""
        if self.stage >= DEAF:
            return
        if self.upload is not None:
            # Its request is under way already, and ends with this.
            self.stage = DEAF
            self.upload.end(error)
            return
        is_between = self.stage in (FRESH, IDLE)
        call = Call(
            method="GET" if is_between else self.method,
            path=self.face.guess_path(b"" if is_between else self.url),
            headers={} if is_between else self.fields,
            peer=self.peer if is_between else self.find_peer(),
        )
        self.stage = DEAF
        self.body = b""
        words = self._last_reply(self.face.gateway.draw(error, call), call.method)
        if self.is_still:
            self._end_with(words)
        else:
            self.last_words = words

    def _last_reply(self, reply: Reply, method: str) -> bytes:
        body = reply.body if isinstance(reply.body, bytes) else b""
        return write_whole(reply, body, self.face.sweep.date, method, keep_alive=False)

    def _end_with(self, words: bytes) -> None:
        """The last word. Closing at once would reset the connection under a client that is still sending."""
        self.last_words = b""
        self.stage = LINGERING
        self.stage_seconds = 0.0
        if self.transport.is_closing():
            return
        if words:
            self.transport.write(words)
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.flow.resume_reading()

    def _throw_away(self, size: int) -> None:
        self.thrown_bytes += size
        if self.thrown_bytes > self.limits.linger_bytes:
            self.transport.abort()

    # --- upgrades ---

    def _upgrade(self, rest: bytes) -> None:
        """`rest` is what came behind the head."""
        if not self.is_still:
            self._refuse(InvalidRequest("an upgrade cannot be asked for before the last answer has come"))
        elif websocket.is_asked(self.method, self.fields, self.target.path):
            self._greet()
        else:
            self._read_again(rest)

    def _read_again(self, rest: bytes) -> None:
        """No other protocol is spoken here: the same head once more, without its wish.

        The parser stops at an upgrade, whether there is a body or not, and cannot be told to go on.
        """
        version = b"1.0" if self.is_first_edition else b"1.1"
        kept = websocket.without_wish(self.fields)
        line = b"%b %b HTTP/%b\r\n" % (self.method.encode("ascii"), self.url, version)
        head = line + b"".join([b"%b: %b\r\n" % field for field in kept.items()])
        self.parser = httptools.HttpRequestParser(self)
        self.stage = IDLE
        self.data_received(head + b"\r\n" + rest)

    def _greet(self) -> None:
        target = self.target
        call = Call(
            method=self.method, path=target.path, query=target.query, headers=self.fields, peer=self.find_peer()
        )
        reply = websocket.refuse(self.face.gateway, call)
        if reply is not None:
            self._end_with(self._last_reply(reply, call.method))
            return
        try:
            accepted = websocket.handshake(self.fields)
        except InvalidRequest as error:
            self._refuse(error)
            return
        self.transport.write(accepted)
        # It is told when it has spoken, so that it is surely listening, or after a while.
        self.stage = GREETED
        self.stage_seconds = 0.0

    def _say_farewell(self) -> None:
        self._end_with(websocket.farewell())

    # --- time ---

    def age(self, seconds: float) -> None:
        self._age_unsent(seconds)
        if self.flow.read_paused:
            return
        self.stage_seconds += seconds
        self.quiet_seconds += seconds
        stage, waited, limits = self.stage, self.stage_seconds, self.limits
        if stage == IDLE:
            if not self.answering.is_busy and waited >= limits.keep_alive_seconds:
                self.transport.close()
        elif stage == BODY:
            if self._is_slow_body():
                self._refuse(Slow("the body of the request did not arrive in time"))
        elif stage == HEAD:
            if waited >= limits.head_seconds:
                self._refuse(Slow("the head of the request did not arrive in time"))
        elif stage == FRESH:
            if waited >= limits.head_seconds:
                self.transport.close()
        elif stage == GREETED:
            if waited >= limits.greeting_seconds:
                self._say_farewell()
        elif stage == LINGERING and waited >= limits.linger_seconds:
            self.transport.abort()

    def _is_slow_body(self) -> bool:
        limits = self.limits
        if self.quiet_seconds >= limits.body_idle_seconds:
            return True
        due = self.stage_seconds * limits.body_bytes_per_second
        return self.stage_seconds >= limits.body_idle_seconds and self.body_bytes < due

    def _age_unsent(self, seconds: float) -> None:
        """A client that does not read is let go, with all that was made for it."""
        unsent = self.transport.get_write_buffer_size()
        if not unsent or unsent != self.unsent_bytes:
            self.unsent_bytes = unsent
            self.stuck_seconds = 0.0
            return
        self.stuck_seconds += seconds
        if self.stuck_seconds >= self.limits.write_idle_seconds:
            self.transport.abort()
