"""How the ledger stands, for whoever watches it."""

from msgspec import Struct


class LedgerState(Struct, frozen=True):
    """`records_behind` and `bytes_behind` are not in the database yet, and `limit_bytes` may not be.

    `oldest_micros` is when the oldest of them ended. `refused` are requests that were turned away for want of room,
    `lost` records that there was none for, `left_out` those of calls without a known key beyond what is kept of them.
    """

    is_up: bool
    records_behind: int
    bytes_behind: int
    limit_bytes: int
    oldest_micros: int | None
    refused: int
    lost: int
    left_out: int
