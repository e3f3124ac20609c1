"""What clients say again with every turn (tools, instructions, settings): read and lowered once, known by its bytes.

An agent's tools are most of what it sends, and the same each time; its conversation alone is new. A head is a pure
function of its bytes, so whoever sends them may share it, and nothing of it is ever changed in place.
"""

from collections import OrderedDict
from typing import Any

from msgspec.structs import replace

from trunkline.clock import Mint
from trunkline.dialects.dialect import Dialect, Fill, UpstreamDialect, Written
from trunkline.dialects.lowering import Lowering, Plan
from trunkline.engine.envelope import Envelope, decode_body
from trunkline.engine.router import Target
from trunkline.items import Item
from trunkline.request import ModelRequest

# About what a head takes when it is read, made ready and shown, for each of its bytes and besides.
_TIMES, _BESIDES = 8, 8192

# Some seventy agents with tools of 12 KB, or seven hundred with a word or two.
_MOST_BYTES = 8 << 20

_Key = tuple[str | bool | bytes, ...]


class Ready:
    """A head made ready for one target: lowered, and written as far as may be without a conversation.

    Raises what is wrong with it there.
    """

    __slots__ = ("_capabilities", "_fill", "_plan", "_upstream")

    def __init__(
        self, request: ModelRequest, caller: str, upstream: UpstreamDialect, target: Target, mint: Mint
    ) -> None:
        self._plan = Plan(replace(request, model=target.model), caller, upstream.name, target.capabilities, mint)
        self._upstream = upstream
        self._capabilities = target.capabilities
        self._fill: Fill | None = None

    def write(self, items: list[Item]) -> tuple[Written, Lowering]:
        """The body with this conversation, and what lowering did. Raises what the target cannot be told."""
        request, lowering = self._plan.lower(items)
        upstream, capabilities = self._upstream, self._capabilities
        if upstream.write_head is None or not self._plan.is_fixed:
            return upstream.write_request(request, capabilities), lowering
        if self._fill is None:
            self._fill = upstream.write_head(request, capabilities)
        return self._fill(request.items), lowering


class Head:
    """All of a request but its conversation, and how it was made ready for the target that it went to last.

    `shown` is where writers of replies keep what they show of it.
    """

    __slots__ = ("_ready", "_target", "_upstream", "request", "shown", "size")

    def __init__(self, request: ModelRequest, size: int) -> None:
        self.request = request
        self.size = size
        self.shown: dict[str, Any] = {}
        self._ready: Ready | None = None
        self._target: Target | None = None
        self._upstream: UpstreamDialect | None = None

    def ready(self, caller: str, upstream: UpstreamDialect, target: Target, mint: Mint) -> Ready:
        """It made ready for one target. Raises what is wrong with it there."""
        if self._ready is None or self._target is not target or self._upstream is not upstream:
            self._ready = Ready(self.request, caller, upstream, target, mint)
            self._target, self._upstream = target, upstream
        return self._ready


class Heads:
    """The heads of late. When they come to too many bytes, those go that were not asked for longest."""

    def __init__(self) -> None:
        self._heads: OrderedDict[_Key, Head] = OrderedDict()
        self._size = 0

    def read(self, dialect: Dialect, envelope: Envelope) -> Head:
        """The head of a request. Raises `InvalidRequest`."""
        key = _write_key(dialect, envelope)
        head = self._heads.get(key)
        if head is not None:
            self._heads.move_to_end(key)
            return head
        members = {name: raw for name, raw in envelope.members.items() if name != dialect.conversation}
        # A path may have said the model and whether to stream; the envelope knows either way.
        request = replace(dialect.read_head(decode_body(members)), model=envelope.model, stream=envelope.stream)
        head = Head(request, _BESIDES + _TIMES * sum(map(len, members.values())))
        self._keep(key, head)
        return head

    def _keep(self, key: _Key, head: Head) -> None:
        if head.size > _MOST_BYTES:
            return
        self._heads[key] = head
        self._size += head.size
        while self._size > _MOST_BYTES:
            _, oldest = self._heads.popitem(last=False)
            self._size -= oldest.size


def _write_key(dialect: Dialect, envelope: Envelope) -> _Key:
    conversation = dialect.conversation
    key: list[str | bool | bytes] = [dialect.name, envelope.model, envelope.stream]
    for name, raw in envelope.members.items():
        if name != conversation:
            key += (name, bytes(raw))
    return tuple(key)
