"""What becomes of a kept response that did not say itself how it ended."""

from collections.abc import Sequence

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from trunkline.dialects.openai_responses.errors import draw_response_error
from trunkline.dialects.openai_responses.stated import state_reply
from trunkline.errors import TrunklineError
from trunkline.state.responses import KeptResponse, Status
from trunkline.state.runs import KeptEvent


class _Output(Struct):
    type: str = ""
    item: Raw = Raw(b"null")


_decode_output = msgspec.json.Decoder(_Output).decode


def gather_output(events: Sequence[KeptEvent]) -> Raw:
    """The items that were whole when a run came to its end."""
    seen = [_decode_output(event.data[6:]) for event in events if b"output_item.done" in event.data]
    return Raw(msgspec.json.encode([event.item for event in seen if event.type == "response.output_item.done"]))


def turn_into(
    kept: KeptResponse, status: Status, *, error: TrunklineError | None = None, output: Raw | None = None
) -> KeptResponse:
    """A copy of the response in another state."""
    changes = {"status": Raw(msgspec.json.encode(status))}
    if error is not None:
        changes["error"] = Raw(msgspec.json.encode(draw_response_error(error)))
    if output is not None:
        changes["output"] = output
    return replace(kept, status=status, response=state_reply(kept.response, changes))
