"""The whole way of a request, on one screen: `handle(Call) -> Reply`.

A plain sequence, not an onion: who is it, which route, which model, which way, one attempt, the relay, the record.
Expected errors are replies too, drawn in the caller's own dialect in one place (`draw`).
"""

from collections.abc import Callable

from msgspec.structs import replace

from trunkline.call import Call, Reply
from trunkline.dialects.gemini.framing import ArrayPassage, array_of, write_array_error
from trunkline.engine.attempts import attempt, is_event_stream, read_whole, redacted
from trunkline.engine.background import Background
from trunkline.engine.context import Context, let_go, understand
from trunkline.engine.crossing import Crossing, cross
from trunkline.engine.desk import Desk
from trunkline.engine.door import open_door
from trunkline.engine.envelope import Envelope, read_call
from trunkline.engine.exchange import Exchange
from trunkline.engine.fetching import fetch_all
from trunkline.engine.headers import ARRAY_STREAM, EVENT_STREAM, WHOLE, write_error_headers, write_headers
from trunkline.engine.keeper import ChooseKeeper, Keeper
from trunkline.engine.keeping import choose_keeping
from trunkline.engine.keeping_chat import keep_completion, wants_keeping
from trunkline.engine.keeping_relay import KeepingRelay
from trunkline.engine.operations import OPERATIONS
from trunkline.engine.parts import Parts
from trunkline.engine.relay import Relay
from trunkline.engine.router import Plan, Target
from trunkline.engine.routes import PUBLIC, find_route, guess_dialect, speaks_google
from trunkline.engine.way import Way, choose_way
from trunkline.errors import Broken, TrunklineError, Unavailable, UpstreamError
from trunkline.ports import Principal, UpstreamReply
from trunkline.providers.account import Account


class Gateway:
    """One gateway. Faces call `handle`; the shell calls `tick` once a second and `drain` at the end."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._desk = Desk(parts)
        self._background = self._desk.runs = Background(self._desk, self._generate_kept)
        self._live: set[Relay] = set()
        self._draining = False

    # --- what faces call ----------------------------------------------------------------------------------------

    async def handle(self, call: Call) -> Reply:
        """The reply to a request. Cancelling it closes whatever it had opened."""
        x = self._meet(call)
        try:
            if call.path in PUBLIC:
                return self._answer_health(x, PUBLIC[call.path].operation)
            google_query = call.query if speaks_google(call) else None
            x.principal = open_door(call.headers, self._parts.keys, google_query)
            route = x.found = find_route(call)
            x.operation, x.dialect = route.operation, route.dialect
            if route.operation == "generate":
                return await self._generate(x)
            return await OPERATIONS[route.operation](self._desk, x)
        except TrunklineError as error:
            return self._draw(x, error)
        except Exception as error:  # noqa: BLE001 - a bug must cost one request, and be told from the rest
            return self._draw(x, _broken(error))
        except BaseException:
            x.outcome = "cancelled"
            self._desk.record(x)
            raise

    def authenticate(self, call: Call) -> Principal:
        """Who is calling, for a face that must know before there is a request. Raises `Unauthenticated`."""
        return open_door(call.headers, self._parts.keys)

    def draw(self, error: TrunklineError, call: Call) -> Reply:
        """An error as a reply in the caller's dialect, for what a face finds wrong before there is a request."""
        return self._draw(self._meet(call), error)

    def start(self) -> None:
        """Look after what another process has left under way."""
        if self._parts.store is not None:
            self._background.start()

    async def close(self) -> None:
        """End what runs in the background."""
        await self._background.close()

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
        envelope = read_call(x.call, x.found)
        store = self._parts.store
        if store is None or x.dialect != "responses":
            target = (await self._plan(x, envelope)).targets[0]
            if store is not None and x.dialect == "chat" and wants_keeping(envelope):
                return await self._attempt(x, target, *keep_completion(self._parts, store, x, envelope, target))
            return await self._attempt(x, target, envelope, None)
        context = await understand(self._desk, store, x, envelope)
        if not context.is_background:
            return await self._generate_kept(x, context)
        try:
            target = (await self._plan(x, context.envelope)).targets[0]
            begun = await self._background.begin(x, context, target)
        except BaseException:
            await let_go(store, x, context)
            raise
        return begun or await self._generate_kept(x, context)

    async def _generate_kept(self, x: Exchange, context: Context) -> Reply:
        """The way of a request whose reply may be kept. Whatever becomes of it, its conversation is let go."""
        try:
            reply = await self._try_held(x, context)
        except BaseException:
            await self._let_go(x, context)
            raise
        if isinstance(reply.body, bytes):
            await self._let_go(x, context)
        return reply

    async def _try_held(self, x: Exchange, context: Context) -> Reply:
        """Asked again with the whole history where the target has lost what it held of it."""
        target = (await self._plan(x, context.envelope)).targets[0]
        try:
            return await self._attempt_held(x, target, context.fit(target), context)
        except UpstreamError as error:
            if not context.was_lost(target, error):
                raise
        return await self._attempt_held(x, target, context.fit(target, replays=True), context)

    async def _attempt_held(self, x: Exchange, target: Target, envelope: Envelope, context: Context) -> Reply:
        def choose(way: Way) -> Keeper | None:
            return choose_keeping(self._parts, x, context, envelope, target, way, self._background.follow)

        return await self._attempt(x, target, envelope, choose)

    async def _let_go(self, x: Exchange, context: Context) -> None:
        if self._parts.store is not None:
            await let_go(self._parts.store, x, context)

    async def _plan(self, x: Exchange, envelope: Envelope) -> Plan:
        x.model_asked, x.is_stream = envelope.model, envelope.stream
        return self._desk.router().known(envelope.model) or await self._desk.plan(envelope.model)

    async def _attempt(self, x: Exchange, target: Target, envelope: Envelope, choose: ChooseKeeper | None) -> Reply:
        parts, desk = self._parts, self._desk
        way = choose_way(parts.dialects[x.dialect], target, envelope)
        x.take_way(target, way)
        upstream = parts.upstreams[way.upstream]
        crossing = cross(parts, x, envelope, way, target)
        if crossing.wants:
            crossing.fill(await fetch_all(parts.fetch, parts.fetch_limits, crossing.wants))
        if crossing.dropped or crossing.emulated:
            x.dropped, x.emulated = list(dict.fromkeys([*x.dropped, *crossing.dropped])), crossing.emulated
            desk.keep_strict(x)
        keeper = None if choose is None else choose(way)
        request = desk.address(x, target, way.upstream, crossing.body)
        if target.account.provider.token:
            request = await desk.authorize(request, target)
        reply = await attempt(x, parts.upstream, request, upstream, target.account)
        try:
            if envelope.stream:
                return await self._answer_stream(x, reply, crossing, target, keeper)
            body = await read_whole(reply)
            read = crossing.fold_stream if is_event_stream(reply, expected=False) else crossing.read_json
            whole = read(body)
            return desk.finish(x, whole if keeper is None else await keeper.keep_whole(whole), WHOLE)
        except UpstreamError as error:
            raise redacted(error, target.account) from None

    async def _answer_stream(
        self, x: Exchange, reply: UpstreamReply, crossing: Crossing, target: Target, keeper: Keeper | None
    ) -> Reply:
        if not is_event_stream(reply, expected=True):
            whole = crossing.unfold_json(await read_whole(reply))
            if x.found.array:
                return self._desk.finish(x, replace(whole, body=array_of(whole.body)), ARRAY_STREAM)
            return self._desk.finish(x, whole if keeper is None else await keeper.keep_stream(whole), EVENT_STREAM)
        relay = self._relay(x, reply, crossing, target.account, keeper)
        await relay.commit()
        x.status = 200
        kind = ARRAY_STREAM if x.found.array else EVENT_STREAM
        return Reply(status=200, headers=write_headers(x, kind), body=relay)

    def _relay(
        self, x: Exchange, reply: UpstreamReply, crossing: Crossing, account: Account, keeper: Keeper | None
    ) -> Relay:
        dialect = self._parts.dialects[x.dialect]
        ended = _ended(self._desk, x, account, keeper)
        passage, draw = crossing.passage(), dialect.write_error_event
        if x.found.array:
            passage, draw = ArrayPassage(passage), write_array_error
        if keeper is None:
            return Relay(reply, passage, dialect.keep_alive, draw, self._live, ended, account)
        held = keeper.hold(passage)
        return KeepingRelay(reply, held, dialect.keep_alive, draw, self._live, ended, account, held=held, keeper=keeper)

    # --- the ends -----------------------------------------------------------------------------------------------

    def _meet(self, call: Call) -> Exchange:
        clock = self._parts.clock
        return Exchange(call, self._parts.mint_request_id(), clock, clock.now_micros(), clock.monotonic())

    def _answer_health(self, x: Exchange, operation: str) -> Reply:
        x.operation = operation
        if operation == "ready" and self._draining:
            raise Unavailable("draining: this gateway is going down")
        return self._desk.say(x, {"status": "ok"})

    def _draw(self, x: Exchange, error: TrunklineError) -> Reply:
        if not x.dialect:
            x.dialect = guess_dialect(x.call)
        dialect = self._parts.dialects[x.dialect]
        x.fail(error)
        x.status = dialect.statuses.get(error.code or "", error.status)
        self._desk.record(x)
        body = dialect.write_error(error, x.request_id)
        return Reply(status=x.status, headers=write_error_headers(x, error), body=body)


def _ended(desk: Desk, x: Exchange, account: Account, keeper: Keeper | None) -> Callable[[Relay], None]:
    """What happens when a stream is over, however it came to its end."""

    def ended(relay: Relay) -> None:
        if keeper is not None:
            keeper.let_go()
        if not x.status:
            return  # never committed: the error is drawn and recorded as a reply
        x.usage = relay.passage.usage
        error = relay.passage.error
        if error is not None:
            x.fail(redacted(error, account))
        elif relay.cancelled:
            x.outcome = "cancelled"
        elif relay.passage.incomplete:
            x.outcome = "incomplete"
        desk.record(x)

    return ended


def _broken(error: Exception) -> Broken:
    """A bug of ours: the caller sees no more than an id, the record its kind and place."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = f"{place.tb_frame.f_code.co_filename}:{place.tb_lineno}" if place is not None else "nowhere"
    return Broken("internal error", detail=f"{type(error).__name__} at {where}")
