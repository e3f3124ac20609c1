"""A budget's webhook is told of each share that is spent: once in a window, signed, and with bounded patience."""

import base64
import hmac
from hashlib import sha256
from typing import Any

import msgspec
import pytest
from budget_scene import BudgetScene, make_budget
from openai import OpenAI

from trunkline.engine.bounds.budgets.alerts import Herald, find_passed, make_secret, may_sign, sign
from trunkline.errors import InvalidRequest
from trunkline.state.budgets import Budget, Webhook

SECRET = "a secret of the tests"
HOOKED = make_budget("1", owner="Ana", webhook=Webhook("https://hooks.example/x", SECRET))


class Receiver:
    """The way out, and what came of it."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.bodies: list[bytes] = []
        self.status = 204

    async def post(self, url: str, body: bytes, headers: bytes, seconds: float, *, is_trusted: bool) -> int:
        assert url == "https://hooks.example/x"
        if not self.status:
            raise InvalidRequest("nobody answers")
        self.bodies.append(body)
        self.told.append(msgspec.json.decode(body))
        self.headers.append(dict(line.split(": ", 1) for line in headers.decode().split("\r\n") if line))
        return self.status

    @property
    def shares(self) -> list[int]:
        return [told["data"]["share"] for told in self.told]


class HookedScene(BudgetScene):
    """A `BudgetScene` that tells its budgets' webhooks."""

    def __init__(self, *budgets: Budget) -> None:
        super().__init__(*budgets)
        self.receiver = Receiver()
        self.herald = Herald(self.funds, self.treasury, self.receiver, self.scene.clock)

    def spend(self, nano: int) -> None:
        for fund in self.funds:
            claim = fund.claim(self.scene.clock.now_micros(), 0)
            self.counters.seed(claim.key, nano, claim.end_micros)


async def test_each_share_is_told_once() -> None:
    """When it has passed, and not again while it is spent."""
    scene = HookedScene(HOOKED)
    await scene.herald.look_after()
    assert scene.receiver.told == []
    scene.spend(500_000_000)
    for _ in range(3):
        await scene.herald.look_after()
    assert scene.receiver.shares == [50]
    scene.spend(1_000_000_000)
    await scene.herald.look_after()
    assert scene.receiver.shares == [50, 80, 100]


async def test_what_is_told() -> None:
    """Which budget of whom, how much of it is spent, and until when."""
    scene = HookedScene(HOOKED)
    scene.spend(500_000_000)
    await scene.herald.look_after()
    told = scene.receiver.told[0]
    assert told == {
        "id": told["id"],
        "object": "event",
        "type": "budget.share_passed",
        "created_at": 1_700_000_000,
        "data": {
            "budget": "alpha",
            "owner": "Ana",
            "share": 50,
            "spent": "0.5",
            "dollars": "1",
            "window": {"start": "2023-11-14T00:00:00Z", "end": "2023-11-15T00:00:00Z"},
        },
    }


async def test_of_several_replicas_one_tells() -> None:
    """They share where it is written down."""
    one, other = HookedScene(HOOKED), HookedScene(HOOKED)
    other.treasury.store = one.treasury.store
    for scene in (one, other):
        scene.spend(500_000_000)
    await one.herald.look_after()
    await other.herald.look_after()
    assert (one.receiver.shares, other.receiver.shares) == ([50], [])


async def test_the_next_window_is_told_anew() -> None:
    """A new day has shares of its own."""
    scene = HookedScene(HOOKED)
    scene.spend(500_000_000)
    await scene.herald.look_after()
    scene.scene.clock.advance(86_400)
    await scene.herald.look_after()
    scene.spend(500_000_000)
    await scene.herald.look_after()
    assert scene.receiver.shares == [50, 50]
    assert scene.receiver.told[0]["id"] != scene.receiver.told[1]["id"]


@pytest.mark.parametrize("status", [0, 500, 302, 404])
async def test_a_receiver_that_is_away_is_told_later(status: int) -> None:
    """It gets the same message under the same id, a minute later."""
    scene = HookedScene(HOOKED)
    scene.receiver.status = status
    scene.spend(500_000_000)
    await scene.herald.look_after()
    await scene.herald.look_after()
    assert len(scene.receiver.told) == (1 if status else 0)
    scene.receiver.status = 200
    scene.scene.clock.advance(61)
    await scene.herald.look_after()
    assert scene.receiver.shares[-1] == 50
    assert len({told["id"] for told in scene.receiver.told}) == 1


async def test_a_receiver_that_never_answers_is_let_be() -> None:
    """After some minutes nobody tries again."""
    scene = HookedScene(HOOKED)
    scene.receiver.status = 500
    scene.spend(500_000_000)
    for _ in range(30):
        await scene.herald.look_after()
        scene.scene.clock.advance(61)
    assert len(scene.receiver.told) == 10


@pytest.mark.parametrize(
    ("spent", "is_low", "passed"),
    [
        (0, True, []),
        (499_999_999, False, []),
        (500_000_000, False, [50]),
        (899_999_999, True, [50, 80]),
        (900_000_000, False, [50, 80]),
        (900_000_000, True, [50, 80, 100]),
        (1_000_000_000, False, [50, 80, 100]),
    ],
)
def test_all_is_spent_when_calls_are_refused_for_the_rest(spent: int, is_low: bool, passed: list[int]) -> None:
    """Hardly any call costs exactly what is left."""
    assert find_passed(HOOKED, spent, is_low=is_low) == passed


# --- signed -----------------------------------------------------------------------------------------------------


async def test_a_message_is_signed_over_its_id_time_and_body() -> None:
    """Whoever knows the secret can tell that it is from here, and that it is fresh."""
    scene = HookedScene(HOOKED)
    scene.spend(500_000_000)
    await scene.herald.look_after()
    headers, body = scene.receiver.headers[0], scene.receiver.bodies[0]
    assert headers["webhook-timestamp"] == "1700000000"
    assert headers["webhook-id"] == scene.receiver.told[0]["id"]
    signed = f"{headers['webhook-id']}.1700000000.".encode() + body
    expected = base64.b64encode(hmac.new(SECRET.encode(), signed, sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"


@pytest.mark.parametrize("secret", [SECRET, make_secret(bytes(range(32)))])
def test_openais_sdk_verifies_it(secret: str) -> None:
    """The receiver needs no code of its own."""
    body = b'{"id": "evt_1"}'
    lines = sign(secret, "evt_1", 1_700_000_000, body).decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines if line)
    webhooks = OpenAI(api_key="none", webhook_secret=secret).webhooks
    webhooks.verify_signature(body.decode(), headers, tolerance=1 << 40)
    with pytest.raises(ValueError, match="signature"):
        webhooks.verify_signature(body.decode() + " ", headers, tolerance=1 << 40)


def test_what_can_sign() -> None:
    """A secret is long enough, and base64 where it says so."""
    assert may_sign(SECRET)
    assert may_sign(make_secret(bytes(32)))
    assert not may_sign("short")
    assert not may_sign("whsec_c2hvcnQ=")
    assert not may_sign("whsec_not base64 at all!")
    assert not may_sign("sécrets of some length")
