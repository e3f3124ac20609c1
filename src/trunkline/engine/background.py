"""Responses that are made while nobody waits: begun, followed, played again, called off, and never left hanging.

A target that can do it runs them itself, and is followed; for any other they run here, through the same way as every
request. Whoever works on one keeps a lease on it: one whose holder has died is failed, or followed on.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from itertools import chain, repeat

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from trunkline.call import Header, Reply, Stream
from trunkline.dialects.openai_responses.errors import draw_response_error
from trunkline.dialects.openai_responses.reply import draw_response
from trunkline.dialects.openai_responses.stated import state_reply
from trunkline.engine.context import Context
from trunkline.engine.crossing.replies import make_context
from trunkline.engine.desk import Desk
from trunkline.engine.envelope import Envelope, decode_body, encode_members
from trunkline.engine.exchange import Exchange
from trunkline.engine.following import cancel_upstream, fetch_response
from trunkline.engine.headers import EVENT_STREAM, JSON
from trunkline.engine.keeping import Told, make_kept
from trunkline.engine.parts import Parts
from trunkline.engine.resources.kept import need_store
from trunkline.engine.router import Target
from trunkline.engine.tape import Playback, Tape
from trunkline.errors import Failed, TrunklineError, Unavailable, UpstreamError
from trunkline.state.responses import UNDER_WAY, KeptResponse, Status
from trunkline.state.runs import KeptEvent
from trunkline.state.store import Store

_log = logging.getLogger("trunkline")

# Runs at once in one process; what is more is refused, not queued without end.
_LIMIT = 1000
_AT_ONCE = 256

_LEASE_SECONDS = 30.0
_BEAT_SECONDS = 5.0

# How soon events are kept for those who come back, and how often another process's are looked for.
_FLUSH_SECONDS = 0.2
_LOOK_SECONDS = 0.5

_POLL_SECONDS = (1.0, 2.0, 3.0, 5.0, 10.0)

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
    """All runs of one gateway. `generate` is the way of a request; `start` once, `close` at the end."""

    def __init__(self, desk: Desk, generate: Generate) -> None:
        self._desk = desk
        self._generate = generate
        self._holder = desk.parts.instance.decode()
        self._runs: dict[str, _Run] = {}
        self._following: dict[str, asyncio.Task[None]] = {}
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
        await self._store.runs.lease(kept.id, self._holder, _LEASE_SECONDS)
        run = self._runs[kept.id] = _Run(kept)
        run.task = asyncio.create_task(self._work(run, x, context), name="background")
        self._beat()
        request_id: Header = (b"x-request-id", x.request_id.encode())
        if not is_stream:
            return Reply(status=200, headers=[request_id, JSON], body=queued)
        return Reply(status=200, headers=[request_id, *EVENT_STREAM], body=Playback(run.tape, -1))

    def play(self, kept: KeptResponse, after: int) -> Stream:
        """The events of a run from a number on, as they come."""
        run = self._runs.get(kept.id)
        return Playback(run.tape if run is not None else _StoredEvents(self._store, kept), after)

    async def call_off(self, kept: KeptResponse) -> KeptResponse:
        """End a run that is under way, wherever it runs. Raises `UpstreamError` when its upstream cannot be told."""
        if kept.native:
            cancelled = await cancel_upstream(self._desk, kept) or _end(kept, "cancelled")
            await self._store.responses.keep(cancelled)
            return cancelled
        run = self._runs.get(kept.id)
        if run is not None and run.task is not None:
            run.is_called_off = True
            run.task.cancel()
            await asyncio.wait([run.task])
            return await self._store.responses.find(kept.path, kept.id) or kept
        cancelled = _end(kept, "cancelled")
        await self._store.responses.keep(cancelled)
        return cancelled

    def follow(self, kept: KeptResponse) -> None:
        """Keep up with a run of the upstream's own, until it has ended."""
        if kept.id in self._following:
            return
        task = asyncio.create_task(self._follow(kept), name="follow")
        self._following[kept.id] = task
        task.add_done_callback(lambda _: self._following.pop(kept.id, None))
        self._beat()

    def start(self) -> None:
        """Look after what another process has left behind."""
        self._beat()

    async def close(self) -> None:
        """End what runs here; each ends failed, as it cannot go on."""
        tasks = [run.task for run in self._runs.values() if run.task is not None]
        tasks += [*self._following.values(), *([self._heart] if self._heart is not None else [])]
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
            x.fail(error)
            x.status = error.status
            self._desk.record(x)
            await self._see_it_ended(run, error)
        except asyncio.CancelledError:
            x.outcome = "cancelled"
            if run.is_called_off:
                await self._store.responses.keep(_end(run.kept, "cancelled", output=_output_so_far(run.tape)))
            else:
                await self._see_it_ended(run, Unavailable("the gateway was stopped while this response was being made"))
        except Exception as error:  # noqa: BLE001 - a bug must not leave a run hanging
            _log.error("a run in the background broke: %s", type(error).__name__)
            await self._see_it_ended(run, Failed("internal error"))
        finally:
            keeping.cancel()
            await self._flush(run)
            run.tape.end()
            self._runs.pop(run.kept.id, None)

    async def _move_on(self, run: _Run, status: Status) -> None:
        run.kept = _end(run.kept, status)
        await self._store.responses.keep(run.kept)

    async def _see_it_ended(self, run: _Run, error: TrunklineError) -> None:
        """A run whose stream did not say how it ended has failed."""
        kept = await self._store.responses.find(run.kept.path, run.kept.id)
        if kept is None or kept.status not in UNDER_WAY:
            return
        failed = _end(kept, "failed", error=error, output=_output_so_far(run.tape))
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

    # --- a run of the upstream's --------------------------------------------------------------------------------

    async def _follow(self, kept: KeptResponse) -> None:
        for seconds in chain(_POLL_SECONDS, repeat(_POLL_SECONDS[-1])):
            await asyncio.sleep(seconds)
            try:
                if await self._is_at_its_end(kept):
                    return
            except (UpstreamError, Unavailable):
                continue  # asked again, as long as it may still come to an end

    async def _is_at_its_end(self, kept: KeptResponse) -> bool:
        """Ask the upstream how far it is, and keep what it says; also when there is nothing more to do here."""
        if not await self._store.runs.lease(kept.id, self._holder, _LEASE_SECONDS):
            return True  # another process does it
        known = await self._store.responses.find(kept.path, kept.id)
        if known is None or known.status not in UNDER_WAY:
            return True
        fresh = await fetch_response(self._desk, known)
        if fresh is None:
            fresh = _end(known, "failed", error=Failed("the upstream does not know this response any more"))
        if fresh.status != known.status:
            await self._store.responses.keep(fresh)
        return fresh.status not in UNDER_WAY

    # --- time ---------------------------------------------------------------------------------------------------

    def _beat(self) -> None:
        if self._heart is None or self._heart.done():
            self._heart = asyncio.create_task(self._keep_alive(), name="leases")

    async def _keep_alive(self) -> None:
        while True:
            try:
                await self._look_after_all()
            except Unavailable:
                pass  # away: leases run out, and whoever can reach the store first takes over
            await asyncio.sleep(_BEAT_SECONDS)

    async def _look_after_all(self) -> None:
        for id, run in list(self._runs.items()):
            await self._store.runs.lease(id, self._holder, _LEASE_SECONDS)
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
            elif await self._store.runs.lease(id, self._holder, _LEASE_SECONDS):
                error = Failed("the gateway was stopped while this response was being made")
                await self._store.responses.keep(_end(kept, "failed", error=error))


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


class _StoredEvents:
    """The events of a run that goes on in another process, or has ended."""

    def __init__(self, store: Store, kept: KeptResponse) -> None:
        self._store = store
        self._kept = kept

    async def after(self, number: int) -> tuple[Sequence[KeptEvent], bool]:
        for _ in range(20):
            kept = await self._store.responses.find(self._kept.path, self._kept.id)
            events = await self._store.runs.events(self._kept.id, number)
            is_over = kept is None or kept.status not in UNDER_WAY
            if events or is_over:
                return events, is_over
            await asyncio.sleep(_LOOK_SECONDS)
        return [], False


class _Output(Struct):
    type: str = ""
    item: Raw = Raw(b"null")


_decode_output = msgspec.json.Decoder(_Output).decode


def _output_so_far(tape: Tape) -> Raw:
    """The items that were whole when a run came to its end."""
    seen = [_decode_output(event.data[6:]) for event in tape.events if b"output_item.done" in event.data]
    return Raw(msgspec.json.encode([event.item for event in seen if event.type == "response.output_item.done"]))


def _end(
    kept: KeptResponse, status: Status, *, error: TrunklineError | None = None, output: Raw | None = None
) -> KeptResponse:
    """The response in another state."""
    changes = {"status": Raw(msgspec.json.encode(status))}
    if error is not None:
        changes["error"] = Raw(msgspec.json.encode(draw_response_error(error)))
    if output is not None:
        changes["output"] = output
    return replace(kept, status=status, response=state_reply(kept.response, changes))
