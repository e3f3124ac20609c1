"""Telling a budget's webhook that it has passed a share of its cap: once in a window, whichever replica sees it.

Messages are signed as Standard Webhooks says, so that OpenAI's SDKs and others can check them.
Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import asyncio
import base64
import hmac
import logging
from collections.abc import Sequence
from hashlib import blake2b, sha256
from typing import Any, Protocol

import msgspec

from trunkline.clock import Clock
from trunkline.engine.bounds.budgets.funds import Funds
from trunkline.engine.bounds.budgets.refusals import write_moment
from trunkline.engine.bounds.budgets.treasury import Standing, Treasury
from trunkline.errors import InvalidRequest, Unavailable
from trunkline.money import Nano, write_dollars
from trunkline.state.budgets import Alert, Budget

_log = logging.getLogger("trunkline.budgets")

_EVERY_SECONDS = 2.0
_SECONDS = 10.0
_AT_ONCE = 8

# A receiver that is away has some minutes to come back.
_LEASE_MICROS = 60_000_000
_ATTEMPTS = 10

# Hardly any call costs exactly what is left: calls that are refused with so little left say that the money is spent.
_NEARLY_ALL = 90

_PREFIX = "whsec_"


class Messenger(Protocol):
    """What sends a message to a webhook."""

    async def post(self, url: str, body: bytes, headers: bytes, seconds: float, *, is_trusted: bool) -> int:
        """The status of the answer. Raises `InvalidRequest` for what could not be sent."""


class Herald:
    """Looks at the funds that have a webhook, and tells them what has come to pass."""

    def __init__(self, funds: Funds, treasury: Treasury, messenger: Messenger, clock: Clock) -> None:
        self._funds = funds
        self._treasury = treasury
        self._messenger = messenger
        self._clock = clock
        self._noted: dict[tuple[str, int, int], int] = {}

    async def watch(self) -> None:
        """Tell webhooks what is due, for ever."""
        while True:
            await asyncio.sleep(_EVERY_SECONDS)
            try:
                await self.look_after()
            except Unavailable:
                pass  # what has passed will have passed in a moment as well
            except Exception as error:  # noqa: BLE001 - a bug must not end the looking after
                _log.error("webhooks of budgets could not be looked after: %s", type(error).__name__)

    async def look_after(self) -> None:
        """Tell webhooks what is due now. Raises `Unavailable`."""
        watched = [fund for fund in self._funds if fund.budget.webhook is not None]
        if not watched:
            return
        for standing in await self._treasury.look(watched):
            await self._note(standing)
        due = await self._treasury.store.due(self._clock.now_micros(), _LEASE_MICROS, _ATTEMPTS)
        for start in range(0, len(due), _AT_ONCE):
            await asyncio.gather(*map(self._tell, due[start : start + _AT_ONCE]))

    async def _note(self, standing: Standing) -> None:
        fund, now = standing.fund, self._clock.now_micros()
        budget, window = fund.budget, fund.window
        self._noted = {known: end for known, end in self._noted.items() if end > now}
        for share in find_passed(budget, standing.level.spent, is_low=fund.is_low):
            known = (budget.name, window.start, share)
            if known in self._noted:
                continue
            spent = Nano(standing.level.spent)
            await self._treasury.store.note(
                Alert(
                    budget=budget.name,
                    start_micros=window.start,
                    end_micros=window.end,
                    share=share,
                    spent=spent,
                    cap=budget.cap,
                    at_micros=now,
                )
            )
            self._noted[known] = window.end

    async def _tell(self, alert: Alert) -> None:
        fund = self._funds.find(alert.budget)
        if fund is None or (webhook := fund.budget.webhook) is None:
            return
        body = msgspec.json.encode(write_alert(alert, fund.budget))
        headers = sign(webhook.secret, name_alert(alert), self._clock.now_micros() // 1_000_000, body)
        try:
            status = await self._messenger.post(webhook.url, body, headers, _SECONDS, is_trusted=webhook.is_trusted)
        except InvalidRequest as error:
            _log.warning("the webhook of the budget `%s` could not be told: %s", alert.budget, error.message)
            return
        if 200 <= status < 300:
            await self._treasury.store.told(alert)
        else:
            _log.warning("the webhook of the budget `%s` answered with status %d", alert.budget, status)


def find_passed(budget: Budget, spent: int, *, is_low: bool) -> Sequence[int]:
    """The shares that are spent. All is spent too where next to nothing is left and calls are refused."""
    parts = spent * 100
    is_spent = is_low and parts >= _NEARLY_ALL * budget.cap
    return [share for share in budget.shares if parts >= share * budget.cap or (share == 100 and is_spent)]


def write_alert(alert: Alert, budget: Budget) -> dict[str, Any]:
    """Write the message that the webhook gets."""
    return {
        "id": name_alert(alert),
        "object": "event",
        "type": "budget.share_passed",
        "created_at": alert.at_micros // 1_000_000,
        "data": {
            "budget": alert.budget,
            "owner": budget.owner,
            "share": alert.share,
            "spent": write_dollars(alert.spent),
            "dollars": write_dollars(alert.cap),
            "window": {"start": write_moment(alert.start_micros), "end": write_moment(alert.end_micros)},
        },
    }


def name_alert(alert: Alert) -> str:
    """The same however often it is told, so that its receiver knows it again."""
    what = f"{alert.budget}\0{alert.start_micros}\0{alert.share}".encode()
    return f"evt_{blake2b(what, digest_size=24).hexdigest()}"


def sign(secret: str, id: str, at_seconds: int, body: bytes) -> bytes:
    """The header lines that say who it is from: an HMAC over id, time and body."""
    key = base64.b64decode(secret.removeprefix(_PREFIX)) if secret.startswith(_PREFIX) else secret.encode()
    signature = base64.b64encode(hmac.digest(key, b"%b.%d.%b" % (id.encode(), at_seconds, body), sha256))
    return b"webhook-id: %b\r\nwebhook-timestamp: %d\r\nwebhook-signature: v1,%b\r\n" % (
        id.encode(),
        at_seconds,
        signature,
    )


def may_sign(secret: str) -> bool:
    """Whether a secret is one: long enough, and base64 behind `whsec_`."""
    if not secret.startswith(_PREFIX):
        return len(secret) >= 16 and secret.isascii() and secret.isprintable()
    try:
        return len(base64.b64decode(secret.removeprefix(_PREFIX), validate=True)) >= 16
    except ValueError:
        return False


def make_secret(chance: bytes) -> str:
    """A new secret, of random bytes."""
    return _PREFIX + base64.b64encode(chance).decode()
