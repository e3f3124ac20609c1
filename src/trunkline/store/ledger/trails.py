"""What the audit adds to a request, as a column keeps it."""

from msgspec import Raw, Struct

from trunkline.records import Bodies


class KeptTrail(Struct, frozen=True, array_like=True):
    """Fields of a `Record`. What comes to them comes at the end, and has a default."""

    peer: str
    method: str
    url: str
    route: str
    request_bytes: int
    error_detail: str
    trace: str
    bodies: Bodies
    dropped: Raw
    emulated: Raw
