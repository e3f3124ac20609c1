"""A head that comes again: the requests of one connection differ in their bodies, seldom in their heads.

The parser and every judgement are spared a request whose head is byte for byte one that they have passed on this
connection, but for the digits of `content-length`, and whose body has come whole in the same read. All else is read
the long way. Kept by the connection alone, since a head holds its caller's key.
"""

import re

import msgspec

from trunkline.call import Call
from trunkline.serve.limits import Limits

# A head takes so much of each connection's memory. The SDKs send about 700 bytes.
_HEAD_BYTES = 4_096
# Nine digits are a gigabyte.
_LENGTH_DIGITS = 9

_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]+)[ \t]*\r\n", re.IGNORECASE)


class KnownHead:
    """A head that was passed, as the bytes before and behind the digits of its length."""

    __slots__ = ("_after", "_after_bytes", "_before", "_call", "_digits_at", "_limit_bytes")

    def __init__(self, before: bytes, after: bytes, call: Call, limit_bytes: int) -> None:
        self._before = before
        self._digits_at = len(before)
        self._after = after
        self._after_bytes = len(after)
        self._call = call
        self._limit_bytes = limit_bytes

    def read(self, data: bytes) -> Call | None:
        """The request in `data`; `None` unless it is exactly one, whole, with this head and a body."""
        if not data.startswith(self._before):
            return None
        start = self._digits_at
        end = data.find(b"\r", start, start + _LENGTH_DIGITS + 1)
        length = data[start:end]
        # Here `isdigit` means ASCII alone.
        if end < 0 or not length.isdigit() or not data.startswith(self._after, end):
            return None
        body = data[end + self._after_bytes :]
        size = int(length)
        if size != len(body) or not 0 < size <= self._limit_bytes:
            return None
        call = self._call
        headers = {**call.headers, b"content-length": length}
        return Call(method=call.method, path=call.path, query=call.query, headers=headers, body=body, peer=call.peer)


def keep_head(data: bytes, call: Call, limits: Limits) -> KnownHead | None:
    """The head of the request in `data`, which became `call`; `None` if it is not one to know again."""
    head = data[: len(data) - len(call.body)]
    # The first blank line, or this would be two requests that came together.
    if len(head) > min(_HEAD_BYTES, limits.head_bytes // 2) or head.find(b"\r\n\r\n") != len(head) - 4:
        return None
    length = _LENGTH.search(head)
    if length is None or b"expect" in call.headers or b"content-encoding" in call.headers:
        return None
    bare = msgspec.structs.replace(call, body=b"")
    return KnownHead(head[: length.start(1)], head[length.end(1) :], bare, limits.body_bytes)
