"""Asking an upstream after a response that it keeps itself: how far it is, call it off, let it go."""

import asyncio

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from trunkline.dialects.dialect import TeeOptions
from trunkline.dialects.openai_responses.secrets import without_secrets
from trunkline.dialects.openai_responses.stated import Changes, state_reply
from trunkline.engine.attempts import check_reply, redacted
from trunkline.engine.desk import Desk
from trunkline.engine.exchange import Exchange
from trunkline.engine.reply.headers import tell
from trunkline.engine.reply.relay import Live, Relay, manner_of
from trunkline.errors import Failed, Garbled, TimedOut, UpstreamError
from trunkline.ports import UpstreamRequest
from trunkline.providers.account import Account
from trunkline.state.completions import KeptCompletion
from trunkline.state.responses import KeptResponse, Status

# A caller waits for it: a slow upstream is asked again another time.
_WITHIN_SECONDS = 10.0

_REPLY_BYTES = 64_000_000


class _Told(Struct):
    status: Status


_decode_told = msgspec.json.Decoder(_Told).decode


async def fetch_response(desk: Desk, kept: KeptResponse) -> KeptResponse | None:
    """The response as its upstream has it now; `None` when it knows it no more, or is not configured any more.

    Raises `UpstreamError` when it cannot say.
    """
    return await _ask_for_response(desk, kept, "GET", kept.id)


async def cancel_upstream(desk: Desk, kept: KeptResponse) -> KeptResponse | None:
    """Call a response off at its upstream, and return it as it then is."""
    return await _ask_for_response(desk, kept, "POST", f"{kept.id}/cancel")


async def delete_upstream(desk: Desk, kept: KeptResponse) -> None:
    """Have the upstream delete its own. Raises `UpstreamError` when it cannot be reached."""
    account = find_account(desk, kept)
    if account is not None:
        await _ask(desk, account, "DELETE", kept.id)


async def delete_upstream_completion(desk: Desk, kept: KeptCompletion) -> None:
    """Delete a chat completion at its upstream."""
    account = desk.router().account(kept.account) if kept.native else None
    if account is not None and "chat" in account.speaks:
        await _ask(desk, account, "DELETE", kept.id, "chat")


def find_account(desk: Desk, kept: KeptResponse) -> Account | None:
    """The account that keeps a response too, if it is still configured."""
    account = desk.router().account(kept.account) if kept.native else None
    return account if account is not None and "responses" in account.speaks else None


async def play_upstream(desk: Desk, x: Exchange, kept: KeptResponse, after: int, live: set[Live]) -> Relay | None:
    """The events of a response behind a number, as its upstream streams them again; `None` where it is not configured.

    Raises what the upstream answers in their place.
    """
    account = find_account(desk, kept)
    if account is None:
        return None
    query = "stream=true" if after < 0 else f"stream=true&starting_after={after}"
    request = await _request(desk, account, "GET", kept.id, query)
    dialect = desk.parts.dialects["responses"]
    try:
        reply = await desk.parts.upstream.send(request)
    except UpstreamError as error:
        raise redacted(error, account) from None
    x.told, upstream_id = tell(reply.headers, account.secret)
    x.upstream_id = upstream_id[:128].decode("latin-1")
    await check_reply(reply, dialect, account, desk.parts.clock)
    relay = Relay(reply, dialect.tee(TeeOptions()), manner_of(dialect), live, lambda _: None, account)
    await relay.commit()
    return relay


async def _request(
    desk: Desk, account: Account, method: str, rest: str, query: str = "", *, below: str = "responses"
) -> UpstreamRequest:
    """A request for something below the path of an upstream's operation."""
    head = account.head_below(method, below, rest, query)
    return await desk.authorize_account(UpstreamRequest(account.origin, head, b"", account.timeouts), account)


async def _ask_for_response(desk: Desk, kept: KeptResponse, method: str, rest: str) -> KeptResponse | None:
    account = find_account(desk, kept)
    if account is None:
        return None
    status, body = await _ask(desk, account, method, rest)
    if status == 404:
        return None
    if status >= 300:
        raise Failed(f"`{account.name}` would not say how far a response is", upstream_status=status)
    try:
        told = _decode_told(body)
    except msgspec.MsgspecError:
        raise Garbled(f"`{account.name}` answered with something that is no response") from None
    return replace(kept, status=told.status, response=without_secrets(state_reply(body, _stated(kept))))


# What the gateway stands for itself, or has set in its caller's place: the upstream was told otherwise.
_STATED = ("conversation", "max_output_tokens", "max_tool_calls", "previous_response_id", "prompt", "store")


def _stated(kept: KeptResponse) -> Changes:
    """What was said of these when the response began, and holds until its end."""
    members = msgspec.json.decode(kept.response, type=dict[str, Raw])
    return {name: members[name] for name in _STATED if name in members}


async def _ask(desk: Desk, account: Account, method: str, rest: str, below: str = "responses") -> tuple[int, bytes]:
    try:
        async with asyncio.timeout(_WITHIN_SECONDS):
            reply = await desk.parts.upstream.send(await _request(desk, account, method, rest, below=below))
            try:
                return reply.status, await reply.read(_REPLY_BYTES)
            finally:
                reply.close()
    except TimeoutError:
        raise TimedOut(f"`{account.name}` did not answer in time") from None
    except UpstreamError as error:
        raise redacted(error, account) from None
