"""Translate: decode, lower, encode; and the same way back."""

from collections.abc import Mapping, Sequence

import msgspec
from msgspec.structs import replace

from trunkline.dialects.course import Course
from trunkline.dialects.dialect import Dialect, JsonReply, Passage, UpstreamDialect
from trunkline.dialects.fates import MEDIA_TOLD_TO, caller_name
from trunkline.dialects.forms import Contents, Spot, Want
from trunkline.dialects.lowering import Restore, hold_tools
from trunkline.dialects.media import Materials
from trunkline.dialects.places import say_in_place
from trunkline.dialects.recall import Notebook, give_back, holds_thought
from trunkline.dialects.translation import Translation, call_ids, name_answer, name_calls
from trunkline.dialects.truncation import truncate
from trunkline.engine.crossing.cache import open_notes, wants_marks
from trunkline.engine.crossing.options import add_provider_options
from trunkline.engine.crossing.replies import fold_bytes, make_context, write_stream, write_whole
from trunkline.engine.envelope import Envelope, Members, decode_body, decode_member
from trunkline.engine.exchange import Exchange
from trunkline.engine.heads import Ready
from trunkline.engine.parts import Parts
from trunkline.engine.router import Target
from trunkline.errors import CallerError
from trunkline.events import Event, ModelResponse
from trunkline.folding import fold, unfold
from trunkline.items import OtherItem
from trunkline.request import ModelRequest
from trunkline.usage import Usage


class Translated:
    """Decode, lower, encode; and the same way back."""

    __slots__ = (
        "_context",
        "_course",
        "_dialect",
        "_head",
        "_is_truncated",
        "_lowering",
        "_marks_cache",
        "_materials",
        "_mint",
        "_notes",
        "_sent",
        "_target",
        "_told",
        "_upstream",
        "body",
        "dropped",
        "emulated",
        "headers",
        "wants",
    )

    def __init__(
        self, parts: Parts, x: Exchange, envelope: Envelope, target: Target, upstream: UpstreamDialect
    ) -> None:
        dialect = parts.dialects[x.dialect]
        seal, unseal = parts.sealer.bind(target.account.name, x.principal.path)
        self._notes = open_notes(parts, x, upstream.name, target)
        head = self._head = parts.heads.read(dialect, envelope)
        said = decode_member(envelope.members, dialect.conversation)
        items = dialect.read_conversation(said, head.request, unseal)
        if dialect.drops_thought:
            items = give_back(items, self._notes.recall)
        request = replace(head.request, items=items)
        self._context = make_context(parts, x, request, target, seal, envelope, head.shown)
        self._dialect = dialect
        self._mint = parts.mint
        self._target = target
        self._upstream = upstream
        self._marks_cache = dialect.name != "messages" and wants_marks(target, envelope.body)
        shorter = truncate(request, target.capabilities.context_tokens, parts.gauge.ratio(target.name))
        self._is_truncated = shorter is not None
        self._course = Course(upstream.reader)
        # The events of whole replies so far.
        self._told: list[Event] = []
        self._materials = Materials(
            shorter or request, upstream.media, target.capabilities, lambda: _find_media(dialect, envelope.members)
        )
        self.wants: Sequence[Want] = self._materials.wants
        if not self.wants:
            self._write(self._materials.request)

    def fill(self, contents: Contents) -> None:
        self._write(self._materials.fill(contents))

    def _write(self, request: ModelRequest) -> None:
        try:
            self._write_lowered(request)
        except CallerError as error:
            say_in_place(error, request.items, self._dialect.name)
            raise

    def _write_lowered(self, request: ModelRequest) -> None:
        dialect, target = self._dialect, self._target
        written, lowering = self._make_ready(request).write(request.items)
        if request.provider_options:
            add_provider_options(written.body, request.provider_options, target)
        if self._marks_cache:
            self._upstream.mark_cache(written.body, target.capabilities, self._notes.see_prefix)
        self._lowering = lowering
        self.headers: Mapping[bytes, bytes] = written.headers
        self._sent = written.body
        self.body = msgspec.json.encode(written.body)
        self.dropped: Sequence[str] = _named(dialect, lowering.dropped, written.dropped)
        truncated = ["truncation"] if self._is_truncated else []
        self.emulated: Sequence[str] = list(dict.fromkeys([*truncated, *self._materials.emulated, *lowering.emulated]))

    def _make_ready(self, request: ModelRequest) -> Ready:
        """The head as it was ready before, unless this request's own was changed, or items of its hold tools."""
        if self._is_truncated or hold_tools(request.items):
            return Ready(request, self._dialect.name, self._upstream, self._target, self._mint)
        return self._head.ready(self._dialect.name, self._upstream, self._target, self._mint)

    @property
    def spent(self) -> Usage:
        return self._course.spent

    def more(self) -> bytes | None:
        course, go_on = self._course, self._upstream.go_on
        if course.pause is None or go_on is None:
            return None
        body = go_on(self._sent, course.said(), course.pause.token)
        if body is None:
            return None
        course.go_on()
        self._sent = body
        return msgspec.json.encode(body)

    def passage(self) -> Passage:
        reader = self._upstream.reader() if self._upstream.go_on is None else self._course
        return Translation(reader, self._restore(), self._dialect.writer(self._context), self._note_loss)

    def read_json(self, data: bytes) -> JsonReply:
        return write_whole(self._dialect, self._restored(self._upstream.read_reply(data)), self._context)

    def fold_stream(self, data: bytes) -> JsonReply:
        return write_whole(self._dialect, self._restored(fold_bytes(self._upstream, data)), self._context)

    def unfold_json(self, data: bytes) -> JsonReply:
        return write_stream(self._dialect, self._restored(self._upstream.read_reply(data)), self._context)

    def _restored(self, response: ModelResponse) -> ModelResponse:
        """The answer so far with what lowering changed put back, and with an id for each call."""
        if self._is_whole(response):
            whole = name_answer(response, self._mint, self._context.request.items)
        else:
            self._told += self._course.take(list(unfold(response)))
            whole = fold(self._restore()(self._told + self._course.held()))
        for item in whole.items:
            if isinstance(item, OtherItem):
                self._note_loss(item)
        return whole

    def _is_whole(self, response: ModelResponse) -> bool:
        """Whether an answer came in one go, with nothing to be put back and nothing to be remembered."""
        if self._lowering.restores or self._told or response.finish == "paused":
            return False
        return not (self._dialect.drops_thought and holds_thought(response))

    def _note_loss(self, item: OtherItem) -> None:
        """Media that the caller's API has no place for: no word of the answer stands for them, as for hosted calls."""
        callers = MEDIA_TOLD_TO.get(item.type)
        if callers is not None and self._dialect.name not in callers and item.type not in self.dropped:
            self.dropped = [*self.dropped, item.type]

    def _restore(self) -> Restore:
        taken = call_ids(self._context.request.items)
        restore = name_calls(self._mint, taken, self._lowering.restore())
        if not self._dialect.drops_thought:
            return restore
        notebook = Notebook(self._notes.remember)
        return lambda events: notebook.listen(restore(events))


def _find_media(dialect: Dialect, members: Members) -> list[Spot]:
    """Where the caller's pictures and files stand, for an error to name: decoded anew, as reading has taken it
    apart."""
    return dialect.media.find(decode_body(members))


def _named(dialect: Dialect, lowered: list[str], written: list[str]) -> list[str]:
    """What lowering and the writer left out, each once, in the caller's words."""
    if not written:
        return lowered
    return list(dict.fromkeys([*lowered, *(caller_name(dialect.name, name) for name in written)]))
