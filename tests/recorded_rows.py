"""Rows of requests, put into their tables as the ledger would."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, insert

from trunkline.store.engine import Database
from trunkline.store.ledger.hours import change
from trunkline.store.ledger.tables import ATTEMPTS, COUNTS, REQUESTS

START = 1_700_006_400_000_000
"""A midnight, UTC."""

HOUR = 3600 * 1_000_000

TRAIL = ("127.0.0.1:5", "POST", "/v1/responses", "tee openai/gpt-5-mini", 100, "", "", "", ["seed"], [])
"""What the audit knows, in the order of `KeptTrail`."""


def make_attempt(target: str = "openai/gpt-5-mini", cost: int | None = 100, **more: Any) -> dict[str, Any]:
    account, _, model = target.partition("/")
    known = dict.fromkeys(COUNTS, 0) | {
        "started_at_micros": START,
        "account": account,
        "model": model,
        "is_aside": False,
        "status": 200,
        "outcome": "ok",
        "error_code": "",
        "duration_micros": 1000,
        "first_byte_micros": 500,
        "tier": "",
        "cost": cost,
        "cost_source": "published",
        "rates": None,
        "is_estimated": False,
        "upstream_request_id": "",
    }
    return known | more


async def put_request(
    database: Database,
    id: str,
    *attempts: Mapping[str, Any],
    labels: Mapping[str, str] | None = None,
    is_audited: bool = True,
    **more: Any,
) -> None:
    """A request of these attempts, which its sums are taken from. One that ended as it did has no row of its own."""
    costs = [attempt["cost"] for attempt in attempts if attempt["cost"] is not None]
    last = attempts[-1] if attempts else {"account": "", "model": "", "status": 0}
    row: dict[str, Any] = {
        "id": id,
        "started_at_micros": START,
        "path": "/",
        "key_id": "master",
        "key": "master",
        "session": "",
        "labels": json.dumps(labels or {}),
        "operation": "generate",
        "dialect": "responses",
        "is_stream": False,
        "model_asked": "gpt",
        "account": last["account"],
        "model": last["model"],
        "status": 200,
        "outcome": "ok",
        "error_code": "",
        "attempts": len(attempts),
        "duration_micros": 2000,
        "first_byte_micros": None,
        **{name: sum(attempt[name] for attempt in attempts) for name in COUNTS},
        "cost": sum(costs) if costs or not attempts else None,
        "is_estimated": any(attempt["is_estimated"] for attempt in attempts),
        "upstream_request_id": "up_1",
        "tier": "",
        "tried_at_micros": None,
        "cost_source": "",
        "rates": None,
        "trail": json.dumps(TRAIL) if is_audited else None,
    }
    row |= more
    if len(attempts) == 1 and all(attempts[0][name] == row[name] for name in ("status", "outcome", "error_code")):
        row |= {name: attempts[0][name] for name in ("cost_source", "rates")}
        row["tried_at_micros"] = attempts[0]["started_at_micros"]
        attempts = ()
    tried: Sequence[dict[str, Any]] = [
        {"request_id": id, "position": position, **attempt} for position, attempt in enumerate(attempts)
    ]

    def work(connection: Connection) -> None:
        connection.execute(insert(REQUESTS).values(row))
        if tried:
            connection.execute(insert(ATTEMPTS), tried)
        change(connection, [id], 1)

    await database.write(work)
