"""Where a prompt cache that wants to be asked is asked, for callers whose API cannot ask.

Some providers cache a prefix only up to a mark, and writing costs more than reading fresh. So marks are set on what
will come again: the head (tools and system text) and the history before the last turn; where the request goes on with
a conversation, or the same head was seen a short while ago; and never on less than the model would cache.
"""

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Struct

from trunkline.capabilities import Capabilities

Seen = Callable[[bytes], bool]
"""Notes a prefix; says whether it had been noted within the time that a cache lasts."""

MarkCache = Callable[[dict[str, Any], Capabilities, Seen], None]

MARK = {"cache_control": {"type": "ephemeral"}}

# JSON holds more than text; a mark on too short a prefix does nothing, so the estimate may be rough.
_BYTES_PER_TOKEN = 4


class Points(Struct, frozen=True):
    """Which ends of a stable prefix get a mark."""

    head: bool
    history: bool


def choose_points(head: Any, history: list[Any], continues: bool, capabilities: Capabilities, seen: Seen) -> Points:
    """Which marks are worth it; `continues` says that a model has answered in this conversation before."""
    encoded = msgspec.json.encode(head)
    least = capabilities.cache_minimum_tokens * _BYTES_PER_TOKEN
    is_long = len(encoded) >= least
    # Asked in any case, since asking notes it.
    was_seen = is_long and seen(encoded)
    if not continues:
        return Points(was_seen, False)
    return Points(is_long, bool(history) and len(encoded) + len(msgspec.json.encode(history)) >= least)


def mark_nothing(body: dict[str, Any], capabilities: Capabilities, seen: Seen) -> None:
    """For wires without marks: sets none."""
