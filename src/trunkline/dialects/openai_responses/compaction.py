"""Compactions of our own: one sealed item that stands for the conversation before it.

Where one stands in an input, the items before the last of them go, but for the user messages that it retains, and it
becomes a message that every model can be told. A compaction that a provider has sealed is left to that provider. One
that Anthropic has made by itself travels in the same seal: its models get back the very block, all others what it says.
Source: https://platform.openai.com/docs/guides/conversation-state#compaction-advanced
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec
from msgspec import Raw, Struct, field

from trunkline.dialects.dialect import Unseal
from trunkline.dialects.seal import FOREIGN, GATEWAY, PREFIX, UNKNOWN_KEY
from trunkline.dialects.shapes import lenient_text
from trunkline.errors import InvalidRequest
from trunkline.items import Carrier, Item, Message, OtherItem, Text

COMPACTION = "compaction"
TRIGGER = "compaction_trigger"
"""The item that asks for a compaction now, at the end of an input."""

_KIND = "summary"
_BLOCK = "block"
_ANTHROPIC = "messages"

# What goes on counting, whatever is compacted.
_STANDING = ("system", "developer")

_INTRODUCTION = "Summary of the conversation so far: "

AnyItem = TypeVar("AnyItem")


class Summary(Struct, frozen=True, kw_only=True):
    """What a compaction holds.

    `standing` are the system's and developer's messages that it stands for, in their own words. `retained` says how
    many of the user messages before it still count, the last ones; `None`: all. `model` is the one that wrote it.
    """

    summary: str
    model: str = ""
    standing: list[str] = field(default_factory=list)
    retained: int | None = None
    v: int = 1


class Look(Struct, frozen=True):
    """As much of an item as is looked at here."""

    type: str | None = None
    role: str | None = None
    encrypted_content: str | None = None

    @property
    def is_user(self) -> bool:
        return self.role == "user" and self.type in (None, "message")


_NOTHING = Look()


class Block(Struct, frozen=True):
    """A block of Anthropic's that stands for all that came before it."""

    value: dict[str, Any]


# --- making -----------------------------------------------------------------------------------------------------


def carry_summary(summary: Summary) -> Carrier:
    """A summary as a carrier, to be sealed."""
    return Carrier(GATEWAY, _KIND, msgspec.to_builtins(summary))


def is_block(item: Item | None) -> bool:
    """Whether this is a block of Anthropic's that holds a summary; one without was no success, and means nothing."""
    return (
        isinstance(item, OtherItem)
        and item.dialect == _ANTHROPIC
        and item.type == COMPACTION
        and bool(lenient_text(item.value.get("content")))
    )


def carry_block(item: OtherItem) -> Carrier:
    """Such a block, to be sealed. Whose account has made it does not matter: its summary is there to be read."""
    return Carrier(GATEWAY, _BLOCK, item.value)


def read_block(encrypted_content: str, unseal: Unseal) -> OtherItem | None:
    """The block that was sealed, if it is one."""
    carrier = unseal(encrypted_content)
    if carrier is None or carrier.family != GATEWAY or carrier.kind != _BLOCK:
        return None
    return OtherItem(dialect=_ANTHROPIC, type=COMPACTION, value=carrier.payload)


def tell_block(item: OtherItem) -> Message:
    """What such a block says, of a priority above the user's."""
    return Message(role="developer", parts=[Text(text=_INTRODUCTION + lenient_text(item.value.get("content")))])


def is_summary(text: str) -> bool:
    """Whether this is what an opened compaction says."""
    return text.startswith(_INTRODUCTION)


def draw_compaction(item_id: str, sealed: str) -> dict[str, Any]:
    """A compaction as callers get it."""
    return {"id": item_id, "type": COMPACTION, "encrypted_content": sealed}


# --- reading ----------------------------------------------------------------------------------------------------


def open_compactions(items: list[Any], unseal: Unseal) -> list[tuple[int, Any]]:
    """Decoded items with the last compaction opened, each with the number that it had. Raises `InvalidRequest`."""
    if not any(type(item) is dict and item.get("type") == COMPACTION for item in items):
        return list(enumerate(items))
    # A block is opened where it is read: whether its target knows it turns out later.
    looks = [_look_at(item) for item in items]
    return _open(items, looks, unseal, lambda message: message, lambda item, _: item)


def open_raw_compactions(items: list[Raw], unseal: Unseal) -> list[Raw]:
    """Open compactions among items that are still the bytes they were."""
    looks = [_look_into(item) for item in items]

    def write(message: dict[str, Any]) -> Raw:
        return Raw(msgspec.json.encode(message))

    def write_block(_: Raw, block: Block) -> Raw:
        return write(_write_developer([_INTRODUCTION + lenient_text(block.value.get("content"))]))

    return [item for _, item in _open(items, looks, unseal, write, write_block)]


def _open(
    items: Sequence[AnyItem],
    looks: Sequence[Look],
    unseal: Unseal,
    write: Callable[[dict[str, Any]], AnyItem],
    write_block: Callable[[AnyItem, Block], AnyItem],
) -> list[tuple[int, AnyItem]]:
    numbered = list(enumerate(items))
    last = max((number for number, look in enumerate(looks) if look.type == COMPACTION), default=-1)
    if last < 0:
        return numbered
    summary = _open_summary(looks[last], unseal, f"input[{last}]")
    if isinstance(summary, Block):
        standing = [entry for entry in numbered[:last] if looks[entry[0]].role in _STANDING]
        return [*standing, (last, write_block(items[last], summary)), *numbered[last + 1 :]]
    if summary is None:
        return [(number, item) for number, item in numbered if number >= last or not _is_over(looks[number])]
    users = [entry for entry in numbered[:last] if looks[entry[0]].is_user]
    if summary.retained is not None:
        users = users[len(users) - min(summary.retained, len(users)) :]
    return [*users, (last, write(_tell(summary, len(users)))), *numbered[last + 1 :]]


def _is_over(look: Look) -> bool:
    """Whether a later compaction of the provider's own has taken the item's place for good."""
    return look.type == TRIGGER or (look.type == COMPACTION and (look.encrypted_content or "").startswith(PREFIX))


def _open_summary(look: Look, unseal: Unseal, path: str) -> Summary | Block | None:
    """What we have sealed; `None` for what somebody else has."""
    carrier = unseal(look.encrypted_content or "")
    if carrier is None:
        return None
    if carrier.family == GATEWAY and carrier.kind == _KIND:
        return msgspec.convert(carrier.payload, Summary)
    if carrier.family == GATEWAY and carrier.kind == _BLOCK:
        return Block(carrier.payload)
    why = "belongs to another caller"
    if carrier.family == FOREIGN and carrier.kind == UNKNOWN_KEY:
        why = "was sealed under a key that this gateway no longer has"
    raise InvalidRequest(
        f"`{path}` {why}: send the items that it stands for, or compact them anew",
        param=path,
        code="invalid_encrypted_content",
    )


def _tell(summary: Summary, users: int) -> dict[str, Any]:
    """The message that a compaction becomes, of a priority above the user's.

    Where a model takes such messages at the beginning alone its place is lost, so it says what came before it.
    """
    covers = f"\n\n(The first {users} of the user's messages are part of what this sums up.)" if users else ""
    return _write_developer([*summary.standing, _INTRODUCTION + summary.summary + covers])


def _write_developer(texts: list[str]) -> dict[str, Any]:
    content = [{"type": "input_text", "text": text} for text in texts]
    return {"type": "message", "role": "developer", "content": content}


def _look_at(item: Any) -> Look:
    if type(item) is not dict:
        return _NOTHING
    return Look(
        lenient_text(item.get("type")) or None,
        lenient_text(item.get("role")) or None,
        lenient_text(item.get("encrypted_content")) or None,
    )


def _look_into(item: Raw) -> Look:
    try:
        return msgspec.json.decode(item, type=Look)
    except msgspec.MsgspecError:
        return _NOTHING
