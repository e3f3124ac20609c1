"""A server process for the tests: prints its port, answers, and ends as it is told.

`/slow` waits for the seconds in its query, `/stream` pours until it is drained, `/deaf` pours and does not hear the
drain. When all is closed, it says so.
"""

import asyncio
import os
import sys
from collections.abc import Sequence

import uvloop
from doorstep import FakeGateway, Script

from trunkline.call import Call, Reply, Sink
from trunkline.serve.face import Face
from trunkline.serve.limits import Limits
from trunkline.serve.server import Address, Server


class Draining(FakeGateway):
    """Streams end with an error event when the drain is over."""

    def __init__(self) -> None:
        super().__init__()
        self.is_drained = asyncio.Event()

    async def handle(self, call: Call) -> Reply:
        if call.path == "/slow":
            await asyncio.sleep(float(call.query))
            return Reply(status=200, headers=[], body=b"slow")
        if call.path in ("/stream", "/deaf"):
            return Reply(status=200, headers=[], body=Script(self._deaf if call.path == "/deaf" else self._pour))
        return Reply(status=200, headers=[], body=b"ok")

    async def _pour(self, sink: Sink) -> None:
        sink.write(b"data: 1\n\n")
        await self.is_drained.wait()
        sink.write(b"event: error\n\n")

    async def _deaf(self, sink: Sink) -> None:
        sink.write(b"data: 1\n\n")
        await asyncio.sleep(60)

    def leave(self) -> None:
        """There is nothing without an end."""

    def drain(self) -> None:
        self.is_drained.set()


def announce(addresses: Sequence[Address]) -> None:
    print(addresses[0].port, flush=True)


async def main() -> Server:
    face = Face(Draining(), limits=Limits(drain_seconds=float(sys.argv[1])))
    server = Server(face, port=0, on_started=announce)
    try:
        await server.serve()
    finally:
        print("closed", flush=True)
    return server


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        ended = runner.run(main())
    print(f"pid {os.getpid()} ends", flush=True)
    ended.repeat_signal()
