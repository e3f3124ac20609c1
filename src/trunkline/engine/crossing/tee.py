"""Tee: the body as it is but for the model's name, the reply's bytes as they come. The hot way."""

from collections.abc import Sequence

from trunkline.dialects.dialect import JsonReply, Passage, TeeOptions
from trunkline.dialects.forms import Contents, Want
from trunkline.engine.crossing.untranslated import Untranslated
from trunkline.engine.envelope import Envelope, encode_members
from trunkline.engine.exchange import Exchange
from trunkline.engine.parts import Parts
from trunkline.engine.router import Target

_CUT = TeeOptions(cut_usage=True)
_WHOLE = TeeOptions()


class Teed(Untranslated):
    """A `Crossing` that changes the model's name, and has a Chat stream tell its usage."""

    __slots__ = ("_options", "body")

    wants: Sequence[Want] = ()
    dropped: Sequence[str] = ()
    emulated: Sequence[str] = ()

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
        """Does nothing: a tee wants no URL fetched."""

    def passage(self) -> Passage:
        return self._dialect.tee(self._options)

    def read_json(self, data: bytes) -> JsonReply:
        return self._check(self._dialect.tee_reply(data))
