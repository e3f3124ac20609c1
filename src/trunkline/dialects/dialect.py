"""What every dialect is: one frozen record of functions, in the order in which a request meets them.

*read* is wire → ours, *write* is ours → wire. Whoever stands at either end of a translation is asked the same
questions, so that n protocols cost n folders and never n² translators.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec
from msgspec import Raw, Struct

from trunkline.capabilities import Capabilities
from trunkline.clock import Mint
from trunkline.dialects.cache_points import MarkCache, mark_nothing
from trunkline.dialects.file_api import FileApi
from trunkline.dialects.forms import Forms
from trunkline.dialects.recall import Recall
from trunkline.dialects.refused import asks_too_much
from trunkline.errors import TrunklineError, UpstreamError
from trunkline.events import Event, ModelResponse
from trunkline.items import Carrier, Item
from trunkline.request import ModelRequest
from trunkline.usage import Usage

GoOn = Callable[[dict[str, Any], list[Item], str | None], dict[str, Any] | None]
"""The body that was sent, the items of an answer that has paused, its token → the body that has it go on, if any."""

Seal = Callable[[Carrier], str]
Unseal = Callable[[str], Carrier | None]


_NO_ECHO: Mapping[str, Raw] = {}


class ReplyContext(Struct, frozen=True, kw_only=True):
    """What a writer of replies needs beside the answer itself.

    `request` is the caller's, as it was read: replies echo it. `model` is the name to show when the upstream named
    none. `created_at` is in whole seconds. `seal` makes an opaque carrier safe to hand to the caller. `echo` are
    members of the reply that say what the gateway stood for, in the place of what the request as it went on says. In
    `shown` a writer keeps, under its name, what it has drawn of the request: replies to others that say the same find
    it there.
    """

    request: ModelRequest
    model: str
    created_at: int
    mint: Mint
    seal: Seal
    echo: Mapping[str, Raw] = _NO_ECHO
    shown: dict[str, Any] = msgspec.field(default_factory=dict)


class StreamReader(Protocol):
    """An upstream's stream, read: bytes in any chunking → events that keep the grammar of `trunkline.events`.

    It never raises: what cannot be understood ends the stream with `ResponseFailed`, after which it says nothing.
    """

    def feed(self, data: bytes) -> list[Event]: ...

    def end(self) -> list[Event]:
        """The connection is at its end: flush; a stream without its proper end fails here."""

    def fail(self, error: TrunklineError) -> list[Event]:
        """The connection broke: end what is open, incomplete, and fail. Nothing if the stream has ended already."""

    def is_finished(self) -> bool:
        """Whether the model has said why it stopped: what may still come is counts, and the stream's own end."""


class StreamWriter(Protocol):
    """A caller's stream, written: events → whole wire events as bytes."""

    def write(self, events: Sequence[Event]) -> bytes: ...


class Passage(Protocol):
    """One reply's way back: the upstream's bytes in, the caller's bytes out; what the relay knows of any way.

    `has_content`: something worth a status 200 has passed (text, reasoning, a call), or the proper end has.
    `error`: the stream has failed, by its own word or for want of an end; what there is to say of it has been drawn.
    `usage` is complete once `end` or `fail` has been called. `incomplete` says that the answer was cut by a limit or
    filter.
    """

    error: TrunklineError | None

    @property
    def has_content(self) -> bool: ...

    @property
    def incomplete(self) -> bool: ...

    @property
    def usage(self) -> Usage: ...

    def feed(self, data: bytes) -> bytes: ...

    def end(self) -> bytes:
        """The upstream is at its end: the last bytes, with the dialect's own error event if that was no proper end."""

    def fail(self, error: TrunklineError) -> bytes:
        """Break off: the dialect's error event and whatever closes its streams. Nothing after a proper end."""

    def is_finished(self) -> bool:
        """Whether the model has said why it stopped: what may still come is counts, and the stream's own end."""

    def estimate(self) -> int | None:
        """About how many tokens the answer has come to, where its own count has not come; `None` where it has."""


class TeeOptions(Struct, frozen=True, kw_only=True):
    """What a tee or a mending passage does besides passing bytes on: `cut_usage` removes Chat's usage chunk, which
    the caller did not ask for. `model` and `created` (seconds) are put where a reply to be mended lacks them."""

    cut_usage: bool = False
    model: str = ""
    created: int = 0


class JsonReply(Struct, frozen=True, kw_only=True):
    """What is read in passing from a JSON reply that is passed on: the bytes to pass, usage, and whether it was cut.

    `error` is set when a reply with a success status holds an error object.
    """

    body: bytes
    usage: Usage
    incomplete: bool = False
    error: UpstreamError | None = None


class Written(Struct, frozen=True, kw_only=True):
    """A request body for an upstream, the headers that it needs beside the usual ones, and what of the request did not
    go into it, in the vocabulary's words."""

    body: dict[str, Any]
    dropped: list[str]
    headers: Mapping[bytes, bytes] = {}


Fill = Callable[[list[Item]], Written]
"""A lowered conversation → the whole body, around a head that was written before and that others share."""


def holds_no_end(data: bytes) -> bool:
    """The rule of a dialect whose streams end with the connection, and not with a last event."""
    return False


def put_nothing_back(members: dict[str, Raw], capabilities: Capabilities, recall: Recall) -> None:
    """The rule of a dialect whose clients keep what they are given."""


def leave_as_is(members: dict[str, Raw], capabilities: Capabilities, unseal: Unseal) -> list[str]:
    """The patch of a dialect whose targets take everything: none."""
    return []


def tells_unasked(members: dict[str, Raw], capabilities: Capabilities) -> bool:
    """The rule of a dialect whose streams tell their usage anyway: nothing to ask for, nothing to take out."""
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamDialect:
    """One wire protocol as far as upstreams speak it: all that translation needs of one that no caller speaks here.

    `write_request(request, capabilities)`: a lowered request → the upstream's body (`model` and `stream` included).
    `write_head(request, capabilities)`: the same in two steps, for many requests that differ in their items alone;
    `None` where that is not done.
    `read_reply(body)`: an upstream's whole JSON reply → the answer. Raises `Garbled`, or the error the body holds.
    `reader()`: a `StreamReader` for one upstream stream.
    `read_error(status, headers, body)`: an upstream's error reply → one of the `UpstreamError` classes.
    `model_in_body`: whether `model` and `stream` are members of the body, or stand in the path.
    `mark_cache(body, capabilities, seen)`: sets cache points in a body, in place, where they are worth it.
    `go_on(body, items, token)`: how an answer is taken up again that has paused; `None` on wires that know no pause.
    `media`: what it has words for of pictures, files and sound, and where they stand in a caller's body.
    `file_api`: how its providers are given files to keep; `None` where they keep none.
    """

    name: str
    write_request: Callable[[ModelRequest, Capabilities], Written]
    read_reply: Callable[[bytes], ModelResponse]
    reader: Callable[[], StreamReader]
    read_error: Callable[[int, Mapping[bytes, bytes], bytes], UpstreamError]
    write_head: Callable[[ModelRequest, Capabilities], Fill] | None = None
    model_in_body: bool = True
    media: Forms = field(default_factory=Forms)
    mark_cache: MarkCache = mark_nothing
    go_on: GoOn | None = None
    file_api: FileApi | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect(UpstreamDialect):
    """One wire protocol, for callers and upstreams alike.

    `read_request(body, unseal)`: the caller's JSON object, every member decoded → a `ModelRequest`. Raises
    `InvalidRequest` or `UnknownParameter`, with `param`, for what is wrong; never anything else.
    `conversation`, `read_conversation(value, head, unseal)`, `read_head(body)`: the same in two parts, the member of
    this name and all the rest.
    `write_reply(response, context)`: the answer → the caller's JSON.
    `writer(context)`: a `StreamWriter` for one caller's stream.
    `write_error(error, request_id)`: any error → the caller's JSON envelope.
    `write_error_event(error)`: what ends a caller's stream that broke before a writer existed.
    `tee(options)`: a `Passage` that passes bytes on. `mend(options)`: one that straightens an unfaithful provider's
    stream. `tee_reply(body)` and `mend_reply(body, options)`: the same for JSON replies.
    `patch(members, capabilities, unseal)`: replaces, in place, the raw members that this target would refuse, and what
    we have sealed; returns the names of fields left out.
    `is_unfit(members, body, capabilities)`: whether a body that could be passed on as it is needs that patch. Asked of
    every request on the fast way, so it looks at names and bytes and decodes next to nothing.
    `ask_for_usage(members, capabilities)`: has a stream tell its usage; whether the caller did not ask for it, so that
    it is cut out of the reply again.
    `drops_thought`: whether its clients are known to send calls back without the thought that led to them.
    `put_back(members, capabilities, recall)`: puts that thought, in place, where it is missing in a body that is passed
    on, as the target wants it back.
    `keep_alive`: what is sent in silence.
    `answer_marks`: members of which a whole reply has one at least, as they stand in JSON: what has none is no answer.
    `holds_end(data)`: whether these whole events end a caller's stream. Asked of every piece, so it is a cheap look.
    `busy_statuses`: the HTTP statuses that this dialect has of its own for providers that are busy, by the usual ones.
    """

    conversation: str
    read_head: Callable[[dict[str, Any]], ModelRequest]
    read_conversation: Callable[[Any, ModelRequest, Unseal], list[Item]]
    read_request: Callable[[dict[str, Any], Unseal], ModelRequest]
    write_reply: Callable[[ModelResponse, ReplyContext], bytes]
    writer: Callable[[ReplyContext], StreamWriter]
    write_error: Callable[[TrunklineError, str], bytes]
    write_error_event: Callable[[TrunklineError], bytes]
    tee: Callable[[TeeOptions], Passage]
    mend: Callable[[TeeOptions], Passage]
    tee_reply: Callable[[bytes], JsonReply]
    mend_reply: Callable[[bytes, TeeOptions], JsonReply]
    answer_marks: tuple[bytes, ...]
    patch: Callable[[dict[str, Raw], Capabilities, Unseal], list[str]] = leave_as_is
    is_unfit: Callable[[Mapping[str, Raw], bytes, Capabilities], bool] = asks_too_much
    ask_for_usage: Callable[[dict[str, Raw], Capabilities], bool] = tells_unasked
    drops_thought: bool = False
    put_back: Callable[[dict[str, Raw], Capabilities, Recall], None] = put_nothing_back
    keep_alive: bytes = b": ping\n\n"
    holds_end: Callable[[bytes], bool] = holds_no_end
    busy_statuses: Mapping[int, int] = field(default_factory=dict)
