"""What Prometheus reads adds up, and stays small."""

from typing import Any

from recorded import attempt, record
from trunkline.log.gauges import read_gauges
from trunkline.log.metrics import Metrics
from trunkline.money import Nano
from trunkline.records import Record
from trunkline.state.ledger import LedgerState
from trunkline.usage import Usage

STATE = LedgerState(True, 3, 1200, 1_000_000, 1_000_000, 2, 0, 5)


def served(target: str = "openai/gpt-5", **more: Any) -> Record:
    """The record of a request that this target served."""
    usage = Usage(5, 0, 0, 7)
    tried = attempt(target=target, usage=usage, cost=Nano(1_500_000_000))
    return record(**{"target": target, "usage": usage, "attempts": [tried], "duration_micros": 40_000} | more)


def text(metrics: Metrics) -> list[str]:
    return metrics.write({}).decode().splitlines()


def test_counts() -> None:
    """Requests, attempts, tokens by bucket and dollars, by what served them."""
    metrics = Metrics()
    metrics.take([served(), served()])
    metrics.take([served(status=429, outcome="error", error_code="rate_limit_exceeded", attempts=[])])
    lines = text(metrics)
    by = 'provider="openai",model="gpt-5"'
    for line in (
        f'trunkline_requests_total{{operation="generate",{by},status="200",outcome="ok"}} 2',
        f'trunkline_requests_total{{operation="generate",{by},status="429",outcome="error"}} 1',
        'trunkline_errors_total{code="rate_limit_exceeded"} 1',
        f'trunkline_attempts_total{{{by},status="200"}} 2',
        f'trunkline_usage_total{{{by},bucket="input_tokens"}} 10',
        f'trunkline_usage_total{{{by},bucket="output_tokens"}} 14',
        f"trunkline_cost_dollars_total{{{by}}} 3",
    ):
        assert line in lines


def test_bodies() -> None:
    """Whether the audit had room for what was said, where it was to keep that."""
    metrics = Metrics()
    metrics.take([served(), served(bodies="kept"), served(bodies="kept"), served(bodies="lost")])
    lines = [line for line in text(metrics) if line.startswith("trunkline_audit_bodies_total{")]
    assert sorted(lines) == [
        'trunkline_audit_bodies_total{state="kept"} 2',
        'trunkline_audit_bodies_total{state="lost"} 1',
    ]


def test_durations() -> None:
    """Every bound counts what is no longer, the last one all."""
    metrics = Metrics()
    metrics.take([served(), served(duration_micros=700_000_000), served(duration_micros=50_000)])
    start = 'trunkline_request_duration_seconds_bucket{operation="generate",provider="openai",le='
    counts = {line.split('"')[5]: int(line.split()[-1]) for line in text(metrics) if line.startswith(start)}
    assert (counts["0.01"], counts["0.05"], counts["600.0"], counts["+Inf"]) == (0, 2, 2, 3)
    assert 'trunkline_request_duration_seconds_count{operation="generate",provider="openai"} 3' in text(metrics)


def test_bounded() -> None:
    """Names that callers make up are counted as others once there are many."""
    metrics = Metrics()
    metrics.take([served(f"openai/made-up-{number}", error_code=f"code_{number}") for number in range(2000)])
    lines = text(metrics)
    assert len(lines) < 3000
    assert 'trunkline_errors_total{code="other"} 1900' in lines
    assert 'trunkline_attempts_total{provider="other",model="other",status="200"} 1500' in lines


def test_escaped() -> None:
    """A name cannot begin a line of its own."""
    metrics = Metrics()
    metrics.take([served('openai/a"b\n\\c')])
    assert 'trunkline_cost_dollars_total{provider="openai",model="a\\"b\\n\\\\c"} 1.5' in text(metrics)


def test_gauges() -> None:
    """How the ledger stands, and what is under way."""
    lines = Metrics().write(read_gauges(STATE, 3_500_000, is_store_up=False, live_streams=7)).decode().splitlines()
    for line in (
        "trunkline_streams_live 7",
        "trunkline_store_up 0",
        "trunkline_ledger_records_behind 3",
        "trunkline_ledger_oldest_seconds 2.5",
        "trunkline_ledger_refused_total 2",
        "# TYPE trunkline_ledger_refused_total counter",
    ):
        assert line in lines


def test_every_line_is_one_of_the_format() -> None:
    """Each family has its help and its kind before its samples."""
    metrics = Metrics()
    metrics.take([served()])
    seen = ""
    for line in metrics.write(read_gauges(STATE, 1, is_store_up=True, live_streams=0)).decode().splitlines():
        if line.startswith("# HELP "):
            seen = line.split()[2]
        elif not line.startswith("# TYPE "):
            name, _, number = line.rpartition(" ")
            float(number)
            assert name.startswith(seen)
