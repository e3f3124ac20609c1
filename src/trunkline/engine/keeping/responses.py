"""A Responses reply is kept before its end is told, so that a request that follows at once will find it."""

import asyncio
import logging
from collections.abc import Callable

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from trunkline.dialects.dialect import JsonReply, Passage
from trunkline.dialects.openai_responses.history import read_input, read_output
from trunkline.dialects.openai_responses.include import may_hide, show_events, show_response
from trunkline.dialects.openai_responses.secrets import without_secrets
from trunkline.dialects.openai_responses.stated import Changes, Stated, state_reply, state_stream
from trunkline.dialects.openai_responses.stored import complete
from trunkline.engine.context.context import Context
from trunkline.engine.context.understanding import let_go
from trunkline.engine.envelope import Envelope
from trunkline.engine.exchange import Exchange
from trunkline.engine.parts import Parts
from trunkline.engine.router import Target
from trunkline.engine.way import Way
from trunkline.state.ids import item_prefix
from trunkline.state.responses import UNDER_WAY, KeptResponse, Status, Turn
from trunkline.state.store import Store

_log = logging.getLogger("trunkline")

_NOTHING = Raw(b"null")
_NOT_KEPT: Changes = {"store": Raw(b"false")}

# What a conversation takes up: a run that failed or was called off leaves nothing behind.
_SUCCESSFUL = frozenset({"completed", "incomplete"})


class Told(Struct):
    """What is read of a response object in order to keep it."""

    id: str
    status: Status = "completed"
    store: bool | None = None


_decode_told = msgspec.json.Decoder(Told).decode


Follow = Callable[[KeptResponse, Exchange], None]

# Tasks that nobody waits for must be held by somebody.
_letting_go: set["asyncio.Future[None]"] = set()


def choose_keeping(
    parts: Parts, x: Exchange, context: Context, envelope: Envelope, target: Target, way: Way, follow: Follow
) -> "Keeping | None":
    """What keeps the reply; `None` where nothing is kept or said otherwise, so that it goes its way untouched."""
    shown = _read_shown(envelope, way)
    if parts.store is None or not (context.keeps or context.conversation_id is not None or envelope.echo or shown):
        return None
    return Keeping(parts, parts.store, x, context, envelope, target, way, follow, shown)


class _Shown(Struct, frozen=True):
    """What a reply written here shows of what it is to show only when asked; other replies know that themselves."""

    include: frozenset[str]

    def response(self, body: bytes) -> bytes:
        return show_response(body, self.include)

    def events(self, data: bytes) -> bytes:
        return show_events(data, self.include)


def _read_shown(envelope: Envelope, way: Way) -> _Shown | None:
    if way.kind != "translate" or not may_hide(envelope.body):
        return None
    return _Shown(frozenset(msgspec.json.decode(envelope.members.get("include", _NOTHING)) or ()))


class Keeping:
    """What becomes of one exchange's response: how it is told, and how it is kept.

    `follow` is told of one that the upstream goes on making when its reply is over.
    """

    __slots__ = ("_context", "_exchange", "_follow", "_parts", "_shown", "_store", "_target", "changes", "is_native")

    def __init__(
        self,
        parts: Parts,
        store: Store,
        x: Exchange,
        context: Context,
        envelope: Envelope,
        target: Target,
        way: Way,
        follow: Follow,
        shown: _Shown | None = None,
    ) -> None:
        self._parts = parts
        self._store = store
        self._exchange = x
        self._context = context
        self._target = target
        self._follow = follow
        self._shown = shown
        self.is_native = way.kind != "translate"
        # Where the reply is written here, the writer has been told.
        self.changes: Changes = envelope.echo if self.is_native else {}

    def hold(self, passage: Passage) -> Stated:
        """The passage of a stream, with what is told otherwise laid over it and its end held back."""
        show = None if self._shown is None else self._shown.events
        return Stated(passage, self.changes, looks_at_beginning=self.is_background, show=show)

    async def keep_whole(self, reply: JsonReply) -> JsonReply:
        """A whole reply as the caller gets it, kept."""
        if reply.error is not None:
            return reply
        body = state_reply(reply.body, self.changes)
        try:
            await self.keep(body)
        except Exception as error:  # noqa: BLE001 - the answer is paid for, so it is told all the same
            body = state_reply(body, self.give_up(error))
        return replace(reply, body=body if self._shown is None else self._shown.response(body))

    async def keep_stream(self, reply: JsonReply) -> JsonReply:
        """Keep a stream that has come whole."""
        begun, response, end = state_stream(reply.body, self.changes)
        if response is not None:
            try:
                await self.keep(response)
            except Exception as error:  # noqa: BLE001 - as above
                begun, _, end = state_stream(begun + end, self.give_up(error))
        body = begun + end
        return replace(reply, body=body if self._shown is None else self._shown.events(body))

    @property
    def is_background(self) -> bool:
        """Whether the response must be kept from its beginning: somebody may come for it before its end."""
        return self._context.is_background and self._context.run_id is None

    def let_go(self) -> None:
        """The stream is over: others may run on its conversation."""
        if self._context.conversation_id is not None:
            task = asyncio.ensure_future(let_go(self._store, self._exchange, self._context))
            _letting_go.add(task)
            task.add_done_callback(_letting_go.discard)

    def keep(self, response: bytes) -> "asyncio.Future[None]":
        """Keep the response object, and its turn; done when nothing can lose them. Fails for what cannot be kept."""
        try:
            return self._keep(response)
        except Exception as error:  # noqa: BLE001 - raised here it would tear down the upstream's connection
            return _failed(error)

    def _keep(self, response: bytes) -> "asyncio.Future[None]":
        context, x = self._context, self._exchange
        told = _decode_told(response)
        turn = self._turn(context, response) if told.status in _SUCCESSFUL else None
        if not context.keeps:
            if turn is None:
                return _done()
            return self._store.responses.add_turn(x.principal.path, turn)
        account = self._target.account
        native = self.is_native and account.provider.keeps_responses and told.store is not False
        kept = make_kept(self._parts, x, context, told, response, account=account.name, native=native)
        x.goes_on = kept.status in UNDER_WAY and context.run_id is None
        if x.goes_on:
            self._follow(kept, x)
        return self._store.responses.keep(kept, turn)

    def give_up(self, error: BaseException) -> Changes:
        """The response could not be kept: what the caller is told of it."""
        _log.error("a response could not be kept: %s", type(error).__name__)
        self._exchange.dropped = [*self._exchange.dropped, "store"]
        return _NOT_KEPT

    def _turn(self, context: Context, response: bytes) -> Turn | None:
        if context.conversation_id is None:
            return None
        items = [*read_input(context.own), *read_output(response)]
        mint = self._parts.mint
        whole = [complete(item, lambda type_: mint(item_prefix(type_))) for item in items]
        return Turn(context.conversation_id, [bytes(item) for _, item in whole])


def make_kept(
    parts: Parts, x: Exchange, context: Context, told: Told, response: bytes, *, account: str, native: bool = False
) -> KeptResponse:
    """A response of this exchange as it is kept."""
    return KeptResponse(
        id=told.id,
        path=x.principal.path,
        created_at_micros=x.started_at_micros,
        expires_at_micros=parts.retention.expires_at(x.started_at_micros),
        status=told.status,
        input=context.own,
        response=without_secrets(response),
        parent_id=None if context.previous is None else context.previous.id,
        conversation_id=context.conversation_id,
        account=account,
        native=native,
        background=context.is_background,
        stream=context.streams,
    )


def _failed(error: Exception) -> "asyncio.Future[None]":
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    future.set_exception(error)
    return future


def _done() -> "asyncio.Future[None]":
    future = asyncio.get_running_loop().create_future()
    future.set_result(None)
    return future
