"""A question of the gateway's own to a model, beside the request that it serves."""

import msgspec
from msgspec.structs import replace

from trunkline.dialects.dialect import UpstreamDialect
from trunkline.dialects.lowering import lower
from trunkline.engine.attempts import attempt, is_event_stream, read_whole, redacted
from trunkline.engine.crossing.options import add_provider_options
from trunkline.engine.crossing.replies import fold_bytes
from trunkline.engine.desk import Desk
from trunkline.engine.estimates.estimating import guess_usage
from trunkline.engine.exchange import Exchange
from trunkline.engine.router import Target
from trunkline.errors import UpstreamError
from trunkline.events import ModelResponse
from trunkline.request import ModelRequest


async def ask(desk: Desk, x: Exchange, request: ModelRequest, target: Target) -> ModelResponse:
    """The model's whole answer to a request without tools. Raises what the model's provider answers in its place.

    The request is in Responses' words, whoever the caller is; `x` lends its headers and counts the attempt.
    """
    upstream = desk.parts.upstreams[choose_dialect(target)]
    # A path may say whether to stream: the caller's wish for its own answer counts for nothing here.
    aside = replace(x, is_stream=False, attempts=[])
    sent = _write(desk, request, upstream, target)
    outgoing = await desk.authorize(desk.address(aside, target, upstream.name, sent), target)
    if desk.parts.purse is not None:
        await desk.parts.purse.ask_aside(x, target, upstream.name, sent, request)
    try:
        reply = await attempt(aside, desk.parts.upstream, outgoing, upstream, target)
        body = await read_whole(reply)
        is_stream = is_event_stream(reply, expected=False)
        response = fold_bytes(upstream, body) if is_stream else upstream.read_reply(body)
        if response.error is not None:
            raise response.error
        if not response.usage.total_input:
            response = replace(response, usage=guess_usage(request, response, desk.gauge.ratio(target.name)))
            aside.attempts[-1].is_estimated = True
        aside.end_attempt(response.spent)
    except UpstreamError as error:
        raise redacted(error, target.account) from None
    finally:
        for made in aside.attempts:
            made.is_aside = True
        x.attempts += aside.attempts
    return response


def choose_dialect(target: Target) -> str:
    """What the target is spoken to in, when the caller has no say in it."""
    speaks = target.account.speaks
    return "responses" if "responses" in speaks else speaks[0]


def _write(desk: Desk, request: ModelRequest, upstream: UpstreamDialect, target: Target) -> bytes:
    request = replace(request, model=target.model, stream=False)
    lowered, _ = lower(request, "responses", upstream.name, target.capabilities, desk.parts.mint)
    written = upstream.write_request(lowered, target.capabilities)
    add_provider_options(written.body, request.provider_options, target)
    return msgspec.json.encode(written.body)
