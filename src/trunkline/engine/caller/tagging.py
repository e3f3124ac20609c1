"""What a request is known by beside its caller: its session and its labels, as its body says them."""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Raw

from trunkline.engine.caller.labelling import add_tags
from trunkline.engine.caller.sessions import OURS, SAYING, Sessions
from trunkline.engine.envelope import Envelope, Members, read_call
from trunkline.engine.exchange import Exchange

_NOTHING: Mapping[str, Any] = {}

# Metadata are short texts; what is longer is not looked into.
_MOST_BYTES = 64 * 1024


def open_body(x: Exchange, sessions: Sessions) -> Envelope:
    """Open a call's body. What it says to the gateway of its session and labels is noted, and goes no further.

    Raises `InvalidRequest`.
    """
    envelope = read_call(x.call, x.found)
    members, path = envelope.members, x.principal.path
    x.session = sessions.read(path, x.call.headers)
    if not SAYING.isdisjoint(members):
        _hear(x, sessions, members)
    if not x.session and x.operation != "embeddings":
        x.session = sessions.guess(path, members)
    return envelope


def _hear(x: Exchange, sessions: Sessions, members: Members) -> None:
    """Note what a body says, and take out of it what goes no further."""
    metadata = _read_metadata(members) if "metadata" in members else _NOTHING
    x.session = x.session or sessions.read_body(x.principal.path, members, metadata)
    tags = metadata.get("tags")
    # What is a text there is the provider's to keep.
    if isinstance(tags, list):
        x.labels = add_tags(x.labels, tags)
        members["metadata"] = Raw(msgspec.json.encode({key: metadata[key] for key in metadata if key != "tags"}))
    for name in OURS:
        members.pop(name, None)


def _read_metadata(members: Members) -> Mapping[str, Any]:
    """Those of a body. Whoever is asked will say what is wrong with them."""
    raw = members["metadata"]
    if len(raw) > _MOST_BYTES:
        return _NOTHING
    try:
        metadata = msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return _NOTHING
    return metadata if isinstance(metadata, dict) else _NOTHING
