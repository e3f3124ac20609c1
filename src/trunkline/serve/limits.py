"""How much, and how long, the face puts up with."""

from msgspec import Struct


class Limits(Struct, frozen=True, kw_only=True):
    """Sizes in bytes, times in seconds. Deadlines are kept by one sweep, so they are exact to `sweep_seconds`.

    `body_bytes` holds for a body as it is sent and as it is decoded, `upload_bytes` for one that is not kept in memory.
    `head_seconds` counts from a request's first byte to the end of its head, `body_idle_seconds` between two reads of a
    body, and a body that has come slower than `body_bytes_per_second` for longer than that is cut as well.
    `write_idle_seconds` is how long a client may leave a full buffer untouched, `linger_seconds` and `linger_bytes` how
    long and how much a refused sender may go on sending before the connection is closed, and `greeting_seconds` how
    long a WebSocket client may be silent before it is told to use HTTP.
    """

    body_bytes: int = 32_000_000
    upload_bytes: int = 512_000_000
    # 64 KiB: the usual proxies take 8 to 64.
    head_bytes: int = 65_536
    head_fields: int = 100
    target_bytes: int = 8_192
    head_seconds: float = 10.0
    body_idle_seconds: float = 30.0
    body_bytes_per_second: int = 1_024
    keep_alive_seconds: float = 75.0
    write_idle_seconds: float = 60.0
    linger_seconds: float = 5.0
    # Twice the largest body: whoever sends one that is a little too large hears of it.
    linger_bytes: int = 64_000_000
    greeting_seconds: float = 1.0
    drain_seconds: float = 30.0
    sweep_seconds: float = 1.0
