"""Tee, patch or translate: the one place that decides, once the body is known."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Literal

from msgspec import Struct

from trunkline.capabilities import Capabilities
from trunkline.dialects.dialect import Dialect
from trunkline.dialects.seal import PREFIX
from trunkline.engine.envelope import Envelope
from trunkline.engine.router import Target
from trunkline.errors import Unsupported

_SEALED = b'"' + PREFIX.encode()

Kind = Literal["tee", "patch", "translate"]


class Way(Struct, frozen=True):
    """How one request goes through: `kind`, the dialect spoken upstream, and what `x-trunkline-route` says of it."""

    kind: Kind
    upstream: str
    route: str


def choose_way(dialect: Dialect, target: Target, envelope: Envelope) -> Way:
    """The way for one body, in its caller's dialect, to one target. Raises `Unsupported` when the target speaks no
    dialect of ours."""
    members, body = envelope.members, envelope.body
    caller, speaks = dialect.name, target.account.speaks
    if not speaks:
        raise Unsupported(f"`{target.account.name}` serves no model answers", param="model")
    if caller not in speaks:
        return _name_way("translate", caller, speaks[0], target.name)
    if _must_tell(members, target.capabilities):
        return _name_way("translate", caller, caller, target.name)
    if caller not in target.account.faithful or "provider_options" in members or envelope.echo or envelope.is_limited:
        return _name_way("patch", caller, caller, target.name)
    # `in` would first try to read the needle as a number, which takes longer than to search.
    if body.find(_SEALED) >= 0:
        return _name_way("patch", caller, caller, target.name)
    kind: Kind = "patch" if dialect.is_unfit(members, body, target.capabilities) else "tee"
    return _name_way(kind, caller, caller, target.name)


def _must_tell(members: Mapping[str, object], capabilities: Capabilities) -> bool:
    """Whether something in a body has to be told in other words, though the dialect is the target's own."""
    if "verbosity" in members and "verbosity" in capabilities.emulated - capabilities.fields:
        return True
    return "tools" in members and capabilities.tools == "emulated"


@lru_cache(maxsize=4096)
def _name_way(kind: Kind, caller: str, upstream: str, target: str) -> Way:
    between = f" {caller}>{upstream}" if kind == "translate" else ""
    return Way(kind, upstream, f"{kind}{between} {target}")
