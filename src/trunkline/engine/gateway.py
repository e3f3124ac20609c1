"""The whole way of a request, on one screen: `handle(Call) -> Reply`.

A plain sequence, not an onion: who is it, which route, which model, which way, one attempt, the relay, the record.
Expected errors are replies too, drawn in the caller's own dialect in one place (`draw`).
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qs, unquote

import msgspec
from msgspec import Struct

from trunkline.call import Call, Header, Reply
from trunkline.clock import Clock, Mint
from trunkline.dialects.dialect import Dialect, JsonReply, Passage
from trunkline.dialects.estimate import estimate_input
from trunkline.dialects.fates import IMPLICIT
from trunkline.dialects.seal import Sealer
from trunkline.engine.attempts import attempt, is_event_stream, read_whole, redacted
from trunkline.engine.crossing import Caller, Crossing, cross
from trunkline.engine.door import open_door, refuse_loop
from trunkline.engine.envelope import Envelope, decode_body, encode_members, read_envelope
from trunkline.engine.exchange import Exchange
from trunkline.engine.headers import EVENT_STREAM, JSON, write_error_headers, write_headers
from trunkline.engine.relay import Relay
from trunkline.engine.resources import models
from trunkline.engine.router import Plan, Router, Target
from trunkline.engine.routes import PUBLIC, find_route, model_id, speaks_anthropic
from trunkline.engine.way import Way, choose_way
from trunkline.errors import Broken, TrunklineError, Unavailable, Unsupported, UpstreamError
from trunkline.ports import Catalog, Keys, Ledger, Listing, Principal, Upstream, UpstreamReply, UpstreamRequest
from trunkline.providers.account import Account

# How long a bare name waits for the first lists of models.
_LISTS_WITHIN_SECONDS = 5.0

_WHOLE = (JSON,)


class Parts(Struct, frozen=True, kw_only=True):
    """What a gateway is made of; `build` puts it together. `make_router` makes a router for a new listing."""

    keys: Keys
    catalog: Catalog
    upstream: Upstream
    ledger: Ledger
    clock: Clock
    mint: Mint
    mint_request_id: Callable[[], str]
    sealer: Sealer
    dialects: Mapping[str, Dialect]
    make_router: Callable[[Listing], Router]
    instance: bytes
    strict: bool = False


class Gateway:
    """One gateway. Faces call `handle`; the shell calls `tick` once a second and `drain` at the end."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._router = parts.make_router(parts.catalog.listing())
        self._live: set[Relay] = set()
        self._draining = False

    # --- what faces call ----------------------------------------------------------------------------------------

    async def handle(self, call: Call) -> Reply:
        """The reply to a request. Cancelling it closes whatever it had opened."""
        x = self._meet(call)
        try:
            if (public := PUBLIC.get(call.path)) is not None:
                return self._answer_health(x, public.operation)
            x.principal = open_door(call.headers, self._parts.keys)
            route = find_route(call)
            x.operation, x.dialect = route.operation, route.dialect
            return await self._operations[route.operation](self, x)
        except TrunklineError as error:
            return self._draw(x, error)
        except Exception as error:  # noqa: BLE001 - a bug must cost one request, and be told from the rest
            return self._draw(x, _broken(error))
        except BaseException:
            x.outcome = "cancelled"
            self._record(x)
            raise

    def authenticate(self, call: Call) -> Principal:
        """Who is calling, for a face that must know before there is a request. Raises `Unauthenticated`."""
        return open_door(call.headers, self._parts.keys)

    def draw(self, error: TrunklineError, call: Call) -> Reply:
        """An error as a reply in the caller's dialect, for what a face finds wrong before there is a request."""
        return self._draw(self._meet(call), error)

    def tick(self) -> None:
        """A second has passed."""
        for relay in list(self._live):
            relay.tick()

    def drain(self) -> None:
        """Streams have had their time: end them with an error event."""
        self._draining = True
        for relay in list(self._live):
            relay.drain()

    # --- generate: the main job ---------------------------------------------------------------------------------

    async def _generate(self, x: Exchange) -> Reply:
        dialect = self._parts.dialects[x.dialect]
        envelope = read_envelope(x.call.body)
        x.model_asked, x.is_stream = envelope.model, envelope.stream
        plan = self._current_router().known(envelope.model) or await self._wait_for_plan(envelope.model)
        target = plan.targets[0]
        way = choose_way(x.dialect, target, envelope.members, x.call.body)
        upstream = self._parts.dialects[way.upstream]
        x.take_way(target, way)
        crossing = cross(self._caller(x, dialect), envelope, way, target, upstream)
        if crossing.dropped or crossing.emulated:
            x.dropped, x.emulated = crossing.dropped, crossing.emulated
            self._keep_strict(x)
        request = self._address(x, target, way.upstream, crossing.body)
        reply = await attempt(x, self._parts.upstream, request, upstream, target.account)
        if envelope.stream:
            return await self._answer_stream(x, reply, crossing, dialect, target)
        return await self._answer_json(x, reply, crossing, target)

    async def _answer_json(self, x: Exchange, reply: UpstreamReply, crossing: Crossing, target: Target) -> Reply:
        body = await read_whole(reply)
        try:
            if is_event_stream(reply, expected=False):
                return self._finish(x, crossing.fold_stream(body), _WHOLE)
            return self._finish(x, crossing.read_json(body), _WHOLE)
        except UpstreamError as error:
            raise redacted(error, target.account) from None

    async def _answer_stream(
        self, x: Exchange, reply: UpstreamReply, crossing: Crossing, dialect: Dialect, target: Target
    ) -> Reply:
        try:
            if not is_event_stream(reply, expected=True):
                return self._finish(x, crossing.unfold_json(await read_whole(reply)), EVENT_STREAM)
            relay = self._relay(x, reply, crossing.passage(), dialect, target)
            await relay.commit()
        except UpstreamError as error:
            raise redacted(error, target.account) from None
        x.status = 200
        return Reply(status=200, headers=write_headers(x, EVENT_STREAM), body=relay)

    def _relay(self, x: Exchange, reply: UpstreamReply, passage: Passage, dialect: Dialect, target: Target) -> Relay:
        account = target.account
        ended = _ended(self, x, account)
        return Relay(reply, passage, dialect.keep_alive, dialect.write_error_event, self._live, ended, account)

    def _finish(self, x: Exchange, read: JsonReply, kind: tuple[Header, ...]) -> Reply:
        """A reply that is whole. Raises the error that it holds."""
        if read.error is not None:
            raise read.error
        x.usage, x.status = read.usage, 200
        if read.incomplete:
            x.outcome = "incomplete"
        self._record(x)
        return Reply(status=200, headers=write_headers(x, kind), body=read.body)

    # --- embeddings, counting -----------------------------------------------------------------------------------

    async def _embed(self, x: Exchange) -> Reply:
        envelope = read_envelope(x.call.body)
        x.model_asked = envelope.model
        target = (await self._wait_for_plan(envelope.model)).targets[0]
        if "embeddings" not in target.account.provider.operations:
            raise Unsupported(f"`{target.account.name}` serves no embeddings: name a model that does", param="model")
        return await self._tee_operation(x, envelope, target, "embeddings")

    async def _count_tokens(self, x: Exchange) -> Reply:
        envelope = read_envelope(x.call.body)
        x.model_asked = envelope.model
        target = (await self._wait_for_plan(envelope.model)).targets[0]
        if "count_tokens" in target.account.provider.operations:
            return await self._tee_operation(x, envelope, target, "count_tokens")
        request = self._parts.dialects["messages"].read_request(
            {"max_tokens": 1, **decode_body(envelope.members)}, lambda _: None
        )
        x.target, x.status = target.name, 200
        self._record(x)
        headers: list[Header] = [
            (b"x-request-id", x.request_id.encode()),
            JSON,
            (b"x-trunkline-token-count", b"estimated"),
        ]
        return Reply(status=200, headers=headers, body=msgspec.json.encode({"input_tokens": estimate_input(request)}))

    async def _tee_operation(self, x: Exchange, envelope: Envelope, target: Target, operation: str) -> Reply:
        """A request and its JSON reply as they are, but for the model's name."""
        x.take_way(target, Way("tee", x.dialect, f"tee {target.name}"))
        members = {**envelope.members, "model": target.model_raw}
        request = self._address(x, target, operation, encode_members(members))
        dialect = self._parts.dialects[x.dialect]
        reply = await attempt(x, self._parts.upstream, request, dialect, target.account)
        body = await read_whole(reply)
        try:
            return self._finish(x, dialect.tee_reply(body), _WHOLE)
        except UpstreamError as error:
            raise redacted(error, target.account) from None

    # --- models, health -----------------------------------------------------------------------------------------

    async def _list_models(self, x: Exchange) -> Reply:
        await self._parts.catalog.settle(_LISTS_WITHIN_SECONDS)
        query = parse_qs(x.call.query.decode("latin-1"))
        limit = next((int(value) for value in query.get("limit", ()) if value.isdecimal()), None)
        after = next(iter(query.get("after_id", ())), None)
        anthropic = speaks_anthropic(x.call)
        return self._say(x, models.list_models(self._current_router(), anthropic, after, limit))

    async def _get_model(self, x: Exchange) -> Reply:
        await self._parts.catalog.settle(_LISTS_WITHIN_SECONDS)
        name = unquote(model_id(x.call.path))
        return self._say(x, models.find_model(self._current_router(), name, speaks_anthropic(x.call)))

    def _answer_health(self, x: Exchange, operation: str) -> Reply:
        x.operation = operation
        if operation == "ready" and self._draining:
            raise Unavailable("draining: this gateway is going down")
        return self._say(x, {"status": "ok"})

    def _say(self, x: Exchange, value: Any) -> Reply:
        x.status = 200
        self._record(x)
        headers: list[Header] = [(b"x-request-id", x.request_id.encode()), JSON]
        return Reply(status=200, headers=headers, body=msgspec.json.encode(value))

    # --- the pieces ---------------------------------------------------------------------------------------------

    def _meet(self, call: Call) -> Exchange:
        parts = self._parts
        dialect = "messages" if speaks_anthropic(call) else "chat"
        clock = parts.clock
        return Exchange(call, parts.mint_request_id(), clock, dialect, clock.now_micros(), clock.monotonic())

    async def _wait_for_plan(self, model: str) -> Plan:
        """The targets of a name, once every provider has been asked for its list or has had time enough to answer."""
        await self._parts.catalog.settle(_LISTS_WITHIN_SECONDS)
        return self._current_router().resolve(model)

    def _current_router(self) -> Router:
        listing = self._parts.catalog.listing()
        if listing is not self._router.listing:
            self._router = self._parts.make_router(listing)
        return self._router

    def _caller(self, x: Exchange, dialect: Dialect) -> Caller:
        created_at = x.started_at_micros // 1_000_000
        return Caller(dialect, x.principal.path, created_at, self._parts.mint, self._parts.sealer)

    def _address(self, x: Exchange, target: Target, operation: str, body: bytes) -> UpstreamRequest:
        """The request to the upstream: the target's fixed head, and the few headers that the caller may add."""
        account, headers = target.account, x.call.headers
        head = b"%bx-trunkline-hop: %b\r\n" % (account.head(operation), refuse_loop(headers, self._parts.instance))
        for name in account.provider.caller_headers:
            if name in headers:
                head += name + b": " + headers[name] + b"\r\n"
        return UpstreamRequest(account.origin, head, body, account.timeouts)

    def _keep_strict(self, x: Exchange) -> None:
        """Under `x-trunkline-strict`, what would be left out is an error instead."""
        asked = x.call.headers.get(b"x-trunkline-strict")
        if not (self._parts.strict if asked is None else asked.lower() == b"true"):
            return
        for name in x.dropped:
            if name not in IMPLICIT:
                raise Unsupported(f"`{name}` is not possible with this model, and the request is strict", param=name)

    def _draw(self, x: Exchange, error: TrunklineError) -> Reply:
        dialect = self._parts.dialects[x.dialect]
        x.fail(error)
        x.status = dialect.statuses.get(error.code or "", error.status)
        self._record(x)
        body = dialect.write_error(error, x.request_id)
        return Reply(status=x.status, headers=write_error_headers(x, error), body=body)

    def _record(self, x: Exchange) -> None:
        self._parts.ledger.record(x.freeze())

    _operations: Mapping[str, Callable[["Gateway", Exchange], Awaitable[Reply]]] = {
        "generate": _generate,
        "embeddings": _embed,
        "count_tokens": _count_tokens,
        "models": _list_models,
        "model": _get_model,
    }


def _ended(gateway: Gateway, x: Exchange, account: Account) -> Callable[[Relay], None]:
    """What happens when a stream is over, however it came to its end."""

    def ended(relay: Relay) -> None:
        if not x.status:
            return  # never committed: the error is drawn and recorded as a reply
        x.usage = relay.passage.usage
        error = relay.passage.error
        if error is not None:
            error.detail = account.redact(error.detail)
            x.fail(error)
        elif relay.cancelled:
            x.outcome = "cancelled"
        elif relay.passage.incomplete:
            x.outcome = "incomplete"
        gateway._record(x)

    return ended


def _broken(error: Exception) -> Broken:
    """A bug of ours: the caller sees no more than an id, the record its kind and place."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = f"{place.tb_frame.f_code.co_filename}:{place.tb_lineno}" if place is not None else "nowhere"
    return Broken("internal error", detail=f"{type(error).__name__} at {where}")
