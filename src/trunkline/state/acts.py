"""What administrators have done, in a chain that shows when somebody has been at it; and the port that keeps it."""

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct


class Author(Struct, frozen=True):
    """Who does something: the key's id and name, the effective path of the call, and where it came from.

    Beside the store, without any key, `key_id` is `local` and `name` the user of the machine.
    """

    key_id: str
    name: str
    path: str
    peer: str


class Act(Struct, frozen=True, kw_only=True):
    """One thing that was done. `kind` is `<object>.<verb>`, as `prompt.create`; `path` is that of the object.

    `details` is a JSON object with `before` and `after`, either of them `null` where there is none; empty once erased.
    """

    at_micros: int
    author: Author
    kind: str
    object_id: str
    path: str
    details: bytes


class KeptAct(Struct, frozen=True):
    """An act in its place: numbers begin at 1 and have no gap. `hash` covers it and the hash before."""

    number: int
    hash: str
    act: Act


class WantedActs(Struct, frozen=True, kw_only=True):
    """Which acts are asked for: those on objects of `path` and below, and of these what the rest says."""

    path: str
    kind: str | None = None
    object_id: str | None = None
    key_id: str | None = None
    start_micros: int | None = None
    end_micros: int | None = None


class Head(Struct, frozen=True):
    """The newest entry of the chain that somebody knows of."""

    number: int
    hash: str


class Checked(Struct, frozen=True):
    """What a look at the whole chain found: so many entries are sound, and the last of them is `head`.

    `broken` is the number of the first entry that is not, and `why` says what is wrong with it.
    """

    entries: int
    head: Head | None
    broken: int | None = None
    why: str = ""


class Acts(Protocol):
    """Keeps acts. Nothing is changed or removed but the details of a path that is erased."""

    async def append(self, act: Act) -> KeptAct:
        """Put it at the end of the chain. When this returns it is durable, and no other process has taken its place.

        Raises `Unavailable`.
        """

    async def page(self, wanted: WantedActs, *, before: int | None, limit: int) -> Sequence[KeptAct]:
        """Up to `limit` acts with a number below `before`, the newest first, and one more if there is one."""

    async def check(self, known: Sequence[Head] = ()) -> Checked:
        """Read the whole chain, and see whether the heads that are `known` are in it."""
