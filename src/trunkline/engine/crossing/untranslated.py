"""What tee and patch have in common: caller and target speak one dialect, so a reply is seldom written anew."""

from collections.abc import Mapping

from msgspec.structs import replace

from trunkline.dialects.dialect import Dialect, JsonReply, ReplyContext
from trunkline.engine.crossing.replies import fold_bytes, make_context, write_stream, write_whole
from trunkline.engine.envelope import Envelope, decode_body
from trunkline.engine.exchange import Exchange
from trunkline.engine.parts import Parts
from trunkline.engine.router import Target
from trunkline.errors import Garbled
from trunkline.usage import NO_USAGE


class Untranslated:
    """The half of a `Crossing` that hears the upstream answer in another form than it was asked for, or pause."""

    __slots__ = ("_dialect", "_envelope", "_exchange", "_parts", "_target")

    _parts: Parts
    _exchange: Exchange
    _envelope: Envelope
    _target: Target
    _dialect: Dialect

    headers: Mapping[bytes, bytes] = {}
    spent = NO_USAGE

    def more(self) -> bytes | None:
        """A pause is told in the caller's own dialect, who knows what to make of it."""
        return None

    def fold_stream(self, data: bytes) -> JsonReply:
        return write_whole(self._dialect, fold_bytes(self._dialect, data), self._context())

    def unfold_json(self, data: bytes) -> JsonReply:
        return write_stream(self._dialect, self._dialect.read_reply(data), self._context())

    def _check(self, reply: JsonReply) -> JsonReply:
        """A reply, with an error where it is JSON, but no answer: a success is nobody's word for one."""
        # What tells its usage is one: no look at all for nearly every reply.
        if reply.usage.total_input or reply.error is not None:
            return reply
        if any(_holds(reply.body, mark) for mark in self._dialect.answer_marks):
            return reply
        return replace(reply, error=Garbled("the upstream's reply is not an answer"))

    def _context(self) -> ReplyContext:
        parts, x, target = self._parts, self._exchange, self._target
        seal, unseal = parts.sealer.bind(target.account.name, x.principal.path)
        request = self._dialect.read_request(decode_body(self._envelope.members), unseal)
        return make_context(parts, x, request, target, seal, self._envelope)


def _holds(body: bytes, mark: bytes) -> bool:
    """Whether a member is there, and is something."""
    _, found, rest = body.partition(mark)
    return bool(found) and not rest[:16].lstrip(b": \t\r\n").startswith(b"null")
