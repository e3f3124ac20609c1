"""One body made ready for one target, and how its reply will be read: the three ways, as three functions."""

from collections.abc import Sequence
from typing import Any, Protocol

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from trunkline.capabilities import Capabilities
from trunkline.dialects.dialect import Dialect, JsonReply, Passage, ReplyContext, Seal, TeeOptions, UpstreamDialect
from trunkline.dialects.fates import caller_name
from trunkline.dialects.lowering import Restore, lower
from trunkline.dialects.media import Contents, Materials, Spot, Want
from trunkline.dialects.overheard import Overheard, may_hold_thought
from trunkline.dialects.pictures import Pictures
from trunkline.dialects.places import say_in_place
from trunkline.dialects.recall import Notebook, give_back
from trunkline.dialects.translation import Translation, name_calls
from trunkline.engine.envelope import Envelope, Members, decode_body, encode_members
from trunkline.engine.exchange import Exchange
from trunkline.engine.notes import Notes
from trunkline.engine.parts import Parts
from trunkline.engine.router import Target
from trunkline.engine.way import Way
from trunkline.errors import CallerError, InvalidRequest
from trunkline.events import ModelResponse, fold, unfold
from trunkline.items import ToolCall
from trunkline.request import ModelRequest


class Crossing(Protocol):
    """`body` goes to the upstream. `passage` takes a streamed reply back, `read_json` a whole one.

    `fold_stream` and `unfold_json` are for an upstream that answers in the other form than it was asked: a stream's
    bytes as a whole reply, a whole reply's as a stream. All but `passage` raise the error that the reply holds.

    Where the target cannot fetch what the caller points to, `wants` says which URLs, and there is no body before
    `fill` has been given their contents.
    """

    wants: Sequence[Want]
    body: bytes
    dropped: Sequence[str]
    emulated: Sequence[str]

    def fill(self, contents: Contents) -> None: ...

    def passage(self) -> Passage: ...

    def read_json(self, data: bytes) -> JsonReply: ...

    def fold_stream(self, data: bytes) -> JsonReply: ...

    def unfold_json(self, data: bytes) -> JsonReply: ...


def cross(parts: Parts, x: Exchange, envelope: Envelope, way: Way, target: Target) -> Crossing:
    """The request made ready. Raises the caller's errors: what is wrong with it, or what the target cannot do."""
    if way.kind == "translate":
        return Translated(parts, x, envelope, target, parts.upstreams[way.upstream])
    return PassedOn(parts, x, envelope, target, way.kind == "patch")


# --- tee and patch ----------------------------------------------------------------------------------------------


class PassedOn:
    """The members as they are, but for `model` and what has to change."""

    __slots__ = (
        "_cuts_usage",
        "_dialect",
        "_envelope",
        "_exchange",
        "_members",
        "_mends",
        "_notes",
        "_parts",
        "_pictures",
        "_target",
        "body",
        "dropped",
        "emulated",
        "wants",
    )

    def __init__(self, parts: Parts, x: Exchange, envelope: Envelope, target: Target, patched: bool) -> None:
        dialect = self._dialect = parts.dialects[x.dialect]
        members = envelope.members.copy()
        if dialect.model_in_body:
            members["model"] = target.model_raw
        self._parts = parts
        self._exchange = x
        self._envelope = envelope
        self._target = target
        self._mends = patched and dialect.name not in target.account.faithful
        self.dropped: Sequence[str] = ()
        self.emulated: Sequence[str] = ()
        self.wants: Sequence[Want] = ()
        if patched:
            _merge_provider_options(members, target)
            _, unseal = parts.sealer.bind(target.account.name, x.principal.path)
            self.dropped = dialect.patch(members, target.capabilities, unseal)
        self._notes = self._open_notes() if patched else None
        if self._notes is not None:
            dialect.put_back(members, target.capabilities, self._notes.recall)
        if patched and dialect.name == "chat" and _wants_marks(target, x.call.body):
            _mark_cache(members, dialect, target, _open_notes(parts, x, dialect.name, target))
        self._cuts_usage = envelope.stream and dialect.name == "chat" and _ask_for_usage(members, target.capabilities)
        if patched and not target.capabilities.image_urls:
            self._pictures = Pictures(members, dialect.media, target.capabilities)
            self.wants = self._pictures.wants
        self._members = members
        self.body = b"" if self.wants else encode_members(members)

    def fill(self, contents: Contents) -> None:
        self._pictures.fill(contents)
        self.body = encode_members(self._members)

    def passage(self) -> Passage:
        options = TeeOptions(cut_usage=self._cuts_usage)
        passage = self._dialect.mend(options) if self._mends else self._dialect.tee(options)
        if self._notes is None:
            return passage
        return Overheard(passage, self._dialect.reader, Notebook(self._notes.remember))

    def read_json(self, data: bytes) -> JsonReply:
        reply = self._dialect.mend_reply(data) if self._mends else self._dialect.tee_reply(data)
        if self._notes is not None and may_hold_thought(reply.body):
            response = self._dialect.read_reply(reply.body)
            Notebook(self._notes.remember).listen(list(unfold(response)))
        return reply

    def _open_notes(self) -> Notes | None:
        """Notes, where the target wants thought back with its calls and this caller's clients are known to drop it."""
        has_calls = "tools" in self._envelope.members
        if not (has_calls and self._dialect.drops_thought and self._target.capabilities.reasoning_field):
            return None
        return _open_notes(self._parts, self._exchange, self._dialect.name, self._target)

    def fold_stream(self, data: bytes) -> JsonReply:
        return _write_whole(self._dialect, _fold(self._dialect, data), self._context())

    def unfold_json(self, data: bytes) -> JsonReply:
        return _write_stream(self._dialect, self._dialect.read_reply(data), self._context())

    def _context(self) -> ReplyContext:
        """What a writer needs, for the rare reply that has to be written anew."""
        parts, x, target = self._parts, self._exchange, self._target
        seal, unseal = parts.sealer.bind(target.account.name, x.principal.path)
        request = self._dialect.read_request(decode_body(self._envelope.members), unseal)
        return _context(parts, x, request, target, seal)


# What asks for a cache point, in one wire or another: a caller who can ask is left to it.
_OWN_MARKS = (b'"cache_control"', b'"cachePoint"', b'"prompt_cache_breakpoint"')


def _wants_marks(target: Target, body: bytes) -> bool:
    """Whether this model caches nothing unasked, its provider can be asked, and the caller did not."""
    capabilities = target.capabilities
    if not (capabilities.cache_marks and capabilities.explicit_cache):
        return False
    return not any(mark in body for mark in _OWN_MARKS)


def _mark_cache(members: Members, dialect: Dialect, target: Target, notes: Notes) -> None:
    body: dict[str, Any] = {
        name: msgspec.json.decode(members[name]) for name in ("messages", "tools") if name in members
    }
    dialect.mark_cache(body, target.capabilities, notes.see_prefix)
    members["messages"] = Raw(msgspec.json.encode(body.get("messages")))


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


# What the way of a request was decided by: a model named here would be one that nobody has resolved or allowed.
_DECIDED = ("model", "stream")


def _read_provider_options(options: Any, target: Target) -> dict[str, Any]:
    """What is meant for this target's provider; others' options are nothing to it."""
    if options is None:
        return {}
    if not isinstance(options, dict) or not all(isinstance(value, dict) for value in options.values()):
        raise InvalidRequest(
            '`provider_options` must look like {"<provider>": {"<field>": …}}', param="provider_options"
        )
    account = target.account
    meant = {**options.get(account.provider.name, {}), **options.get(account.name, {})}
    for name in _DECIDED:
        if name in meant:
            raise InvalidRequest(
                f"`provider_options` must not hold `{name}`: send it as a field of the request",
                param="provider_options",
            )
    return meant


# --- translate --------------------------------------------------------------------------------------------------


class Translated:
    """Decode, lower, encode; and the same way back."""

    __slots__ = (
        "_context",
        "_dialect",
        "_lowering",
        "_marks_cache",
        "_materials",
        "_mint",
        "_notes",
        "_target",
        "_upstream",
        "body",
        "dropped",
        "emulated",
        "wants",
    )

    def __init__(
        self, parts: Parts, x: Exchange, envelope: Envelope, target: Target, upstream: UpstreamDialect
    ) -> None:
        dialect = parts.dialects[x.dialect]
        seal, unseal = parts.sealer.bind(target.account.name, x.principal.path)
        request = dialect.read_request(decode_body(envelope.members), unseal)
        self._notes = _open_notes(parts, x, upstream.name, target)
        if dialect.drops_thought:
            request = replace(request, items=give_back(request.items, self._notes.recall))
        self._context = _context(parts, x, request, target, seal)
        self._dialect = dialect
        self._mint = parts.mint
        self._target = target
        self._upstream = upstream
        self._marks_cache = dialect.name != "messages" and _wants_marks(target, x.call.body)
        self._materials = Materials(
            request, upstream.media, target.capabilities, lambda: _find_media(dialect, envelope.members)
        )
        self.wants: Sequence[Want] = self._materials.wants
        if not self.wants:
            self._write(self._materials.request)

    def fill(self, contents: Contents) -> None:
        self._write(self._materials.fill(contents))

    def _write(self, request: ModelRequest) -> None:
        try:
            self._write_lowered(request)
        except CallerError as error:
            say_in_place(error, request.items, self._dialect.name)
            raise

    def _write_lowered(self, request: ModelRequest) -> None:
        dialect, target = self._dialect, self._target
        lowered, lowering = lower(
            replace(request, model=target.model), dialect.name, self._upstream.name, target.capabilities, self._mint
        )
        written = self._upstream.write_request(lowered, target.capabilities)
        written.body.update(_read_provider_options(request.provider_options, target))
        if self._marks_cache:
            self._upstream.mark_cache(written.body, target.capabilities, self._notes.see_prefix)
        self._lowering = lowering
        self.body = msgspec.json.encode(written.body)
        self.dropped: Sequence[str] = _named(dialect, lowering.dropped, written.dropped)
        emulated = [*self._materials.emulated, *lowering.emulated]
        self.emulated: Sequence[str] = _named(dialect, emulated, written.emulated)

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
        restore = name_calls(self._context.mint, taken, self._lowering.restore())
        if not self._dialect.drops_thought:
            return restore
        notebook = Notebook(self._notes.remember)
        return lambda events: notebook.listen(restore(events))


def _open_notes(parts: Parts, x: Exchange, family: str, target: Target) -> Notes:
    return Notes(parts.shared, family, target.account.name, x.principal.path)


def _find_media(dialect: Dialect, members: Members) -> list[Spot]:
    """Where the caller's pictures and files stand, for an error to name: decoded anew, as reading has taken it apart."""
    return dialect.media.find(decode_body(members))


def _named(dialect: Dialect, lowered: list[str], written: list[str]) -> list[str]:
    """What lowering and the writer left out, each once, in the caller's words."""
    return list(dict.fromkeys([*lowered, *(caller_name(dialect.name, name) for name in written)]))


# --- replies ----------------------------------------------------------------------------------------------------


def _context(parts: Parts, x: Exchange, request: ModelRequest, target: Target, seal: Seal) -> ReplyContext:
    created_at = x.started_at_micros // 1_000_000
    return ReplyContext(request=request, model=target.model, created_at=created_at, mint=parts.mint, seal=seal)


def _fold(dialect: UpstreamDialect, data: bytes) -> ModelResponse:
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
