"""What every operation needs on its way: a plan for a name, an address for a body, an end for an exchange."""

import asyncio
from collections.abc import Mapping, Sized
from typing import Any, Protocol

import msgspec

from trunkline.call import Header, Reply, Stream
from trunkline.dialects.dialect import JsonReply
from trunkline.dialects.fates import IMPLICIT
from trunkline.dialects.said import estimate_said
from trunkline.engine.attempts import attempt, read_whole, redacted
from trunkline.engine.bids import Hold
from trunkline.engine.caller.access import Access, Names
from trunkline.engine.caller.door import HOP, count_hop
from trunkline.engine.envelope import Envelope, encode_members
from trunkline.engine.estimates.estimating import complete_usage
from trunkline.engine.evidence import keep_evidence
from trunkline.engine.exchange import TRACE, Exchange
from trunkline.engine.parts import Parts
from trunkline.engine.reply.headers import JSON, WHOLE, write_headers, write_reckoning
from trunkline.engine.router import Plan, Router, Target
from trunkline.engine.way import Way
from trunkline.errors import Unsupported, UpstreamError
from trunkline.money import Nano
from trunkline.ports import UpstreamRequest
from trunkline.principal import Principal
from trunkline.providers.account import Account
from trunkline.records import Record
from trunkline.state.responses import KeptResponse

NOTHING: Mapping[bytes, bytes] = {}

# How long a bare name waits for the first lists of models.
LISTS_WITHIN_SECONDS = 5.0


class Runs(Protocol):
    """What is made while nobody waits."""

    def start(self) -> None: ...

    async def close(self) -> None: ...

    async def play(self, x: Exchange, kept: KeptResponse, after: int) -> Stream: ...

    async def call_off(self, kept: KeptResponse) -> KeptResponse: ...


class Desk:
    """Holds the parts, the router of the newest listing, what runs in the background and the streams that are `live`."""

    runs: Runs
    live: Sized

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        # Whether no more connections are taken: what would never end by itself ends.
        self.is_leaving = False
        # How many follow the audit live.
        self.followers = 0
        self._router = parts.make_router(parts.catalog.listing())
        self._access = Access(self._router)
        self._hop = _line(HOP, parts.instance)
        self.gauge = parts.gauge

    # --- names --------------------------------------------------------------------------------------------------

    def router(self) -> Router:
        """The router of the newest listing."""
        listing = self.parts.catalog.listing()
        if listing is not self._router.listing:
            self._router = self.parts.make_router(listing)
            self._access = Access(self._router)
        return self._router

    def names(self, principal: Principal) -> Names:
        """What this caller may use of the newest listing."""
        router = self.router()
        return router if principal.models is None else self._access.view(principal.models)

    async def settled_names(self, principal: Principal) -> Names:
        """The same once every provider has been asked for its list, or has had time enough to answer."""
        await self.parts.catalog.settle(LISTS_WITHIN_SECONDS)
        return self.names(principal)

    async def plan(self, principal: Principal, model: str) -> Plan:
        """The targets of a name. Raises `ModelNotFound`, or `Unavailable` while a list may still come."""
        return self.names(principal).known(model) or (await self.settled_names(principal)).resolve(model)

    async def admit(self, x: Exchange, target: Target, envelope: Envelope) -> Envelope:
        """The request as it may be sent. Raises the error of what bounds it, `Unavailable` when it could not be recorded."""
        ledger = self.parts.ledger
        if ledger.is_short and (seconds := ledger.check()):
            await asyncio.sleep(seconds)
        admission = self.parts.admission
        if admission is None:
            return envelope
        admitted = admission.admit(x, target, envelope)
        return admitted if isinstance(admitted, Envelope) else await admitted

    # --- the way out --------------------------------------------------------------------------------------------

    def address(
        self, x: Exchange, target: Target, operation: str, body: bytes, needs: Mapping[bytes, bytes] = NOTHING
    ) -> UpstreamRequest:
        """The request to the upstream: the target's fixed head, the few headers that the caller may add, and those that
        the body `needs`."""
        account, headers = target.account, x.call.headers
        head = account.head(operation, target.model, stream=x.is_stream)
        head += self._hop if HOP not in headers else _line(HOP, count_hop(headers[HOP], self.parts.instance))
        given = [name for name in account.provider.caller_headers if name in headers]
        for name in given:
            head += _line(name, _join(headers[name], needs[name]) if name in needs else headers[name])
        for name in needs:
            if name not in given:
                head += _line(name, needs[name])
        if TRACE in headers:
            head += _line(TRACE, headers[TRACE])
        if account.provider.sign is not None:
            head = account.provider.sign(account, head, body, x.started_at_micros)
        return UpstreamRequest(account.origin, head, body, account.timeouts)

    async def authorize(self, request: UpstreamRequest, target: Target) -> UpstreamRequest:
        """The request with the token of an account that has no lasting key."""
        return await self.authorize_account(request, target.account)

    async def authorize_account(self, request: UpstreamRequest, account: Account) -> UpstreamRequest:
        """The same for a request that goes to no model."""
        if not account.provider.token or self.parts.credentials is None:
            return request
        return await self.parts.credentials.open(account.name, request)

    async def pass_on(self, x: Exchange, envelope: Envelope, target: Target, operation: str) -> Reply:
        """A request and its JSON reply as they are, but for the model's name."""
        envelope = await self.admit(x, target, envelope)
        x.take_way(target, Way("tee", x.dialect, f"tee {target.name}"))
        x.envelope = envelope
        members = envelope.members.copy()
        if self.parts.dialects[x.dialect].model_in_body:
            members["model"] = target.model_raw
        request = await self.authorize(self.address(x, target, operation, encode_members(members)), target)
        dialect = self.parts.dialects[x.dialect]
        body = await read_whole(await attempt(x, self.parts.upstream, request, dialect, target))
        try:
            return self.finish(x, dialect.tee_reply(body), WHOLE)
        except UpstreamError as error:
            raise redacted(error, target.account) from None

    def keep_strict(self, x: Exchange) -> None:
        """Under `x-trunkline-strict`, what would be left out is an error instead."""
        asked = x.call.headers.get(b"x-trunkline-strict")
        if not (self.parts.strict if asked is None else asked.lower() == b"true"):
            return
        for name in x.dropped:
            if name not in IMPLICIT:
                raise Unsupported(f"`{name}` is not possible with this model, and the request is strict", param=name)

    # --- the end ------------------------------------------------------------------------------------------------

    def finish(self, x: Exchange, read: JsonReply, kind: tuple[Header, ...]) -> Reply:
        """A reply that is whole. Raises the error that it holds."""
        if read.error is not None:
            raise read.error
        x.usage = read.usage
        x.status = 200
        if read.incomplete:
            x.outcome = "incomplete"
        if x.evidence is not None:
            x.evidence.hear(read.body)
        if not read.usage.total_input:
            x.said = estimate_said(read.body)
        cost = self.record(x)
        return Reply(status=200, headers=write_headers(x, kind, cost if kind is WHOLE else None), body=read.body)

    def say(self, x: Exchange, value: Any, *headers: Header) -> Reply:
        """An answer of our own."""
        x.status = 200
        body = msgspec.json.encode(value)
        if x.evidence is not None:
            x.evidence.hear(body)
        cost = self.record(x)
        named: Header = (b"x-request-id", x.request_id.encode())
        paid = write_reckoning(x, cost) if x.attempts else ()
        return Reply(status=200, headers=[named, JSON, *headers, *paid], body=body)

    def record(self, x: Exchange) -> Nano | None:
        """The end of an exchange, told once, and what it cost. Of what goes on upstream it is told by whoever sees that
        end."""
        if x.evidence is not None:
            keep_evidence(self.parts.store, x)
        if x.goes_on:
            x.end = "left"
            return None
        x.end = "recorded"
        if x.estimate:
            self.gauge.learn(x.target, x.estimate, x.usage.total_input)
        if x.attempts and (x.said is not None or len(x.attempts) > 1 or not x.usage.total_input):
            complete_usage(x, self.gauge, self.parts.dialects)
        record = x.freeze()
        self.settle(record, x.hold)
        return record.cost

    def settle(self, record: Record, hold: Hold | None) -> None:
        """Have it recorded, and let go of what was held for it."""
        try:
            self.parts.ledger.record(record)
        finally:
            if hold is not None:
                hold.settle(record)


def join_needs(some: Mapping[bytes, bytes], others: Mapping[bytes, bytes]) -> Mapping[bytes, bytes]:
    """What two need of a request's headers, as one."""
    return {**some, **{name: _join(some[name], value) if name in some else value for name, value in others.items()}}


def _join(asked: bytes, needed: bytes) -> bytes:
    """Two lists of words as one, each word once."""
    words = [word.strip() for word in (*asked.split(b","), *needed.split(b","))]
    return b",".join(dict.fromkeys(words))


def _line(name: bytes, value: bytes) -> bytes:
    return b"%b: %b\r\n" % (name, value)
