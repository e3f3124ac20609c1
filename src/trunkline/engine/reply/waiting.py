"""A stream whose beginning takes long: its head goes out all the same, and the silence until then is broken.

What is made before an answer (a summary of all that was said) may take a minute, of which the upstream's own stream
knows nothing yet.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from trunkline.call import Reply, Sink
from trunkline.engine.reply.relay import COMMIT_WITHIN, KEEP_ALIVE_AFTER, Live, Manner
from trunkline.errors import Broken, TrunklineError, Unavailable

Ended = Callable[[TrunklineError | None], None]


async def begin_within(
    making: Coroutine[Any, Any, Reply], head: Callable[[], Reply], manner: Manner, ended: Ended, live: set[Live]
) -> Reply:
    """The reply, if it is there before its head must go out; else the one of `head`, whose body waits for it.

    Raises what went wrong until then. What goes wrong later is drawn within the stream and told `ended`, as is `None`
    for a client that has left by then.
    """
    task = asyncio.create_task(making, name="waiting")
    try:
        await asyncio.wait([task], timeout=COMMIT_WITHIN)
    except BaseException:
        await _call_off(task)
        raise
    if task.done():
        return task.result()
    reply = head()
    return Reply(status=reply.status, headers=reply.headers, body=Waiting(task, manner, ended, live))


class Waiting:
    """`trunkline.call.Stream`: what breaks silence, and then the stream of the reply that is being made."""

    def __init__(self, task: "asyncio.Task[Reply]", manner: Manner, ended: Ended, live: set[Live]) -> None:
        self._task = task
        self._manner = manner
        self._ended = ended
        self._live = live
        live.add(self)

    async def pour(self, sink: Sink) -> None:
        sink.attach(self)
        try:
            while not self._task.done():
                sink.write(self._manner.keep_alive)
                await asyncio.wait([self._task], timeout=KEEP_ALIVE_AFTER)
        except asyncio.CancelledError:
            await _call_off(self._task)
            self._ended(None)
            raise
        finally:
            self._live.discard(self)
        reply = self._take(sink)
        if reply is None:
            return
        if isinstance(reply.body, bytes):
            sink.write(reply.body)
        else:
            await reply.body.pour(sink)

    def _take(self, sink: Sink) -> Reply | None:
        """The reply that was waited for; `None` when it is told that there will be none."""
        try:
            return self._task.result()
        except asyncio.CancelledError:
            failure: TrunklineError = Unavailable("the gateway is shutting down: send the request again")
        except TrunklineError as error:
            failure = error
        except Exception as error:  # noqa: BLE001 - the head is out, so a bug too is told here
            failure = Broken("internal error", detail=type(error).__name__)
        sink.write(self._manner.draw(failure))
        self._ended(failure)
        return None

    def close(self) -> None:
        """The client has left before the body began."""
        self._live.discard(self)
        self._closing = asyncio.ensure_future(_call_off(self._task))
        self._ended(None)

    def tick(self) -> None:
        """Whoever waits in `pour` looks at the time by itself."""

    def drain(self) -> None:
        """What is being made is given up, and `pour` says so."""
        self._task.cancel()

    def pause(self) -> None:
        """What breaks silence is too little to be held back."""

    def resume(self) -> None:
        """Does nothing: nothing was held back."""


async def _call_off(task: "asyncio.Task[Reply]") -> None:
    """End what nobody waits for any more, and let go of what it has brought forth."""
    task.cancel()
    await asyncio.wait([task])
    if not task.cancelled() and task.exception() is None:
        body = task.result().body
        if not isinstance(body, bytes):
            body.close()
