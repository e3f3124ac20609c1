"""A stream under way: what is held back, when it is committed, and how each end lets everything go."""

import asyncio
import weakref

import pytest

from scripted_gateway import Client, ScriptedReply, stream
from trunkline.engine.reply.relay import COMMIT_WITHIN, FINISHED_LINGER, KEEP_ALIVE_AFTER, LINGER, Manner, Relay
from trunkline.errors import Broken, Busy, Failed, TrunklineError, Unavailable
from trunkline.providers.account import make_account
from trunkline.providers.directory import load_provider
from trunkline.usage import NO_USAGE, Usage

SECRET = b"sk-proj-0123456789"


class Passage:
    """Passes bytes on. `+` is content, `!` an error, `?` a bug; without `.` or the finish `,` a stream is cut short."""

    def __init__(self) -> None:
        self.has_content = False
        self.incomplete = False
        self.error: TrunklineError | None = None
        self.usage: Usage = NO_USAGE
        self._has_ended = False

    def feed(self, data: bytes) -> bytes:
        if b"?" in data:
            raise KeyError("a bug")
        self.has_content |= b"+" in data
        self._has_ended |= b"." in data or b"," in data
        if b"!" in data:
            self.error = Busy("no", upstream_status=429)
        return data

    def end(self) -> bytes:
        return b"" if self._has_ended else self.fail(Failed("cut short"))

    def fail(self, error: TrunklineError) -> bytes:
        if self._has_ended:
            return b""
        self.error = error
        return b"<%b>" % error.message.encode()

    def is_finished(self) -> bool:
        return self._has_ended


class Play:
    """A relay between a scripted reply and a client."""

    def __init__(self, reply: ScriptedReply) -> None:
        self.reply = reply
        self.client = Client()
        self.live: set[Relay] = set()
        self.ended: list[Relay] = []
        self.passage = Passage()
        account = make_account(load_provider("openai"), api_key=SECRET.decode())
        manner = Manner(b"<ping>", self.draw, lambda data: b"." in data)
        self.relay = Relay(reply, self.passage, manner, self.live, self.ended.append, account)

    def draw(self, error: TrunklineError) -> bytes:
        return b"<drawn %b>" % error.message.encode()

    async def pour(self) -> bytes:
        """Commit and pour to the end."""
        await self.relay.commit()
        await self.relay.pour(self.client)
        self.check_released()
        return self.client.body

    async def start(self) -> asyncio.Task[None]:
        """Committed and being poured."""
        await self.relay.commit()
        pouring = asyncio.create_task(self.relay.pour(self.client))
        await asyncio.sleep(0)
        return pouring

    def check_released(self) -> None:
        assert self.reply.closed
        assert not self.live
        assert self.ended == [self.relay]


def live(*pieces: bytes) -> Play:
    """A play whose upstream goes on after these pieces as the test says."""
    return Play(stream(*pieces, ending="open"))


async def test_a_whole_stream_passes() -> None:
    """Every byte, once, and everything is let go."""
    play = Play(stream(b"a", b"+b", b"c."))
    assert await play.pour() == b"a+bc."
    assert not play.relay.cancelled


async def test_an_ended_stream_is_no_garbage() -> None:
    """The client it was poured to knows it: nobody would let go of both, with all that they hold, but the collector."""
    play = Play(stream(b"+a", b"b."))
    await play.pour()
    client = weakref.ref(play.client)
    del play.client
    assert client() is None


async def test_nothing_is_committed_before_content() -> None:
    """A role or a ping is no content."""
    play = live(b"role")
    committing = asyncio.create_task(play.relay.commit())
    await asyncio.sleep(0)
    play.reply.say(b"more")
    await asyncio.sleep(0)
    assert not committing.done()
    play.reply.say(b"+text")
    await committing
    play.reply.say(b"late.")
    play.reply.end()
    await play.relay.pour(play.client)
    assert play.client.body == b"rolemore+textlate."


async def test_an_error_before_content_is_raised() -> None:
    """It can still be a status."""
    play = Play(stream(b"role", b"!"))
    with pytest.raises(Busy):
        await play.relay.commit()
    play.check_released()


async def test_an_early_end_is_raised() -> None:
    """A stream that was cut before anything came is an error, not an empty answer."""
    play = Play(stream(b"role", ending="cut"))
    with pytest.raises(Failed):
        await play.relay.commit()
    play.check_released()


async def test_an_error_behind_content_stays_in_the_stream() -> None:
    """Even when both came in one read."""
    play = Play(stream(b"+a", b"!"))
    assert await play.pour() == b"+a!"
    assert isinstance(play.passage.error, Busy)


async def test_an_empty_answer_is_committed_by_its_proper_end() -> None:
    """No text at all, but an end."""
    assert await Play(stream(b"role.")).pour() == b"role."


async def test_ten_seconds_without_content_commit() -> None:
    """Then the client hears that somebody is there; what came was kept."""
    play = live(b"role")
    committing = asyncio.create_task(play.relay.commit())
    await asyncio.sleep(0)
    for _ in range(COMMIT_WITHIN - 1):
        play.relay.tick()
    await asyncio.sleep(0)
    assert not committing.done()
    play.relay.tick()
    await committing
    assert not play.reply.closed
    play.relay.close()


async def test_a_dribble_without_content_does_not_put_off_the_commit() -> None:
    """The ten seconds count from the upstream's head, not from its last byte."""
    play = live(b"role")
    committing = asyncio.create_task(play.relay.commit())
    await asyncio.sleep(0)
    for _ in range(COMMIT_WITHIN):
        play.reply.say(b"ping")
        play.relay.tick()
    await asyncio.sleep(0)
    assert committing.done()
    play.relay.close()


async def test_an_error_after_a_late_commit_is_in_the_stream() -> None:
    """The 200 has gone."""
    play = live(b"role")
    committing = asyncio.create_task(play.relay.commit())
    await asyncio.sleep(0)
    for _ in range(COMMIT_WITHIN):
        play.relay.tick()
    await committing
    pouring = asyncio.create_task(play.relay.pour(play.client))
    await asyncio.sleep(0)
    play.reply.end(Failed("gone"))
    await pouring
    assert play.client.body == b"role<gone>"
    play.check_released()


async def test_silence_is_spoken_into() -> None:
    """A comment after ten quiet seconds, and again after ten more."""
    play = live(b"+a")
    pouring = await play.start()
    for _ in range(2 * KEEP_ALIVE_AFTER):
        play.relay.tick()
    assert play.client.body == b"+a<ping><ping>"
    play.reply.say(b"b")
    for _ in range(KEEP_ALIVE_AFTER - 1):
        play.relay.tick()
    play.reply.say(b".")
    play.reply.end()
    await pouring
    assert play.client.body == b"+a<ping><ping>b."


async def test_an_end_that_was_told_is_the_end() -> None:
    """Though the upstream leaves its connection open."""
    play = live(b"+a")
    pouring = await play.start()
    play.reply.say(b"b.")
    for _ in range(LINGER):
        assert not pouring.done()
        play.relay.tick()
    await pouring
    assert play.client.body == b"+ab."
    assert (play.passage.error, play.relay.cancelled) == (None, False)
    play.check_released()


async def test_a_finished_answer_waits_a_little_for_its_end() -> None:
    """Counts come behind the finish; what says nothing more is over."""
    play = live(b"+a")
    pouring = await play.start()
    play.reply.say(b"b,")
    play.relay.tick()
    play.reply.say(b"counts")
    for _ in range(FINISHED_LINGER + 1):
        assert not pouring.done()
        play.relay.tick()
    await pouring
    assert play.client.body == b"+ab,counts"
    assert (play.passage.error, play.relay.cancelled) == (None, False)
    play.check_released()


async def test_what_a_slow_client_holds_up_is_not_over() -> None:
    """What would come behind the finish waits at the upstream."""
    play = live(b"+a,")
    pouring = await play.start()
    assert play.client.source is not None
    play.client.source.pause()
    assert play.reply.paused
    for _ in range(2 * FINISHED_LINGER):
        play.relay.tick()
    play.client.source.resume()
    play.reply.say(b"more.")
    play.reply.end()
    await pouring
    assert b"more." in play.client.body


async def test_a_cut_stream_ends_in_an_error_event() -> None:
    """The upstream's connection broke."""
    play = live(b"+a")
    pouring = await play.start()
    play.reply.end(Failed("the connection was cut"))
    await pouring
    assert play.client.body == b"+a<the connection was cut>"
    play.check_released()


async def test_an_unknown_failure_shows_nothing_of_itself() -> None:
    """What is not an error of ours is named by our own words."""
    play = live(b"+a")
    pouring = await play.start()
    play.reply.end(OSError("secret path"))
    await pouring
    assert play.client.body == b"+a<the upstream's stream broke off>"


async def test_a_stream_without_its_end_is_an_error() -> None:
    """A clean close is no proper end."""
    assert await Play(stream(b"+a")).pour() == b"+a<cut short>"


async def test_draining_ends_it_with_an_error_event() -> None:
    """And closes the upstream."""
    play = live(b"+a")
    pouring = await play.start()
    play.relay.drain()
    await pouring
    assert b"shutting down" in play.client.body
    assert isinstance(play.passage.error, Unavailable)
    play.check_released()


async def test_draining_before_the_commit_is_a_status() -> None:
    """503: nothing has been sent."""
    play = live(b"role")
    committing = asyncio.create_task(play.relay.commit())
    await asyncio.sleep(0)
    play.relay.drain()
    with pytest.raises(Unavailable):
        await committing
    play.check_released()


async def test_a_client_that_left_before_the_body_closes_it() -> None:
    """`close` without `pour`, twice without harm."""
    play = live(b"+a")
    await play.relay.commit()
    play.relay.close()
    play.relay.close()
    play.check_released()
    assert play.relay.cancelled


async def test_a_client_that_leaves_closes_the_upstream() -> None:
    """The pouring is cancelled, and what comes later is dropped."""
    play = live(b"+a")
    pouring = await play.start()
    pouring.cancel()
    with pytest.raises(asyncio.CancelledError):
        await pouring
    play.check_released()
    assert play.relay.cancelled
    play.relay.tick()
    assert play.client.body == b"+a"


async def test_a_client_that_leaves_before_the_commit_closes_the_upstream() -> None:
    """While nothing has come."""
    play = live()
    committing = asyncio.create_task(play.relay.commit())
    await asyncio.sleep(0)
    committing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await committing
    play.check_released()


async def test_a_client_that_leaves_at_the_very_end_has_had_everything() -> None:
    """A stream that was over is no cancelled one."""
    play = Play(stream(b"+a."))
    await play.relay.commit()
    play.relay.close()
    play.check_released()
    assert not play.relay.cancelled


async def test_a_bug_in_a_passage_ends_its_stream_alone() -> None:
    """With an error event that tells nothing, and without raising into the upstream's callback."""
    play, other = live(b"+a"), live(b"+b")
    pouring, others = await play.start(), await other.start()
    play.reply.say(b"?")
    await pouring
    assert play.client.body == b"+a<drawn internal error>"
    assert isinstance(play.passage.error, Broken)
    assert "KeyError" in play.passage.error.detail
    play.check_released()
    other.reply.say(b".")
    other.reply.end()
    await others
    assert other.client.body == b"+b."


async def test_a_bug_before_content_is_raised() -> None:
    """It can still be a 500."""
    play = Play(stream(b"?"))
    with pytest.raises(Broken):
        await play.relay.commit()
    play.check_released()


async def test_what_is_held_for_the_face_is_bounded() -> None:
    """A face that does not pour yet pauses the upstream, which goes on once it does."""
    play = live(b"+a")
    await play.relay.commit()
    play.reply.say(b"x" * 300_000)
    assert play.reply.paused
    pouring = asyncio.create_task(play.relay.pour(play.client))
    await asyncio.sleep(0)
    assert not play.reply.paused
    play.reply.say(b".")
    play.reply.end()
    await pouring
    assert len(play.client.body) == 300_003


async def test_a_long_prelude_does_not_hold_the_content_up() -> None:
    """A Responses stream begins with two echoes of the instructions and tools, which may be long."""
    play = live()
    committing = asyncio.create_task(play.relay.commit())
    await asyncio.sleep(0)
    play.reply.say(b"x" * 300_000)
    play.reply.say(b"x" * 300_000)
    assert not play.reply.paused
    assert not committing.done()
    play.reply.say(b"+")
    await committing
    play.relay.close()


async def test_what_is_held_before_content_is_bounded() -> None:
    """A prelude without an end must not fill the memory: it is committed as it is, and at once."""
    play = live()
    committing = asyncio.create_task(play.relay.commit())
    await asyncio.sleep(0)
    said = 0
    while not play.reply.paused:
        play.reply.say(b"x" * 1_000_000)
        said += 1
    assert said < 10
    await committing
    pouring = asyncio.create_task(play.relay.pour(play.client))
    await asyncio.sleep(0)
    assert not play.reply.paused
    play.reply.end()
    await pouring


async def test_the_client_can_hold_the_upstream() -> None:
    """And let it go on."""
    play = live(b"+a")
    pouring = await play.start()
    assert play.client.source is not None
    play.client.source.pause()
    assert play.reply.paused
    play.client.source.resume()
    assert not play.reply.paused
    play.reply.say(b".")
    play.reply.end()
    await pouring


async def test_our_credential_is_taken_out() -> None:
    """Whole, wherever it stands; cut short and starred out in an error."""
    assert await Play(stream(b"+a " + SECRET + b" \xff.")).pour() == b"+a [redacted] \xff."
    assert await Play(stream(b"+a", b"! sk-proj-01***89 b")).pour() == b"+a! [redacted] b"


async def test_what_looks_like_a_credential_is_left_in_an_answer() -> None:
    """A model may write of keys."""
    assert await Play(stream(b"+ export KEY=sk-proj-...", b".")).pour() == b"+ export KEY=sk-proj-...."


class Watching(Client):
    """A client that notes, with each write, how many ends had been recorded by then."""

    def __init__(self, ended: list[Relay]) -> None:
        super().__init__()
        self._ended = ended
        self.known: list[int] = []

    def write(self, data: bytes) -> None:
        super().write(data)
        self.known.append(len(self._ended))


@pytest.mark.parametrize("pieces", [(b"+one.",), (b"+one",)])
async def test_the_end_is_recorded_before_it_is_told(pieces: tuple[bytes, ...]) -> None:
    """A client that has seen the end of a stream can rely on its record."""
    play = Play(ScriptedReply(pieces=pieces, ending="open"))
    play.client = client = Watching(play.ended)
    pouring = await play.start()
    if len(client.writes) == 1 and b"." not in client.body:
        play.reply.say(b"two.")
    assert client.known[-1] == 1
    play.reply.end()
    await pouring
    play.check_released()
