"""What the store alone takes of the processor for one response, in its parts: for whoever works on them.

`python -m bench.parts` needs nothing but trunkline. Every figure is microseconds of processor time, of all threads, for a
response of about two kilobytes with three items before it.
"""

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import uvloop

from bench import wire
from trunkline.clock import SystemClock, mint
from trunkline.state.responses import KeptResponse
from trunkline.store.cipher import PLAIN
from trunkline.store.engine import open_database
from trunkline.store.fold import Fold
from trunkline.store.journal import KEPT, Journal, open_journal
from trunkline.store.keeper import Keeper
from trunkline.store.migrate import migrate
from trunkline.store.overlay import Entry, Overlay

_COUNT = 8192
_BATCH = 512
_WAVES = (1, 8, 64)
_CONNECTIONS = 64
_LIFE_MICROS = 30 * 86_400_000_000
_WORDS = "word " * 150

_clock = SystemClock()


def main() -> int:
    print(f"{'part':<44}µs")
    uvloop.run(_measure_all([_make(number) for number in range(_COUNT)]))
    return 0


async def _measure_all(kept: Sequence[KeptResponse]) -> None:
    with tempfile.TemporaryDirectory(prefix="bench-parts-") as folder:
        entries = [Entry(number, one.path, one, None) for number, one in enumerate(kept)]
        database = open_database(f"sqlite:///{folder}/parts.db")
        await migrate(database)
        fold = Fold(database, PLAIN, _clock)
        batches = [entries[at : at + _BATCH] for at in range(0, _COUNT, _BATCH)]

        async def draft() -> None:
            for batch in batches:
                fold.draft_all(batch)

        async def put() -> None:
            for batch in batches:
                await fold(batch)

        await _measure("made ready for the database", draft)
        await _measure("that, and put into it", put)
        await database.close()
        journal = open_journal(Path(folder) / "journal")
        journal.start()
        await _measure_journal(journal, kept)
        await _measure_keeper(journal, folder, kept)
        await journal.close()


async def _measure_journal(journal: Journal, kept: Sequence[KeptResponse]) -> None:
    overlay = Overlay(journal, PLAIN, 0)
    payloads = [overlay.write(one.path, one, None) for one in kept]

    async def encode() -> None:
        for one in kept:
            overlay.write(one.path, one, None)

    await _measure("written as a record", encode)
    for wave in _WAVES:

        async def append(wave: int = wave) -> None:
            for at in range(0, _COUNT // 4, wave):
                receipts = [journal.append(KEPT, payload) for payload in payloads[at : at + wave]]
                await asyncio.wait([receipt.written for receipt in receipts])

        await _measure(f"appended, {wave} at once", append, _COUNT // 4)


async def _measure_keeper(journal: Journal, folder: str, kept: Sequence[KeptResponse]) -> None:
    database = open_database(f"sqlite:///{folder}/all.db")
    await migrate(database)
    keeper = Keeper(journal, PLAIN, Fold(database, PLAIN, _clock))
    # What the measurements before have left is nothing to fold.
    await journal.folded(KEPT, sys.maxsize)
    await keeper.start()

    async def keep() -> None:
        waiting: set[asyncio.Future[None]] = set()
        for one in kept:
            waiting.add(keeper.keep(one))
            if len(waiting) >= _CONNECTIONS:
                _, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        await keeper.settled()

    await _measure(f"kept and folded, {_CONNECTIONS} at once", keep)
    await keeper.close()
    await database.close()


async def _measure(name: str, work: Callable[[], Awaitable[None]], count: int = _COUNT) -> None:
    begun = time.process_time()
    await work()
    print(f"{name:<44}{1e6 * (time.process_time() - begun) / count:.1f}")


def _make(number: int) -> KeptResponse:
    now, id = _clock.now_micros(), mint("resp_")
    body = json.loads(wire.request_body("responses", "m", streamed=False))
    body["input"][0]["content"] = f"Visitor {number}. {body['input'][0]['content']}"
    part = {"type": "output_text", "annotations": [], "text": _WORDS}
    message = {"type": "message", "id": mint("msg_"), "status": "completed", "role": "assistant", "content": [part]}
    response = {"id": id, "object": "response", "status": "completed", "model": "m", "output": [message], "tools": []}
    return KeptResponse(
        id=id,
        path="/",
        created_at_micros=now,
        expires_at_micros=now + _LIFE_MICROS,
        status="completed",
        input=json.dumps(body["input"], separators=(",", ":")).encode(),
        response=json.dumps(response, separators=(",", ":")).encode(),
        account="openai",
        native=True,
    )


if __name__ == "__main__":
    sys.exit(main())
