"""The little of a body that routing needs; everything else stays the bytes it was."""

import re
from collections.abc import Collection, Iterator, Mapping
from itertools import islice
from typing import Any

import msgspec
from msgspec import Raw, Struct

from trunkline.call import Call
from trunkline.engine.routes import Route
from trunkline.errors import InvalidRequest

Members = dict[str, Raw]

_MEMBERS = msgspec.json.Decoder(Members)
_ANY = msgspec.json.Decoder()
_TOKENS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[{}\[\]:]')

# Names are remembered, logged and given back in errors; the longest that providers make are about a hundred characters.
_MODEL_LIMIT = 512

# Half a pair: what JavaScript makes of a text that was cut within an emoji.
_LONE_SURROGATE = re.compile(
    rb"(?<!\\)(?:\\\\)*(?:\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])"
    rb"|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2})"
)

# Where to look for one: plain texts have none, and of a long one with many emojis only the beginning is searched.
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_SEARCHED_BYTES = 1_000_000

# A small letter of ASCII spelt as an escape, which no ordinary client does: "mod\\u0065l".
_SPELT_OUT = (b"\\u006", b"\\u007")


# Texts, numbers, objects and lists: a message is five or so, which take ten microseconds to understand, and all other requests
# wait for it. A million tokens of an agent's work come to some thirty thousand.
_MOST_PIECES = 150_000
_SHORTEST_PIECE = 2
_PIECE = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[{\[]|[\w.+-]+', re.DOTALL)

# And brackets and colons between them.
_MOST_TOKENS = 4 * _MOST_PIECES

# More than any API has, and than any is likely to.
_MOST_MEMBERS = 1_000


# Who may say the model in the place of a request. What is counted need not be answered, so whoever answered before will do.
_PROMPT = ("prompt",)
_OWNERS: Mapping[str, Collection[str]] = {"count_tokens": ("prompt", "previous_response_id")}

_NULL = Raw(b"null")
_NO_ECHO: Mapping[str, Raw] = {}
_NO_NEEDS: Mapping[bytes, bytes] = {}


class Envelope(Struct, frozen=True):
    """A body's top level: `model` and `stream` decoded, every member raw.

    `body` is the whole, for a cheap look at what may be in it. `model` is empty where something else must say it. `echo` are
    members that a reply shows in the place of what this request says: it was changed on its way. `is_limited`: it was
    given an output limit that its caller did not set. `before_tokens` is how long the history is that its provider keeps,
    where that is known, `beside_tokens` how long the files are of which its provider has copies. `needs` are headers that it
    must have beyond those of its way.
    """

    model: str
    stream: bool
    members: Members
    body: bytes
    echo: Mapping[str, Raw] = _NO_ECHO
    is_limited: bool = False
    before_tokens: int | None = None
    beside_tokens: int = 0
    needs: Mapping[bytes, bytes] = _NO_NEEDS


NO_REQUEST = Envelope("", False, {}, b"")
"""A request that asks for nothing in particular."""


def read_envelope(body: bytes, *, owners: Collection[str] = ()) -> Envelope:
    """Open a JSON body. Raises `InvalidRequest` for what is malformed, missing, doubled, or of a wrong type.

    `owners` are members that may say the model in its place: with one of them the body need not name it.
    """
    members = read_members(body)
    # A member that came twice comes out once. So does white space, and then it takes a closer look.
    if len(encode_members(members)) < len(body) and _may_hold_doubles(body, members):
        _refuse_doubles(body)
    model = "" if _leaves_model(members, owners) else read_model(members)
    return Envelope(model, _read_stream(members), members, body)


def read_call(call: Call, route: Route) -> Envelope:
    """Open a call's body. Where the path says the model, what the body says of it counts for nothing."""
    if not route.model:
        return read_envelope(
            call.body, owners=_OWNERS.get(route.operation, _PROMPT) if route.dialect == "responses" else ()
        )
    members = read_members(call.body)
    members.pop("model", None)
    members.pop("stream", None)
    return Envelope(route.model, route.stream, members, call.body)


def read_model(members: Members) -> str:
    """The model that a body names. Raises `InvalidRequest` when it names none."""
    raw = members.get("model")
    model = None if raw is None else _ANY.decode(raw)
    if isinstance(model, str) and model and not model.isspace() and len(model) <= _MODEL_LIMIT:
        return model
    said = "is missing" if model is None else f"must be a non-empty string of at most {_MODEL_LIMIT} characters"
    raise InvalidRequest(f"`model` {said}: name one that GET /v1/models lists", param="model")


def _leaves_model(members: Members, owners: Collection[str]) -> bool:
    return any(name in members for name in owners) and members.get("model", _NULL) == _NULL


def _read_stream(members: Members) -> bool:
    raw = members.get("stream")
    if raw is None:
        return False
    stream = _ANY.decode(raw)
    if stream is not None and not isinstance(stream, bool):
        raise InvalidRequest("`stream` must be true or false", param="stream")
    return bool(stream)


def read_members(body: bytes) -> Members:
    """The members of a JSON object, each in its own bytes. Raises `InvalidRequest`."""
    if not body:
        raise InvalidRequest("the body is empty: send a JSON object")
    try:
        if not body.isascii():
            body.decode()
        members = _MEMBERS.decode(body)
    except msgspec.ValidationError:
        raise InvalidRequest("the body must be a JSON object") from None
    except msgspec.DecodeError as error:
        raise InvalidRequest(_describe(error, body)) from None
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"the body is not UTF-8 at byte {error.start}") from None
    except RecursionError:
        raise InvalidRequest("the body is nested too deeply") from None
    if len(members) > _MOST_MEMBERS:
        raise InvalidRequest(f"the body has more than {_MOST_MEMBERS:,} members")
    return members


def _describe(error: msgspec.DecodeError, body: bytes) -> str:
    first = _SURROGATE.search(body)
    # A little before it, for the backslashes that may stand there.
    at = 0 if first is None else max(0, first.start() - 16)
    found = first and _LONE_SURROGATE.search(body, at, at + _SEARCHED_BYTES)
    if found is None:
        return f"the body is not valid JSON: {error}"
    half = found.group().lstrip(b"\\").decode()
    return (
        f"the body is not valid JSON: `\\{half}` (byte {found.end() - 6}) is half of a surrogate pair, and no character"
    )


def decode_body(members: Members) -> dict[str, Any]:
    """Every member decoded, for a request that has to be understood. Raises `InvalidRequest`."""
    return {name: decode_member(members, name) for name in members}


def decode_member(members: Members, name: str) -> Any:
    """One member decoded; `None` where it is absent. Raises `InvalidRequest`, also for one that holds too much."""
    raw = members.get(name, _NULL)
    _refuse_crowd(raw, name)
    try:
        return _ANY.decode(raw)
    except msgspec.DecodeError as error:
        raise InvalidRequest(f"`{name}` is not valid JSON: {error}", param=name) from None
    except UnicodeDecodeError:
        raise InvalidRequest(f"`{name}` holds text that is not Unicode", param=name) from None
    except RecursionError:
        raise InvalidRequest(f"`{name}` is nested too deeply", param=name) from None


def _refuse_crowd(raw: Raw, name: str) -> None:
    if len(raw) <= _MOST_PIECES * _SHORTEST_PIECE:
        return
    data = bytes(raw)
    # Each piece opens something or stands behind one of these, which within texts are counted in at first.
    most = 2 * (data.count(b"{") + data.count(b"[")) + data.count(b",") + data.count(b":")
    if most > _MOST_PIECES and next(islice(_PIECE.finditer(data), _MOST_PIECES, None), None) is not None:
        raise InvalidRequest(
            f"`{name}` holds more than {_MOST_PIECES:,} texts, numbers, objects and lists: so many are passed on to a model of "
            "the same API, but not translated or looked into",
            param=name,
        )


def encode_members(members: Members) -> bytes:
    """The body again: every raw value in its own bytes."""
    return msgspec.json.encode(members)


def _may_hold_doubles(body: bytes, members: Members) -> bool:
    return (
        body.count(b'"model"') > 1
        or ("stream" in members and body.count(b'"stream"') > 1)
        or any(body.find(spelt) >= 0 for spelt in _SPELT_OUT)
    )


def _refuse_doubles(body: bytes) -> None:
    """What decides about the call must not be said twice: two parsers would hear two things."""
    seen: set[str] = set()
    for name in _names(body):
        if name in seen:
            raise InvalidRequest(f"`{name}` is given more than once: send it once", param=name)
        if name in ("model", "stream"):
            seen.add(name)


def _names(body: bytes) -> Iterator[str]:
    """The names of the members of the top level, for bodies where the cheap look is not enough."""
    depth = 0
    last = b""
    for count, token in enumerate(_TOKENS.finditer(body)):
        if count > _MOST_TOKENS:
            raise InvalidRequest("the body holds too much for a look whether `model` is given more than once")
        text = token.group()
        if text in (b"{", b"["):
            depth += 1
        elif text in (b"}", b"]"):
            depth -= 1
        elif text == b":" and depth == 1:
            yield _ANY.decode(last)
        last = text
