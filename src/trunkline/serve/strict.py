"""Which requests are refused for their form: what two servers could read in two ways is read in none.

The parser refuses broken syntax by itself; here is what it lets through. Pure functions of target and fields, for
both lanes.
"""

from collections.abc import Mapping
from typing import NamedTuple, NoReturn

from trunkline.errors import InvalidRequest, NotFound, TooLarge
from trunkline.serve.limits import Limits

# Fields that decide who is calling, who pays, or where a body ends: a second one is never a matter of taste.
SINGLE = frozenset(
    {
        b"host",
        b"authorization",
        b"x-api-key",
        b"x-goog-api-key",
        b"x-trunkline-path",
        b"x-trunkline-labels",
        b"content-type",
        b"content-encoding",
        b"content-length",
        b"transfer-encoding",
        b"expect",
        b"upgrade",
    }
)

# The SDKs send a model's id with its slash encoded.
_ENCODED_SLASH_ALLOWED = (b"/v1/models/", b"/models/", b"/v1beta/models/")
_HEX = frozenset(b"0123456789abcdefABCDEF")
# A percent sign too: it would decode into another escape.
_NEVER_ENCODED = frozenset(b"/\\.%\x7f") | frozenset(range(0x20))


class HeadTooLarge(TooLarge):
    """431: more header fields or bytes than are read."""

    status = 431
    code = "headers_too_large"


class TargetTooLong(TooLarge):
    """414: a request target over the limit."""

    status = 414
    code = "target_too_long"


class Target(NamedTuple):
    """Where a request goes: the raw path below the base path, and the query without its `?`."""

    path: str
    query: bytes


def read_target(target: bytes, prefix: bytes, limits: Limits) -> Target:
    """The path and query of a request target in origin form; `prefix` is the base path without its last slash.

    Raises `TargetTooLong`, `NotFound` for what is outside the base path, `InvalidRequest` for all that a proxy before
    us may have understood as another path than the one we would route.
    """
    if len(target) > limits.target_bytes:
        raise TargetTooLong(f"the request target is longer than {limits.target_bytes} bytes")
    if not target.startswith(b"/"):
        raise InvalidRequest("the request target must be a path that begins with `/`, not a whole URL or `*`")
    if not target.isascii() or any(byte <= 0x20 or byte == 0x7F for byte in target):
        raise InvalidRequest("the request target holds a character that must be percent-encoded")
    if b"#" in target:
        raise InvalidRequest("the request target holds a fragment (`#`), which is never sent to a server")
    path, _, query = target.partition(b"?")
    path = _below(path, prefix)
    _check_path(path)
    return Target(path.decode("ascii"), query)


def _below(path: bytes, prefix: bytes) -> bytes:
    """The path with the base path taken off."""
    if not prefix:
        return path
    if path == prefix:
        return b"/"
    if not path.startswith(prefix + b"/"):
        raise NotFound(f"nothing is served here: every path begins with `{prefix.decode('ascii')}/`")
    return path[len(prefix) :]


def _check_path(path: bytes) -> None:
    if b"%" in path:
        if path.startswith(_ENCODED_SLASH_ALLOWED):
            path = path.replace(b"%2F", b"/").replace(b"%2f", b"/")
        _check_escapes(path)
    if b"\\" in path:
        raise InvalidRequest("the path holds a backslash")
    if b"//" in path:
        raise InvalidRequest("the path holds an empty segment (`//`)")
    segments = path.split(b"/")
    if b"." in segments or b".." in segments:
        raise InvalidRequest("the path holds a relative segment (`.` or `..`)")


def _check_escapes(path: bytes) -> None:
    for part in path.split(b"%")[1:]:
        digits = part[:2]
        if len(digits) < 2 or digits[0] not in _HEX or digits[1] not in _HEX:
            raise InvalidRequest("the path holds a `%` that two hexadecimal digits do not follow")
        if int(digits, 16) in _NEVER_ENCODED:
            raise InvalidRequest(f"the path holds `%{digits.decode('ascii')}`, an escape that is not accepted here")


def refuse_repeat(name: bytes) -> None:
    """Raises when a field came twice that may come only once."""
    if name in SINGLE:
        shown = name.decode("ascii")
        raise InvalidRequest(f"the header `{shown}` was sent more than once; send it once", param=shown)


def check_fields(fields: Mapping[bytes, bytes], version: str, body_limit: int) -> None:
    """Raises for a head whose version, host or body length leaves a choice, or whose body is too large.

    `version` is `1.1` or `1.0`; an ASGI server may also say `2` or `3`, where framing is not ours to judge.
    """
    if version == "1.1":
        if b"host" not in fields:
            raise InvalidRequest("the header `host` is missing", param="host")
    elif version not in ("1.0", "2", "3"):
        raise InvalidRequest("only HTTP/1.1 and HTTP/1.0 are spoken here")
    length = fields.get(b"content-length")
    if length is not None and _read_length(length) > body_limit:
        raise_body_too_large(body_limit)
    coding = fields.get(b"transfer-encoding")
    if coding is not None:
        _check_coding(coding, version, length is not None)


def _read_length(value: bytes) -> int:
    # `isdigit`, because `int` takes signs, blanks and underscores. Eighteen digits are more than anybody has.
    if not value.isdigit() or len(value) > 18:
        raise InvalidRequest("`content-length` is not a number of bytes", param="content-length")
    return int(value)


def _check_coding(coding: bytes, version: str, has_length: bool) -> None:
    if version != "1.1":
        raise InvalidRequest("`transfer-encoding` belongs to HTTP/1.1 alone", param="transfer-encoding")
    if coding.lower() != b"chunked":
        raise InvalidRequest("`transfer-encoding` must be exactly `chunked`", param="transfer-encoding")
    if has_length:
        raise InvalidRequest(
            "`content-length` and `transfer-encoding` were both sent; send one", param="transfer-encoding"
        )


def expects_continue(fields: Mapping[bytes, bytes]) -> bool:
    """Whether the sender waits for `100 Continue`. Raises for any other expectation."""
    expectation = fields.get(b"expect")
    if expectation is None:
        return False
    if expectation.lower() != b"100-continue":
        raise InvalidRequest("the only expectation that can be met here is `100-continue`", param="expect")
    return True


def field_size(name: bytes, value: bytes) -> int:
    """The bytes of a header line: four more for the colon, the blank and the line's end."""
    return len(name) + len(value) + 4


def check_size(count: int, size_bytes: int, limits: Limits) -> None:
    """Raises `HeadTooLarge` for too many header fields or too many bytes of them."""
    if count > limits.head_fields:
        raise HeadTooLarge(f"more than {limits.head_fields} header fields were sent")
    if size_bytes > limits.head_bytes:
        raise_head_too_large(limits)


def raise_head_too_large(limits: Limits) -> NoReturn:
    raise HeadTooLarge(f"the head of the request is larger than {limits.head_bytes} bytes")


def raise_body_too_large(body_limit: int) -> NoReturn:
    raise TooLarge(f"the body is larger than the {body_limit} bytes that are accepted here")
