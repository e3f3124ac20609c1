"""What providers say that a reply cost is read from their own digits."""

import msgspec
import pytest

from trunkline.dialects.told_cost import read_told_cost


def told(usage: str) -> int | None:
    """The cost of a usage object, as it stands in a reply."""
    return read_told_cost(msgspec.json.decode(usage), b'{"usage":%b}' % usage.encode())


@pytest.mark.parametrize(
    ("usage", "nano"),
    [
        ('{"cost":0.00014}', 140_000),
        ('{"cost":0.0000000015}', 2),
        ('{"cost":0.0000000025}', 2),
        ('{"cost":1.4e-4}', 140_000),
        ('{"cost":0}', 0),
        ('{"cost":3}', 3_000_000_000),
        ('{"cost":123456.123456789}', 123_456_123_456_789),
        ('{"cost_in_usd_ticks":1176500}', 117_650),
        ('{"cost_in_usd_ticks":15}', 2),
        ('{"cost":{"input_tokens_cost":0.1,"total_cost":0.006}}', 6_000_000),
        ('{"cost":0.005,"is_byok":true,"cost_details":{"upstream_inference_cost":0.1}}', 105_000_000),
        ('{"cost":0.005,"is_byok":false,"cost_details":{"upstream_inference_cost":0.1}}', 5_000_000),
        ('{"estimated_cost":0.0000123}', 12_300),
        ('{"prompt_tokens":3}', None),
        ('{"cost":null}', None),
        ('{"cost":"much"}', None),
        ('{"cost":-0.1}', None),
        ('{"cost":1e300}', None),
        ('{"cost":1000000}', None),
        ('{"cost":1000000.5}', None),
        ('{"cost_in_usd_ticks":9223372036854775807}', None),
        ('{"cost":1e-400}', 0),
    ],
)
def test_a_told_cost(usage: str, nano: int | None) -> None:
    """Rounded once, half to even; what is no amount of money counts as not said."""
    assert told(usage) == nano


def test_a_cost_within_an_event() -> None:
    """An event holds the response, and that the usage."""
    body = b'{"type":"response.completed","response":{"usage":{"cost":0.1}}}'
    assert read_told_cost({"cost": 0.1}, body) == 100_000_000
    assert read_told_cost({"cost": 0.1}, b"{") is None
