"""Listening sockets, made before the server so that a wrong address is an ordinary error."""

import contextlib
import socket

from trunkline.errors import ConfigError

_BACKLOG = 2_048
# With port 0 the second address has to get the port that the first was given, and somebody may hold it.
_TRIES = 5


def listen(host: str, port: int) -> list[socket.socket]:
    """Sockets for a host name or address; `localhost` is 127.0.0.1 and, where there is one, ::1. Port 0 takes any.

    Raises `ConfigError` when an address cannot be had.
    """
    if host == "localhost":
        return _listen_on_loopback(port)
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise ConfigError(f"the host `{host}` is not known here ({error.strerror}); set TRUNKLINE_HOST") from None
    addresses = sorted({(family, address[0]) for family, _, _, _, address in found}, key=lambda pair: pair[0])
    sockets: list[socket.socket] = []
    try:
        for family, address in addresses:
            sockets.append(_open(family, str(address), port))
            port = sockets[0].getsockname()[1]
    except OSError as error:
        _close(sockets)
        raise _cannot_listen(host, port, error) from None
    return sockets


def _listen_on_loopback(port: int) -> list[socket.socket]:
    for _ in range(_TRIES):
        try:
            first = _open(socket.AF_INET, "127.0.0.1", port)
        except OSError as error:
            raise _cannot_listen("localhost", port, error) from None
        try:
            return [first, _open(socket.AF_INET6, "::1", first.getsockname()[1])]
        except OSError as error:
            if not _has_second_loopback():
                return [first]
            first.close()
            if port:
                raise _cannot_listen("::1", port, error) from None
    raise ConfigError("no port is free on both 127.0.0.1 and ::1")


def _has_second_loopback() -> bool:
    try:
        _open(socket.AF_INET6, "::1", 0).close()
    except OSError:
        return False
    return True


def _open(family: int, address: str, port: int) -> socket.socket:
    opened = socket.socket(family, socket.SOCK_STREAM)
    try:
        # A restart may not wait for the old connections' last minute.
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        opened.bind((address, port))
        opened.listen(_BACKLOG)
        opened.setblocking(False)
    except OSError:
        opened.close()
        raise
    return opened


def _close(sockets: list[socket.socket]) -> None:
    for opened in sockets:
        with contextlib.suppress(OSError):
            opened.close()


def _cannot_listen(host: str, port: int, error: OSError) -> ConfigError:
    return ConfigError(f"cannot listen on {host}, port {port}: {error.strerror}; set PORT or TRUNKLINE_HOST")
