"""A request, and what was found for it: laid out once the target is known.

A target that still holds the response that came before is told its id, any other gets the whole history.
"""

from collections.abc import Sequence

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from trunkline.dialects.openai_responses.history import read_input
from trunkline.engine.context.prompting import unknown_prompt
from trunkline.engine.envelope import Envelope, encode_members
from trunkline.engine.router import Target
from trunkline.errors import TrunklineError, UpstreamError
from trunkline.state.responses import KeptResponse

_NO_ITEMS = Raw(b"[]")

_LOOKED_UP = ("previous_response_id", "conversation")


class _Usage(Struct):
    total_tokens: int | None = None


class _Counted(Struct):
    """A response object, as far as it says how long it was."""

    usage: _Usage | None = None


_decode_counted = msgspec.json.Decoder(_Counted).decode


class Context(Struct, kw_only=True):
    """A request, and what was found for it."""

    envelope: Envelope
    # Its own input as it came, and the messages of its prompt: these stand before everything, and are not kept.
    own: bytes
    messages: list[Raw] = []

    # What it goes on from: the response that it names, or the conversation that it holds until `let_go`.
    previous: KeptResponse | None = None
    conversation_id: str | None = None
    # The items that stand before its own, `None` where it goes on from nothing; and the input that it all began with.
    before: list[Raw] | None = None
    opening: bytes = b""
    # What other targets answer where it names something that only the upstream's owner may name unseen.
    unseen: TrunklineError | None = None

    # Whether the response is kept, and how it was asked for.
    keeps: bool
    streams: bool = False
    # Nobody waits for it; the id that it was given then, where it runs here.
    is_background: bool = False
    run_id: str | None = None

    def fit(self, target: Target, *, replays: bool = False) -> Envelope:
        """The request as this target must get it. `replays`: with the whole history, whatever the target holds."""
        envelope = self.envelope
        is_native = "responses" in target.account.speaks
        if self.unseen is not None and not is_native:
            raise self.unseen
        if "prompt" in envelope.members and not target.account.keeps_prompts:
            raise unknown_prompt(envelope.members["prompt"])
        members, echo = envelope.members.copy(), dict(envelope.echo)
        stands_for_more = self.messages or (self.before is not None and (replays or not self._is_held_by(target)))
        if stands_for_more:
            for name in _LOOKED_UP:
                if name in members and self.before is not None:
                    echo[name] = members.pop(name)
            if self.conversation_id is not None:
                echo["conversation"] = Raw(msgspec.json.encode({"id": self.conversation_id}))
            members["input"] = _join([*self.messages, *(self.before or ())], members.get("input", _NO_ITEMS))
        if self.run_id is not None:
            members.pop("background", None)
            echo["id"] = Raw(msgspec.json.encode(self.run_id))
            echo["background"] = Raw(b"true")
        if not self.keeps and is_native:
            members["store"] = Raw(b"false")
        elif not is_native:
            members.pop("store", None)
            echo["store"] = Raw(b"true" if self.keeps else b"false")
        body = encode_members(members) if stands_for_more else envelope.body
        before_tokens = None if stands_for_more else self._count_before()
        return replace(envelope, members=members, echo=echo, body=body, before_tokens=before_tokens)

    def _count_before(self) -> int | None:
        """How many tokens the response that it names was, with all that led to it; `None` where that is not known."""
        if self.previous is None:
            return None
        try:
            usage = _decode_counted(self.previous.response).usage
        except msgspec.MsgspecError:
            return None
        return None if usage is None else usage.total_tokens

    def was_lost(self, target: Target, error: UpstreamError) -> bool:
        """Whether this target was told an id in the place of the history, and knows nothing of it any more."""
        return self._is_held_by(target) and error.code == "previous_response_not_found"

    def _is_held_by(self, target: Target) -> bool:
        previous = self.previous
        if previous is None or self.messages:
            return False
        return previous.native and previous.account == target.account.name


def _join(before: Sequence[Raw], own: Raw) -> Raw:
    """The history and the request's own input as one. What is of a wrong type stays, for the reader to refuse."""
    try:
        items = read_input(own)
    except msgspec.MsgspecError:
        return own
    return Raw(msgspec.json.encode([*before, *items]))
