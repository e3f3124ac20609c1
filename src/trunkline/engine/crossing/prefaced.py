"""A crossing whose reply has something of the gateway's own put before it."""

from collections.abc import Mapping, Sequence

from trunkline.dialects.dialect import JsonReply, Passage
from trunkline.dialects.forms import Contents, Want
from trunkline.dialects.openai_responses.prefaced import Preface, Prefaced, preface_reply, preface_stream
from trunkline.engine.crossing.crossing import Crossing
from trunkline.usage import Usage


class Prefacing:
    """Another crossing as it is, but for its replies. `instead_of` names what the gateway stood in for."""

    __slots__ = ("_inner", "_instead_of", "_preface")

    def __init__(self, inner: Crossing, preface: Preface, instead_of: str) -> None:
        self._inner = inner
        self._preface = preface
        self._instead_of = instead_of

    @property
    def wants(self) -> Sequence[Want]:
        return self._inner.wants

    @property
    def body(self) -> bytes:
        return self._inner.body

    @property
    def headers(self) -> Mapping[bytes, bytes]:
        return self._inner.headers

    @property
    def dropped(self) -> Sequence[str]:
        return self._inner.dropped

    @property
    def emulated(self) -> Sequence[str]:
        return [*self._inner.emulated, self._instead_of]

    @property
    def spent(self) -> Usage:
        return self._inner.spent

    def fill(self, contents: Contents) -> None:
        self._inner.fill(contents)

    def more(self) -> bytes | None:
        return self._inner.more()

    def passage(self) -> Passage:
        return Prefaced(self._inner.passage(), self._preface)

    def read_json(self, data: bytes) -> JsonReply:
        return preface_reply(self._inner.read_json(data), self._preface)

    def fold_stream(self, data: bytes) -> JsonReply:
        return preface_reply(self._inner.fold_stream(data), self._preface)

    def unfold_json(self, data: bytes) -> JsonReply:
        return preface_stream(self._inner.unfold_json(data), self._preface)
