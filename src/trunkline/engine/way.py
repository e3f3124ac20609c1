"""Tee, patch or translate: the one place that decides, once the body is known."""

from typing import Literal

from msgspec import Struct

from trunkline.capabilities import Capabilities
from trunkline.dialects.seal import PREFIX
from trunkline.engine.envelope import Members
from trunkline.engine.router import Target
from trunkline.errors import Unsupported

_SEALED = b'"' + PREFIX.encode()

Kind = Literal["tee", "patch", "translate"]


class Way(Struct, frozen=True):
    """How one request goes through: `kind`, the dialect spoken upstream, and what `x-trunkline-route` says of it."""

    kind: Kind
    upstream: str
    route: str


def choose_way(caller: str, target: Target, capabilities: Capabilities, members: Members, body: bytes) -> Way:
    """The way for one body to one target. Raises `Unsupported` when the target speaks no dialect of ours."""
    speaks = target.account.speaks
    if not speaks:
        raise Unsupported(f"`{target.account.name}` serves no model answers", param="model")
    if caller not in speaks or (capabilities.tools == "emulated" and b"tools" in body and "tools" in members):
        upstream = caller if caller in speaks else speaks[0]
        return Way("translate", upstream, f"translate {caller}>{upstream} {target.name}")
    if caller in target.account.faithful and "provider_options" not in members and _SEALED not in body:
        return Way("tee", caller, f"tee {target.name}")
    return Way("patch", caller, f"patch {target.name}")
