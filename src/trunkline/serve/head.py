"""The head of a reply as bytes."""

from collections.abc import Sequence

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from trunkline.call import Header

CHUNKED = b"transfer-encoding: chunked\r\n"
CLOSE = b"connection: close\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


def write_head(status: int, headers: Sequence[Header], date: bytes, framing: bytes) -> bytes:
    """Status line, date, framing and headers, with the blank line. `date` and `framing` are whole lines."""
    return b"".join((STATUS_LINE[status], date, framing, write_fields(headers), b"\r\n"))


def write_fields(headers: Sequence[Header]) -> bytes:
    """Header lines. A line break inside a value, which would begin a header of somebody else's, becomes a blank."""
    fields = b"".join([b"%b: %b\r\n" % header for header in headers])
    # Counting the whole is ten times cheaper than looking at every value.
    count = len(headers)
    if fields.count(b"\n") != count or fields.count(b"\r") != count or b"\0" in fields:
        return b"".join([b"%b: %b\r\n" % (name, _one_line(value)) for name, value in headers])
    return fields


def _one_line(value: bytes) -> bytes:
    return value.replace(b"\r", b" ").replace(b"\n", b" ").replace(b"\0", b" ")


def has_body(status: int, method: str) -> bool:
    """Whether a reply may carry a body at all."""
    return method != "HEAD" and status not in (204, 304)
