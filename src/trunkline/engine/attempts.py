"""One attempt at one target: send, and turn every way of failing into its error."""

from collections.abc import Mapping
from email.utils import formatdate
from typing import TypeVar

from trunkline.clock import Clock
from trunkline.dialects.dialect import UpstreamDialect
from trunkline.engine.exchange import Exchange
from trunkline.engine.reply.headers import tell
from trunkline.engine.router import Target
from trunkline.errors import Failed, Loop, TrunklineError, UpstreamError
from trunkline.ports import Upstream, UpstreamReply, UpstreamRequest
from trunkline.providers.account import Account

AnyError = TypeVar("AnyError", bound=TrunklineError)

# An error body is a few hundred bytes; what is longer is an error page.
_ERROR_BYTES = 256 * 1024

# A provider's `type`, `code` and `param` are words; whatever is longer is no such thing, and would fill the log.
_WORD_LIMIT = 256

# What providers answer where there is nothing, and the codes of those that mean something in it.
_NO_ROUTE = frozenset({404, 405, 501})
_NO_OBJECT = frozenset({"model_not_found", "DeploymentNotFound"})

# A whole JSON reply: images come as base64 of some megabytes.
REPLY_BYTES = 256 * 1024 * 1024


async def attempt(
    x: Exchange, upstream: Upstream, request: UpstreamRequest, dialect: UpstreamDialect, target: Target
) -> UpstreamReply:
    """A reply with a success status, its head read. Raises the upstream's error, our credential taken out of it."""
    made, account = x.begin_attempt(target), target.account
    if x.evidence is not None:
        x.evidence.sent.append((target.name, request.body))
    try:
        reply = await upstream.send(request)
        x.note_reply(made, reply.status, *tell(reply.headers, account.secret))
        return await check_reply(reply, dialect, account, x.clock)
    except UpstreamError as error:
        x.lose(made, redacted(error, account))
        raise error from None


async def check_reply(reply: UpstreamReply, dialect: UpstreamDialect, account: Account, clock: Clock) -> UpstreamReply:
    """A reply that is a success. Raises the error that it is otherwise; then it is closed."""
    if reply.status < 300:
        return reply
    try:
        body = await _read_error_body(reply)
    finally:
        reply.close()
    if reply.status < 400:
        raise Failed(f"{account.name} answered with a redirect, which is not followed", upstream_status=reply.status)
    refusal = redacted(dialect.read_error(reply.status, _dated(reply.headers, clock), body), account)
    if reply.status == Loop.status:
        # Another gateway has found the loop that we are part of: it is one here as well.
        refusal.status = reply.status
    raise refusal


def _dated(headers: Mapping[bytes, bytes], clock: Clock) -> Mapping[bytes, bytes]:
    """The headers with a date: whoever asks to be left alone until a moment says what time it is, or our clock does."""
    if b"date" in headers:
        return headers
    return {**headers, b"date": formatdate(clock.now_micros() / 1e6, usegmt=True).encode()}


def lacks_route(error: UpstreamError) -> bool:
    """Whether the provider has no such route at all, which is something else than an object that it does not have."""
    return error.upstream_status in _NO_ROUTE and error.code not in _NO_OBJECT


async def _read_error_body(reply: UpstreamReply) -> bytes:
    """What came of the body: the status says the main thing, so a body that breaks off is no second error."""
    try:
        return await reply.read(_ERROR_BYTES)
    except UpstreamError:
        return b""


async def read_whole(reply: UpstreamReply) -> bytes:
    """The whole body; the connection is let go whatever happens."""
    try:
        return await reply.read(REPLY_BYTES)
    finally:
        reply.close()


def redacted(error: AnyError, account: Account) -> AnyError:
    """The same error without our credential, which providers like to quote, wherever in it that stands."""
    error.message = account.redact(error.message)
    error.detail = account.redact(error.detail)
    error.type = account.redact(error.type)[:_WORD_LIMIT]
    if error.code is not None:
        error.code = account.redact(error.code)[:_WORD_LIMIT]
    if error.param is not None:
        error.param = account.redact(error.param)[:_WORD_LIMIT]
    return error


def is_event_stream(reply: UpstreamReply, expected: bool) -> bool:
    """Whether the body is a stream of events: by its content type, and as asked when that says nothing."""
    kind = reply.headers.get(b"content-type", b"")
    if kind == b"application/json":
        return False
    kind = kind.lower()
    return b"event-stream" in kind or (expected and b"json" not in kind)
