"""A chat completion is kept before its end is told, where the caller asked for that."""

import asyncio
import logging

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from trunkline.dialects.dialect import JsonReply, Passage
from trunkline.dialects.openai_chat.held import HeldCompletion, gather_completion
from trunkline.dialects.openai_chat.kept import label, read_told
from trunkline.dialects.openai_responses.metadata import check_metadata
from trunkline.engine.envelope import Envelope, encode_members
from trunkline.engine.exchange import Exchange
from trunkline.engine.keeping.keeper import ChooseKeeper
from trunkline.engine.parts import Parts
from trunkline.engine.router import Target
from trunkline.providers.account import Account
from trunkline.state.completions import KeptCompletion
from trunkline.state.store import Store

_log = logging.getLogger("trunkline")

_TRUE, _FALSE = Raw(b"true"), Raw(b"false")


def wants_keeping(envelope: Envelope) -> bool:
    """Whether a Chat request asks for its completion to be kept. The default is not to."""
    return envelope.members.get("store") == _TRUE


class KeepingChat:
    """What becomes of one exchange's completion. Nothing of it is told otherwise than it came."""

    is_background = False

    def __init__(
        self, parts: Parts, store: Store, x: Exchange, envelope: Envelope, account: Account, *, native: bool
    ) -> None:
        self._parts = parts
        self._store = store
        self._exchange = x
        self._account = account.name
        self._native = native
        members = envelope.members
        self._messages = bytes(members.get("messages", Raw(b"[]")))
        metadata = check_metadata(msgspec.json.decode(members.get("metadata", Raw(b"null"))))
        self._metadata = msgspec.json.encode(metadata or {})

    def hold(self, passage: Passage) -> HeldCompletion:
        """The passage, with its end held back."""
        return HeldCompletion(passage)

    async def keep_whole(self, reply: JsonReply) -> JsonReply:
        """A whole reply as the caller gets it, kept."""
        if reply.error is None:
            await self._try(reply.body)
        return reply

    async def keep_stream(self, reply: JsonReply) -> JsonReply:
        """Keep a stream that has come whole."""
        completion = gather_completion(reply.body, reply.usage)
        if completion is not None:
            await self._try(completion)
        return reply

    def let_go(self) -> None:
        """Releases nothing: nothing is held."""

    def keep(self, completion: bytes) -> "asyncio.Future[None]":
        """Keep the completion; done when it is."""
        return asyncio.ensure_future(self._keep(completion))

    def give_up(self, error: BaseException) -> None:
        """The completion could not be kept. The answer is paid for, so it is told all the same."""
        _log.error("a chat completion could not be kept: %s", type(error).__name__)
        self._exchange.dropped = [*self._exchange.dropped, "store"]

    async def _try(self, completion: bytes) -> None:
        try:
            await self._keep(completion)
        except Exception as error:  # noqa: BLE001 - as `give_up` says
            self.give_up(error)

    async def _keep(self, completion: bytes) -> None:
        told, x = read_told(completion), self._exchange
        kept = KeptCompletion(
            id=told.id,
            path=x.principal.path,
            created_at_micros=x.started_at_micros,
            expires_at_micros=self._parts.retention.expires_at(x.started_at_micros),
            model=told.model,
            metadata=self._metadata,
            completion=label(completion, self._metadata),
            messages=self._messages,
            account=self._account,
            native=self._native,
        )
        await self._store.completions.keep(kept)


def keep_completion(
    parts: Parts, store: Store, x: Exchange, envelope: Envelope, target: Target
) -> tuple[Envelope, ChooseKeeper]:
    """A request whose completion is to be kept, as the target must get it, and who keeps the reply.

    What the policy of the caller's path forbids is reported as left out.
    """
    if parts.retention.allows(x.principal.path):
        account = target.account
        native = account.provider.keeps_responses and x.dialect in account.speaks
        keeper = KeepingChat(parts, store, x, envelope, account, native=native)
        return _fit(envelope, target, _TRUE), lambda _, __: keeper
    x.dropped = [*x.dropped, "store"]
    return _fit(envelope, target, _FALSE), lambda _, __: None


def _fit(envelope: Envelope, target: Target, store: Raw) -> Envelope:
    """The request with `store` said only to who keeps completions itself."""
    members = envelope.members.copy()
    if not target.account.provider.keeps_responses:
        del members["store"]
    elif store is _FALSE:
        members["store"] = store
        # OpenAI takes labels only for what it keeps.
        members.pop("metadata", None)
    else:
        return envelope
    return replace(envelope, members=members, body=encode_members(members))
