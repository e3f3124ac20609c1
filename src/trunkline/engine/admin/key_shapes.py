"""Keys as those who administer them send and see them. What is sent is checked by itself; who may send it is not
asked."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from trunkline.dialects.shapes import Fields, missing, wrong_type
from trunkline.errors import InvalidRequest, UnknownParameter
from trunkline.labels import Labels, check_count, check_label
from trunkline.paths import read_path
from trunkline.state.keys import KNOWN_SCOPES, KeptKey, is_model, is_name

_CHANGEABLE = ("name", "labels", "models", "scopes", "expires_at")
_MOST_MODELS = 256

# In seconds. Who says more has said milliseconds, and would have a key that never expires.
_YEAR_9999 = 253_370_764_800


def read_new_key(members: Mapping[str, Any], new: KeptKey) -> KeptKey:
    """`new` with what was sent of it. Raises `InvalidRequest`."""
    fields = Fields(dict(members))
    if fields.any("name") is None:
        raise missing("name", "what the key is called in rules and records")
    path = fields.text("path")
    if path is None:
        raise missing("path", "where what the key makes belongs; the root is /")
    rest = {name: value for name, value in members.items() if name != "path"}
    return read_changes(rest, msgspec.structs.replace(new, path=read_path(path, "path")))


def read_changes(members: Mapping[str, Any], key: KeptKey) -> KeptKey:
    """A key with what was sent of it; null says that it has no bound of that kind. Raises `InvalidRequest`."""
    fields = Fields(dict(members))
    if "path" in members:
        raise InvalidRequest(
            "`path` cannot be changed, since what the key has made belongs to it: make another key", param="path"
        )
    for name in members:
        if name not in _CHANGEABLE:
            raise UnknownParameter(f"`{name[:64]}` is not a known parameter", param=name[:64])
    sent = {_FIELDS.get(name, name): read(fields, key) for name, read in _READERS.items() if name in members}
    return msgspec.structs.replace(key, **sent)


def _read_name(fields: Fields, key: KeptKey) -> str:
    name = fields.need_text("name")
    if not is_name(name):
        raise InvalidRequest(
            "`name` must be 1 to 64 letters, digits and `._@+=:-`, beginning with a letter or digit, and neither master nor"
            " local",
            param="name",
        )
    return name


def _read_labels(fields: Fields, key: KeptKey) -> Labels:
    labels = fields.object("labels") or {}
    check_count(len(labels), "labels")
    for name, value in labels.items():
        if type(value) is not str:
            raise wrong_type(f"labels.{name[:64]}", "a string", value)
        check_label(name, value, f"labels.{name[:64]}")
    return labels


def _read_models(fields: Fields, key: KeptKey) -> tuple[str, ...] | None:
    models = _read_texts(fields, "models")
    if models is None:
        return None
    if len(models) > _MOST_MODELS or not all(map(is_model, models)):
        raise InvalidRequest(
            f"`models` must be up to {_MOST_MODELS} globs like openai/* and names of aliases, without spaces and commas",
            param="models",
        )
    return tuple(models)


def _read_scopes(fields: Fields, key: KeptKey) -> tuple[str, ...]:
    scopes = _read_texts(fields, "scopes") or ()
    for scope in scopes:
        if scope not in KNOWN_SCOPES:
            raise InvalidRequest(
                f"`scopes` holds '{scope[:64]}' but may hold {', '.join(sorted(KNOWN_SCOPES))}",
                param="scopes",
                code="invalid_value",
            )
    return tuple(dict.fromkeys(scopes))


def _read_texts(fields: Fields, name: str) -> Sequence[str] | None:
    values = fields.any(name)
    if values is None:
        return None
    if type(values) is not list or not all(type(value) is str for value in values):
        raise wrong_type(name, "an array of strings", values)
    return values


def _read_expiry(fields: Fields, key: KeptKey) -> int | None:
    seconds = fields.integer("expires_at", 0)
    if seconds is not None and seconds >= _YEAR_9999:
        raise InvalidRequest("`expires_at` must be in seconds, before the year 9999", param="expires_at")
    return None if seconds is None else seconds * 1_000_000


_READERS = {
    "name": _read_name,
    "labels": _read_labels,
    "models": _read_models,
    "scopes": _read_scopes,
    "expires_at": _read_expiry,
}
_FIELDS = {"expires_at": "expires_at_micros"}


def draw_key(key: KeptKey, now_micros: int, newest: str) -> dict[str, Any]:
    """A key without anything secret. Whether its hash is of the `newest` root secret says if it still waits."""
    hashes = [hash for hash in key.hashes if hash.until_micros is None or now_micros < hash.until_micros]
    return {
        "id": key.id,
        "object": "key",
        "name": key.name,
        "path": key.path,
        "labels": dict(key.labels),
        "models": None if key.models is None else list(key.models),
        "scopes": list(key.scopes),
        "status": _say_status(key, now_micros),
        "created_at": _seconds(key.created_at_micros or None),
        "created_by": key.created_by or None,
        "expires_at": _seconds(key.expires_at_micros),
        "revoked_at": _seconds(key.revoked_at_micros),
        "overlaps_until": _seconds(max((hash.until_micros or 0 for hash in hashes), default=0) or None),
        "waits_for_new_hash": any(hash.root != newest for hash in hashes),
        "declared_in": key.declared_in or None,
    }


def _say_status(key: KeptKey, now_micros: int) -> str:
    if key.revoked_at_micros is not None:
        return "revoked"
    return "active" if key.is_live(now_micros) else "expired"


def _seconds(micros: int | None) -> int | None:
    return None if micros is None else micros // 1_000_000
