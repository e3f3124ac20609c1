"""Records, in few words."""

from typing import Any

from trunkline.money import Nano, fill_rates
from trunkline.records import Attempt, Record
from trunkline.usage import Usage

STARTED = 1_700_000_000_000_000
RATES = fill_rates({"input": 250_000_000, "output": 2_000_000_000})
USAGE = Usage(100, 20, 0, 30, 10)


def attempt(**more: Any) -> Attempt:
    """One that went well."""
    return Attempt(
        **{
            "target": "openai-eu/org/gpt-5-mini",
            "tariff": None,
            "started_at_micros": STARTED + 7,
            "duration_micros": 800,
            "first_byte_micros": 300,
            "status": 200,
            "usage": USAGE,
            "cost": Nano(123_456),
            "rates": RATES,
            "cost_source": "published",
            "upstream_request_id": "req_up",
            **more,
        }
    )


def record(number: int = 1, **more: Any) -> Record:
    """One of a request that went well at once."""
    return Record(
        **{
            "request_id": f"req_{number:032x}",
            "started_at_micros": STARTED + number,
            "key": "ana",
            "key_id": "key_1",
            "path": "/team/alpha",
            "labels": {"app": "web"},
            "session": "s1",
            "peer": "10.0.0.1",
            "method": "POST",
            "url": "/v1/responses",
            "operation": "generate",
            "caller_dialect": "responses",
            "model_asked": "fast",
            "route": "tee openai-eu/org/gpt-5-mini",
            "target": "openai-eu/org/gpt-5-mini",
            "attempts": [attempt()],
            "status": 200,
            "outcome": "ok",
            "error_code": "",
            "error_detail": "",
            "is_stream": True,
            "duration_micros": 900,
            "first_byte_micros": 400,
            "usage": USAGE,
            "cost": Nano(123_456),
            "upstream_request_id": "req_up",
            "dropped": ["text.verbosity"],
            "emulated": [],
            **more,
        }
    )
