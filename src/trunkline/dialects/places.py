"""Where an item or a part of the neutral conversation stands in the caller's own request, for errors that name it.

The neutral items are numbered as `input[3]`, which is what a Responses caller wrote. Chat's and Anthropic's messages
hold several items each, so their numbers are found by counting the turns.
"""

import re
from collections.abc import Callable, Sequence

from trunkline.dialects.forms import Spot
from trunkline.errors import CallerError, InvalidRequest
from trunkline.items import Item, Message, Reasoning, ToolOutput

_NOUNS = {"chat": "messages", "messages": "messages", "gemini": "contents"}
_PLACE = re.compile(r"input\[(\d+)\](\.content\[\d+\])?")


def say_in_place(error: CallerError, items: Sequence[Item], caller: str) -> None:
    """Have an error about an item name the place that its caller knows."""
    if caller not in _NOUNS or error.param is None or (found := _PLACE.match(error.param)) is None:
        return
    number = int(found[1])
    if number >= len(items):
        return
    place = _find_place(items, number, caller)
    if caller == "chat":
        place += found[2] or ""
    error.message = error.message.replace(found[0], place)
    error.param = place + error.param[found.end() :]
    error.args = (error.message,)


def _find_place(items: Sequence[Item], number: int, caller: str) -> str:
    count = -1
    begun: Item | None = None
    for item in items[: number + 1]:
        if begun is None or not _goes_on(begun, item, caller):
            count += not (caller == "messages" and count < 0 and _voice(item, caller) == "system")
        begun = item
    return f"{_NOUNS[caller]}[{count}]" if count >= 0 else "system"


def _goes_on(last: Item, item: Item, caller: str) -> bool:
    """Whether an item belongs to the message of the one before it."""
    if caller == "chat":
        # A message's thought comes first, then its text, then its calls.
        is_late = isinstance(item, Message | Reasoning) and not isinstance(last, Reasoning)
        return _voice(last, caller) == _voice(item, caller) == "assistant" and not is_late
    return _voice(last, caller) == _voice(item, caller)


def _voice(item: Item, caller: str) -> str:
    if isinstance(item, Message):
        return item.role
    if isinstance(item, ToolOutput):
        return "tool" if caller == "chat" else "user"
    return "assistant"


class PartPlaces:
    """The places of a request's pictures, files and sounds, of which there are `total`; `number` is the one at hand.

    `locate` finds the spots in the body, which is decoded for that only when there is an error to tell.
    """

    def __init__(self, locate: Callable[[], Sequence[Spot]], total: int) -> None:
        self.number = 0
        self._locate = locate
        self._total = total

    def name(self, *, member: bool = True) -> str:
        """Where the part at hand stands. Spots are counted from the end: what we put before the caller's input has
        none."""
        spots = self._locate()
        place = self.number - (self._total - len(spots))
        if not 0 <= place < len(spots):
            return "input"
        spot = spots[place]
        return f"{spot.path}.{spot.member}" if member and spot.member else spot.path

    def wrong(
        self, what: str, kind: type[CallerError] = InvalidRequest, *, code: str | None = None, member: bool = True
    ) -> CallerError:
        """The error for the part at hand."""
        path = self.name(member=member)
        return kind(f"`{path}` {what}", param=path, code=code or ("invalid_value" if kind is InvalidRequest else None))
