"""Asking an upstream after a response that it keeps itself: how far it is, call it off, let it go."""

import asyncio

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from trunkline.engine.attempts import redacted
from trunkline.engine.desk import Desk
from trunkline.errors import Failed, Garbled, TimedOut, UpstreamError
from trunkline.ports import UpstreamReply, UpstreamRequest
from trunkline.providers.account import Account
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
    """The same once its upstream has called it off."""
    return await _ask_for_response(desk, kept, "POST", f"{kept.id}/cancel")


async def delete_upstream(desk: Desk, kept: KeptResponse) -> None:
    """Have the upstream delete its own. Raises `UpstreamError` when it cannot be reached."""
    account = find_account(desk, kept)
    if account is not None:
        await _ask(desk, account, "DELETE", kept.id)


def find_account(desk: Desk, kept: KeptResponse) -> Account | None:
    """The account that keeps a response too, if it is still configured."""
    account = desk.router().account(kept.account) if kept.native else None
    return account if account is not None and "responses" in account.speaks else None


async def open_below(desk: Desk, account: Account, method: str, rest: str) -> UpstreamReply:
    """The reply to a request for something below the upstream's `/responses`."""
    head = account.head_below(method, "responses", rest)
    return await desk.parts.upstream.send(
        await desk.authorize_account(UpstreamRequest(account.origin, head, b"", account.timeouts), account)
    )


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
    return replace(kept, status=told.status, response=body)


async def _ask(desk: Desk, account: Account, method: str, rest: str) -> tuple[int, bytes]:
    try:
        async with asyncio.timeout(_WITHIN_SECONDS):
            reply = await open_below(desk, account, method, rest)
            try:
                return reply.status, await reply.read(_REPLY_BYTES)
            finally:
                reply.close()
    except TimeoutError:
        raise TimedOut(f"`{account.name}` did not answer in time") from None
    except UpstreamError as error:
        raise redacted(error, account) from None
