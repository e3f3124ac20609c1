"""A gateway whose callers pay from budgets, and an upstream that charges what a test says."""

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from memory_store import MemoryBudgets
from scripted_gateway import DIALECTS, JSON, Scene, ScriptedReply
from trunkline.capabilities import Capabilities
from trunkline.engine.bounds.admission import Admission
from trunkline.engine.bounds.budgets.bounds import BudgetBounds
from trunkline.engine.bounds.budgets.funds import Funds
from trunkline.engine.bounds.budgets.means import Means
from trunkline.engine.bounds.budgets.purse import Purse
from trunkline.engine.bounds.budgets.treasury import Treasury
from trunkline.engine.bounds.possible_cost import count_most, look_at
from trunkline.engine.envelope import read_envelope
from trunkline.engine.estimates.gauge import Gauge
from trunkline.money import Nano, Tariff, fill_rates, read_dollars
from trunkline.ports import UpstreamRequest
from trunkline.shared.counters import MemoryCounters
from trunkline.state.budgets import Budget
from trunkline.state.periods import read_period
from trunkline.upstream.post import check_url

# Two dollars for a million tokens that go in, ten for one that comes out.
TARIFF = Tariff(fill_rates({"input": 2_000_000_000, "output": 10_000_000_000}))
DAY = read_period("day")

# What a model can write of which nobody knows.
UNKNOWN = 16_384

TEXT = "All work and no play makes Jack a dull boy. " * 25
LIMIT = 100


def make_budget(dollars: str = "1", name: str = "alpha", **said: Any) -> Budget:
    return Budget(name=name, cap=read_dollars(dollars), period=said.pop("period", DAY), **said)


class FixedGauge(Gauge):
    """One that learns nothing: a test's estimates stay what they are."""

    def ratio(self, target: str) -> float:
        return 1.0


class BudgetScene:
    """A `Scene` with budgets. The upstream counts exactly as many tokens as were reserved, unless told otherwise."""

    def __init__(self, *budgets: Budget, **said: Any) -> None:
        self.funds = Funds()
        self.funds.replace(budgets)
        said = {"tariff": TARIFF, "gauge": FixedGauge()} | said
        self.scene = Scene(bind=self._bind, find_means=self._find_means, **said)
        self.scene.upstream.answer = self.answer
        self.tokens = LIMIT
        # Calls wait here for as long as it is not set.
        self.gate = asyncio.Event()
        self.gate.set()

    def _bind(self, scene: Scene) -> tuple[Admission, Purse]:
        self.counters = MemoryCounters(scene.clock)
        self.store = MemoryBudgets()
        declared = [replace(fund.budget, is_declared=True) for fund in self.funds]
        self.treasury = Treasury(self.funds, self.counters, self.store, scene.clock, declared, _settle)
        bounds = BudgetBounds(self.funds, scene.clock, scene.gauge, DIALECTS, UNKNOWN)
        return Admission(self.counters, [bounds]), Purse(self.counters, bounds)

    def _find_means(self) -> Means:
        treasury = self.treasury
        return Means(self.store, treasury.declared, treasury.look, treasury.refresh, check_url, bytes)

    def answer(self, request: UpstreamRequest) -> ScriptedReply:
        return GatedReply(self.gate, self._draw(request))

    def _draw(self, request: UpstreamRequest) -> bytes:
        usage = {"prompt_tokens": estimate(request.body), "completion_tokens": self.tokens, "total_tokens": 0}
        choice = {"index": 0, "message": {"role": "assistant", "content": "Hi."}, "finish_reason": "stop"}
        return msgspec.json.encode(
            {"id": "1", "object": "chat.completion", "model": "m", "choices": [choice], "usage": usage}
        )

    def spent(self, name: str = "alpha") -> int:
        return self.levels(name)[0]

    def levels(self, name: str = "alpha") -> tuple[int, int]:
        """What is spent and what is held of a budget."""
        fund = self.funds.find(name)
        assert fund is not None
        level = self.counters.look([fund.claim(self.scene.clock.now_micros(), 0)])[0]
        return level.spent, level.held

    @property
    def costs(self) -> Sequence[Nano]:
        return [record.cost or Nano(0) for record in self.scene.records.kept]


async def _settle() -> None:
    """All that was recorded can be summed."""


class GatedReply(ScriptedReply):
    """A JSON reply that comes when its gate is open."""

    def __init__(self, gate: asyncio.Event, body: bytes) -> None:
        super().__init__(200, JSON, [body])
        self._gate = gate

    async def read(self, limit_bytes: int) -> bytes:
        await self._gate.wait()
        return await super().read(limit_bytes)


def question(**members: Any) -> dict[str, Any]:
    """A Chat request of about a kilobyte."""
    return {"model": "native_chat-model", "messages": [{"role": "user", "content": TEXT}], **members}


def estimate(body: bytes) -> int:
    """What is reserved of a request's input."""
    envelope = read_envelope(body)
    seen = look_at("chat", envelope.members, body)
    return count_most(DIALECTS["chat"], envelope, seen, Capabilities(), 1.0)
