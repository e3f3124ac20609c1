"""Responses that were kept, and the port that keeps them."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

from msgspec import Struct

Status = Literal["queued", "in_progress", "completed", "incomplete", "failed", "cancelled"]

UNDER_WAY = frozenset({"queued", "in_progress"})


class KeptResponse(Struct, frozen=True, kw_only=True):
    """One response, with what was new in it.

    `input` is the JSON of the request's own input: a string, or an array of items as the caller sent them. `response`
    is the response object as the caller saw it last. `parent_id` is the response whose history this one goes on from:
    all of it with its output, or, when `parent_items` is a number, only so many of the first items that stood in that
    response's own input (the caller had sent them again; see `Responses.keep`). `account` names the upstream account
    that answered, and `native` says that it keeps the response under the same id. `background` and `stream` are how
    it was asked for.
    """

    id: str
    path: str
    created_at_micros: int
    expires_at_micros: int
    status: Status
    input: bytes
    response: bytes
    parent_id: str | None = None
    parent_items: int | None = None
    conversation_id: str | None = None
    account: str = ""
    native: bool = False
    background: bool = False
    stream: bool = False


class Turn(Struct, frozen=True):
    """What one run adds to a conversation: items as JSON objects, each with its id, in order."""

    conversation_id: str
    items: Sequence[bytes]


class Responses(Protocol):
    """Keeps responses. `find`, `chain` and `items` see what `keep` has promised, at once."""

    def keep(self, response: KeptResponse, turn: Turn | None = None) -> "asyncio.Future[None]":
        """Keep a response, in the place of an older state of it, and its turn with it: both or neither.

        The future is done when neither a crash nor a power cut can lose them. It fails with `Unavailable` when
        nothing can be written (a full disk). Never waits itself. Behind it, the store may put a shorter row in the
        place of an input that begins like an earlier one of the same path.
        """

    def add_turn(self, path: str, turn: Turn) -> "asyncio.Future[None]":
        """Keep a turn alone, for a response that must not be kept itself. As `keep`."""

    async def find(self, path: str, id: str) -> KeptResponse | None:
        """The response, unless it was deleted or has expired."""

    async def chain(self, path: str, id: str) -> Sequence[KeptResponse] | None:
        """The response and all that it goes on from, the oldest first; `None` when it cannot be found.

        Ancestors that were deleted are there as long as a descendant is; where one is gone for good (expired or
        erased) the sequence is empty.
        """

    async def items(self, path: str, ids: Sequence[str]) -> Mapping[str, bytes]:
        """Items of kept responses and conversations by their ids; those that cannot be found are left out."""

    async def delete(self, path: str, id: str) -> bool:
        """Hide a response for good, and remember its id as a hash. Whether there was one."""

    async def was_here(self, ids: Sequence[str]) -> bool:
        """Whether any of these ids is, or has ever been, known here, whoever it belonged to."""
