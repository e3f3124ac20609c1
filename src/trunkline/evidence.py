"""What was said in one request, for an audit that keeps bodies: gathered while it is under way, kept when it is
over."""

from collections.abc import Mapping, Sequence

from msgspec import Struct, field


class Evidence(Struct):
    """The bodies of one request as they are: nothing is copied or looked at.

    `sent` is what went upstream, with its target, an attempt each. `reply` is in pieces for a stream, of which
    `most_bytes` are gathered; `reply_bytes` is how long it was.
    """

    request_id: str
    started_at_micros: int
    path: str
    dialect: str
    headers: Mapping[bytes, bytes]
    request: bytes
    most_bytes: int
    sent: list[tuple[str, bytes]] = field(default_factory=list)
    reply: list[bytes] = field(default_factory=list)
    reply_bytes: int = 0

    @property
    def size_bytes(self) -> int:
        """How much memory it holds."""
        return len(self.request) + sum(len(body) for _, body in self.sent) + sum(map(len, self.reply))

    def hear(self, piece: bytes) -> None:
        """A piece of the reply goes to the client."""
        if self.reply_bytes < self.most_bytes:
            self.reply.append(piece)
        self.reply_bytes += len(piece)


class KeptBody(Struct, frozen=True):
    """A body as it is kept: redacted, and cut to the limit. `size_bytes` is how long it was.

    `is_folded`: it was a stream, and `text` is the JSON of the items that it made.
    """

    text: str
    size_bytes: int
    is_cut: bool = False
    is_folded: bool = False


class SentBody(Struct, frozen=True):
    """What went to a target. `body` is `None` where it was the client's own, byte for byte."""

    target: str
    body: KeptBody | None


class KeptEvidence(Struct, frozen=True):
    """What is kept of a request's bodies, and of its headers those on the list."""

    headers: Mapping[str, str]
    request: KeptBody
    sent: Sequence[SentBody]
    reply: KeptBody
