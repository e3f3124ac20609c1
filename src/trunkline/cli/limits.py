"""`trunkline limits …`: rate limits and how they stand, in the store beside it or at a running gateway."""

import contextlib
from argparse import Namespace
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from trunkline.cli.books import Action, RemoteRules, act, unfold
from trunkline.cli.listing import write_pairs, write_table
from trunkline.cli.setup import load
from trunkline.config.config import Config
from trunkline.engine.admin.book import RuleBook

_HEAD = ("limit", "most", "of", "per", "whose", "used", "left", "from")
_NUMBERS = ("most", "used", "left")

_NONE_YET = "there are no limits yet: trunkline limits set --requests 100 --per minute"

_MEASURES = ("requests", "tokens", "concurrent")
_PLAIN = (*_MEASURES, "per", "zone", "each")
_MATCHES = (("path", "path"), ("key_name", "key"), ("model", "model"), ("provider", "provider"))


class RemoteLimits(RemoteRules):
    kind = "limits"


def run(options: Namespace) -> int:
    act(options, load(options), _open_beside, RemoteLimits, _ACTIONS)
    return 0


@contextlib.asynccontextmanager
async def _open_beside(config: Config) -> AsyncIterator[RuleBook]:
    """The limits of the store that a gateway of this configuration uses. A gateway that runs takes up every change
    within a second; what is used is not known here."""
    from trunkline.cli.opened import open_beside
    from trunkline.clock import mint
    from trunkline.engine.admin.limit_book import LimitBook
    from trunkline.paths import ROOT
    from trunkline.store.limits import SqlLimits

    async with open_beside(config) as beside:
        yield LimitBook(SqlLimits(beside.database), config.limits, ROOT, beside.clock, mint, beside.witness)


# --- what can be done -------------------------------------------------------------------------------------------


async def _list(book: RuleBook, options: Namespace) -> tuple[Any, str]:
    rules = unfold((await book.all())["data"])
    return rules, write_table(_HEAD, [_write_row(each) for each in rules], _NUMBERS) if rules else _NONE_YET


async def _show(book: RuleBook, options: Namespace) -> tuple[Any, str]:
    rule = await book.find(options.id)
    return rule, _write_whole(rule)


async def _set(book: RuleBook, options: Namespace) -> tuple[Any, str]:
    members = {name: value for name in _PLAIN if (value := getattr(options, name)) is not None}
    match = {name: value for typed, name in _MATCHES if (value := getattr(options, typed)) is not None}
    if options.id is None:
        rule = await book.create({**members, "match": match})
        return rule, rule["id"]
    if match:
        members["match"] = {**(await book.find(options.id))["match"], **match}
    rule = await book.update(options.id, members)
    return rule, _write_whole(rule)


async def _reset(book: RuleBook, options: Namespace) -> tuple[Any, str]:
    return await book.reset(options.id), f"all of {options.id} is there again"


async def _delete(book: RuleBook, options: Namespace) -> tuple[Any, str]:
    return await book.delete(options.id), f"{options.id} is deleted"


_ACTIONS: Mapping[str, Action[RuleBook]] = {
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
    return write_pairs(lines, 7)


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
