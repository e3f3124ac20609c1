"""What every way (tee, patch, translate) gives the gateway: one body made ready, and how its reply is read."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from trunkline.dialects.dialect import JsonReply, Passage
from trunkline.dialects.forms import Contents, Want
from trunkline.usage import Usage


class Crossing(Protocol):
    """One request on its way to one target, and its reply on the way back.

    All that reads a reply raises the error which that holds, but for `passage`, which tells it in the stream.
    """

    # --- there ---

    @property
    def wants(self) -> Sequence[Want]:
        """The URLs that the target cannot fetch: there is no body before `fill` has been given their contents."""

    def fill(self, contents: Contents) -> None:
        """Put the contents of what was wanted into the body."""

    @property
    def body(self) -> bytes:
        """What is sent to the upstream."""

    @property
    def headers(self) -> Mapping[bytes, bytes]:
        """Headers that this body needs, beside the usual ones."""

    @property
    def dropped(self) -> Sequence[str]:
        """What was left out of the request, and then of the reply as far as it has been read."""

    @property
    def emulated(self) -> Sequence[str]:
        """What the target is told in another way than it was asked for."""

    # --- and back ---

    def passage(self) -> Passage:
        """The way back of a streamed reply."""

    def read_json(self, data: bytes) -> JsonReply:
        """A whole reply."""

    def fold_stream(self, data: bytes) -> JsonReply:
        """A whole reply made of a stream that came although none was asked for."""

    def unfold_json(self, data: bytes) -> JsonReply:
        """A stream made of a whole reply that came although a stream was asked for."""

    # --- an answer that pauses ---

    def more(self) -> bytes | None:
        """The body that has a paused answer go on; `None` where the answer is whole. Asked when a reply is over, after
        which the next one is read as the first was."""

    @property
    def spent(self) -> Usage:
        """What the goes have used that are over; nothing for an answer that does not pause."""
