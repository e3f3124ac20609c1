"""A streamed reply under way: upstream bytes through a `Passage` into the face's `Sink`.

The bytes are pushed: the upstream's callback feeds the passage and writes what comes out to the client, with no task,
queue or timer of its own. Nothing is committed (no status 200 leaves) until the passage has seen content, or an error,
or ten seconds have passed: until then a failure can still be a real status code. What there is to record of a stream is
recorded before its last bytes leave: a client that has seen the end can rely on it.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol

from msgspec import Struct

from trunkline.call import Sink
from trunkline.dialects.dialect import Dialect, Passage
from trunkline.errors import Broken, Failed, TrunklineError, Unavailable
from trunkline.ports import UpstreamReply
from trunkline.providers.account import Account

# In seconds, which are also ticks of the sweep. SDKs and proxies give up after a minute of silence, some after 30 s.
KEEP_ALIVE_AFTER = 10
COMMIT_WITHIN = 10
LINGER = 2
# How long a finished answer waits for its counts and its end: they come at once, or never. Gemini's streams have no
# end but the connection's, and some servers say why a model stopped with every piece, so it is not hasty.
FINISHED_LINGER = 5

# Held back between the commit and the moment the face takes over: a moment's worth, not a whole answer's.
_HOLD_BYTES = 256 * 1024

# Held back while there is no content yet: a Responses stream begins with two echoes of the instructions and tools.
_PRELUDE_BYTES = 4 * 1024 * 1024


class Manner(Struct, frozen=True):
    """How a stream is told: what breaks silence, how an error is drawn, and whether these bytes hold its end."""

    keep_alive: bytes
    draw: Callable[[TrunklineError], bytes]
    holds_end: Callable[[bytes], bool]


def manner_of(dialect: Dialect) -> Manner:
    """How a caller of this dialect is told a stream."""
    return Manner(dialect.keep_alive, dialect.write_error_event, dialect.holds_end)


class Live(Protocol):
    """A stream under way, as whoever looks after all of them knows it."""

    def tick(self) -> None:
        """A second has passed."""

    def drain(self) -> None:
        """The gateway is going down: end with an error event."""


class Relay:
    """One stream. `commit` first, then `pour` (or `close`); `ended` is called once, when there is no more to come."""

    __slots__ = (
        "_account",
        "_ended",
        "_held",
        "_held_bytes",
        "_has_told",
        "_holds_end",
        "_is_finished",
        "_is_held_up",
        "_live",
        "_manner",
        "_over",
        "_paused",
        "_quiet_ticks",
        "_reply",
        "_secret",
        "_sink",
        "_waiter",
        "cancelled",
        "passage",
    )

    def __init__(
        self,
        reply: UpstreamReply,
        passage: Passage,
        manner: Manner,
        live: "set[Live]",
        ended: Callable[["Relay"], None],
        account: Account,
    ) -> None:
        self.passage = passage
        self._manner = manner
        self._holds_end = manner.holds_end
        self._account = account
        self._secret = account.secret
        self.cancelled = False
        self._reply = reply
        self._has_told = False
        self._live = live
        self._ended: Callable[[Relay], None] | None = ended
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._paused = False
        self._is_held_up = False
        self._sink: Sink | None = None
        self._over = False
        self._quiet_ticks = 0
        self._is_finished = False
        self._waiter: asyncio.Future[None] | None = None

    # --- the engine's side --------------------------------------------------------------------------------------

    async def commit(self) -> None:
        """Wait for content. Raises the error that came in its place; then nothing is left to close."""
        self._live.add(self)
        try:
            self._reply.pour(self._feed, self._done)
            if not self._decided:
                await self._wait()
            if self.passage.error is not None and not self.passage.has_content:
                raise self.passage.error
        except BaseException:
            self._release()
            raise

    @property
    def _decided(self) -> bool:
        return self._over or self.passage.has_content or self.passage.error is not None

    def tick(self) -> None:
        """A second has passed: commit what waited too long, speak into silence, end what has told its end."""
        self._quiet_ticks += 1
        if self._has_told and self._quiet_ticks >= LINGER:
            # Clients read on until the connection is at its end, and some upstreams keep theirs open.
            self._done(None)
        elif self._sink is None:
            if self._quiet_ticks >= COMMIT_WITHIN:
                self._wake()
        elif self._quiet_ticks == 2:
            # Asked once in a silence: thousands of streams may wait for their models to think.
            self._is_finished = not self._is_held_up and self.passage.is_finished()
        elif self._is_finished and self._quiet_ticks > FINISHED_LINGER:
            self._done(None)
        elif self._quiet_ticks >= KEEP_ALIVE_AFTER:
            self._quiet_ticks = 0
            self._sink.write(self._manner.keep_alive)

    def drain(self) -> None:
        """The gateway is going down: end with an error event."""
        self._done(Unavailable("the gateway is shutting down: send the request again"))

    # --- the upstream's side ------------------------------------------------------------------------------------

    def _feed(self, data: bytes) -> None:
        if self._over:
            return
        passage = self.passage
        try:
            out = passage.feed(data)
        except Exception as error:  # noqa: BLE001 - raised here it would tear down the upstream's connection
            out = self._break(error)
        if out:
            if self._sink is not None and not self._has_told and (passage.error is not None or self._holds_end(out)):
                out += self._tell_end()
            # Said here once more, since it is done for every event: what has nothing to hide goes straight through.
            if self._sink is not None and passage.error is None and not (self._secret and out.find(self._secret) >= 0):
                self._quiet_ticks = 0
                self._sink.write(out)
            else:
                self._write(out)
        if passage.error is not None:
            self._finish()
        elif self._sink is None and passage.has_content:
            self._wake()

    def _done(self, error: Exception | None) -> None:
        if self._over:
            return
        try:
            out = self._end(error)
        except Exception as bug:  # noqa: BLE001 - as above
            out = self._break(bug)
        if self._sink is not None and self._may_tell:
            self._tell()
        if out:
            self._write(out)
        self._finish()

    @property
    def _may_tell(self) -> bool:
        """Whether the end may be told as soon as it has come."""
        return True

    def _tell_end(self) -> bytes:
        """The end is about to be told: have it recorded. Gives what is still to be said."""
        if not self._may_tell:
            return b""
        rest = b"" if self.passage.error is not None else self.passage.end()
        self._has_told = True
        self._tell()
        return rest

    def _tell(self) -> None:
        ended, self._ended = self._ended, None
        if ended is not None:
            ended(self)

    def _end(self, error: Exception | None) -> bytes:
        if error is None:
            return self.passage.end()
        return self.passage.fail(
            error if isinstance(error, TrunklineError) else Failed("the upstream's stream broke off")
        )

    def _break(self, bug: Exception) -> bytes:
        """A bug in a dialect ends this stream with an error event, and no other."""
        failure = self.passage.error = Broken("internal error", detail=f"{type(bug).__name__} in a passage")
        failure.__cause__ = bug
        return self._manner.draw(failure)

    def _write(self, out: bytes) -> None:
        if self.passage.error is not None or (self._secret and self._secret in out):
            out = self._redact(out)
        if self._sink is not None:
            self._quiet_ticks = 0
            self._sink.write(out)
            return
        self._held.append(out)
        self._held_bytes += len(out)
        if self._held_bytes > (_HOLD_BYTES if self._decided else _PRELUDE_BYTES) and not self._paused:
            self._paused = True
            self._reply.pause()
            # What is paused brings no content, so there is nothing more to wait for.
            self._wake()

    def _redact(self, out: bytes) -> bytes:
        """Without our credential, which providers like to quote in the errors that they send in mid-stream."""
        return self._account.redact(out.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")

    def _finish(self) -> None:
        self._over = True
        self._reply.close()
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def _wait(self) -> None:
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    # --- the face's side ----------------------------------------------------------------------------------------

    async def pour(self, sink: Sink) -> None:
        """Write what was held, then everything as it comes, until the end."""
        try:
            sink.attach(self)
            self._sink = sink
            self._quiet_ticks = 0
            if self._held:
                self._write_held(sink)
            if self._paused and not self._is_held_up:
                self._reply.resume()
            if not self._over:
                await self._wait()
        finally:
            self._release()
            # They know each other: kept, that would keep both until the collector comes.
            self._sink = None

    def _write_held(self, sink: Sink) -> None:
        if self._over:
            self._tell()
        elif not self._has_told and self._holds_end(self._held[-1]):
            self._held.append(self._tell_end())
        sink.write(self._held[0] if len(self._held) == 1 else b"".join(self._held))
        self._held.clear()

    def pause(self) -> None:
        """The client is slow: what the upstream says waits there."""
        self._is_held_up, self._is_finished = True, False
        self._reply.pause()

    def resume(self) -> None:
        self._is_held_up = False
        self._reply.resume()

    def close(self) -> None:
        """The client left before the body began."""
        self._release()

    def _release(self) -> None:
        """The one place where everything is let go, however the stream came to its end. Idempotent."""
        self.cancelled = self.cancelled or not self._over
        self._over = True
        self._live.discard(self)
        self._reply.close()
        self._tell()
