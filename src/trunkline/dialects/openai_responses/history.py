"""What kept responses say of a conversation: the items that stood before the next turn, in order.

Items stay the bytes they were. Knows no store: a chain is what one gives.
"""

from collections.abc import Sequence

import msgspec
from msgspec import Raw, Struct

from trunkline.state.responses import KeptResponse


class Standing(Struct, frozen=True):
    """An item and where it stands: the number of an item among all that the caller sent with that response, or that
    the model answered."""

    response_id: str
    position: int
    item: Raw


class _Response(Struct):
    output: list[Raw] = []
    previous_response_id: str | None = None


_INPUT = msgspec.json.Decoder(str | list[Raw] | None)
_RESPONSE = msgspec.json.Decoder(_Response)


def history(chain: Sequence[KeptResponse]) -> list[Raw]:
    """The items before the turn that comes after the chain's last response, the oldest first."""
    return [standing.item for standing in context(chain)] + (read_output(chain[-1].response) if chain else [])


def context(chain: Sequence[KeptResponse]) -> list[Standing]:
    """The items that the chain's last response was an answer to: its own input behind all that it inherited.

    A response goes on from its parent's input and output, or from the first `parent_items` items that the caller had
    sent with the parent, wherever these are kept. A parent that the caller did not name stands for items that it sent.
    """
    items: list[Standing] = []
    sent: list[Standing] = []
    answer: list[Standing] = []
    for kept in chain:
        response = _RESPONSE.decode(kept.response)
        inherited = items + answer if kept.parent_items is None else sent[: kept.parent_items]
        is_named = response.previous_response_id is not None
        own = _stand(kept, read_input(kept.input), 0 if is_named else len(inherited))
        items = inherited + own
        sent = own if is_named else items
        answer = _stand(kept, response.output, 0)
    return items


def read_input(body: bytes | Raw) -> list[Raw]:
    """A request's input as items; a string is one message of the user."""
    value = _INPUT.decode(body)
    if isinstance(value, str):
        return [write_text_message(value)]
    return value or []


def read_output(response: bytes | Raw) -> list[Raw]:
    """The items of a response object."""
    return _RESPONSE.decode(response).output


def write_text_message(text: str) -> Raw:
    """The message that a bare string stands for."""
    content = [{"type": "input_text", "text": text}]
    return Raw(msgspec.json.encode({"type": "message", "role": "user", "content": content}))


def _stand(kept: KeptResponse, items: list[Raw], start: int) -> list[Standing]:
    return [Standing(kept.id, start + number, item) for number, item in enumerate(items)]
