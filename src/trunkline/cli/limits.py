"""`trunkline limits …`: rate limits and how they stand, in the store beside it or at a running gateway."""

import asyncio
import contextlib
import json
from argparse import Namespace
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from trunkline.cli.listing import write_table
from trunkline.cli.setup import load
from trunkline.config.config import Config

_HEAD = ("limit", "most", "of", "per", "whose", "used", "left", "from")
_NUMBERS = ("most", "used", "left")

_NONE_YET = "there are no limits yet: trunkline limits set --requests 100 --per minute"

_MEASURES = ("requests", "tokens", "concurrent")
_PLAIN = (*_MEASURES, "per", "zone", "each")
_MATCHES = (("path", "path"), ("key_name", "key"), ("model", "model"), ("provider", "provider"))


class Book(Protocol):
    """The limits, wherever they are kept; as `engine.limit_book.LimitBook`."""

    async def all(self) -> dict[str, Any]: ...

    async def find(self, id: str) -> dict[str, Any]: ...

    async def create(self, members: Mapping[str, Any]) -> dict[str, Any]: ...

    async def update(self, id: str, members: Mapping[str, Any]) -> dict[str, Any]: ...

    async def delete(self, id: str) -> dict[str, Any]: ...

    async def reset(self, id: str) -> dict[str, Any]: ...


def run(options: Namespace) -> int:
    config = load(options)
    print(asyncio.run(_do(options, config)))
    return 0


async def _do(options: Namespace, config: Config) -> str:
    async with _open_remote(options, config) if options.url else open_book(config) as book:
        answer, text = await _ACTIONS[options.action](book, options)
    return json.dumps(answer, indent=2) if options.json else text


# --- what can be done -------------------------------------------------------------------------------------------


async def _list(book: Book, options: Namespace) -> tuple[Any, str]:
    rules = msgspec.json.decode(msgspec.json.encode((await book.all())["data"]))
    return rules, write_table(_HEAD, [_write_row(each) for each in rules], _NUMBERS) if rules else _NONE_YET


async def _show(book: Book, options: Namespace) -> tuple[Any, str]:
    rule = await book.find(options.id)
    return rule, _write_whole(rule)


async def _set(book: Book, options: Namespace) -> tuple[Any, str]:
    members = {name: value for name in _PLAIN if (value := getattr(options, name)) is not None}
    match = {name: value for typed, name in _MATCHES if (value := getattr(options, typed)) is not None}
    if options.id is None:
        rule = await book.create({**members, "match": match})
        return rule, rule["id"]
    if match:
        members["match"] = {**(await book.find(options.id))["match"], **match}
    rule = await book.update(options.id, members)
    return rule, _write_whole(rule)


async def _reset(book: Book, options: Namespace) -> tuple[Any, str]:
    return await book.reset(options.id), f"all of {options.id} is there again"


async def _delete(book: Book, options: Namespace) -> tuple[Any, str]:
    return await book.delete(options.id), f"{options.id} is deleted"


_ACTIONS: dict[str, Callable[[Book, Namespace], Awaitable[tuple[Any, str]]]] = {
    "list": _list,
    "show": _show,
    "set": _set,
    "reset": _reset,
    "delete": _delete,
}


# --- what is shown ----------------------------------------------------------------------------------------------


def _write_row(rule: Mapping[str, Any]) -> Sequence[str]:
    measure = _measure(rule)
    use = rule["use"]
    used, left = ("", "") if use is None else (str(use["used"] + use["reserved"]), str(use["remaining"]))
    what = "at once" if measure == "concurrent" else measure
    return (
        rule["id"],
        str(rule[measure]),
        what,
        _write_period(rule),
        _write_match(rule),
        used,
        left,
        _write_source(rule),
    )


def _write_whole(rule: Mapping[str, Any]) -> str:
    measure, use = _measure(rule), rule["use"]
    lines = [
        ("limit", rule["id"]),
        ("whose", _write_match(rule)),
        ("most", f"{rule[measure]} {measure}"),
        ("per", _write_period(rule)),
        ("used", "" if use is None else f"{use['used']}, reserved {use['reserved']}, left {use['remaining']}"),
        ("from", _write_source(rule)),
    ]
    return "\n".join(f"{name:<6} {value}" for name, value in lines if value)


def _measure(rule: Mapping[str, Any]) -> str:
    return next(name for name in _MEASURES if name in rule)


def _write_period(rule: Mapping[str, Any]) -> str:
    zone = rule.get("zone", "UTC")
    return str(rule.get("per", "")) + ("" if zone == "UTC" else f" in {zone}")


def _write_match(rule: Mapping[str, Any]) -> str:
    match = ", ".join(f"{name} {value}" for name, value in rule["match"].items()) or "everybody"
    return match + (f", each {rule['each']}" if "each" in rule else "")


def _write_source(rule: Mapping[str, Any]) -> str:
    return "configuration" if rule["declared"] else "store"


# --- where they are ---------------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def open_book(config: Config) -> AsyncIterator[Book]:
    """The limits of the store that a gateway of this configuration uses. A gateway that runs takes up every change within
    a second; what is used is not known here."""
    from trunkline.cli.opened import open_beside
    from trunkline.clock import mint
    from trunkline.engine.admin.limit_book import LimitBook
    from trunkline.paths import ROOT
    from trunkline.store.limits import SqlLimits

    async with open_beside(config) as beside:
        yield LimitBook(SqlLimits(beside.database), config.limits, ROOT, beside.clock, mint, beside.witness)


@contextlib.asynccontextmanager
async def _open_remote(options: Namespace, config: Config) -> AsyncIterator[Book]:
    """The limits of a running gateway."""
    from trunkline.cli.admin import open_api

    async with open_api(options, config) as api:
        yield _RemoteBook(api.ask)


class _RemoteBook:
    def __init__(self, ask: Callable[..., Awaitable[dict[str, Any]]]) -> None:
        self._ask = ask

    async def all(self) -> dict[str, Any]:
        return await self._ask("GET", "limits")

    async def find(self, id: str) -> dict[str, Any]:
        return await self._ask("GET", "limits", id)

    async def create(self, members: Mapping[str, Any]) -> dict[str, Any]:
        return await self._ask("POST", "limits", body=members)

    async def update(self, id: str, members: Mapping[str, Any]) -> dict[str, Any]:
        return await self._ask("POST", "limits", id, body=members)

    async def delete(self, id: str) -> dict[str, Any]:
        return await self._ask("DELETE", "limits", id)

    async def reset(self, id: str) -> dict[str, Any]:
        return await self._ask("POST", "limits", id, "reset")
