"""What there is to tell Prometheus of this very moment."""

from collections.abc import Mapping

from trunkline.log.metrics import Family
from trunkline.state.ledger import LedgerState


def read_gauges(state: LedgerState, now_micros: int, *, is_store_up: bool, live_streams: int) -> Mapping[Family, float]:
    """Families without labels, each with its value."""
    oldest = 0.0 if state.oldest_micros is None else max(0.0, (now_micros - state.oldest_micros) / 1e6)
    return {
        _gauge("trunkline_streams_live", "Streams under way."): live_streams,
        _gauge("trunkline_store_up", "Whether the database of the store answers."): is_store_up,
        _gauge("trunkline_ledger_up", "Whether the database took the last records."): state.is_up,
        _gauge("trunkline_ledger_records_behind", "Records that are not in the database yet."): state.records_behind,
        _gauge("trunkline_ledger_bytes_behind", "Their bytes in the register."): state.bytes_behind,
        _gauge("trunkline_ledger_limit_bytes", "How many there may be before requests are refused."): state.limit_bytes,
        _gauge("trunkline_ledger_oldest_seconds", "How long the oldest of them has waited."): oldest,
        _counter("trunkline_ledger_refused_total", "Requests refused since they could not be recorded."): state.refused,
        _counter("trunkline_ledger_lost_total", "Records that there was no room for anywhere."): state.lost,
        _counter("trunkline_ledger_left_out_total", "Calls without a known key beyond those recorded."): state.left_out,
    }


def _gauge(name: str, help: str) -> Family:
    return Family(name, "gauge", help)


def _counter(name: str, help: str) -> Family:
    return Family(name, "counter", help)
