"""One body made ready for one target, and how its reply will be read: the three ways, as three functions."""

from collections.abc import Sequence
from typing import Any, Protocol

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from trunkline.capabilities import Capabilities
from trunkline.clock import Mint
from trunkline.dialects.dialect import Dialect, JsonReply, Passage, ReplyContext, TeeOptions
from trunkline.dialects.fates import caller_name
from trunkline.dialects.lowering import Restore, lower
from trunkline.dialects.seal import Sealer
from trunkline.dialects.translation import Translation, name_calls
from trunkline.engine.envelope import Envelope, Members, decode_body, encode_members
from trunkline.engine.router import Target
from trunkline.engine.way import Way
from trunkline.errors import InvalidRequest
from trunkline.events import ModelResponse, fold, unfold
from trunkline.items import ToolCall
from trunkline.request import ModelRequest


class Caller(Struct, frozen=True):
    """Who asks, as far as a reply depends on it."""

    dialect: Dialect
    path: str
    created_at: int
    mint: Mint
    sealer: Sealer


class Crossing(Protocol):
    """`body` goes to the upstream. `passage` takes a streamed reply back, `read_json` a whole one.

    `fold_stream` and `unfold_json` are for an upstream that answers in the other form than it was asked: a stream's
    bytes as a whole reply, a whole reply's as a stream. All but `passage` raise the error that the reply holds.
    """

    body: bytes
    dropped: Sequence[str]
    emulated: Sequence[str]

    def passage(self) -> Passage: ...

    def read_json(self, data: bytes) -> JsonReply: ...

    def fold_stream(self, data: bytes) -> JsonReply: ...

    def unfold_json(self, data: bytes) -> JsonReply: ...


def cross(caller: Caller, envelope: Envelope, way: Way, target: Target, upstream: Dialect) -> Crossing:
    """The request made ready. Raises the caller's errors: what is wrong with it, or what the target cannot do."""
    if way.kind == "translate":
        return Translated(caller, envelope, target, upstream)
    return PassedOn(caller, envelope, target, patched=way.kind == "patch")


# --- tee and patch ----------------------------------------------------------------------------------------------


class PassedOn:
    """The members as they are, but for `model` and what has to change."""

    __slots__ = ("_caller", "_cuts_usage", "_envelope", "_mends", "_target", "body", "dropped", "emulated")

    def __init__(self, caller: Caller, envelope: Envelope, target: Target, *, patched: bool) -> None:
        dialect = caller.dialect
        members = envelope.members.copy()
        members["model"] = target.model_raw
        self._caller = caller
        self._envelope = envelope
        self._target = target
        self._mends = patched and dialect.name not in target.account.faithful
        self.dropped: Sequence[str] = ()
        self.emulated: Sequence[str] = ()
        if patched:
            _merge_provider_options(members, target)
            _, unseal = caller.sealer.bind(target.account.name, caller.path)
            self.dropped = dialect.patch(members, target.capabilities, unseal)
        self._cuts_usage = envelope.stream and dialect.name == "chat" and _ask_for_usage(members, target.capabilities)
        self.body = encode_members(members)

    def passage(self) -> Passage:
        dialect, options = self._caller.dialect, TeeOptions(cut_usage=self._cuts_usage)
        return dialect.mend(options) if self._mends else dialect.tee(options)

    def read_json(self, data: bytes) -> JsonReply:
        dialect = self._caller.dialect
        return dialect.mend_reply(data) if self._mends else dialect.tee_reply(data)

    def fold_stream(self, data: bytes) -> JsonReply:
        return _write_whole(self._caller.dialect, _fold(self._caller.dialect, data), self._context())

    def unfold_json(self, data: bytes) -> JsonReply:
        response = self._caller.dialect.read_reply(data)
        return _write_stream(self._caller.dialect, response, self._context())

    def _context(self) -> ReplyContext:
        """What a writer needs, for the rare reply that has to be written anew."""
        caller, target = self._caller, self._target
        seal, unseal = caller.sealer.bind(target.account.name, caller.path)
        request = caller.dialect.read_request(decode_body(self._envelope.members), unseal)
        return _context(caller, request, target, seal)


def _ask_for_usage(members: Members, capabilities: Capabilities) -> bool:
    """Have a Chat stream tell its usage; says whether the caller did not ask for it, so that it is cut out again."""
    raw = members.get("stream_options")
    options = msgspec.json.decode(raw) if raw is not None else None
    if options is not None and not isinstance(options, dict):
        raise InvalidRequest("`stream_options` must be an object", param="stream_options")
    asked = bool(options and options.get("include_usage"))
    if not capabilities.stream_options:
        members.pop("stream_options", None)
    elif not asked:
        members["stream_options"] = Raw(msgspec.json.encode({**(options or {}), "include_usage": True}))
    return not asked


def _merge_provider_options(members: Members, target: Target) -> None:
    raw = members.pop("provider_options", None)
    if raw is None:
        return
    for name, value in _read_provider_options(msgspec.json.decode(raw), target).items():
        members[name] = Raw(msgspec.json.encode(value))


def _read_provider_options(options: Any, target: Target) -> dict[str, Any]:
    """What is meant for this target's provider; others' options are nothing to it."""
    if options is None:
        return {}
    if not isinstance(options, dict) or not all(isinstance(value, dict) for value in options.values()):
        raise InvalidRequest(
            '`provider_options` must look like {"<provider>": {"<field>": …}}', param="provider_options"
        )
    account = target.account
    return {**options.get(account.provider.name, {}), **options.get(account.name, {})}


# --- translate --------------------------------------------------------------------------------------------------


class Translated:
    """Decode, lower, encode; and the same way back."""

    __slots__ = ("_context", "_dialect", "_lowering", "_upstream", "body", "dropped", "emulated")

    def __init__(self, caller: Caller, envelope: Envelope, target: Target, upstream: Dialect) -> None:
        dialect = caller.dialect
        seal, unseal = caller.sealer.bind(target.account.name, caller.path)
        request = dialect.read_request(decode_body(envelope.members), unseal)
        lowered, lowering = lower(
            replace(request, model=target.model), dialect.name, upstream.name, target.capabilities, caller.mint
        )
        written = upstream.write_request(lowered, target.capabilities)
        written.body.update(_read_provider_options(request.provider_options, target))
        self._context = _context(caller, request, target, seal)
        self._dialect = dialect
        self._lowering = lowering
        self._upstream = upstream
        self.body = msgspec.json.encode(written.body)
        self.dropped: Sequence[str] = _named(dialect, lowering.dropped, written.dropped)
        self.emulated: Sequence[str] = _named(dialect, lowering.emulated, written.emulated)

    def passage(self) -> Passage:
        return Translation(self._upstream.reader(), self._restore(), self._dialect.writer(self._context))

    def read_json(self, data: bytes) -> JsonReply:
        return _write_whole(self._dialect, self._restored(self._upstream.read_reply(data)), self._context)

    def fold_stream(self, data: bytes) -> JsonReply:
        return _write_whole(self._dialect, self._restored(_fold(self._upstream, data)), self._context)

    def unfold_json(self, data: bytes) -> JsonReply:
        return _write_stream(self._dialect, self._restored(self._upstream.read_reply(data)), self._context)

    def _restored(self, response: ModelResponse) -> ModelResponse:
        """The answer with what lowering changed put back, and with an id for each call."""
        return fold(self._restore()(list(unfold(response))))

    def _restore(self) -> Restore:
        taken = {item.call_id for item in self._context.request.items if isinstance(item, ToolCall)}
        return name_calls(self._context.mint, taken, self._lowering.restore())


def _named(dialect: Dialect, lowered: list[str], written: list[str]) -> list[str]:
    """What lowering and the writer left out, each once, in the caller's words."""
    return list(dict.fromkeys([*lowered, *(caller_name(dialect.name, name) for name in written)]))


# --- replies ----------------------------------------------------------------------------------------------------


def _context(caller: Caller, request: ModelRequest, target: Target, seal: Any) -> ReplyContext:
    return ReplyContext(request=request, model=target.model, created_at=caller.created_at, mint=caller.mint, seal=seal)


def _fold(dialect: Dialect, data: bytes) -> ModelResponse:
    """A whole stream's bytes as the answer they make."""
    reader = dialect.reader()
    return fold([*reader.feed(data), *reader.end()])


def _write_whole(dialect: Dialect, response: ModelResponse, context: ReplyContext) -> JsonReply:
    if response.error is not None:
        raise response.error
    return _told(response, dialect.write_reply(response, context))


def _write_stream(dialect: Dialect, response: ModelResponse, context: ReplyContext) -> JsonReply:
    if response.error is not None:
        raise response.error
    return _told(response, dialect.writer(context).write(list(unfold(response))))


def _told(response: ModelResponse, body: bytes) -> JsonReply:
    return JsonReply(body=body, usage=response.usage, incomplete=response.finish in ("length", "content_filter"))
