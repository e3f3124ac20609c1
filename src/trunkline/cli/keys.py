"""`trunkline keys …`: keys of callers, in the store beside it or at a running gateway."""

import contextlib
import sys
from argparse import Namespace
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

from trunkline.cli.books import Action, RemoteBook, act, print_answer, read_all
from trunkline.cli.listing import write_pairs, write_table
from trunkline.cli.setup import load
from trunkline.config.config import Config
from trunkline.config.values import read_list, read_time
from trunkline.engine.admin.book import Book
from trunkline.errors import ConfigError
from trunkline.labels import read_label

_SHOWN_ONCE = "trunkline: this is the only time that the key is shown"


class Keys(Book, Protocol):
    """As `engine.admin.key_book.KeyBook`."""

    async def page(self, after: str | None = None, /) -> dict[str, Any]: ...

    async def rotate(self, name: str, overlap_seconds: int, /) -> dict[str, Any]: ...

    async def revoke(self, name: str, /) -> dict[str, Any]: ...


class RemoteKeys(RemoteBook):
    kind = "keys"

    async def rotate(self, name: str, overlap_seconds: int) -> dict[str, Any]:
        return await self.ask("POST", name, "rotate", body={"overlap_seconds": overlap_seconds})

    async def revoke(self, name: str) -> dict[str, Any]:
        return await self.ask("POST", name, "revoke")


def run(options: Namespace) -> int:
    config = load(options)
    if options.action == "hash":
        answer = print_answer(options, *declare(options, config))
    else:
        answer = act(options, config, _open_beside, RemoteKeys, _ACTIONS)
    if isinstance(answer, dict) and "key" in answer:
        print(_SHOWN_ONCE, file=sys.stderr)
    return 0


@contextlib.asynccontextmanager
async def _open_beside(config: Config) -> AsyncIterator[Keys]:
    """The keys of the store that a gateway of this configuration uses, and those that the configuration declares."""
    from msgspec.structs import replace

    from trunkline.cli.opened import open_beside
    from trunkline.engine.admin.key_book import KeyBook
    from trunkline.keyring.holders import Holders
    from trunkline.principal import OPERATOR
    from trunkline.store.keys import SqlKeys

    async with open_beside(config) as beside:
        kept = SqlKeys(beside.database, beside.clock)
        holders = Holders(beside.keyring, config.keys, kept, beside.clock)
        principal = replace(OPERATOR, key_id="local")
        yield KeyBook(kept, holders, principal, config.aliases.__contains__, beside.clock, beside.witness)


# --- what can be done -------------------------------------------------------------------------------------------


async def _list(book: Keys, options: Namespace) -> tuple[Any, str]:
    keys = await read_all(book.page)
    if not keys:
        return keys, "there are no keys but the operator's yet: trunkline keys create"
    return keys, write_table(("name", "id", "path", "status", "expires", "notes"), list(map(_write_row, keys)))


async def _create(book: Keys, options: Namespace) -> tuple[Any, str]:
    made = await book.create({"name": options.known_as, "path": options.path, **read_bounds(options)})
    return made, made["key"]


async def _show(book: Keys, options: Namespace) -> tuple[Any, str]:
    key = await book.find(options.known_as)
    return key, _write_key(key)


async def _update(book: Keys, options: Namespace) -> tuple[Any, str]:
    named = {} if options.name is None else {"name": options.name}
    key = await book.update(options.known_as, {**named, **read_bounds(options)})
    return key, _write_key(key)


async def _rotate(book: Keys, options: Namespace) -> tuple[Any, str]:
    made = await book.rotate(options.known_as, options.overlap)
    return made, made["key"]


async def _revoke(book: Keys, options: Namespace) -> tuple[Any, str]:
    key = await book.revoke(options.known_as)
    return key, f"{key['name']} opens nothing any more"


async def _delete(book: Keys, options: Namespace) -> tuple[Any, str]:
    answer = await book.delete(options.known_as)
    return answer, f"{options.known_as} is deleted"


_ACTIONS: Mapping[str, Action[Keys]] = {
    "list": _list,
    "create": _create,
    "show": _show,
    "update": _update,
    "rotate": _rotate,
    "revoke": _revoke,
    "delete": _delete,
}


def declare(options: Namespace, config: Config) -> tuple[dict[str, Any], str]:
    """A new key and the entry of the file that declares it. Nothing is kept."""
    import yaml

    from trunkline.cli.opened import read_keyring
    from trunkline.clock import SystemClock
    from trunkline.engine.admin.key_shapes import read_new_key
    from trunkline.keyring.holders import Holders
    from trunkline.state.keys import KeptKey, write_hash

    made = Holders(read_keyring(config), (), None, SystemClock()).make()
    members = {"name": options.known_as, "path": options.path, **read_bounds(options)}
    key = read_new_key(members, KeptKey(id=made.id, name="", path="", hashes=(made.hash,)))
    entry: dict[str, Any] = {"name": key.name, "hash": write_hash(made.hash), "path": key.path}
    entry |= {name: members[name] for name in ("models", "labels", "scopes") if name in members}
    entry |= {"expires": options.expires} if options.expires else {}
    text = yaml.safe_dump({"keys": [entry]}, sort_keys=False, allow_unicode=True)
    return {"key": made.text, "entry": entry}, f"{made.text}\n\n{text.rstrip()}"


# --- what is typed, and what is told ----------------------------------------------------------------------------


def read_bounds(options: Namespace) -> dict[str, Any]:
    """What was said of a key's bounds, as the admin API takes it. Raises `ConfigError`, `InvalidRequest`."""
    bounds: dict[str, Any] = {}
    for name in ("models", "scopes"):
        if getattr(options, name) is not None:
            bounds[name] = list(read_list(getattr(options, name)))
    if options.label:
        bounds["labels"] = dict(read_label(label, "--label") for label in options.label)
    if options.expires is not None:
        try:
            bounds["expires_at"] = read_time(options.expires) // 1_000_000
        except ValueError as error:
            raise ConfigError(f"`--expires` {error}") from None
    for name, member in (("models", "models"), ("labels", "labels"), ("scopes", "scopes"), ("expires", "expires_at")):
        if getattr(options, f"no_{name}", False):
            bounds[member] = None
    return bounds


def _write_row(key: dict[str, Any]) -> tuple[str, ...]:
    notes = [
        f"declared in {key['declared_in']}" if key["declared_in"] else "",
        "its old text works too" if key["overlaps_until"] else "",
        _say_waiting(key),
    ]
    expires = _write_time(key["expires_at"]) if key["expires_at"] else "never"
    return key["name"], key["id"], key["path"], key["status"], expires, ", ".join(filter(None, notes))


def _say_waiting(key: dict[str, Any]) -> str:
    """What is to be done before an earlier root secret can be dropped."""
    if not key["waits_for_new_hash"]:
        return ""
    return "must be declared anew" if key["declared_in"] else "waits for its next use"


def _write_key(key: dict[str, Any]) -> str:
    labels = ", ".join(f"{name}={value}" for name, value in key["labels"].items())
    rows = [
        ("id", key["id"]),
        ("name", key["name"]),
        ("path", key["path"]),
        ("status", key["status"]),
        ("models", "all" if key["models"] is None else ", ".join(key["models"]) or "none"),
        ("labels", labels or "none"),
        ("scopes", ", ".join(key["scopes"]) or "none"),
        ("expires", _write_time(key["expires_at"]) if key["expires_at"] else "never"),
    ]
    if key["created_at"]:
        rows.append(("created", f"{_write_time(key['created_at'])} by {key['created_by']}"))
    if key["revoked_at"]:
        rows.append(("revoked", _write_time(key["revoked_at"])))
    if key["overlaps_until"]:
        rows.append(("old text", f"works until {_write_time(key['overlaps_until'])}"))
    if key["declared_in"]:
        rows.append(("declared in", key["declared_in"]))
    if _say_waiting(key):
        rows.append(("hash", f"of an earlier root secret: {_say_waiting(key)}"))
    return write_pairs(rows, 12)


def _write_time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")
