"""Deadlines and the date, once a second for all connections, so that no request pays for a timer."""

import asyncio
from email.utils import formatdate
from typing import Protocol

from trunkline.clock import Clock
from trunkline.serve.bugs import log_bug


class Ageing(Protocol):
    """A connection, as the sweep sees it."""

    def age(self, seconds: float) -> None:
        """Let so much time pass, and cut what has waited too long."""


class Sweep:
    """Tells every living connection that time passes. `date` is the current `date` header, as a whole line."""

    def __init__(self, clock: Clock, every_seconds: float) -> None:
        self.connections: set[Ageing] = set()
        self._clock = clock
        self._every_seconds = every_seconds
        self.date = b""
        self.refresh()

    def refresh(self) -> None:
        seconds = self._clock.now_micros() / 1_000_000
        self.date = b"date: %b\r\n" % formatdate(seconds, usegmt=True).encode("ascii")

    async def run(self) -> None:
        """Until cancelled. A loop that was held up counts too little time, never too much."""
        while True:
            await asyncio.sleep(self._every_seconds)
            self.refresh()
            for connection in tuple(self.connections):
                try:
                    connection.age(self._every_seconds)
                except Exception as error:  # noqa: BLE001  # one connection may not cost all others their deadlines
                    log_bug(error)
