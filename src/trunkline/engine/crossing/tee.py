"""Tee: the body as it is but for the model's name, the reply's bytes as they come. The hot way."""

from collections.abc import Mapping, Sequence

from trunkline.dialects.dialect import JsonReply, Passage, ReplyContext, TeeOptions
from trunkline.dialects.forms import Contents, Want
from trunkline.engine.crossing.replies import fold_bytes, make_context, write_stream, write_whole
from trunkline.engine.envelope import Envelope, decode_body, encode_members
from trunkline.engine.exchange import Exchange
from trunkline.engine.parts import Parts
from trunkline.engine.router import Target
from trunkline.usage import NO_USAGE

_CUT = TeeOptions(cut_usage=True)
_WHOLE = TeeOptions()


class Teed:
    """A `Crossing` that changes the model's name, and has a Chat stream tell its usage."""

    __slots__ = ("_dialect", "_envelope", "_exchange", "_options", "_parts", "_target", "body")

    wants: Sequence[Want] = ()
    headers: Mapping[bytes, bytes] = {}
    dropped: Sequence[str] = ()
    emulated: Sequence[str] = ()
    spent = NO_USAGE

    def __init__(self, parts: Parts, x: Exchange, envelope: Envelope, target: Target) -> None:
        dialect = self._dialect = parts.dialects[x.dialect]
        members = envelope.members
        if dialect.model_in_body and target.model:
            members["model"] = target.model_raw
        self._options = _WHOLE
        if envelope.stream and dialect.ask_for_usage(members, target.capabilities):
            self._options = _CUT
        self.body = encode_members(members)
        self._parts = parts
        self._exchange = x
        self._envelope = envelope
        self._target = target

    def fill(self, contents: Contents) -> None:
        """Nothing is wanted, so nothing comes."""

    def more(self) -> bytes | None:
        """A pause is told in the caller's own dialect, who knows what to make of it."""
        return None

    def passage(self) -> Passage:
        return self._dialect.tee(self._options)

    def read_json(self, data: bytes) -> JsonReply:
        return self._dialect.tee_reply(data)

    def fold_stream(self, data: bytes) -> JsonReply:
        return write_whole(self._dialect, fold_bytes(self._dialect, data), self._context())

    def unfold_json(self, data: bytes) -> JsonReply:
        return write_stream(self._dialect, self._dialect.read_reply(data), self._context())

    def _context(self) -> ReplyContext:
        """What a writer needs, for the rare reply that has to be written anew."""
        parts, x, target = self._parts, self._exchange, self._target
        seal, unseal = parts.sealer.bind(target.account.name, x.principal.path)
        request = self._dialect.read_request(decode_body(self._envelope.members), unseal)
        return make_context(parts, x, request, target, seal, self._envelope)
