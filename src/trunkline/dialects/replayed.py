"""Pictures and files in what a model has said before, for wires whose answers hold text alone.

They follow in a message of the user's that says whose they are: after the turn's calls and their outputs, since those
belong together. Knows items, and which kinds an answer can hold.
"""

from msgspec.structs import replace

from trunkline.dialects.kinds import Kind, kind_of
from trunkline.items import Item, Message, Part, Text

_LABEL = "(From the assistant's answer:)"


def move_replayed(items: list[Item], held: frozenset[Kind]) -> list[Item]:
    """The items with such parts moved to where the wire can hold them; the same list when there are none."""
    if not any(isinstance(item, Message) and _split(item, held)[1] for item in items):
        return items
    moved: list[Item] = []
    late: list[Part] = []
    for item in items:
        if isinstance(item, Message) and item.role == "assistant":
            said, shown = _split(item, held)
            late += shown
            if said or not shown:
                moved.append(replace(item, parts=said))
            continue
        if isinstance(item, Message) and late:
            moved.append(_follow(late))
            late = []
        moved.append(item)
    return [*moved, _follow(late)] if late else moved


def _split(item: Message, held: frozenset[Kind]) -> tuple[list[Part], list[Part]]:
    """What the wire can hold of an answer, and what it cannot."""
    if item.role != "assistant":
        return item.parts, []
    shown = [part for part in item.parts if (kind := kind_of(part)) is not None and kind not in held]
    return ([part for part in item.parts if part not in shown], shown) if shown else (item.parts, [])


def _follow(parts: list[Part]) -> Message:
    return Message(role="user", parts=[Text(text=_LABEL), *parts])
