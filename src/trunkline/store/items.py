"""Which items a row of `responses` holds, and by which ids they are known."""

from collections.abc import Iterator

import msgspec
from msgspec import Raw, Struct

from trunkline.dialects.openai_responses.history import read_input, read_output
from trunkline.state.ids import derive_item_id
from trunkline.state.responses import KeptResponse


class _Seen(Struct):
    id: str | None = None


_decode_seen = msgspec.json.Decoder(_Seen).decode


def own_items(kept: KeptResponse) -> Iterator[tuple[str, Raw]]:
    """The items with their ids: what the model answered, and what of the caller's input stands in this row."""
    for item in read_output(kept.response):
        id = read_item_id(item)
        if id is not None:
            yield id, item
    # Where the caller had sent the parent's items again, they stand before these.
    start = kept.parent_items or 0
    for number, item in enumerate(read_input(kept.input)):
        yield read_item_id(item) or derive_item_id(kept.id, start + number, item), item


def read_item_id(item: Raw | bytes) -> str | None:
    """The id that an item came with; none when it is no item at all."""
    try:
        return _decode_seen(item).id
    except msgspec.MsgspecError:
        return None
