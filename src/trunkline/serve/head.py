"""The head of a reply as bytes."""

from collections.abc import Sequence

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from trunkline.call import Header, Reply

CHUNKED = b"transfer-encoding: chunked\r\n"
CLOSE = b"connection: close\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

_BODILESS = (204, 304)
_BREAKS = b"\r\n\0"
_ONE_LINE = bytes.maketrans(_BREAKS, b"   ")


def write_head(status: int, headers: Sequence[Header], date: bytes, framing: bytes) -> bytes:
    """Status line, date, framing and headers, with the blank line. `date` and `framing` are whole lines."""
    return b"".join((STATUS_LINE[status], date, framing, write_fields(headers), b"\r\n"))


def write_whole(reply: Reply, body: bytes, date: bytes, method: str, keep_alive: bool) -> bytes:
    """A reply of known length; to HEAD the length is told and the body is not sent."""
    status = reply.status
    framing = b"" if status in _BODILESS else b"content-length: %d\r\n" % len(body)
    if not keep_alive:
        framing += CLOSE
    if method == "HEAD" or status in _BODILESS:
        body = b""
    return b"".join((STATUS_LINE[status], date, framing, write_fields(reply.headers), b"\r\n", body))


def write_fields(headers: Sequence[Header]) -> bytes:
    """Header lines. A line break inside a value, which would begin a header of somebody else's, becomes a blank."""
    if not headers:
        return b""
    fields = b"\r\n".join(map(b": ".join, headers))
    # Looking once at the whole is cheaper than looking at every value.
    if len(fields.translate(None, _BREAKS)) != len(fields) - 2 * len(headers) + 2:
        fields = b"\r\n".join([b"%b: %b" % (name, value.translate(_ONE_LINE)) for name, value in headers])
    return fields + b"\r\n"


def has_body(status: int, method: str) -> bool:
    """Whether a reply may carry a body at all."""
    return method != "HEAD" and status not in _BODILESS
