"""One line a request: readable, harmless, and never in the way."""

import io
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from trunkline.call import Call
from trunkline.clock import FakeClock
from trunkline.engine.exchange import Exchange
from trunkline.log.lines import LogLines, write_json, write_text
from trunkline.records import Record


def record(**fields: Any) -> Record:
    call = Call(method="POST", path="/v1/responses", peer="127.0.0.1")
    x = Exchange(call, "req_1", FakeClock(1_700_000_000_123_456), 1_700_000_000_123_456, 0.0, "responses")
    return replace(x.freeze(), **fields)


@pytest.fixture
def out() -> io.BytesIO:
    return io.BytesIO()


@pytest.fixture
def lines(out: io.BytesIO) -> Iterator[LogLines]:
    log = LogLines(write_json, out)
    yield log
    log.close()


def test_a_line_for_machines_holds_the_record() -> None:
    """Whole, with its time as text in UTC."""
    line = msgspec.json.decode(write_json(record(status=200)))
    assert line["time"] == "2023-11-14T22:13:20.123Z"
    assert line["request_id"] == "req_1"
    assert line["status"] == 200


def test_a_line_for_a_terminal_is_short() -> None:
    """When, what, which way, how long."""
    line = write_text(record(status=200, route="tee openai/m", duration_micros=1500)).decode()
    assert line == "22:13:20 200 POST /v1/responses tee openai/m 1.5ms req_1\n"


def test_callers_words_cannot_steer_a_terminal() -> None:
    """No line break and no escape of theirs gets through."""
    line = write_text(record(url="/v1/\x1b[2J\nfaked")).decode()
    assert line.count("\n") == 1
    assert "\x1b" not in line


def test_everything_is_written_before_the_end(lines: LogLines, out: io.BytesIO) -> None:
    """Closing waits for the writer."""
    for _ in range(100):
        lines.record(record())
    lines.close()
    assert out.getvalue().count(b"\n") == 100


def test_a_broken_pipe_costs_lines_and_nothing_else() -> None:
    """The gateway goes on; what was lost is counted."""

    class Broken(io.BytesIO):
        def write(self, data: Any) -> int:
            raise BrokenPipeError

    log = LogLines(write_json, Broken())
    log.record(record())
    log.close()
    assert not log._thread.is_alive()
