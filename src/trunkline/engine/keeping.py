"""A Responses reply is kept before its end is told, so that a request that follows at once will find it."""

import asyncio
import logging

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from trunkline.dialects.dialect import JsonReply
from trunkline.dialects.openai_responses.history import read_input, read_output
from trunkline.dialects.openai_responses.stated import Changes, state_reply, state_stream
from trunkline.engine.context import Context, let_go
from trunkline.engine.envelope import Envelope
from trunkline.engine.exchange import Exchange
from trunkline.engine.parts import Parts
from trunkline.engine.router import Target
from trunkline.engine.way import Way
from trunkline.state.ids import item_prefix
from trunkline.state.responses import KeptResponse, Status, Turn
from trunkline.state.store import Store

_log = logging.getLogger("trunkline")

_NOT_KEPT: Changes = {"store": Raw(b"false")}

# What a conversation takes up: a run that failed or was called off leaves nothing behind.
_SUCCESSFUL = frozenset({"completed", "incomplete"})


class _Told(Struct):
    """What is read of a response object in order to keep it."""

    id: str
    status: Status = "completed"
    store: bool | None = None


_decode_told = msgspec.json.Decoder(_Told).decode


class _Item(Struct):
    type: str | None = None
    id: str | None = None


_decode_item = msgspec.json.Decoder(_Item).decode
_decode_members = msgspec.json.Decoder(dict[str, Raw]).decode


# Tasks that nobody waits for must be held by somebody.
_letting_go: set["asyncio.Future[None]"] = set()


def choose_keeping(
    parts: Parts, x: Exchange, context: Context, envelope: Envelope, target: Target, way: Way
) -> "Keeping | None":
    """What keeps the reply; `None` where nothing is kept or said otherwise, so that it goes its way untouched."""
    if parts.store is None or not (context.keeps or context.conversation_id is not None or envelope.echo):
        return None
    return Keeping(parts, parts.store, x, context, envelope, target, way)


class Keeping:
    """What becomes of one exchange's response: how it is told, and how it is kept."""

    __slots__ = ("_context", "_exchange", "_parts", "_store", "_target", "changes", "is_native")

    def __init__(
        self, parts: Parts, store: Store, x: Exchange, context: Context, envelope: Envelope, target: Target, way: Way
    ) -> None:
        self._parts = parts
        self._store = store
        self._exchange = x
        self._context = context
        self._target = target
        self.is_native = way.kind != "translate"
        # Where the reply is written here, the writer has been told.
        self.changes: Changes = envelope.echo if self.is_native else {}

    async def keep_whole(self, reply: JsonReply) -> JsonReply:
        """A whole reply as the caller gets it, kept."""
        if reply.error is not None:
            return reply
        body = state_reply(reply.body, self.changes)
        try:
            await self.keep(body)
        except Exception as error:  # noqa: BLE001 - the answer is paid for, so it is told all the same
            body = state_reply(body, self.give_up(error))
        return replace(reply, body=body)

    async def keep_stream(self, reply: JsonReply) -> JsonReply:
        """The same for a stream that has come as a whole."""
        begun, response, end = state_stream(reply.body, self.changes)
        if response is not None:
            try:
                await self.keep(response)
            except Exception as error:  # noqa: BLE001 - as above
                begun, _, end = state_stream(begun + end, self.give_up(error))
        return replace(reply, body=begun + end)

    def let_go(self) -> None:
        """The stream is over: others may run on its conversation."""
        if self._context.conversation_id is not None:
            task = asyncio.ensure_future(let_go(self._store, self._exchange, self._context))
            _letting_go.add(task)
            task.add_done_callback(_letting_go.discard)

    def keep(self, response: bytes) -> "asyncio.Future[None]":
        """Keep the response object, and its turn; done when nothing can lose them."""
        context, x = self._context, self._exchange
        told = _decode_told(response)
        turn = self._turn(context, response) if told.status in _SUCCESSFUL else None
        if not context.keeps:
            if turn is None:
                return _done()
            return self._store.responses.add_turn(x.principal.path, turn)
        kept = KeptResponse(
            id=told.id,
            path=x.principal.path,
            created_at_micros=x.started_at_micros,
            expires_at_micros=self._parts.retention.expires_at(x.started_at_micros),
            status=told.status,
            input=context.own,
            response=response,
            parent_id=None if context.previous is None else context.previous.id,
            conversation_id=context.conversation_id,
            account=self._target.account.name,
            native=self.is_native and self._target.account.provider.keeps_responses and told.store is not False,
            stream=x.is_stream,
        )
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
        return Turn(context.conversation_id, [self._identify(item) for item in items])

    def _identify(self, item: Raw) -> bytes:
        """An item with its id, and a type."""
        seen = _decode_item(item)
        if seen.id is not None and seen.type is not None:
            return bytes(item)
        members = _decode_members(item)
        members.setdefault("type", Raw(b'"message"'))
        if seen.id is None:
            members["id"] = Raw(msgspec.json.encode(self._parts.mint(item_prefix(seen.type))))
        return msgspec.json.encode(members)


def _done() -> "asyncio.Future[None]":
    future = asyncio.get_running_loop().create_future()
    future.set_result(None)
    return future
