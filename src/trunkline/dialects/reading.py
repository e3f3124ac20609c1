"""How an upstream's answer is read, whatever its wire: the frame of every reader of server-sent events.

An `Answer` is told what came and says it as events; an `EventReader` cuts the bytes into what it is told. A whole
reply goes into the same `Answer`, so that there is one way of reading. Knows no wire's names.
"""

import abc
from collections.abc import Callable
from typing import Generic, TypeVar

from trunkline.dialects.sse import EventTooLarge, ServerSentEvent, Splitter
from trunkline.dialects.upstream_errors import ended_early, garbled
from trunkline.errors import TrunklineError
from trunkline.events import Event, Finish, ModelResponse, ResponseEnded, ResponseFailed, ResponseStarted, UsageReported
from trunkline.folding import fold
from trunkline.items import Status
from trunkline.usage import NO_USAGE, Usage

CUT: frozenset[Finish] = frozenset({"length", "content_filter"})
"""Finishes that leave the last item incomplete."""


class Answer(abc.ABC):
    """What the pieces of one answer add up to. Never raises.

    A dialect adds how its pieces are taken in, and answers three questions: how what is open is closed, how it is
    broken off, and what was used.
    """

    __slots__ = (
        "_is_started",
        "_next",
        "billed",
        "explanation",
        "failure",
        "finish",
        "out",
        "over",
        "stop_sequence",
        "token",
    )

    def __init__(self) -> None:
        self.out: list[Event] = []
        self.over = False
        self._is_started = False
        self._next = 0
        # Why the model stopped, once it has said so; `failure` is that it says itself that it failed.
        self.finish: Finish | None = None
        self.failure: TrunklineError | None = None
        self.stop_sequence: str | None = None
        self.explanation: str | None = None
        self.token: str | None = None
        self.billed: Usage = NO_USAGE

    @abc.abstractmethod
    def close(self, last: Status) -> None:
        """End whatever is open or waits for its end; `last` is how the last item ends."""

    @abc.abstractmethod
    def break_off(self) -> None:
        """End whatever is open, or was not yet certain, as incomplete."""

    @abc.abstractmethod
    def read_usage(self) -> Usage | None:
        """The counts of tokens; `None` where there were none."""

    def take(self) -> list[Event]:
        """The events since the last time."""
        out, self.out = self.out, []
        return out

    def begin(self, id: str = "", model: str = "") -> None:
        """Let the answer begin, if it has not."""
        if not self._is_started:
            self._is_started = True
            self.out.append(ResponseStarted(id, model))

    def take_index(self) -> int:
        """The place of the next item."""
        self._next += 1
        return self._next - 1

    def end(self) -> None:
        """The proper end; but an answer that says that it failed has none."""
        if self.failure is not None:
            self.fail(self.failure)
        if self.over:
            return
        finish = self.finish or "stop"
        self.begin()
        # A refusal that is explained is an answer, not a piece of one.
        self.close("incomplete" if finish in CUT and not self.explanation else "completed")
        self._report()
        self.out.append(ResponseEnded(finish, self.stop_sequence, self.explanation, self.token))
        self.over = True

    def fail(self, error: TrunklineError) -> None:
        """End the answer with an error."""
        if self.over:
            return
        self.begin()
        self.break_off()
        self._report()
        self.out.append(ResponseFailed(error))
        self.over = True

    def settle(self, error: TrunklineError) -> None:
        """The end without its mark: a proper one where the model has said why it stopped, else `error`."""
        if self.finish is not None or self.failure is not None:
            self.end()
        else:
            self.fail(error)

    def _report(self) -> None:
        if (usage := self.read_usage()) is not None:
            self.out.append(UsageReported(usage, self.billed))


def respond(events: list[Event]) -> ModelResponse:
    """The whole answer that events make. Raises the error that it ended with."""
    response = fold(events)
    if response.error is not None:
        raise response.error
    return response


A = TypeVar("A", bound=Answer)
W = TypeVar("W")


class EventReader(Generic[A, W]):
    """A `StreamReader` of server-sent events, or of the one JSON body that came instead.

    `decode(data)`: an event's data as the wire has it; raises `ValueError`. `add(event, answer)` takes it in.
    `read_whole(body, answer)` takes in a body that is no stream.
    """

    __slots__ = ("_add", "_answer", "_begun", "_decode", "_read_whole", "_splitter")

    def __init__(
        self,
        answer: A,
        decode: Callable[[bytes], W],
        add: Callable[[W, A], None],
        read_whole: Callable[[bytes, A], None],
    ) -> None:
        self._splitter = Splitter()
        self._answer = answer
        self._decode = decode
        self._add = add
        self._read_whole = read_whole
        self._begun = False

    def feed(self, data: bytes) -> list[Event]:
        answer = self._answer
        if answer.over:
            return []
        try:
            self._take(self._splitter.feed(data))
        except EventTooLarge:
            answer.fail(garbled("an event is too large"))
        return answer.take()

    def end(self) -> list[Event]:
        answer = self._answer
        if answer.over:
            return []
        rest = self._splitter.pending
        if not self._begun and rest.lstrip()[:1] in (b"{", b"["):
            self._read_whole(rest, answer)
        else:
            self._take(self._splitter.end())
            answer.settle(ended_early())
        return answer.take()

    def fail(self, error: TrunklineError) -> list[Event]:
        self._answer.settle(error)
        return self._answer.take()

    def is_finished(self) -> bool:
        return self._answer.finish is not None

    def read(self, body: bytes) -> ModelResponse:
        """The answer in a whole body, be it JSON or, from a server that streams unasked, events.

        Raises the error that the body holds, or `Garbled`.
        """
        if body.lstrip()[:1] in (b"e", b"d", b":"):
            return respond([*self.feed(body), *self.end()])
        self._read_whole(body, self._answer)
        return respond(self._answer.take())

    def _take(self, events: list[ServerSentEvent]) -> None:
        answer, decode, add = self._answer, self._decode, self._add
        for _, data in events:
            if answer.over:
                return
            self._begun = True
            try:
                event = decode(data)
            except ValueError as error:
                if data != b"[DONE]":
                    answer.fail(garbled(str(error)))
                continue
            add(event, answer)
