"""Keeps responses and turns: in the journal at once, in the database behind it, and visible all the while.

How an entry gets into the database is the business of the `Intake`; here it is decided when, in which order, and what
happens while the database is away: everything is kept all the same, and folded once it is back.
"""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Sequence
from functools import partial

from trunkline.errors import ConfigError, Unavailable
from trunkline.state.responses import KeptResponse, Turn
from trunkline.store.cipher import Cipher, Unreadable
from trunkline.store.intake import Fold, Intake
from trunkline.store.journal import ASIDE, KEPT, Journal
from trunkline.store.overlay import Entry, Held, Overlay
from trunkline.store.writer import LOST, WRITTEN, Receipt

_log = logging.getLogger("trunkline.store")

HELD_BYTES = 64 * 1024 * 1024
# What is held of an entry whose content is not: some 500 bytes.
_ENTRIES = 1_000_000
_BATCH = 512
_BATCH_BYTES = 8 * 1024 * 1024
# A lone response is folded this soon; while more keep coming, a batch is gathered for up to five times as long.
_LINGER_SECONDS = 0.04
_LINGERS = 5
_FEW = 4
_FOLD_SECONDS = 30.0
# How long a promise waits for a database that does not answer.
_PATIENCE_SECONDS = 2.0
_PAUSES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
_SHORTEST_PAUSE_SECONDS = 0.05
_SETTLE_SECONDS = 10.0
_CLOSE_WITHIN_SECONDS = 15.0
# What was deleted from the database is to be gone from the journal as well, however little there is to write.
_SCRUB_SECONDS = 3600.0


class Keeper:
    """Implements `keep` and `add_turn` of `state.Responses`, and finds what is not in the database yet.

    With `wait_for_fold`, for several replicas on one database, a promise is kept only when the others can see it, or
    when the database is away. `up` says whether the last fold went well.
    """

    def __init__(
        self,
        journal: Journal,
        cipher: Cipher,
        fold: Fold,
        *,
        wait_for_fold: bool = False,
        held_bytes: int = HELD_BYTES,
        fold_seconds: float = _FOLD_SECONDS,
        patience_seconds: float = _PATIENCE_SECONDS,
        scrub_seconds: float = _SCRUB_SECONDS,
    ) -> None:
        self._journal = journal
        self._wait_for_fold = wait_for_fold
        self._fold_seconds = fold_seconds
        self._patience_seconds = patience_seconds
        self._scrub_seconds = scrub_seconds
        self._scrub_at: float | None = None
        self._overlay = Overlay(journal, cipher, held_bytes)
        self._intake = Intake(fold, journal, self._overlay)
        self._barriers: deque[tuple[int, asyncio.Future[None]]] = deque()
        self._written = asyncio.Event()
        self._hurry = asyncio.Event()
        self._closing = False
        self._patient = True
        self.up = True

    def __repr__(self) -> str:
        return f"Keeper({self._overlay!r}, up={self.up})"

    async def start(self) -> None:
        """Take up what the last process left in the journal, and begin to fold.

        Raises `ConfigError` when something was sealed under a key that is gone.
        """
        self._loop = asyncio.get_running_loop()
        try:
            await asyncio.to_thread(self._replay, self._loop.create_future())
        except Unreadable as error:
            raise ConfigError(f"the journal cannot be read: {error}") from None
        self._journal.listen(self._written.set)
        self._task = asyncio.create_task(self._run(), name="fold")
        self._task.add_done_callback(self._ended)

    def _replay(self, nobody: "asyncio.Future[None]") -> None:
        for record in self._journal.replay(KEPT, ASIDE):
            receipt = Receipt(record.order, record.kind, b"", nobody)
            receipt.state = WRITTEN
            self._overlay.hold(receipt, self._overlay.read(receipt, record.payload))

    # --- keeping and finding --------------------------------------------------------------------------------------

    def keep(self, response: KeptResponse, turn: Turn | None = None) -> "asyncio.Future[None]":
        return self._keep(response.path, response, turn)

    def add_turn(self, path: str, turn: Turn) -> "asyncio.Future[None]":
        return self._keep(path, None, turn)

    def _keep(self, path: str, response: KeptResponse | None, turn: Turn | None) -> "asyncio.Future[None]":
        overlay = self._overlay
        if len(overlay) >= _ENTRIES:
            refused: asyncio.Future[None] = self._loop.create_future()
            _refuse(refused, "too much is waiting for the database")
            return refused
        receipt = self._journal.append(KEPT, overlay.write(path, response, turn))
        if receipt.state == LOST:
            return receipt.written
        held = overlay.hold(receipt, Entry(receipt.order, path, response, turn))
        return self._promise(held) if self._wait_for_fold else receipt.written

    def _promise(self, held: Held) -> "asyncio.Future[None]":
        promised = held.promised = self._loop.create_future()
        held.receipt.written.add_done_callback(partial(self._on_disk, promised))
        return promised

    def _on_disk(self, promised: "asyncio.Future[None]", written: "asyncio.Future[None]") -> None:
        """With the database away the journal's word has to do."""
        if (error := written.exception()) is not None:
            _refuse(promised, str(error))
        elif not self._patient:
            _fulfil(promised)

    async def find(self, path: str, id: str) -> KeptResponse | None:
        """The response, if it is held here. Whether it has expired is not looked at."""
        return await self._overlay.find(path, id)

    async def chain(self, path: str, id: str) -> tuple[list[KeptResponse], str | None]:
        """The part of a chain that is held here, the newest first, and the id that it goes on with elsewhere."""
        found: list[KeptResponse] = []
        following: str | None = id
        while following is not None and (response := await self._overlay.find(path, following)) is not None:
            found.append(response)
            following = response.parent_id
        return found, following

    def hide(self, id: str) -> None:
        """A response was deleted: it is not found here any more, not even when it is kept again."""
        self._overlay.hide(id)

    async def settled(self) -> None:
        """Wait until everything that was kept so far is in the database. Raises `Unavailable` when that is away."""
        if not len(self._overlay):
            return
        barrier: asyncio.Future[None] = self._loop.create_future()
        self._barriers.append((self._overlay.last_order, barrier))
        self._hurry.set()
        try:
            async with asyncio.timeout(_SETTLE_SECONDS):
                await barrier
        except TimeoutError:
            raise Unavailable("the database does not answer") from None

    async def close(self) -> None:
        """Fold what is left. What the database does not take now is replayed by the next start."""
        self._closing = True
        self._hurry.set()
        self._written.set()
        await asyncio.wait([self._task], timeout=_CLOSE_WITHIN_SECONDS)
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    # --- folding --------------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        failures = 0
        while batch := await self._gather():
            # What comes to be in a hurry from here on is for the next batch.
            self._hurry.clear()
            if await self._try_to_fold(batch):
                failures = 0
            elif self._closing:
                return
            else:
                await self._pause(_PAUSES[min(failures, len(_PAUSES) - 1)])
                failures += 1

    def _ended(self, task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and task.exception() is not None:
            self.up = False
            _log.critical("nothing is folded into the database any more", exc_info=task.exception())

    async def _gather(self) -> Sequence[Held]:
        """What to fold next, once there is something; nothing at the end."""
        await self._linger()
        while not (batch := self._overlay.decided(_BATCH, _BATCH_BYTES)):
            if self._closing and not len(self._overlay):
                return ()
            await self._await_written()
            await self._linger()
        return batch

    async def _await_written(self) -> None:
        """Until there is something, or until the journal is to be scrubbed."""
        self._written.clear()
        try:
            async with asyncio.timeout_at(self._scrub_at):
                await self._written.wait()
        except TimeoutError:
            await self._scrub()

    async def _scrub(self) -> None:
        self._scrub_at = None
        try:
            await self._journal.scrub()
        except (Unavailable, OSError) as error:
            _log.warning("the journal cannot be scrubbed: %s", type(error).__name__)

    async def _linger(self) -> None:
        """A moment for more to come: a row in a large batch costs half of what it does in a small one."""
        for _ in range(0 if self._wait_for_fold else _LINGERS):
            before = len(self._overlay)
            if self._closing or not 0 < before < _BATCH:
                return
            await self._hurried(_LINGER_SECONDS)
            if self._hurry.is_set() or len(self._overlay) - before < _FEW:
                return

    async def _hurried(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._hurry.wait(), seconds)

    async def _pause(self, seconds: float) -> None:
        """Leave the database alone for a while, unless somebody waits for it."""
        await asyncio.sleep(_SHORTEST_PAUSE_SECONDS)
        await self._hurried(seconds)

    async def _try_to_fold(self, batch: Sequence[Held]) -> bool:
        patience = self._loop.call_later(self._patience_seconds, self._lose_patience)
        try:
            async with asyncio.timeout(self._fold_seconds):
                await self._intake.take(await self._entries(batch))
        except (Unavailable, OSError):
            self._fail()
            return False
        finally:
            patience.cancel()
        if not self.up:
            _log.warning("the database is back")
        self.up = self._patient = True
        self._finish(batch)
        await self._mark(batch)
        return True

    async def _entries(self, batch: Sequence[Held]) -> list[Entry]:
        """The contents of what has been written."""
        written = [held for held in batch if held.receipt.state == WRITTEN]
        contents = await self._overlay.load(written)
        for held, entry in zip(written, contents, strict=True):
            if entry is None:
                _log.error("a record that was not folded is gone from the journal (number %d)", held.receipt.order)
        return [entry for entry in contents if entry is not None]

    def _finish(self, batch: Sequence[Held]) -> None:
        last = batch[-1].receipt.order
        for held in self._overlay.drop(len(batch)):
            if held.promised is not None:
                _fulfil(held.promised)
        while self._barriers and self._barriers[0][0] <= last:
            _fulfil(self._barriers.popleft()[1])

    async def _mark(self, batch: Sequence[Held]) -> None:
        """Move the checkpoint."""
        last = {held.receipt.kind: held.receipt.order for held in batch}
        try:
            for kind, order in last.items():
                await self._journal.folded(kind, order)
        except OSError as error:
            _log.warning("the journal's checkpoint cannot be written: %s", error.strerror)
        if self._scrub_at is None:
            self._scrub_at = self._loop.time() + self._scrub_seconds
        elif self._scrub_at < self._loop.time():
            await self._scrub()

    def _fail(self) -> None:
        """The database is away."""
        if self.up:
            _log.warning("the database is away: what is kept waits in the journal")
        self.up = False
        self._lose_patience()
        while self._barriers:
            _refuse(self._barriers.popleft()[1], "the database is away")

    def _lose_patience(self) -> None:
        """From here on, and until it answers, no promise waits for the database."""
        self._patient = False
        for held in self._overlay:
            if held.promised is not None and held.receipt.state == WRITTEN:
                _fulfil(held.promised)


def _fulfil(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)


def _refuse(future: "asyncio.Future[None]", message: str) -> None:
    if not future.done():
        future.set_exception(Unavailable(message))
        # Whether anybody still waits for it is not ours to judge.
        future.exception()
