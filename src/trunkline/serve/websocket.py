"""The answer to a WebSocket upgrade on the Responses route, which speaks HTTP only.

The Agents SDK for JavaScript hangs on Node 22 when an upgrade is refused: it is let in, told in one error frame to use
HTTP, and sent away. Everybody else gets an HTTP status. To be removed when the route speaks WebSocket.
"""

import base64
import binascii
import hashlib
import struct
from collections.abc import Mapping

import msgspec

from trunkline.call import Call, Reply
from trunkline.errors import InvalidRequest, TrunklineError, UpgradeRequired
from trunkline.serve.gateway import Gateway

ROUTES = frozenset({"/v1/responses", "/responses"})
CLOSE_CODE = 1008
CLOSE_REASON = "use HTTP"

_MESSAGE = "this route does not speak WebSocket; use HTTP: POST to the same path, with `stream: true` for events"
ERROR_EVENT = msgspec.json.encode(
    {
        "type": "error",
        "status": 426,
        "error": {
            "type": "invalid_request_error",
            "code": "websocket_not_supported",
            "message": _MESSAGE,
            "param": None,
        },
    }
)
_ACCEPT_SALT = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_TEXT, _CLOSE = 0x81, 0x88


def is_asked(method: str, fields: Mapping[bytes, bytes], path: str) -> bool:
    """Whether a request with an `upgrade` field wants a WebSocket where there will be one."""
    return method == "GET" and path in ROUTES and fields.get(b"upgrade", b"").lower() == b"websocket"


def without_wish(fields: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    """The fields of a request that asked for another protocol, as if it had not."""
    kept = {name: value for name, value in fields.items() if name not in (b"upgrade", b"connection")}
    tokens = fields.get(b"connection", b"").lower().replace(b" ", b"").split(b",")
    return kept | {b"connection": b"close"} if b"close" in tokens else kept


def refuse(gateway: Gateway, call: Call) -> Reply | None:
    """The HTTP reply to an upgrade, or `None` for a client that has to be let in to be told."""
    try:
        gateway.authenticate(call)
    except TrunklineError as error:
        return gateway.draw(error, call)
    if call.headers.get(b"user-agent", b"").startswith(b"Agents/JavaScript"):
        return None
    reply = gateway.draw(UpgradeRequired(_MESSAGE, code="websocket_not_supported"), call)
    # 426 has to name what would do instead.
    hint = [(b"upgrade", b"HTTP/1.1"), (b"connection", b"upgrade")]
    return Reply(status=reply.status, headers=reply.headers + hint, body=reply.body)


def handshake(fields: Mapping[bytes, bytes]) -> bytes:
    """The head that accepts. Raises `InvalidRequest` when the client's side of it is not sound."""
    key = fields.get(b"sec-websocket-key", b"")
    try:
        is_sound = len(base64.b64decode(key, validate=True)) == 16
    except binascii.Error:
        is_sound = False
    if not is_sound or fields.get(b"sec-websocket-version") != b"13":
        raise InvalidRequest("the WebSocket handshake is malformed: version 13 and a key of 16 bytes are needed")
    accept = base64.b64encode(hashlib.sha1(key + _ACCEPT_SALT, usedforsecurity=False).digest())
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n"
        b"sec-websocket-accept: %b\r\n\r\n" % accept
    )


def farewell() -> bytes:
    """The error event as a text frame, and the close frame."""
    reason = struct.pack(">H", CLOSE_CODE) + CLOSE_REASON.encode("ascii")
    return _frame(_TEXT, ERROR_EVENT) + _frame(_CLOSE, reason)


def _frame(opcode: int, payload: bytes) -> bytes:
    """A whole, unmasked frame of less than 64 KiB."""
    if len(payload) < 126:
        return struct.pack(">BB", opcode, len(payload)) + payload
    return struct.pack(">BBH", opcode, 126, len(payload)) + payload
