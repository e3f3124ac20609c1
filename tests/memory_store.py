"""The ports of a store, answered from memory: for tests of what stands above them."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, cast

import msgspec

from memory_files import MemoryBlobs, MemoryFiles
from memory_keys import MemoryKeys
from trunkline.clock import FakeClock
from trunkline.dialects.openai_responses.history import read_input, read_output
from trunkline.evidence import Evidence, KeptEvidence
from trunkline.money import Nano
from trunkline.paths import is_within
from trunkline.state.acts import Act, Checked, Head, KeptAct, WantedActs
from trunkline.state.budgets import Alert, Budget, KeptBudgets
from trunkline.state.completions import KeptCompletion
from trunkline.state.conversations import KeptConversation, KeptItem, Order
from trunkline.state.ids import derive_item_id
from trunkline.state.limits import KeptRules, LimitRule
from trunkline.state.periods import Window
from trunkline.state.responses import KeptResponse, Turn
from trunkline.state.runs import KeptEvent
from trunkline.state.store import Store

Kept = TypeVar("Kept", KeptItem, KeptCompletion)


def make_store(clock: FakeClock) -> Store:
    conversations = MemoryConversations(clock)
    unused = cast(Any, None)
    return Store(
        responses=MemoryResponses(clock, conversations),
        conversations=conversations,
        completions=MemoryCompletions(clock),
        runs=MemoryRuns(),
        prompts=unused,
        files=MemoryFiles(clock),
        blobs=MemoryBlobs(),
        acts=MemoryActs(),
        usage=unused,
        evidence=MemoryEvidence(),
        sessions=unused,
        erase=unused,
        limits=MemoryLimits(),
        budgets=MemoryBudgets(),
        keys=MemoryKeys(),
    )


class MemoryBudgets:
    """`state.BudgetStore`. `recorded` is what a test says that was spent of each, by its name."""

    def __init__(self) -> None:
        self._budgets: dict[str, Budget] = {}
        self._resets: dict[str, int] = {}
        self._alerts: dict[tuple[str, int, int], list[Any]] = {}
        self._revision = 0
        self.recorded: dict[str, int] = {}

    async def read(self, known: int = -1) -> KeptBudgets | None:
        if known == self._revision:
            return None
        budgets = sorted(self._budgets.values(), key=lambda budget: budget.name)
        return KeptBudgets(self._revision, budgets, dict(self._resets))

    async def put(self, budget: Budget) -> None:
        self._budgets[budget.name] = budget
        self._revision += 1

    async def delete(self, name: str) -> bool:
        self._revision += 1
        return self._budgets.pop(name, None) is not None

    async def reset(self, name: str, at_micros: int) -> None:
        self._resets[name] = at_micros
        self._revision += 1

    async def spent(self, budget: Budget, window: Window) -> Nano:
        is_reset = budget.since_micros == window.start
        return Nano(0 if is_reset else self.recorded.get(budget.name, 0))

    async def note(self, alert: Alert) -> bool:
        key = (alert.budget, alert.start_micros, alert.share)
        return self._alerts.setdefault(key, [alert, 0, 0])[0] is alert

    async def due(self, at_micros: int, lease_micros: int, attempts: int) -> Sequence[Alert]:
        free = [entry for entry in self._alerts.values() if entry[1] <= at_micros and entry[2] < attempts]
        for entry in free:
            entry[1:] = [at_micros + lease_micros, entry[2] + 1]
        return [entry[0] for entry in free]

    async def told(self, alert: Alert) -> None:
        self._alerts[alert.budget, alert.start_micros, alert.share][1] = 1 << 62


class MemoryLimits:
    """`state.KeptLimits`."""

    def __init__(self) -> None:
        self._rules: dict[str, LimitRule] = {}
        self._revision = 0

    async def read(self, known: int = -1) -> KeptRules | None:
        return None if known == self._revision else KeptRules(self._revision, list(self._rules.values()))

    async def put(self, rule: LimitRule) -> None:
        self._rules[rule.id] = rule
        self._revision += 1

    async def delete(self, id: str) -> bool:
        self._revision += 1
        return self._rules.pop(id, None) is not None


class MemoryEvidence:
    """Evidence as it was taken in. There may be no `room`."""

    def __init__(self) -> None:
        self.taken: list[Evidence] = []
        self.room = True

    def keep(self, evidence: Evidence) -> bool:
        if self.room:
            self.taken.append(evidence)
        return self.room

    async def settle(self) -> None:
        """It is there."""

    async def find(self, ids: Sequence[str]) -> Mapping[str, KeptEvidence]:
        return {}


class MemoryActs:
    """Acts without a chain."""

    def __init__(self) -> None:
        self.kept: list[KeptAct] = []

    async def append(self, act: Act) -> KeptAct:
        kept = KeptAct(len(self.kept) + 1, "", act)
        self.kept.append(kept)
        return kept

    async def page(self, wanted: WantedActs, *, before: int | None, limit: int) -> Sequence[KeptAct]:
        found = [kept for kept in self.kept[::-1] if before is None or kept.number < before]
        return [kept for kept in found if is_within(kept.act.path, wanted.path)][: limit + 1]

    async def check(self, known: Sequence[Head] = ()) -> Checked:
        return Checked(len(self.kept), None)


class MemoryConversations:
    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self._kept: dict[str, KeptConversation] = {}
        self._items: dict[str, list[KeptItem]] = {}
        self._holds: dict[str, tuple[str, float]] = {}
        self.gone: set[str] = set()

    async def create(self, conversation: KeptConversation, items: Sequence[KeptItem]) -> None:
        self._kept[conversation.id] = conversation
        self._items[conversation.id] = list(items)

    async def find(self, path: str, id: str) -> KeptConversation | None:
        kept = self._kept.get(id)
        return kept if kept is not None and kept.path == path and id not in self.gone else None

    async def set_metadata(self, path: str, id: str, metadata: bytes) -> KeptConversation | None:
        kept = await self.find(path, id)
        if kept is None:
            return None
        self._kept[id] = msgspec.structs.replace(kept, metadata=metadata)
        return self._kept[id]

    async def delete(self, path: str, id: str) -> bool:
        if await self.find(path, id) is None:
            return False
        self.gone.add(id)
        return True

    async def add(self, path: str, id: str, items: Sequence[KeptItem]) -> bool:
        if await self.find(path, id) is None:
            return False
        self._items[id].extend(items)
        return True

    async def page(
        self, path: str, id: str, *, order: Order, after: str | None, limit: int
    ) -> Sequence[KeptItem] | None:
        items = await self.items(path, id)
        return None if items is None else cut(items, order, after, limit)

    async def items(self, path: str, id: str) -> Sequence[KeptItem] | None:
        return None if await self.find(path, id) is None else list(self._items[id])

    async def find_item(self, path: str, id: str, item_id: str) -> KeptItem | None:
        items = await self.items(path, id) or ()
        return next((item for item in items if item.id == item_id), None)

    async def delete_item(self, path: str, id: str, item_id: str) -> bool:
        item = await self.find_item(path, id, item_id)
        if item is not None:
            self._items[id].remove(item)
        return item is not None

    async def hold(self, path: str, id: str, holder: str, seconds: float) -> bool:
        held_by, until = self._holds.get(id, (holder, 0.0))
        if held_by != holder and until > self._clock.monotonic():
            return False
        self._holds[id] = (holder, self._clock.monotonic() + seconds)
        return True

    async def release(self, id: str, holder: str) -> None:
        if self._holds.get(id, ("", 0))[0] == holder:
            del self._holds[id]

    def all_items(self, path: str) -> dict[str, bytes]:
        """The items of every conversation of a path."""
        owned = [id for id, kept in self._kept.items() if kept.path == path]
        return {item.id: item.item for id in owned for item in self._items[id]}


class MemoryResponses:
    def __init__(self, clock: FakeClock, conversations: MemoryConversations) -> None:
        self._clock = clock
        self._conversations = conversations
        self._kept: dict[str, KeptResponse] = {}
        self._hidden: set[str] = set()

    def keep(self, response: KeptResponse, turn: Turn | None = None) -> "asyncio.Future[None]":
        self._kept[response.id] = response
        return self.add_turn(response.path, turn) if turn is not None else done()

    def add_turn(self, path: str, turn: Turn) -> "asyncio.Future[None]":
        items = self._conversations._items[turn.conversation_id]
        items.extend(KeptItem(msgspec.json.decode(item)["id"], item) for item in turn.items)
        return done()

    async def find(self, path: str, id: str) -> KeptResponse | None:
        kept = self._kept.get(id)
        if kept is None or kept.path != path or id in self._hidden:
            return None
        return kept if kept.expires_at_micros > self._clock.now_micros() else None

    async def chain(self, path: str, id: str) -> Sequence[KeptResponse] | None:
        kept = await self.find(path, id)
        if kept is None:
            return None
        chain = [kept]
        while chain[0].parent_id is not None:
            parent = self._kept.get(chain[0].parent_id)
            if parent is None or parent.expires_at_micros <= self._clock.now_micros():
                return []
            chain.insert(0, parent)
        return chain

    async def items(self, path: str, ids: Sequence[str]) -> Mapping[str, bytes]:
        known = self._conversations.all_items(path)
        for kept in self._kept.values():
            if kept.path == path:
                known |= items_of(kept)
        return {id: known[id] for id in ids if id in known}

    async def delete(self, path: str, id: str) -> bool:
        if await self.find(path, id) is None:
            return False
        self._hidden.add(id)
        return True

    async def was_here(self, ids: Sequence[str]) -> bool:
        return any(id in self._kept or id in self._conversations._kept for id in ids)


def items_of(kept: KeptResponse) -> dict[str, bytes]:
    named = {}
    for number, item in enumerate(read_input(kept.input)):
        id = msgspec.json.decode(item).get("id") or derive_item_id(kept.id, number, item)
        named[id] = bytes(item)
    return named | {msgspec.json.decode(item)["id"]: bytes(item) for item in read_output(kept.response)}


class MemoryCompletions:
    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self._kept: dict[str, KeptCompletion] = {}

    async def keep(self, completion: KeptCompletion) -> None:
        self._kept[completion.id] = completion

    async def find(self, path: str, id: str) -> KeptCompletion | None:
        kept = self._kept.get(id)
        if kept is None or kept.path != path or kept.expires_at_micros <= self._clock.now_micros():
            return None
        return kept

    async def page(
        self,
        path: str,
        *,
        order: Order,
        after: str | None,
        limit: int,
        model: str | None,
        metadata: Mapping[str, str],
    ) -> Sequence[KeptCompletion]:
        known = [kept for id in self._kept if (kept := await self.find(path, id)) is not None]
        known = [kept for kept in known if model in (None, kept.model)]
        known = [kept for kept in known if metadata.items() <= msgspec.json.decode(kept.metadata).items()]
        return cut(known, order, after, limit)

    async def set_metadata(self, path: str, id: str, metadata: bytes, completion: bytes) -> bool:
        kept = await self.find(path, id)
        if kept is not None:
            self._kept[id] = msgspec.structs.replace(kept, metadata=metadata, completion=completion)
        return kept is not None

    async def delete(self, path: str, id: str) -> bool:
        if await self.find(path, id) is None:
            return False
        del self._kept[id]
        return True


def cut(kept: Sequence[Kept], order: Order, after: str | None, limit: int) -> list[Kept]:
    """A page and one more. Raises `KeyError` for a place that is not there."""
    ordered = list(kept) if order == "asc" else list(kept)[::-1]
    if after is not None:
        ids = [each.id for each in ordered]
        if after not in ids:
            raise KeyError(after)
        ordered = ordered[ids.index(after) + 1 :]
    return ordered[: limit + 1]


def done() -> "asyncio.Future[None]":
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    future.set_result(None)
    return future


class MemoryRuns:
    """Leases never run out here; `abandoned` are the responses whose holder has died."""

    def __init__(self) -> None:
        self._events: dict[str, list[KeptEvent]] = {}
        self._holders: dict[str, str] = {}
        self._begun: dict[str, bytes] = {}
        self.abandoned: list[tuple[str, str]] = []

    async def begin(self, response_id: str, record: bytes) -> None:
        self._begun[response_id] = record

    async def begun(self, response_id: str) -> bytes | None:
        return self._begun.get(response_id)

    async def append(self, response_id: str, events: Sequence[KeptEvent]) -> None:
        self._events.setdefault(response_id, []).extend(events)

    async def events(self, response_id: str, after: int) -> Sequence[KeptEvent]:
        return [event for event in self._events.get(response_id, []) if event.number > after]

    async def lease(self, response_id: str, holder: str, seconds: float) -> bool:
        return self._holders.setdefault(response_id, holder) == holder

    def hand_over(self, response_id: str, holder: str) -> None:
        """Another process has taken it over."""
        self._holders[response_id] = holder

    async def orphans(self) -> Sequence[tuple[str, str]]:
        found, self.abandoned = self.abandoned, []
        return found
