"""A conversation made to fit by forgetting how it began: `truncation: "auto"`, for models that cannot do it themselves.

Whole items go, a call always with its output; what the system and the developer said stays, and so does the last item.
Source: https://platform.openai.com/docs/api-reference/responses/create#responses-create-truncation
"""

from collections.abc import Mapping

from msgspec.structs import replace

from trunkline.dialects.estimate import estimate_input, estimate_item
from trunkline.dialects.shapes import lenient_text
from trunkline.items import Item, Message, OtherItem, ToolCall, ToolOutput
from trunkline.request import ModelRequest

# Estimates are no counts.
_SHARE = 0.95


def truncate(request: ModelRequest, context_tokens: int | None, ratio: float) -> ModelRequest | None:
    """The request with so much of its beginning left out that it fits; `None` where that is not asked for or possible.

    `ratio` is what estimates are to be multiplied by. What does not fit even so is left to the model's own judgement.
    """
    if request.settings.truncation != "auto" or context_tokens is None:
        return None
    excess = estimate_input(request) - context_tokens * _SHARE / ratio
    items = request.items if excess <= 0 else _forget(request.items, excess)
    return replace(request, items=items, settings=replace(request.settings, truncation=None))


def _forget(items: list[Item], excess: float) -> list[Item]:
    groups = _group(items)
    gone: set[int] = set()
    kept = groups[len(items) - 1]
    for number, item in enumerate(items):
        if excess <= 0:
            break
        together = groups[number]
        if number in gone or together is kept or _stands(item):
            continue
        gone.update(together)
        excess -= sum(estimate_item(items[one]) for one in together)
    return [item for number, item in enumerate(items) if number not in gone]


def _group(items: list[Item]) -> Mapping[int, list[int]]:
    """The numbers of the items that can only go together, by the number of each of them."""
    by_call: dict[str, list[int]] = {}
    groups: dict[int, list[int]] = {}
    for number, item in enumerate(items):
        call_id = _read_call_id(item)
        group = by_call.setdefault(call_id, []) if call_id else []
        group.append(number)
        groups[number] = group
    return groups


def _read_call_id(item: Item) -> str:
    match item:
        case ToolCall() | ToolOutput():
            return item.call_id
        case OtherItem():
            return lenient_text(item.value.get("call_id"))
        case _:
            return ""


def _stands(item: Item) -> bool:
    return isinstance(item, Message) and item.role in ("system", "developer")
