"""The little of a body that routing needs; everything else stays the bytes it was."""

import re
from typing import Any

import msgspec
from msgspec import Raw, Struct

from trunkline.errors import InvalidRequest

Members = dict[str, Raw]

_MEMBERS = msgspec.json.Decoder(Members)
_ANY = msgspec.json.Decoder()
_TOKENS = re.compile(rb'"(?:[^"\\]|\\.)*+"|[{}\[\]:]')

# What decides about the call must not be said twice: two parsers would hear two things.
_CRITICAL = ("model", "stream")


class Envelope(Struct, frozen=True):
    """A body's top level: `model` and `stream` decoded, every member raw."""

    model: str
    stream: bool
    members: Members


def read_envelope(body: bytes) -> Envelope:
    """Open a JSON body. Raises `InvalidRequest` for what is malformed, missing, doubled, or of a wrong type."""
    members = _read_members(body)
    for name in _CRITICAL:
        if _may_be_doubled(body, name.encode()) and _count_member(body, name) > 1:
            raise InvalidRequest(f"`{name}` is given more than once: send it once", param=name)
    model = _read_value(members, "model")
    if not isinstance(model, str) or not model.strip():
        said = "is missing" if model is None else "must be a non-empty string"
        raise InvalidRequest(f"`model` {said}: name one that GET /v1/models lists", param="model")
    stream = _read_value(members, "stream")
    if not isinstance(stream, bool | None):
        raise InvalidRequest("`stream` must be true or false", param="stream")
    return Envelope(model, bool(stream), members)


def _read_members(body: bytes) -> Members:
    if not body:
        raise InvalidRequest("the body is empty: send a JSON object")
    try:
        if not body.isascii():
            body.decode()
        return _MEMBERS.decode(body)
    except msgspec.ValidationError:
        raise InvalidRequest("the body must be a JSON object") from None
    except msgspec.DecodeError as error:
        raise InvalidRequest(f"the body is not valid JSON: {error}") from None
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"the body is not UTF-8 at byte {error.start}") from None
    except RecursionError:
        raise InvalidRequest("the body is nested too deeply") from None


def _read_value(members: Members, name: str) -> Any:
    raw = members.get(name)
    return None if raw is None else _ANY.decode(raw)


def decode_body(members: Members) -> dict[str, Any]:
    """Every member decoded, for a request that has to be understood. Raises `InvalidRequest`."""
    decoded: dict[str, Any] = {}
    for name, raw in members.items():
        try:
            decoded[name] = _ANY.decode(raw)
        except msgspec.DecodeError as error:
            raise InvalidRequest(f"`{name}` is not valid JSON: {error}", param=name) from None
        except UnicodeDecodeError:
            raise InvalidRequest(f"`{name}` holds text that is not Unicode", param=name) from None
        except RecursionError:
            raise InvalidRequest(f"`{name}` is nested too deeply", param=name) from None
    return decoded


def encode_members(members: Members) -> bytes:
    """The body again: every raw value in its own bytes."""
    return msgspec.json.encode(members)


def _may_be_doubled(body: bytes, name: bytes) -> bool:
    """A cheap look: the name twice, or a letter spelt as an escape, which no ordinary client does."""
    return body.count(b'"%s"' % name) > 1 or b"\\u006" in body or b"\\u007" in body


def _count_member(body: bytes, name: str) -> int:
    """How often `name` is a member of the top level, for bodies where the cheap look is not enough."""
    count = depth = 0
    last = b""
    for token in _TOKENS.finditer(body):
        text = token.group()
        if text in (b"{", b"["):
            depth += 1
        elif text in (b"}", b"]"):
            depth -= 1
        elif text == b":" and depth == 1 and _ANY.decode(last) == name:
            count += 1
        last = text
    return count
