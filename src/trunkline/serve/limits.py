"""How much, and how long, the face puts up with."""

from msgspec import Struct


class Limits(Struct, frozen=True, kw_only=True):
    """Sizes in bytes, times in seconds. Deadlines are kept by one sweep, so they are exact to `sweep_seconds`."""

    sweep_seconds: float = 1.0

    # The head: from its first byte to its end. 64 KiB: the usual proxies take 8 to 64.
    head_seconds: float = 10.0
    head_bytes: int = 65_536
    head_fields: int = 100
    target_bytes: int = 8_192

    # A body, as it is sent and as it is decoded; one that is not kept in memory; how long it may be silent between two
    # reads, and below which speed it is cut once that time is over.
    body_bytes: int = 32_000_000
    upload_bytes: int = 512_000_000
    body_idle_seconds: float = 30.0
    body_bytes_per_second: int = 1_024

    # A connection between two requests, a full buffer that the client leaves untouched, a WebSocket client's silence
    # before it is told to use HTTP.
    keep_alive_seconds: float = 75.0
    write_idle_seconds: float = 60.0
    greeting_seconds: float = 1.0

    # What a sender who was refused may still send before the connection is closed. Twice the largest body: whoever
    # sends one that is a little too large hears of it.
    linger_seconds: float = 5.0
    linger_bytes: int = 64_000_000

    # How long streams may go on at the end.
    drain_seconds: float = 30.0
