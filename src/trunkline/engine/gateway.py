"""`handle(Call) -> Reply`: who is it, what do they ask for, and who answers that.

The main job, a model's answer, is `generating`'s; everything else has a row in `operations`. Expected errors are
replies too, drawn in the caller's own dialect in one place (`draw`).
"""

from trunkline.call import Call, Reply
from trunkline.engine.caller.door import Door
from trunkline.engine.caller.failures import Failures
from trunkline.engine.caller.scopes import check_kind
from trunkline.engine.desk import Desk
from trunkline.engine.evidence import begin_evidence
from trunkline.engine.exchange import Exchange
from trunkline.engine.generating import Generating
from trunkline.engine.operations import OPERATIONS
from trunkline.engine.parts import Parts
from trunkline.engine.reply.headers import write_error_headers
from trunkline.engine.reply.relay import Live
from trunkline.engine.routes import PUBLIC, find_route, guess_dialect
from trunkline.errors import Broken, Busy, TrunklineError, Unavailable
from trunkline.principal import Principal


class Gateway:
    """One gateway. Faces call `handle`; the shell calls `tick` once a second and `drain` at the end."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._desk = Desk(parts)
        self._door = Door(parts.keys, Failures(parts.clock))
        self._live: set[Live] = set()
        self._generating = Generating(self._desk, self._live)
        self._draining = False

    # --- what faces call ----------------------------------------------------------------------------------------

    async def handle(self, call: Call) -> Reply:
        """The reply to a request. Cancelling it closes whatever it had opened."""
        x = self._meet(call)
        try:
            if call.path in PUBLIC:
                return self._answer_health(x, PUBLIC[call.path].operation)
            x.principal = self._door.find(call) or await self._door.refuse(call)
            x.labels = self._parts.labelling.read(call.headers, x.principal.labels)
            route = x.found = find_route(call)
            x.operation, x.dialect = route.operation, route.dialect
            if route.kind:
                check_kind(x.principal, route.kind, call.method)
            if self._parts.evidence_bytes:
                x.evidence = begin_evidence(x, self._parts.evidence_bytes)
            if route.operation == "generate":
                return await self._generating.answer(x)
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
        """Who is calling, for a face that must know before there is a request. Raises as `Door.open_now`."""
        return self._door.open_now(call)

    def draw(self, error: TrunklineError, call: Call) -> Reply:
        """An error as a reply in the caller's dialect, for what a face finds wrong before there is a request."""
        return self._draw(self._meet(call), error)

    def start(self) -> None:
        """Look after what another process has left under way."""
        if self._parts.store is not None:
            self._desk.runs.start()

    async def close(self) -> None:
        """End what runs in the background."""
        await self._desk.runs.close()

    def tick(self) -> None:
        """A second has passed."""
        for relay in list(self._live):
            relay.tick()

    def leave(self) -> None:
        """No more connections are taken: what would never end by itself ends, everything else has its time."""
        self._desk.is_leaving = True

    def drain(self) -> None:
        """Streams have had their time: end them with an error event."""
        self._draining = True
        for relay in list(self._live):
            relay.drain()

    # --- the ends -----------------------------------------------------------------------------------------------

    def _meet(self, call: Call) -> Exchange:
        clock = self._parts.clock
        return Exchange(call, self._parts.mint_request_id(), clock, clock.now_micros(), clock.monotonic())

    def _answer_health(self, x: Exchange, operation: str) -> Reply:
        x.operation = operation
        if operation == "ready" and self._draining:
            raise Unavailable("draining: this gateway is going down")
        health = {"status": "ok"}
        if operation == "ready" and self._parts.store is not None:
            # Still ready: what needs no store goes on, and every replica would be pulled at once.
            health["store"] = "up" if self._parts.is_store_up() else "down"
        return self._desk.say(x, health)

    def _draw(self, x: Exchange, error: TrunklineError) -> Reply:
        if not x.dialect:
            x.dialect = guess_dialect(x.call)
        dialect = self._parts.dialects[x.dialect]
        x.fail(error)
        x.status = dialect.busy_statuses.get(error.status, error.status) if isinstance(error, Busy) else error.status
        body = dialect.write_error(error, x.request_id)
        if x.evidence is not None:
            x.evidence.reply = [body]
            x.evidence.reply_bytes = len(body)
        cost = self._desk.record(x)
        # Where it came from leads back to the request, which holds it: a body of megabytes would wait for the collector.
        error.__traceback__ = error.__context__ = None
        return Reply(status=x.status, headers=write_error_headers(x, error, cost), body=body)


def _broken(error: Exception) -> Broken:
    """A bug of ours: the caller sees no more than an id, the record its kind and place."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = f"{place.tb_frame.f_code.co_filename}:{place.tb_lineno}" if place is not None else "nowhere"
    return Broken("internal error", detail=f"{type(error).__name__} at {where}")
