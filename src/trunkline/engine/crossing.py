"""One body made ready for one target, and how its reply will be read: the three ways, as three functions."""

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Raw, Struct

from trunkline.capabilities import Capabilities
from trunkline.clock import Mint
from trunkline.dialects.dialect import Dialect, JsonReply, Passage, ReplyContext, TeeOptions
from trunkline.dialects.lowering import lower
from trunkline.dialects.seal import Sealer
from trunkline.dialects.translation import Translation
from trunkline.engine.envelope import Envelope, Members, decode_body, encode_members
from trunkline.engine.router import Target
from trunkline.engine.way import Way
from trunkline.errors import InvalidRequest
from trunkline.events import ModelResponse, fold, unfold
from trunkline.request import ModelRequest


class Caller(Struct, frozen=True):
    """Who asks, as far as a reply depends on it."""

    dialect: Dialect
    path: str
    created_at: int
    mint: Mint
    sealer: Sealer


class Crossing(Struct, frozen=True):
    """`body` goes to the upstream. `passage()` takes a streamed reply back, `read_json` a whole one.

    `read_folded` and `write_folded` are for an upstream that answers in the other form than it was asked: a stream's
    events as a whole reply, or a whole reply as a stream.
    """

    body: bytes
    passage: Callable[[], Passage]
    read_json: Callable[[bytes], JsonReply]
    fold_stream: Callable[[bytes], JsonReply]
    unfold_json: Callable[[bytes], bytes]
    dropped: list[str]
    emulated: list[str]


def cross(
    caller: Caller, envelope: Envelope, way: Way, target: Target, upstream: Dialect, capabilities: Capabilities
) -> Crossing:
    """The request made ready. Raises the caller's errors: what is wrong with it, or what the target cannot do."""
    if way.kind == "translate":
        return _translate(caller, envelope, target, upstream, capabilities)
    return _pass_on(caller, envelope, way, target, capabilities)


# --- tee and patch ----------------------------------------------------------------------------------------------


def _pass_on(caller: Caller, envelope: Envelope, way: Way, target: Target, capabilities: Capabilities) -> Crossing:
    """The members as they are, but for `model` and what has to change."""
    dialect = caller.dialect
    members = dict(envelope.members)
    members["model"] = Raw(msgspec.json.encode(target.model))
    dropped: list[str] = []
    if way.kind == "patch":
        _merge_provider_options(members, target)
        _, unseal = caller.sealer.bind(target.account.name, caller.path)
        dropped = dialect.patch(members, capabilities, unseal)
    cut_usage = dialect.name == "chat" and envelope.stream and _ask_for_usage(members, capabilities)
    options = TeeOptions(cut_usage=cut_usage)
    mends = way.kind == "patch" and dialect.name not in target.account.faithful

    def context() -> ReplyContext:
        return _plain_context(caller, envelope, target)

    def fold_stream(data: bytes) -> JsonReply:
        return _write_whole(dialect, _fold(dialect, data), context())

    def unfold_json(data: bytes) -> bytes:
        return dialect.writer(context()).write(list(unfold(dialect.read_reply(data))))

    return Crossing(
        encode_members(members),
        (lambda: dialect.mend(options)) if mends else (lambda: dialect.tee(options)),
        dialect.mend_reply if mends else dialect.tee_reply,
        fold_stream,
        unfold_json,
        dropped,
        [],
    )


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


def _plain_context(caller: Caller, envelope: Envelope, target: Target) -> ReplyContext:
    seal, unseal = caller.sealer.bind(target.account.name, caller.path)
    request = caller.dialect.read_request(decode_body(envelope.members), unseal)
    return _context(caller, request, target, seal)


# --- translate --------------------------------------------------------------------------------------------------


def _translate(
    caller: Caller, envelope: Envelope, target: Target, upstream: Dialect, capabilities: Capabilities
) -> Crossing:
    """Decode, lower, encode; and the same way back."""
    dialect = caller.dialect
    seal, unseal = caller.sealer.bind(target.account.name, caller.path)
    request = dialect.read_request(decode_body(envelope.members), unseal)
    asked = msgspec.structs.replace(request, model=target.model)
    lowered, lowering = lower(asked, dialect.name, upstream.name, capabilities, caller.mint)
    written = upstream.write_request(lowered, capabilities)
    written.body.update(_read_provider_options(request.provider_options, target))
    context = _context(caller, request, target, seal)

    def restored(response: ModelResponse) -> ModelResponse:
        if response.error is not None:
            raise response.error
        return fold(lowering.restore()(list(unfold(response))))

    def unfold_json(data: bytes) -> bytes:
        return dialect.writer(context).write(list(unfold(restored(upstream.read_reply(data)))))

    return Crossing(
        msgspec.json.encode(written.body),
        lambda: Translation(upstream.reader(), lowering.restore(), dialect.writer(context)),
        lambda data: _write_whole(dialect, restored(upstream.read_reply(data)), context),
        lambda data: _write_whole(dialect, restored(_fold(upstream, data)), context),
        unfold_json,
        _merge(lowering.dropped, written.dropped),
        _merge(lowering.emulated, written.emulated),
    )


def _merge(first: list[str], second: list[str]) -> list[str]:
    return [*first, *(name for name in second if name not in first)]


def _context(caller: Caller, request: ModelRequest, target: Target, seal: Any) -> ReplyContext:
    return ReplyContext(request=request, model=target.model, created_at=caller.created_at, mint=caller.mint, seal=seal)


def _fold(dialect: Dialect, data: bytes) -> ModelResponse:
    """A whole stream's bytes as the answer they make. Raises the error that the stream holds."""
    reader = dialect.reader()
    response = fold([*reader.feed(data), *reader.end()])
    if response.error is not None:
        raise response.error
    return response


def _write_whole(dialect: Dialect, response: ModelResponse, context: ReplyContext) -> JsonReply:
    return JsonReply(
        body=dialect.write_reply(response, context),
        usage=response.usage,
        incomplete=response.finish in ("length", "content_filter"),
    )
