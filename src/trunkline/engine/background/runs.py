"""Responses that are made while nobody waits: begun, followed, played again, called off, and never left hanging.

A target that can do it runs them itself, and is followed; for any other they run here, through the same way as every
request. Whoever works on one keeps a lease on it: one whose holder has died is failed, or followed on.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from trunkline.call import Header, Reply, Stream
from trunkline.dialects.openai_responses.reply import draw_response
from trunkline.engine.background.follower import LEASE_SECONDS, Follower
from trunkline.engine.background.following import cancel_upstream, play_upstream
from trunkline.engine.background.outcomes import gather_output, turn_into
from trunkline.engine.background.tape import Playback, StoredEvents, Tape
from trunkline.engine.context.context import Context
from trunkline.engine.context.understanding import let_go
from trunkline.engine.crossing.replies import make_context
from trunkline.engine.desk import Desk
from trunkline.engine.envelope import Envelope, decode_body, encode_members
from trunkline.engine.exchange import Exchange
from trunkline.engine.keeping.responses import Told, make_kept
from trunkline.engine.kept import need_store
from trunkline.engine.parts import Parts
from trunkline.engine.reply.headers import EVENT_STREAM, JSON
from trunkline.engine.reply.relay import Live
from trunkline.engine.router import Target
from trunkline.errors import Broken, Failed, TrunklineError, Unavailable
from trunkline.state.responses import UNDER_WAY, KeptResponse, Status
from trunkline.state.runs import KeptEvent
from trunkline.state.store import Store

_log = logging.getLogger("trunkline")

# Runs at once in one process; what is more is refused, not queued without end.
_LIMIT = 1000
_AT_ONCE = 256

_BEAT_SECONDS = 5.0

# How soon events are kept for those who come back.
_FLUSH_SECONDS = 0.2

Generate = Callable[[Exchange, Context], Awaitable[Reply]]


class _Run:
    """One run of ours."""

    def __init__(self, kept: KeptResponse) -> None:
        self.kept = kept
        self.tape = Tape()
        self.task: asyncio.Task[None] | None = None
        self.is_called_off = False
        self.flushed = 0


class Background:
    """All runs of one gateway. `generate` is the way of a request, `live` are the streams whose deadlines are looked
    after.

    `start` once, `close` at the end.
    """

    def __init__(self, desk: Desk, generate: Generate, live: set[Live]) -> None:
        self._desk = desk
        self._generate = generate
        self._holder = desk.parts.instance.decode()
        self._runs: dict[str, _Run] = {}
        self._live = live
        self._follower = Follower(desk)
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._heart: asyncio.Task[None] | None = None

    @property
    def _store(self) -> Store:
        return need_store(self._desk)

    # --- what the engine asks -----------------------------------------------------------------------------------

    async def begin(self, x: Exchange, context: Context, target: Target) -> Reply | None:
        """Start a run here, and say so; `None` where the target does it itself.

        Raises the caller's errors that can be seen at once, `Unavailable` when too many are under way.
        """
        if target.account.provider.keeps_responses and "responses" in target.account.speaks:
            return None
        if len(self._runs) >= _LIMIT:
            raise Unavailable("too many responses are being made in the background: send the request again later")
        parts, is_stream = self._desk.parts, x.is_stream
        context.run_id = parts.mint("resp_")
        queued = _draw_queued(parts, x, context, target)
        kept = make_kept(parts, x, context, Told(context.run_id, "queued"), queued, account=target.account.name)
        context.envelope = _as_stream(context.envelope)
        await self._store.responses.keep(kept)
        await self._store.runs.lease(kept.id, self._holder, LEASE_SECONDS)
        run = self._runs[kept.id] = _Run(kept)
        run.task = asyncio.create_task(self._work(run, x, context), name="background")
        # A task that is called off before it has begun does nothing at all, not even end.
        await asyncio.sleep(0)
        self._beat()
        request_id: Header = (b"x-request-id", x.request_id.encode())
        if not is_stream:
            return Reply(status=200, headers=[request_id, JSON], body=queued)
        return Reply(status=200, headers=[request_id, *EVENT_STREAM], body=Playback(run.tape, -1))

    async def play(self, x: Exchange, kept: KeptResponse, after: int) -> Stream:
        """The events of a run from a number on, as they come. Raises `UpstreamError` where the upstream plays none."""
        if kept.native and (relay := await play_upstream(self._desk, x, kept, after, self._live)) is not None:
            return relay
        run = self._runs.get(kept.id)
        return Playback(run.tape if run is not None else StoredEvents(self._store, kept), after)

    def follow(self, kept: KeptResponse, x: Exchange | None = None) -> None:
        """Keep up with what the upstream makes by itself. `x` is how it was asked for; nobody knows after a restart."""
        self._follower.follow(kept, x)
        self._beat()

    async def call_off(self, kept: KeptResponse) -> KeptResponse:
        """End a run that is under way, wherever it runs. Raises `UpstreamError` when its upstream cannot be told."""
        if kept.native:
            cancelled = await cancel_upstream(self._desk, kept) or turn_into(kept, "cancelled")
            await self._follower.see(cancelled)
            return cancelled
        run = self._runs.get(kept.id)
        if run is not None and run.task is not None:
            run.is_called_off = True
            run.task.cancel()
            await asyncio.wait([run.task])
            return await self._store.responses.find(kept.path, kept.id) or kept
        cancelled = turn_into(kept, "cancelled")
        await self._store.responses.keep(cancelled)
        return cancelled

    def start(self) -> None:
        """Look after what another process has left behind."""
        self._beat()

    async def close(self) -> None:
        """End what runs here; each ends failed, as it cannot go on."""
        tasks = [run.task for run in self._runs.values() if run.task is not None]
        tasks += [*self._follower.tasks(), *([self._heart] if self._heart is not None else [])]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=_BEAT_SECONDS)

    # --- a run of ours ------------------------------------------------------------------------------------------

    async def _work(self, run: _Run, x: Exchange, context: Context) -> None:
        keeping = asyncio.create_task(self._flush_often(run), name="flush")
        try:
            async with self._slots:
                await self._move_on(run, "in_progress")
                reply = await self._generate(x, context)
                if isinstance(reply.body, bytes):
                    run.tape.write(reply.body)
                else:
                    await reply.body.pour(run.tape)
            await self._see_it_ended(run, Failed("the run ended without an answer"))
        except TrunklineError as error:
            await self._fail(run, x, error)
        except asyncio.CancelledError:
            await self._break_off(run, x)
        except Exception as error:  # noqa: BLE001 - a bug must not leave a run hanging
            _log.error("a run in the background broke: %s", type(error).__name__)
            await self._fail(run, x, Broken("internal error", detail=type(error).__name__))
        finally:
            keeping.cancel()
            await let_go(self._store, x, context)
            await self._flush(run)
            run.tape.end()
            self._runs.pop(run.kept.id, None)

    async def _fail(self, run: _Run, x: Exchange, error: TrunklineError) -> None:
        x.fail(error)
        x.status = error.status
        self._desk.record(x)
        await self._see_it_ended(run, error)

    async def _break_off(self, run: _Run, x: Exchange) -> None:
        """Somebody called it off, or the gateway stops. A stream that had begun has been recorded by its relay."""
        if not x.status:
            x.outcome = "cancelled"
            self._desk.record(x)
        if run.is_called_off:
            output = gather_output(run.tape.events)
            await self._store.responses.keep(turn_into(run.kept, "cancelled", output=output))
        else:
            await self._see_it_ended(run, Unavailable("the gateway was stopped while this response was being made"))

    async def _move_on(self, run: _Run, status: Status) -> None:
        run.kept = turn_into(run.kept, status)
        await self._store.responses.keep(run.kept)

    async def _see_it_ended(self, run: _Run, error: TrunklineError) -> None:
        """A run whose stream did not say how it ended has failed."""
        kept = await self._store.responses.find(run.kept.path, run.kept.id)
        if kept is None or kept.status not in UNDER_WAY:
            return
        failed = turn_into(kept, "failed", error=error, output=gather_output(run.tape.events))
        await self._store.responses.keep(failed)
        number = run.tape.events[-1].number + 1 if run.tape.events else 0
        event = {"type": "response.failed", "sequence_number": number, "response": Raw(failed.response)}
        run.tape.write(b"data: %b\n\n" % msgspec.json.encode(event))

    async def _flush_often(self, run: _Run) -> None:
        while True:
            await asyncio.sleep(_FLUSH_SECONDS)
            await self._flush(run)

    async def _flush(self, run: _Run) -> None:
        """Keep the events that are new. While the store is away they wait on the tape."""
        new: Sequence[KeptEvent] = run.tape.events[run.flushed :]
        if not new or not run.kept.stream:
            return
        try:
            await self._store.runs.append(run.kept.id, new)
            run.flushed += len(new)
        except Unavailable:
            return

    # --- time ---------------------------------------------------------------------------------------------------

    def _beat(self) -> None:
        if self._heart is None or self._heart.done():
            self._heart = asyncio.create_task(self._keep_alive(), name="leases")

    async def _keep_alive(self) -> None:
        while True:
            try:
                await self._look_after_all()
            except Unavailable:
                pass  # away, the store lets leases run out, and whoever can reach it first takes over
            except Exception as error:  # noqa: BLE001 - a bug must not end the looking after
                _log.error("what runs in the background could not be looked after: %s", type(error).__name__)
            await asyncio.sleep(_BEAT_SECONDS)

    async def _look_after_all(self) -> None:
        for id, run in list(self._runs.items()):
            await self._store.runs.lease(id, self._holder, LEASE_SECONDS)
            kept = await self._store.responses.find(run.kept.path, id)
            if (kept is None or kept.status == "cancelled") and run.task is not None:
                run.is_called_off = kept is not None
                run.task.cancel()
        for path, id in await self._store.runs.orphans():
            kept = await self._store.responses.find(path, id)
            if kept is None or kept.status not in UNDER_WAY or id in self._runs:
                continue
            if kept.native:
                self.follow(kept)
            elif await self._store.runs.lease(id, self._holder, LEASE_SECONDS):
                error = Failed("the gateway was stopped while this response was being made")
                await self._store.responses.keep(turn_into(kept, "failed", error=error))


def _draw_queued(parts: Parts, x: Exchange, context: Context, target: Target) -> bytes:
    """The response object before anything has been done. Raises the caller's errors: the body is read whole."""
    dialect = parts.dialects[x.dialect]
    seal, unseal = parts.sealer.bind(target.account.name, x.principal.path)
    envelope = context.fit(target, replays=True)
    request = dialect.read_request(decode_body(envelope.members), unseal)
    drawn = draw_response(context.run_id or "", target.model, make_context(parts, x, request, target, seal, envelope))
    return msgspec.json.encode({**drawn, "status": "queued"})


def _as_stream(envelope: Envelope) -> Envelope:
    """A run is a stream, however it was asked for: what comes of it must be there when it is called off."""
    members = {**envelope.members, "stream": Raw(b"true")}
    return replace(envelope, stream=True, members=members, body=encode_members(members))
