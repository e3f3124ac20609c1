"""A model's answer, the main job: the whole way of such a request, on one screen.

A plain sequence, not an onion: what does it stand for, which model, which way, one attempt, the relay, the record.
"""

from collections.abc import Callable

from msgspec.structs import replace

from trunkline.call import Reply
from trunkline.dialects.gemini.framing import ArrayPassage, array_of, write_array_error
from trunkline.dialects.kept_files import may_hold_file_ids
from trunkline.dialects.openai_responses.prefaced import NO_PREFACE
from trunkline.engine.attempts import is_event_stream, redacted
from trunkline.engine.background.runs import Background
from trunkline.engine.caller.access import check_members, check_tools
from trunkline.engine.caller.tagging import open_body
from trunkline.engine.compaction.compacting import asks_now, compact_first, compact_now, may_compact, may_summarise
from trunkline.engine.context.context import Context
from trunkline.engine.context.understanding import let_go, understand
from trunkline.engine.crossing import Crossing, cross
from trunkline.engine.crossing.prefaced import Prefacing
from trunkline.engine.desk import Desk
from trunkline.engine.envelope import Envelope
from trunkline.engine.estimates.gauge import measure
from trunkline.engine.evidence import Witnessed
from trunkline.engine.exchange import Exchange
from trunkline.engine.keeping.completions import keep_completion, wants_keeping
from trunkline.engine.keeping.keeper import ChooseKeeper, Keeper
from trunkline.engine.keeping.relay import KeepingRelay
from trunkline.engine.keeping.responses import choose_keeping
from trunkline.engine.materials.copies import Copies, is_lost
from trunkline.engine.materials.fetching import fetch_all
from trunkline.engine.materials.named_files import materialise
from trunkline.engine.reply.goes import Goes
from trunkline.engine.reply.headers import ARRAY_STREAM, EVENT_STREAM, WHOLE, write_headers
from trunkline.engine.reply.relay import Live, Manner, Relay, manner_of
from trunkline.engine.reply.waiting import begin_within
from trunkline.engine.router import Plan, Target
from trunkline.engine.sending import Sending, note_losses
from trunkline.engine.way import Way, choose_way
from trunkline.errors import Failed, TrunklineError, UpstreamError
from trunkline.ports import UpstreamReply
from trunkline.providers.account import Account

_ARRAY = Manner(b" ", write_array_error, lambda out: out.endswith(b"]"))

_WRITTEN_HERE = Way("translate", "", "")
"""The way of a reply that no upstream has a part in."""


class Generating:
    """Answers by a model. `live` are the streams under way, for whoever looks after their deadlines."""

    def __init__(self, desk: Desk, live: set[Live]) -> None:
        self._parts = desk.parts
        self._desk = desk
        self._live = desk.live = live
        self._manners = {name: manner_of(dialect) for name, dialect in desk.parts.dialects.items()}
        self._copies = Copies(desk)
        self._background = desk.runs = Background(desk, self._generate_kept, live)

    async def answer(self, x: Exchange) -> Reply:
        """The reply to a request for an answer. Raises what went wrong."""
        envelope = open_body(x, self._parts.sessions)
        store = self._parts.store
        if store is None or x.dialect != "responses":
            target = (await self._plan(x, envelope)).targets[0]
            if store is not None and x.dialect == "chat" and wants_keeping(envelope):
                return await self._attempt(x, target, *keep_completion(self._parts, store, x, envelope, target))
            return await self._attempt(x, target, envelope, None)
        context = await understand(self._desk, store, x, envelope)
        if not context.is_background:
            if context.envelope.stream and may_summarise(context.envelope):
                return await self._answer_slowly(x, context)
            return await self._generate_kept(x, context)
        try:
            target = (await self._plan(x, context.envelope)).targets[0]
            # Told at once what it would be told later, where nobody waits; admitted anew when it is sent.
            await self._desk.admit(x, target, context.envelope)
            begun = await self._background.begin(x, context, target)
        except BaseException:
            await let_go(store, x, context)
            raise
        return begun or await self._generate_kept(x, context)

    async def _answer_slowly(self, x: Exchange, context: Context) -> Reply:
        """A stream before which something may be made that takes long."""

        def head() -> Reply:
            return Reply(status=200, headers=write_headers(x, EVENT_STREAM))

        def ended(error: TrunklineError | None) -> None:
            x.status = 200
            if error is None:
                x.outcome = "cancelled"
            else:
                x.fail(error)
            self._desk.record(x)

        making = self._generate_kept(x, context)
        return await begin_within(making, head, self._manners[x.dialect], ended, self._live)

    async def _generate_kept(self, x: Exchange, context: Context) -> Reply:
        """The way of a request whose reply may be kept. Whatever becomes of it, its conversation is let go."""
        try:
            reply = await self._try_held(x, context)
        except BaseException:
            await self._let_go(x, context)
            raise
        if isinstance(reply.body, bytes):
            await self._let_go(x, context)
        return reply

    async def _try_held(self, x: Exchange, context: Context) -> Reply:
        """Asked again with the whole history where the target has lost what it held of it."""
        target = (await self._plan(x, context.envelope)).targets[0]
        try:
            return await self._attempt_held(x, target, context.fit(target), context)
        except UpstreamError as error:
            if not context.was_lost(target, error):
                raise
        return await self._attempt_held(x, target, context.fit(target, replays=True), context)

    async def _attempt_held(self, x: Exchange, target: Target, envelope: Envelope, context: Context) -> Reply:
        def choose(way: Way, sent: Envelope) -> Keeper | None:
            return choose_keeping(self._parts, x, context, sent, target, way, self._background.follow)

        return await self._attempt(x, target, envelope, choose)

    async def _let_go(self, x: Exchange, context: Context) -> None:
        if self._parts.store is not None:
            await let_go(self._parts.store, x, context)

    async def _plan(self, x: Exchange, envelope: Envelope) -> Plan:
        x.model_asked, x.is_stream = envelope.model, envelope.stream
        check_members(x.principal, envelope.members)
        known = self._desk.names(x.principal).known(envelope.model)
        plan = known or await self._desk.plan(x.principal, envelope.model)
        check_tools(x.principal, envelope.members, plan.targets[0].account)
        return plan

    async def _attempt_with_files(
        self, x: Exchange, target: Target, envelope: Envelope, choose: ChooseKeeper | None
    ) -> Reply:
        """The same with the files that the request names, which are given anew where the target has lost its copies."""
        # What is summarised first is put to the model in other words, in which no copy has a place.
        copies = None if may_compact(x, envelope, target) else self._copies
        given = await materialise(self._parts, x, envelope, target, copies)
        try:
            return await self._attempt(x, target, given.envelope, choose, has_files=True)
        except UpstreamError as error:
            if not is_lost(error, given.copies):
                raise
        given = await materialise(self._parts, x, envelope, target, copies, given.copies)
        return await self._attempt(x, target, given.envelope, choose, has_files=True)

    async def _attempt(
        self, x: Exchange, target: Target, envelope: Envelope, choose: ChooseKeeper | None, *, has_files: bool = False
    ) -> Reply:
        """One attempt; `has_files` says that those which the request names are in it."""
        parts, desk = self._parts, self._desk
        if not has_files and may_hold_file_ids(envelope.body):
            return await self._attempt_with_files(x, target, envelope, choose)
        envelope = await desk.admit(x, target, envelope)
        preface = NO_PREFACE
        if may_compact(x, envelope, target):
            if asks_now(envelope):
                return await self._compact(x, target, envelope, choose)
            envelope, preface = await compact_first(desk, x, envelope, target)
        elif desk.gauge.is_due(target.name):
            x.estimate = measure(parts.dialects[x.dialect], envelope)
        way = choose_way(parts.dialects[x.dialect], target, envelope)
        x.take_way(target, way)
        x.envelope = envelope
        crossing = cross(parts, x, envelope, way, target)
        if preface.items:
            crossing = Prefacing(crossing, preface, "context_management")
        if crossing.wants:
            crossing.fill(await fetch_all(parts.fetch, parts.fetch_limits, crossing.wants))
        if crossing.dropped or crossing.emulated:
            note_losses(x, crossing)
            x.emulated = crossing.emulated
            desk.keep_strict(x)
        if parts.purse is not None and (way.kind == "translate" or "provider_options" in envelope.members):
            await parts.purse.top_up(x, target, way.upstream, crossing.body)
        keeper = None if choose is None else choose(way, envelope)
        sending = Sending(desk, x, target, way, crossing, envelope)
        reply = await sending.send(crossing.body)
        try:
            if envelope.stream:
                if way.kind == "translate":
                    reply = Goes(reply, crossing.more, sending.go_on)
                return await self._answer_stream(x, reply, sending, keeper)
            is_stream = is_event_stream(reply, expected=False)
            whole = await sending.read(reply, crossing.fold_stream if is_stream else crossing.read_json)
            return desk.finish(x, whole if keeper is None else await keeper.keep_whole(whole), WHOLE)
        except UpstreamError as error:
            raise redacted(error, target.account) from None

    async def _compact(self, x: Exchange, target: Target, envelope: Envelope, choose: ChooseKeeper | None) -> Reply:
        """A compaction in the place of an answer."""
        whole = await compact_now(self._desk, x, envelope, target)
        keeper = None if choose is None else choose(_WRITTEN_HERE, envelope)
        if not envelope.stream:
            return self._desk.finish(x, whole if keeper is None else await keeper.keep_whole(whole), WHOLE)
        return self._desk.finish(x, whole if keeper is None else await keeper.keep_stream(whole), EVENT_STREAM)

    async def _answer_stream(self, x: Exchange, reply: UpstreamReply, sending: Sending, keeper: Keeper | None) -> Reply:
        crossing = sending.crossing
        if not is_event_stream(reply, expected=True):
            # Who has no streams has none for the rest of an answer either.
            whole = await sending.read(reply, crossing.unfold_json)
            if x.found.array:
                return self._desk.finish(x, replace(whole, body=array_of(whole.body)), ARRAY_STREAM)
            return self._desk.finish(x, whole if keeper is None else await keeper.keep_stream(whole), EVENT_STREAM)
        relay = self._relay(x, reply, crossing, sending.target.account, keeper)
        await relay.commit()
        x.status = 200
        note_losses(x, crossing)
        kind = ARRAY_STREAM if x.found.array else EVENT_STREAM
        return Reply(status=200, headers=write_headers(x, kind), body=relay)

    def _relay(
        self, x: Exchange, reply: UpstreamReply, crossing: Crossing, account: Account, keeper: Keeper | None
    ) -> Relay:
        ended = _ended(self._desk, x, crossing, account, keeper)
        passage, manner = crossing.passage(), self._manners[x.dialect]
        if x.evidence is not None:
            passage = Witnessed(passage, x.evidence)
        if x.found.array:
            passage, manner = ArrayPassage(passage), _ARRAY
        if keeper is None:
            return Relay(reply, passage, manner, self._live, ended, account)
        held = keeper.hold(passage)
        return KeepingRelay(reply, held, manner, self._live, ended, account, held=held, keeper=keeper)


def _ended(
    desk: Desk, x: Exchange, crossing: Crossing, account: Account, keeper: Keeper | None
) -> Callable[[Relay], None]:
    """What happens when a stream is over, however it came to its end."""

    def ended(relay: Relay) -> None:
        if keeper is not None:
            keeper.let_go()
        if not x.status:
            return  # never committed: the error is drawn and recorded as a reply
        passage = relay.passage
        error = passage.error
        if error is not None:
            x.fail(redacted(error, account))
        elif relay.cancelled:
            x.outcome = "cancelled"
            if x.evidence is not None:
                x.evidence = replace(x.evidence, reply=[*x.evidence.reply])
            # Nobody reads what this says any more: it has the passage find out what it has seen.
            passage.fail(Failed("the client left"))
        elif passage.incomplete:
            x.outcome = "incomplete"
        # A stream's head is out by now: the record has what it could not say.
        note_losses(x, crossing)
        x.usage, x.said = passage.usage, passage.estimate()
        desk.record(x)

    return ended
