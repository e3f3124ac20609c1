"""Which items a row of `responses` holds, and by which ids they are known."""

from collections.abc import Iterator

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from trunkline.dialects.openai_responses.history import read_input, read_output
from trunkline.state.ids import derive_item_id
from trunkline.state.responses import KeptResponse


class _Seen(Struct):
    id: str | None = None


class _Sent(Struct):
    """An item of a caller's, as far as it matters whether it is one."""

    id: str | None = None
    type: str | None = None
    role: Raw | UnsetType = UNSET

    @property
    def is_item(self) -> bool:
        """Whether it is not the mere name of another, which only the upstream knows."""
        return self.type != "item_reference" and (self.type is not None or self.role is not UNSET or self.id is None)


class _Answer(Struct):
    output: list[_Seen] = []


_decode_answer = msgspec.json.Decoder(_Answer).decode
_decode_input = msgspec.json.Decoder(str | list[_Sent] | None).decode
_decode_sent = msgspec.json.Decoder(_Sent).decode
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
        if _is_item(item):
            yield read_item_id(item) or derive_item_id(kept.id, start + number, item), item


def own_ids(kept: KeptResponse) -> list[str]:
    """The ids that items came with, in a fraction of the time: every response that is kept passes here.

    Those that follow from the response's own id are found by that.
    """
    try:
        ids = [item.id for item in _decode_answer(kept.response).output if item.id is not None]
        if kept.input.find(b'"id"') >= 0:
            sent = _decode_input(kept.input)
            ids += [item.id for item in sent if item.id and item.is_item] if isinstance(sent, list) else []
        return ids
    except msgspec.MsgspecError:
        # Something among them is no item.
        return [id for id, _ in own_items(kept)]


def _is_item(item: Raw) -> bool:
    try:
        return _decode_sent(item).is_item
    except msgspec.MsgspecError:
        return True


def read_item_id(item: Raw | bytes) -> str | None:
    """The id that an item came with; none when it is no item at all."""
    try:
        return _decode_seen(item).id
    except msgspec.MsgspecError:
        return None
