"""One line a request, written off the request's way: a thread formats and writes what has gathered.

The queue is bounded. When the writer cannot keep up (a terminal that is stopped, a full pipe), the newest lines are
left out, counted, and the count is written as soon as there is room: log lines are for eyes, not for accounts.
"""

import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import BinaryIO

import msgspec
from msgspec import Struct

from trunkline.records import Record
from trunkline.usage import Usage

_QUEUE = 50_000
# Long enough that the thread wakes for many lines at once; short, because what waits is memory that grows cold.
_GATHER_SECONDS = 0.05
_CLOSE_WITHIN_SECONDS = 5.0

_encode = msgspec.json.Encoder().encode

WriteLine = Callable[[Record], bytes]


class LogLines:
    """A `Ledger` that writes lines to a binary stream. `close` writes what is left and ends the thread."""

    is_short = False

    def __init__(self, write_line: WriteLine, out: BinaryIO | None = None) -> None:
        self._write_line = write_line
        self._out = out or sys.stderr.buffer
        self._queue: deque[Record] = deque()
        self._lost = 0
        self._something = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def record(self, record: Record) -> None:
        """Take a record in; never waits."""
        if len(self._queue) >= _QUEUE:
            self._lost += 1
            return
        self._queue.append(record)
        if not self._something.is_set():
            self._something.set()

    def check(self) -> float:
        """There is always room: what cannot be written is left out."""
        return 0.0

    def close(self) -> None:
        """Write what is left, and end."""
        self._closing.set()
        self._something.set()
        self._thread.join(_CLOSE_WITHIN_SECONDS)

    def _run(self) -> None:
        while not self._closing.is_set():
            self._something.wait()
            self._closing.wait(_GATHER_SECONDS)
            self._something.clear()
            self._flush()
        self._flush()

    def _flush(self) -> None:
        lines = [self._write_line(self._queue.popleft()) for _ in range(len(self._queue))]
        if self._lost:
            lost, self._lost = self._lost, 0
            lines.append(msgspec.json.encode({"lines_left_out": lost}) + b"\n")
        try:
            self._out.write(b"".join(lines))
            self._out.flush()
        except (OSError, ValueError):
            self._lost += len(lines)


class _Line(Struct):
    """A line for machines, member by member. Of attempts it says how many; `cost` is in nano-dollars."""

    time: str
    request_id: str
    key: str
    path: str
    session: str
    peer: str
    method: str
    url: str
    operation: str
    caller_dialect: str
    model_asked: str
    route: str
    target: str
    attempts: int
    status: int
    outcome: str
    error_code: str
    error_detail: str
    is_stream: bool
    started_at_micros: int
    duration_micros: int
    first_byte_micros: int | None
    usage: Usage
    cost: int | None
    upstream_request_id: str
    dropped: Sequence[str]
    emulated: Sequence[str]


def write_json(record: Record) -> bytes:
    """A line for machines. By position: this is done for every request."""
    return (
        _encode(
            _Line(
                _time(record),
                record.request_id,
                record.key,
                record.path,
                record.session,
                record.peer,
                record.method,
                record.url,
                record.operation,
                record.caller_dialect,
                record.model_asked,
                record.route,
                record.target,
                len(record.attempts),
                record.status,
                record.outcome,
                record.error_code,
                record.error_detail,
                record.is_stream,
                record.started_at_micros,
                record.duration_micros,
                record.first_byte_micros,
                record.usage,
                record.cost,
                record.upstream_request_id,
                record.dropped,
                record.emulated,
            )
        )
        + b"\n"
    )


def write_text(record: Record) -> bytes:
    """A line for a terminal: what was asked, which way it went, how it ended, how long it took."""
    usage = record.usage
    words = [
        _time(record)[11:19],
        str(record.status),
        record.method,
        record.url,
        record.route or "-",
        f"{record.duration_micros / 1000:.1f}ms",
        f"{usage.total_input}+{usage.total_output}tok" if usage.total else "",
        "" if record.outcome == "ok" else record.outcome,
        record.error_code,
        record.error_detail,
        record.request_id,
    ]
    return " ".join(_visible(word) for word in words if word).encode() + b"\n"


def _time(record: Record) -> str:
    second, micros = divmod(record.started_at_micros, 1_000_000)
    return f"{_second(second)}.{micros // 1000:03d}Z"


@lru_cache(maxsize=16)
def _second(second: int) -> str:
    """A second's text, which thousands of lines share."""
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _visible(word: str) -> str:
    """Callers choose paths and model names: no line break or escape of theirs reaches the terminal."""
    return word if word.isprintable() else ascii(word)[1:-1]
