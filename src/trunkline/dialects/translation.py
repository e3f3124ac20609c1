"""The translated way back: an upstream's bytes → events → the caller's bytes, as one `Passage`."""

import math
from collections.abc import Callable

from msgspec.structs import replace

from trunkline.clock import Mint
from trunkline.dialects.dialect import StreamReader, StreamWriter
from trunkline.dialects.estimate import CHARACTERS_PER_TOKEN
from trunkline.dialects.lowering import Restore
from trunkline.errors import TrunklineError
from trunkline.events import (
    ArgumentsAdded,
    Event,
    ItemStarted,
    ModelResponse,
    ResponseEnded,
    ResponseFailed,
    TextAdded,
    UsageReported,
)
from trunkline.items import Item, OtherItem, ToolCall
from trunkline.usage import NO_USAGE, Usage


def name_calls(mint: Mint, taken: set[str], restore: Restore) -> Restore:
    """`restore`, and after it a call id of its own for every call that came without one or with one already `taken`.

    Some providers omit ids, some count them from 0 in every answer; clients pair calls and outputs by id over the
    whole conversation.
    """

    def named(events: list[Event]) -> list[Event]:
        return [_name_call(event, mint, taken) if type(event) is ItemStarted else event for event in restore(events)]

    return named


def call_ids(items: list[Item]) -> set[str]:
    """The ids of the calls among some items."""
    return {item.call_id for item in items if type(item) is ToolCall}


def _name_call(event: ItemStarted, mint: Mint, taken: set[str]) -> ItemStarted:
    call = event.item
    return ItemStarted(event.index, _name(call, mint, taken)) if type(call) is ToolCall else event


def _name(call: ToolCall, mint: Mint, taken: set[str]) -> ToolCall:
    if not call.call_id or call.call_id in taken:
        call = replace(call, call_id=mint("call_"))
    taken.add(call.call_id)
    return call


def name_answer(response: ModelResponse, mint: Mint, before: list[Item]) -> ModelResponse:
    """A whole answer whose calls are named likewise. `before` are the items of the conversation."""
    if not any(type(item) is ToolCall for item in response.items):
        return response
    taken = call_ids(before)
    items = [_name(item, mint, taken) if type(item) is ToolCall else item for item in response.items]
    return replace(response, items=items)


class Translation:
    """Reads with one dialect, restores what lowering changed, writes with another.

    `notice` is told of every item that only some dialects know.
    """

    __slots__ = (
        "_characters",
        "_has_ended",
        "_notice",
        "_reader",
        "_restore",
        "_writer",
        "error",
        "has_content",
        "incomplete",
        "usage",
    )

    def __init__(
        self, reader: StreamReader, restore: Restore, writer: StreamWriter, notice: Callable[[OtherItem], None]
    ) -> None:
        self._notice = notice
        self._reader = reader
        self._restore = restore
        self._writer = writer
        self.has_content = False
        self.incomplete = False
        self.error: TrunklineError | None = None
        self.usage: Usage = NO_USAGE
        self._characters = 0
        self._has_ended = False

    def feed(self, data: bytes) -> bytes:
        return self._pass(self._reader.feed(data))

    def end(self) -> bytes:
        return self._pass(self._reader.end())

    def fail(self, error: TrunklineError) -> bytes:
        return self._pass(self._reader.fail(error))

    def is_finished(self) -> bool:
        return self._has_ended or self._reader.is_finished()

    def estimate(self) -> int | None:
        if self._has_ended and self.usage.total_output:
            return None
        return math.ceil(self._characters / CHARACTERS_PER_TOKEN)

    def _pass(self, events: list[Event]) -> bytes:
        if not events:
            return b""
        events = self._restore(events)
        for event in events:
            if type(event) is TextAdded:
                self.has_content = True
                self._characters += len(event.text)
            else:
                self._note(event)
        return self._writer.write(events)

    def _note(self, event: Event) -> None:
        match event:
            case ItemStarted(item=ToolCall()):
                self.has_content = True
            case ItemStarted(item=OtherItem() as item):
                self.has_content = True
                self._notice(item)
            case UsageReported():
                self.usage = event.spent
            case ArgumentsAdded():
                self._characters += len(event.text)
            case ResponseEnded():
                self.has_content = self._has_ended = True
                self.incomplete = event.finish in ("length", "content_filter")
            case ResponseFailed():
                self.error = event.error
            case _:
                pass
