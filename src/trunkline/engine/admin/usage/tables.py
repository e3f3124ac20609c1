"""Requests and attempts as lines of a file: JSON, or the columns of a table."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from trunkline.engine.admin.usage.shapes import BUCKETS

# What a spreadsheet would take for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Table(Struct, frozen=True):
    """The columns of a table, by the place of their value in an object: `usage.input_tokens`."""

    places: Sequence[str]

    def head(self) -> bytes:
        return _write_line([place.removeprefix("usage.") for place in self.places])

    def line(self, value: Mapping[str, Any]) -> bytes:
        """One row of CSV. Source: RFC 4180."""
        return _write_line([_write_cell(_find(value, place)) for place in self.places])


_USAGE = tuple(f"usage.{name}" for name in (*BUCKETS, "total_input_tokens", "total_output_tokens"))

REQUEST_TABLE = Table(
    (
        "id",
        "started_at",
        "path",
        "key_id",
        "key",
        "labels",
        "session",
        "operation",
        "stream",
        "model_asked",
        "provider",
        "model",
        "status",
        "outcome",
        "error_code",
        "attempt_count",
        "duration_micros",
        "first_byte_micros",
        *_USAGE,
        "cost",
        "cost_nanos",
        "estimated",
    )
)

ATTEMPT_TABLE = Table(
    (
        "request_id",
        "position",
        "started_at",
        "provider",
        "model",
        "aside",
        "status",
        "outcome",
        "error_code",
        "duration_micros",
        "first_byte_micros",
        "tier",
        *_USAGE,
        "cost",
        "cost_nanos",
        "cost_source",
        "rates",
        "estimated",
        "upstream_request_id",
    )
)

AUDIT_TABLE = Table(
    (
        *REQUEST_TABLE.places[:7],
        "peer",
        "method",
        "url",
        "route",
        *REQUEST_TABLE.places[7:],
        "dropped",
        "emulated",
        "error_detail",
        "upstream_request_id",
        "trace",
        "request_bytes",
        "bodies",
    )
)


def _find(value: Mapping[str, Any], place: str) -> Any:
    outer, dot, inner = place.partition(".")
    return value[outer][inner] if dot else value[outer]


def _write_cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    text = value if isinstance(value, str) else bytes(value).decode()
    return f"'{text}" if text.startswith(_FORMULA) else text


def _write_line(cells: Sequence[str]) -> bytes:
    return ",".join(map(_quote, cells)).encode() + b"\r\n"


def _quote(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"' if any(char in cell for char in ',"\r\n') else cell


def write_json_line(value: Mapping[str, Any]) -> bytes:
    return msgspec.json.encode(value) + b"\n"
