"""What every way gives the gateway."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from trunkline.dialects.dialect import JsonReply, Passage
from trunkline.dialects.forms import Contents, Want
from trunkline.usage import Usage


class Crossing(Protocol):
    """`body` goes to the upstream, with `headers` of its own. `passage` takes a streamed reply back, `read_json` a
    whole one.

    `fold_stream` and `unfold_json` are for an upstream that answers in the other form than it was asked: a stream's
    bytes as a whole reply, a whole reply's as a stream. All but `passage` raise the error that the reply holds.

    `more` is what is to be sent where the answer has paused and can be taken up again: asked when the reply is over,
    after which the next one is read as the first was. `None` where the answer is whole.

    Where the target cannot fetch what the caller points to, `wants` says which URLs, and there is no body before
    `fill` has been given their contents.
    """

    @property
    def wants(self) -> Sequence[Want]: ...

    @property
    def body(self) -> bytes: ...

    @property
    def headers(self) -> Mapping[bytes, bytes]: ...

    @property
    def dropped(self) -> Sequence[str]:
        """What was left out of the request, and then of the reply as far as it has been read."""

    @property
    def emulated(self) -> Sequence[str]: ...

    @property
    def spent(self) -> Usage:
        """What the goes have used that are over; for an answer that does not pause that is nothing."""

    def fill(self, contents: Contents) -> None: ...

    def more(self) -> bytes | None: ...

    def passage(self) -> Passage: ...

    def read_json(self, data: bytes) -> JsonReply: ...

    def fold_stream(self, data: bytes) -> JsonReply: ...

    def unfold_json(self, data: bytes) -> JsonReply: ...
