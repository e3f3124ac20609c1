"""Patch: the same dialect, but named members change, and an unfaithful provider's replies are straightened."""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Raw

from trunkline.dialects.dialect import Dialect, JsonReply, Passage, TeeOptions
from trunkline.dialects.forms import Contents, Want
from trunkline.dialects.overheard import Overheard, may_hold_thought
from trunkline.dialects.pictures import Pictures
from trunkline.dialects.recall import Notebook
from trunkline.engine.crossing.cache import open_notes, wants_marks
from trunkline.engine.crossing.notes import Notes
from trunkline.engine.crossing.options import merge_provider_options
from trunkline.engine.crossing.untranslated import Untranslated
from trunkline.engine.envelope import Envelope, Members, encode_members
from trunkline.engine.exchange import Exchange
from trunkline.engine.parts import Parts
from trunkline.engine.router import Target
from trunkline.folding import unfold


class Patched(Untranslated):
    """The members as they are, but for `model` and what has to change."""

    __slots__ = (
        "_cuts_usage",
        "_members",
        "_mends",
        "_notes",
        "_pictures",
        "body",
        "dropped",
        "emulated",
        "wants",
    )

    def __init__(self, parts: Parts, x: Exchange, envelope: Envelope, target: Target) -> None:
        dialect = self._dialect = parts.dialects[x.dialect]
        members = envelope.members.copy()
        if dialect.model_in_body and target.model:
            members["model"] = target.model_raw
        self._parts = parts
        self._exchange = x
        self._envelope = envelope
        self._target = target
        self._mends = dialect.name not in target.account.faithful
        self.dropped: Sequence[str] = ()
        self.emulated: Sequence[str] = ()
        self.wants: Sequence[Want] = ()
        merge_provider_options(members, target)
        _, unseal = parts.sealer.bind(target.account.name, x.principal.path)
        self.dropped = dialect.patch(members, target.capabilities, unseal)
        self._notes = self._open_notes()
        if self._notes is not None:
            dialect.put_back(members, target.capabilities, self._notes.recall)
        if dialect.name == "chat" and wants_marks(target, envelope.body):
            _mark_cache(members, dialect, target, open_notes(parts, x, dialect.name, target))
        self._cuts_usage = envelope.stream and dialect.ask_for_usage(members, target.capabilities)
        if not target.capabilities.image_urls:
            self._pictures = Pictures(members, dialect.media, target.capabilities)
            self.wants = self._pictures.wants
        self._members = members
        self.body = b"" if self.wants else encode_members(members)

    def fill(self, contents: Contents) -> None:
        self._pictures.fill(contents)
        self.body = encode_members(self._members)

    def passage(self) -> Passage:
        options = self._options()
        passage = self._dialect.mend(options) if self._mends else self._dialect.tee(options)
        if self._notes is None:
            return passage
        return Overheard(passage, self._dialect.reader, Notebook(self._notes.remember))

    def read_json(self, data: bytes) -> JsonReply:
        reply = self._dialect.mend_reply(data, self._options()) if self._mends else self._dialect.tee_reply(data)
        reply = self._check(reply)
        if self._notes is not None and may_hold_thought(reply.body):
            response = self._dialect.read_reply(reply.body)
            Notebook(self._notes.remember).listen(list(unfold(response)))
        return reply

    def _options(self) -> TeeOptions:
        created = self._exchange.started_at_micros // 1_000_000
        return TeeOptions(cut_usage=self._cuts_usage, model=self._target.model, created=created)

    def _open_notes(self) -> Notes | None:
        """Notes, where the target wants thought back with its calls and this caller's clients are known to drop it."""
        has_calls = "tools" in self._envelope.members
        if not (has_calls and self._dialect.drops_thought and self._target.capabilities.reasoning_field):
            return None
        return open_notes(self._parts, self._exchange, self._dialect.name, self._target)


def _mark_cache(members: Members, dialect: Dialect, target: Target, notes: Notes) -> None:
    body: dict[str, Any] = {
        name: msgspec.json.decode(members[name]) for name in ("messages", "tools") if name in members
    }
    dialect.mark_cache(body, target.capabilities, notes.see_prefix)
    members["messages"] = Raw(msgspec.json.encode(body.get("messages")))
