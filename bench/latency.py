"""Times single requests and the first content of streams: direct, through the reference and through the gateway.

The targets take turns within one loop, so that a slow moment of the machine hits all of them alike.
"""

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median, quantiles

from bench import wire
from bench.client import Connection
from bench.subjects import Subject

REQUESTS_A_SECOND = 100


@dataclass(frozen=True, slots=True)
class Times:
    """Microseconds."""

    p50: float
    p99: float


def request_times(subjects: Sequence[Subject], seconds: float) -> dict[str, Times]:
    """Whole JSON Chat requests, one at a time, a hundred a second at each subject."""
    body = wire.request_body("chat", wire.MODELS["openai"], streamed=False)
    return _take_turns(subjects, "chat", body, b"", max(20, int(seconds * REQUESTS_A_SECOND)))


def first_content_times(subjects: Sequence[Subject], dialect: str, provider: str, count: int) -> dict[str, Times]:
    """From the request to the first content of a stream whose second event comes up to 20 ms later."""
    body = wire.request_body(dialect, wire.MODELS[provider] + "-brief", streamed=True)
    return _take_turns(subjects, dialect, body, wire.FIRST_WORD.encode(), count)


def _take_turns(subjects: Sequence[Subject], dialect: str, body: bytes, mark: bytes, count: int) -> dict[str, Times]:
    pause = 1 / REQUESTS_A_SECOND / len(subjects)
    times: dict[str, list[float]] = {subject.name: [] for subject in subjects}
    with ExitStack() as stack:
        connections = [stack.enter_context(Connection(subject.target)) for subject in subjects]
        due = time.perf_counter()
        for turn in range(count + 5):
            for subject, connection in zip(subjects, connections, strict=True):
                due = max(due + pause, time.perf_counter())
                time.sleep(max(0.0, due - time.perf_counter()))
                answer = connection.ask(wire.PATHS[dialect], body, mark)
                # The first five are for connections upstream to be made.
                if turn >= 5:
                    times[subject.name].append(answer.first_content_seconds if mark else answer.seconds)
    return {name: _times(values) for name, values in times.items()}


def _times(seconds: Sequence[float]) -> Times:
    return Times(median(seconds) * 1e6, quantiles(seconds, n=100)[98] * 1e6)
