"""An answer's calls on their way back: under the caller's names, as the kinds of tools that the caller has.

Lowering makes functions of whatever the target lacks; here each call of one becomes what it stands for. Events go
through in order; items may be left out, so the last stage counts them anew.
"""

from collections.abc import Callable
from typing import Literal, Protocol

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from trunkline.clock import Mint
from trunkline.dialects.lowering.freeform import FreeformReader
from trunkline.errors import Garbled, TrunklineError
from trunkline.events import (
    ArgumentsAdded,
    Event,
    ItemEnded,
    ItemStarted,
    PartEnded,
    PartStarted,
    ResponseEnded,
    ResponseFailed,
    TextAdded,
    UsageReported,
)
from trunkline.items import Message, OtherItem, ToolCall

Relabel = Callable[[str, dict[str, object]], OtherItem]
"""A call id and decoded arguments → the caller's own kind of item."""


class Origin(Struct, frozen=True, kw_only=True):
    """What a function of the lowered request is to the caller, so that calls of it go back as that.

    `function` and `custom`: a call under `name` (and `namespace`). `item`: an item of its own kind, which `relabel`
    makes. `answer`: the device by which the answer is given as arguments; its call is the answer's text.
    """

    kind: Literal["function", "custom", "item", "answer"] = "function"
    name: str
    namespace: str | None = None
    relabel: Relabel | None = None


class WayBack(Struct, frozen=True, kw_only=True):
    """What the way back of calls needs to know of one request.

    `origins` are by the lowered names. `only`: the names that may be called, `None` for all. `serial`: the first call
    is kept and the others are not. `hides_text`: text beside the answer's call is not shown. `taken`: the call ids of
    the conversation.
    """

    origins: dict[str, Origin]
    only: frozenset[str] | None = None
    serial: bool = False
    hides_text: bool = False
    taken: frozenset[str] = frozenset()
    mint: Mint


class _Item(Protocol):
    """One open item: each of its events, the start and the end included → what the caller sees of it."""

    def take(self, event: Event) -> list[Event]: ...


class _Passed:
    """An item that passes as it is."""

    def take(self, event: Event) -> list[Event]:
        return [event]


class _Hidden:
    """An item that is not shown at all."""

    def take(self, event: Event) -> list[Event]:
        return []


class _Renamed:
    """A call under another name."""

    def __init__(self, origin: Origin) -> None:
        self._origin = origin

    def take(self, event: Event) -> list[Event]:
        if isinstance(event, ItemStarted) and isinstance(event.item, ToolCall):
            item = replace(event.item, name=self._origin.name, namespace=self._origin.namespace)
            return [ItemStarted(event.index, item)]
        return [event]


class _Freeform:
    """A function's call as the custom call that it stands for."""

    def __init__(self, origin: Origin) -> None:
        self._origin = origin
        self._input = FreeformReader()

    def take(self, event: Event) -> list[Event]:
        match event:
            case ItemStarted(index=index, item=ToolCall() as call):
                name, namespace = self._origin.name, self._origin.namespace
                return [ItemStarted(index, replace(call, kind="custom", name=name, namespace=namespace))]
            case ArgumentsAdded(index=index, text=text):
                said = self._input.feed(text)
                return [ArgumentsAdded(index, said)] if said else []
            case ItemEnded(index=index):
                rest = self._input.end()
                return [ArgumentsAdded(index, rest), event] if rest else [event]
            case _:
                return [event]


class _Answer:
    """A call of the answering device, as the message that it is."""

    def take(self, event: Event) -> list[Event]:
        match event:
            case ItemStarted(index=index):
                message = Message(role="assistant", parts=[], status="in_progress")
                return [ItemStarted(index, message), PartStarted(index, 0, "text")]
            case ArgumentsAdded(index=index, text=text):
                return [TextAdded(index, 0, "text", text)] if text else []
            case ItemEnded(index=index, status=status):
                return [PartEnded(index, 0, "text"), ItemEnded(index, status)]
            case _:
                return []


class _Relabelled:
    """A function's call as an item of its own kind, which comes whole."""

    def __init__(self, origin: Origin, way_back: WayBack, fail: Callable[[TrunklineError], None]) -> None:
        self._origin = origin
        self._way_back = way_back
        self._fail = fail
        self._call_id = ""
        self._arguments: list[str] = []

    def take(self, event: Event) -> list[Event]:
        match event:
            case ItemStarted(item=ToolCall(call_id=call_id)):
                self._call_id = call_id
            case ArgumentsAdded(text=text):
                self._arguments.append(text)
            case ItemEnded(index=index, status="completed"):
                return self._relabel(index)
            case _:
                # A call that was cut off has no whole arguments to make an item of.
                pass
        return []

    def _relabel(self, index: int) -> list[Event]:
        origin, way_back = self._origin, self._way_back
        call_id = self._call_id
        if not call_id or call_id in way_back.taken:
            call_id = way_back.mint("call_")
        try:
            arguments = msgspec.json.decode("".join(self._arguments) or "{}", type=dict[str, object])
            assert origin.relabel is not None
            item = origin.relabel(call_id, arguments)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            self._fail(Garbled(f"the model called `{origin.name}` with arguments that do not fit it"))
            return []
        return [ItemStarted(index, item), ItemEnded(index, "completed", None, item)]


class CallReader:
    """One reply's calls, restored."""

    def __init__(self, way_back: WayBack) -> None:
        self._way_back = way_back
        self._open: dict[int, _Item] = {}
        self._calls = 0
        self._has_answer = False
        # Messages that wait until it is known whether the answering device is called.
        self._held: list[Event] = []
        self._error: TrunklineError | None = None

    def read(self, events: list[Event]) -> list[Event]:
        out: list[Event] = []
        for event in events:
            index = getattr(event, "index", None)
            if index is None:
                out += self._take_other(event)
                continue
            item = self._open.get(index)
            if item is None and isinstance(event, ItemStarted):
                item = self._open[index] = self._open_item(event)
            if item is None:
                continue
            if isinstance(event, ItemEnded):
                del self._open[index]
            out += item.take(event)
        return out

    def _open_item(self, event: ItemStarted) -> _Item:
        item = event.item
        if isinstance(item, Message) and self._way_back.hides_text:
            return _Held(self._held)
        return self._open_call(item) if isinstance(item, ToolCall) else _PASSED

    def _open_call(self, call: ToolCall) -> _Item:
        way_back = self._way_back
        origin = way_back.origins.get(call.name)
        if origin is not None and origin.kind == "answer":
            if self._has_answer:
                return _HIDDEN
            self._has_answer = True
            return _Answer()
        if way_back.only is not None and call.name not in way_back.only:
            return _HIDDEN
        if way_back.serial and self._calls:
            return _HIDDEN
        self._calls += 1
        if origin is None:
            return _PASSED
        match origin.kind:
            case "custom":
                return _Freeform(origin)
            case "item":
                return _Relabelled(origin, way_back, self._note_error)
            case _:
                return _Renamed(origin)

    def _note_error(self, error: TrunklineError) -> None:
        self._error = self._error or error

    def _take_other(self, event: Event) -> list[Event]:
        if isinstance(event, ResponseEnded) and self._error is not None:
            event = ResponseFailed(self._error)
        if self._held and isinstance(event, UsageReported | ResponseEnded | ResponseFailed):
            # The device was not called: what was said is the answer.
            held = [] if self._has_answer else list(self._held)
            self._held.clear()
            return [*held, event]
        return [event]


class _Held:
    """A message that is kept back, whole."""

    def __init__(self, held: list[Event]) -> None:
        self._held = held

    def take(self, event: Event) -> list[Event]:
        self._held.append(event)
        return []


_PASSED = _Passed()
_HIDDEN = _Hidden()


class Recount:
    """The last stage: indexes dense from 0 again, in order of start."""

    def __init__(self) -> None:
        self._indexes: dict[int, int] = {}
        self._next = 0

    def read(self, events: list[Event]) -> list[Event]:
        return [self._count(event) for event in events]

    def _count(self, event: Event) -> Event:
        index = getattr(event, "index", None)
        if index is None:
            return event
        if isinstance(event, ItemStarted):
            self._indexes[index] = self._next
            self._next += 1
        counted = self._indexes[index]
        return event if counted == index else replace(event, index=counted)
