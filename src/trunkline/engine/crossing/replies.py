"""Replies written anew: whole, or as a stream, from the answer that an upstream's bytes make."""

from typing import Any

from trunkline.dialects.dialect import Dialect, JsonReply, ReplyContext, Seal, UpstreamDialect
from trunkline.engine.envelope import Envelope
from trunkline.engine.exchange import Exchange
from trunkline.engine.parts import Parts
from trunkline.engine.router import Target
from trunkline.events import ModelResponse
from trunkline.folding import fold, unfold
from trunkline.request import ModelRequest


def make_context(
    parts: Parts,
    x: Exchange,
    request: ModelRequest,
    target: Target,
    seal: Seal,
    envelope: Envelope,
    shown: dict[str, Any] | None = None,
) -> ReplyContext:
    """What a writer of this exchange's reply needs."""
    return ReplyContext(
        request=request,
        model=target.model,
        created_at=x.started_at_micros // 1_000_000,
        mint=parts.mint,
        seal=seal,
        echo=envelope.echo,
        shown={} if shown is None else shown,
    )


def fold_bytes(dialect: UpstreamDialect, data: bytes) -> ModelResponse:
    """A whole stream's bytes as the answer they make."""
    reader = dialect.reader()
    return fold([*reader.feed(data), *reader.end()])


def write_whole(dialect: Dialect, response: ModelResponse, context: ReplyContext) -> JsonReply:
    """The answer as one JSON reply. Raises the error that it holds."""
    if response.error is not None:
        raise response.error
    return _told(response, dialect.write_reply(response, context))


def write_stream(dialect: Dialect, response: ModelResponse, context: ReplyContext) -> JsonReply:
    """The answer as the bytes of a whole stream. Raises the error that it holds."""
    if response.error is not None:
        raise response.error
    return _told(response, dialect.writer(context).write(list(unfold(response))))


def _told(response: ModelResponse, body: bytes) -> JsonReply:
    return JsonReply(body=body, usage=response.spent, incomplete=response.finish in ("length", "content_filter"))
