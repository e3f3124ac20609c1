"""The fake as the engine's own port to providers, with no socket in between."""

import asyncio

from trunkline.errors import Failed
from trunkline.ports import UpstreamRequest
from trunkline.upstream.fake.script import Performance
from trunkline.upstream.fake.stage import Received, Stage
from trunkline.upstream.reply import Reply


class FakeUpstream:
    """Implements `ports.Upstream` with what a stage answers. One task for each reply; `close` of the reply ends it."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage

    async def send(self, request: UpstreamRequest) -> Reply:
        performance = self.stage.perform(_read_request(request))
        await asyncio.sleep(performance.wait)
        player = _Player(request.origin.host, performance)
        return player.start()


class _Player:
    """Plays a reply into its holder: the wire of `upstream.reply.Wire`, made of a task."""

    def __init__(self, name: str, performance: Performance) -> None:
        self.name = name
        self._performance = performance
        self._open = asyncio.Event()
        self._open.set()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> Reply:
        reply = Reply(self, asyncio.get_running_loop().create_future())
        headers = {name.encode(): value.encode() for name, value in self._performance.headers.items()}
        reply.begin(self._performance.status, headers, None)
        self._task = asyncio.create_task(self._play(reply), name="scripted reply")
        return reply

    def hold(self) -> None:
        self._open.clear()

    def proceed(self) -> None:
        self._open.set()

    def drop(self) -> None:
        if self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel()

    async def _play(self, reply: Reply) -> None:
        for step in self._performance.steps:
            await self._open.wait()
            if isinstance(step, bytes):
                reply.take(step)
                await asyncio.sleep(0)
            else:
                await asyncio.sleep(step)
        match self._performance.ending:
            case "end":
                reply.finish()
            case "cut" | "reset":
                reply.fail(Failed(f"the reply of `{self.name}` was cut short"))
            case "silence":
                # Until the holder closes the reply, which cancels this.
                await asyncio.get_running_loop().create_future()


def _read_request(request: UpstreamRequest) -> Received:
    start, *lines = request.head.decode("latin-1").rstrip("\r\n").split("\r\n")
    method, path, _ = start.split(" ")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return Received(method, path, headers, request.body)
