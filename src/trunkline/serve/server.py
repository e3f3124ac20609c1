"""How the server is run: uvicorn's life cycle on our sockets, with the hot lane and a bounded drain."""

import asyncio
import contextlib
import signal
import socket
import threading
from collections.abc import Callable, Generator, Sequence
from types import FrameType
from typing import NamedTuple

import uvicorn

from trunkline.serve.app import App
from trunkline.serve.face import Face
from trunkline.serve.http import HotProtocol
from trunkline.serve.sockets import listen

# After the drain the last error events need a moment to reach their readers; then whatever is left is cancelled.
_LAST_WORDS_SECONDS = 5.0
# SIGHUP says that the terminal is gone. `nohup` has it ignored, and then it is.
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Address(NamedTuple):
    """Where the server listens."""

    host: str
    port: int


class Server:
    """One worker. `addresses` is filled when `serve` has bound; `signal_received` says what ended it, if a signal did.

    `on_started` is called once, when connections are taken. `serve` needs an event loop of the caller's choice
    (uvloop is the fast one) and returns when the drain is over, so that the caller can close what the gateway uses;
    `repeat_signal` afterwards ends the process the way the signal would have. Of several servers one `hears_signals`.
    """

    def __init__(
        self,
        face: Face,
        *,
        host: str = "localhost",
        port: int = 8080,
        certfile: str | None = None,
        keyfile: str | None = None,
        on_started: Callable[[Sequence[Address]], None] | None = None,
        hears_signals: bool = True,
    ) -> None:
        self._host = host
        self._port = port
        self._on_started = on_started
        config = uvicorn.Config(
            App(face),
            http=HotProtocol,
            ws="none",
            lifespan="on",
            interface="asgi3",
            loop="none",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            ssl_certfile=certfile,
            ssl_keyfile=keyfile,
        )
        self._uvicorn = _Drained(config, face, self._announce, hears_signals=hears_signals)
        self._sockets: list[socket.socket] = []
        self.addresses: list[Address] = []

    async def serve(self) -> None:
        """Until a signal or `stop`. Raises `ConfigError` when the address cannot be had."""
        self._sockets = listen(self._host, self._port)
        self.addresses = [Address(*opened.getsockname()[:2]) for opened in self._sockets]
        try:
            await self._uvicorn.serve(sockets=self._sockets)
        finally:
            for opened in self._sockets:
                opened.close()

    def stop(self) -> None:
        """Begins the drain, as SIGTERM does; a second time it ends at once."""
        self._uvicorn.end()

    @property
    def is_started(self) -> bool:
        """Whether connections are taken, or have been."""
        return self._uvicorn.started

    @property
    def signal_received(self) -> int | None:
        return self._uvicorn.signal_received

    def repeat_signal(self) -> None:
        """Ends the process by the signal that ended the server; returns if there was none. The caller's last act."""
        if self.signal_received is not None:
            signal.signal(self.signal_received, signal.SIG_DFL)
            signal.raise_signal(self.signal_received)

    def _announce(self) -> None:
        if self._on_started is not None:
            self._on_started(self.addresses)


class _Drained(uvicorn.Server):
    """uvicorn's server, with a deadline at which streams are told to end, and a second signal that ends at once."""

    def __init__(
        self, config: uvicorn.Config, face: Face, announce: Callable[[], None], *, hears_signals: bool
    ) -> None:
        super().__init__(config)
        self._hears_signals = hears_signals
        self._face = face
        self._announce = announce
        self._loop: asyncio.AbstractEventLoop | None = None
        self.signal_received: int | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        if self.started:
            self._announce()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._face.gateway.leave()
        drain_seconds = self._face.limits.drain_seconds
        # A float where uvicorn declares whole seconds: it is handed to `asyncio.wait_for` as it is.
        self.config.timeout_graceful_shutdown = drain_seconds + _LAST_WORDS_SECONDS  # type: ignore[assignment]
        deadline = asyncio.get_running_loop().call_later(drain_seconds, self._face.gateway.drain)
        try:
            await super().shutdown(sockets)
        finally:
            deadline.cancel()
            await self._bury()

    async def _bury(self) -> None:
        """Lets cancelled requests close what they hold; uvicorn cancels and does not look back."""
        tasks = set(self.server_state.tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=_LAST_WORDS_SECONDS)

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Signals begin the end while the server runs. They are not repeated here: the caller has things to close."""
        if not self._hears_signals or threading.current_thread() is not threading.main_thread():
            yield
            return
        heard = [number for number in _SIGNALS if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN]
        before = {number: signal.signal(number, self.handle_exit) for number in heard}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.signal_received = sig
        self.end()

    def end(self) -> None:
        """The first time: stop accepting, and drain. The second time: now."""
        if self.should_exit:
            self.force_exit = True
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._cut_all)
        self.should_exit = True

    def _cut_all(self) -> None:
        for connection in tuple(self.server_state.connections):
            if isinstance(connection, HotProtocol):
                connection.transport.abort()
