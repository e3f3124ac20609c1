"""The parts of uvicorn that the hot lane leans on are the ones it was written against."""

import hashlib
import inspect

import httptools
import pytest
import uvicorn
from doorstep import FakeGateway
from uvicorn.protocols.http import httptools_impl
from uvicorn.server import ServerState

from trunkline.serve.gateway import Gateway
from trunkline.serve.http import HotProtocol

# Another digest is not a fault: read what changed, see that the hot lane still holds, and write the new one here.
MINOR_VERSION = "0.54"
DIGEST = "1d4e1c579df4168433a61a01f10c628b31c1790e72dd9769d2b8633b22214033"


def test_version() -> None:
    """The hot lane was read against this minor version."""
    assert uvicorn.__version__.rpartition(".")[0] == MINOR_VERSION


def test_source() -> None:
    """The module whose class is extended is byte for byte the known one."""
    assert hashlib.sha256(inspect.getsource(httptools_impl).encode()).hexdigest() == DIGEST


def test_server_calls_only_these() -> None:
    """The server asks a protocol for nothing but its shutdown, and waits for these two sets."""
    source = inspect.getsource(uvicorn.Server)
    assert source.count("connection.shutdown()") == 1
    assert "self.server_state.connections" in source
    assert "self.server_state.tasks" in source
    assert {"connections", "tasks"} <= vars(ServerState()).keys()


def test_overridden() -> None:
    """Every callback of the base class that touches its own request cycle is replaced."""
    for name in (
        "connection_lost",
        "data_received",
        "eof_received",
        "on_body",
        "on_header",
        "on_headers_complete",
        "on_message_begin",
        "on_message_complete",
        "on_url",
        "pause_writing",
        "resume_writing",
        "shutdown",
    ):
        assert getattr(HotProtocol, name) is not getattr(httptools_impl.HttpToolsProtocol, name), name


def test_needs_our_app() -> None:
    """Any other application under the hot lane is a mistake, told at once."""

    async def app(scope: object, receive: object, send: object) -> None: ...

    config = uvicorn.Config(app, http=HotProtocol, log_config=None)
    with pytest.raises(TypeError, match="trunkline App"):
        HotProtocol(config, ServerState(), {}, object())  # type: ignore[arg-type]  # no loop is needed to refuse


class _Heard:
    """A parser's listener that keeps what it is told, and raises where a test wants it to."""

    def __init__(self, fails_at: str = "") -> None:
        self.heard: list[str] = []
        self.fails_at = fails_at

    def _hear(self, name: str) -> None:
        self.heard.append(name)
        if name == self.fails_at:
            raise KeyError(name)

    def on_message_begin(self) -> None:
        self._hear("begin")

    def on_url(self, url: bytes) -> None:
        self._hear("url")

    def on_header(self, name: bytes, value: bytes) -> None:
        self._hear("header")

    def on_headers_complete(self) -> None:
        self._hear("headers")

    def on_body(self, body: bytes) -> None:
        self._hear("body")

    def on_message_complete(self) -> None:
        self._hear("complete")


@pytest.mark.parametrize("callback", ["begin", "url", "header", "headers", "body", "complete"])
def test_callback_errors(callback: str) -> None:
    """What a callback raises stops the parser and stands in the error's context."""
    parser = httptools.HttpRequestParser(_Heard(callback))
    with pytest.raises(httptools.HttpParserCallbackError) as caught:
        parser.feed_data(b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 1\r\n\r\na")
    assert isinstance(caught.value.__context__, KeyError)


def test_upgrade_offset() -> None:
    """At an upgrade the parser stops behind the head, body or not, and says where that is."""
    head = b"POST / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 3\r\n\r\n"
    heard = _Heard()
    with pytest.raises(httptools.HttpParserUpgrade) as caught:
        httptools.HttpRequestParser(heard).feed_data(head + b"abc")
    assert caught.value.args[0] == len(head)
    assert heard.heard[-2:] == ["headers", "complete"]


def test_gateway_shape() -> None:
    """The fake in these tests offers what the face asks for, and nothing else is asked."""
    asked = {name for name in vars(Gateway) if not name.startswith("_")}
    assert asked == {"handle", "draw", "authenticate", "leave", "drain"}
    assert all(hasattr(FakeGateway, name) for name in asked)
