"""`trunkline budgets …`: budgets and how they stand, in the store beside it or at a running gateway."""

import contextlib
import secrets
from argparse import Namespace
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial
from typing import Any

from trunkline.cli.books import Action, RemoteRules, act, unfold
from trunkline.cli.listing import write_pairs, write_table
from trunkline.cli.setup import load, read_environment
from trunkline.config.config import Config
from trunkline.config.sources import Value, is_reference, resolve
from trunkline.engine.admin.book import RuleBook
from trunkline.errors import ConfigError

_HEAD = ("budget", "dollars", "per", "whose", "owner", "when low", "from")
_STATUS_HEAD = ("budget", "spent", "reserved", "left", "dollars", "%", "resets at")
_NUMBERS = _STATUS_HEAD[1:6]

_NONE_YET = "there are no budgets yet: trunkline budgets set NAME --dollars 500 --per month"


class RemoteBudgets(RemoteRules):
    kind = "budgets"


def run(options: Namespace) -> int:
    act(options, load(options), _open_beside, RemoteBudgets, _ACTIONS)
    return 0


@contextlib.asynccontextmanager
async def _open_beside(config: Config) -> AsyncIterator[RuleBook]:
    """The budgets of the store that a gateway of this configuration uses. A gateway that runs takes up every change
    within a second; what it has reserved is not known here."""
    from trunkline.cli.opened import open_beside
    from trunkline.engine.admin.budget_book import BudgetBook
    from trunkline.engine.bounds.budgets.funds import Fund
    from trunkline.engine.bounds.budgets.means import Means
    from trunkline.engine.bounds.budgets.treasury import Standing
    from trunkline.paths import ROOT
    from trunkline.state.counters import Level
    from trunkline.store.budgets import SqlBudgets
    from trunkline.upstream.post import check_url

    async with open_beside(config) as beside:
        store = SqlBudgets(beside.database, beside.cipher)

        async def look(funds: Sequence[Fund]) -> list[Standing]:
            standings = []
            for fund in funds:
                fund.open(beside.clock.now_micros())
                spent = await store.spent(fund.budget, fund.window)
                standings.append(Standing(fund, Level(max(0, fund.budget.cap - spent), 0, spent)))
            return standings

        async def refresh() -> None:
            """Does nothing: a gateway that runs finds changes by itself."""

        check = partial(check_url, hosts=config.fetch.hosts)
        means = Means(store, config.budgets, look, refresh, check, secrets.token_bytes)
        yield BudgetBook(means, ROOT, beside.clock, beside.witness)


# --- what can be done -------------------------------------------------------------------------------------------


async def _list(book: RuleBook, options: Namespace) -> tuple[Any, str]:
    budgets = await _read_all(book)
    return budgets, write_table(_HEAD, [_write_row(each) for each in budgets], ("dollars",)) if budgets else _NONE_YET


async def _status(book: RuleBook, options: Namespace) -> tuple[Any, str]:
    budgets = await _read_all(book) if options.name is None else [await book.find(options.name)]
    rows = [_write_status(each) for each in budgets]
    return budgets, write_table(_STATUS_HEAD, rows, _NUMBERS) if rows else _NONE_YET


async def _show(book: RuleBook, options: Namespace) -> tuple[Any, str]:
    budget = await book.find(options.name)
    return budget, _write_whole(budget)


async def _set(book: RuleBook, options: Namespace) -> tuple[Any, str]:
    known = next((each for each in await _read_all(book) if each["name"] == options.name), None)
    members = read_members(options, known)
    if known is None:
        budget = await book.create({"name": options.name, **members})
    else:
        budget = await book.update(options.name, members)
    return budget, _write_whole(budget)


async def _reset(book: RuleBook, options: Namespace) -> tuple[Any, str]:
    budget = await book.reset(options.name)
    return budget, f"{options.name} is counted anew from {budget['reset_at']} on"


async def _delete(book: RuleBook, options: Namespace) -> tuple[Any, str]:
    return await book.delete(options.name), f"{options.name} is deleted"


_ACTIONS: Mapping[str, Action[RuleBook]] = {
    "list": _list,
    "status": _status,
    "show": _show,
    "set": _set,
    "reset": _reset,
    "delete": _delete,
}


async def _read_all(book: RuleBook) -> list[dict[str, Any]]:
    budgets: list[dict[str, Any]] = unfold((await book.all())["data"])
    return budgets


# --- what is typed ----------------------------------------------------------------------------------------------

_PLAIN = ("dollars", "per", "zone", "owner", "unpriced", "on_low")
_MATCHES = (("path", "path"), ("key_name", "key"), ("label", "label"))


def read_members(options: Namespace, known: Mapping[str, Any] | None) -> dict[str, Any]:
    """The members that are typed. Of `match`, what is not typed stays as it is `known`. Raises `ConfigError`."""
    members = {name: value for name in _PLAIN if (value := getattr(options, name)) is not None}
    match = {name: value for typed, name in _MATCHES if (value := getattr(options, typed)) is not None}
    if match:
        members["match"] = {**({} if known is None else known["match"]), **match}
    if options.webhook == "none":
        members["webhook"] = None
    elif options.webhook is not None:
        secret = {} if options.webhook_secret is None else {"secret": _read_secret(options)}
        members["webhook"] = {"url": options.webhook, **secret}
    if options.shares is not None:
        members["shares"] = _read_shares(options.shares)
    return members


def _read_secret(options: Namespace) -> str:
    text: str = options.webhook_secret
    if not is_reference(text):
        raise ConfigError("`--webhook-secret` should be `env:NAME` or `file:/path`: shells remember what is typed")
    return resolve(Value(text, "--webhook-secret", "the command line"), read_environment(options))


def _read_shares(text: str) -> list[int]:
    try:
        return [int(share) for share in text.split(",")]
    except ValueError:
        raise ConfigError("`--shares` should be whole numbers like 50,80,100") from None


# --- what is shown ----------------------------------------------------------------------------------------------


def _write_row(budget: Mapping[str, Any]) -> Sequence[str]:
    per = budget["per"] + ("" if budget["zone"] == "UTC" else f" in {budget['zone']}")
    source = "configuration" if budget["declared"] else "store"
    return budget["name"], budget["dollars"], per, _write_match(budget), budget["owner"], budget["on_low"], source


def _write_match(budget: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in budget["match"].items()) or "everybody"


def _write_status(budget: Mapping[str, Any]) -> Sequence[str]:
    status = budget["status"]
    cap, spent = float(budget["dollars"]), float(status["spent"])
    share = f"{spent * 100 / cap:.0f}" if cap else "100"
    resets = status["window"]["end"]
    return budget["name"], status["spent"], status["reserved"], status["left"], budget["dollars"], share, resets


def _write_whole(budget: Mapping[str, Any]) -> str:
    status, webhook = budget["status"], budget["webhook"]
    lines = [
        ("budget", budget["name"]),
        ("whose", _write_match(budget)),
        ("dollars", f"{budget['dollars']} per {budget['per']} ({budget['zone']})"),
        ("spent", f"{status['spent']}, reserved {status['reserved']}, left {status['left']}"),
        ("window", f"{status['window']['start']} to {status['window']['end']}"),
        ("owner", budget["owner"]),
        ("unpriced", budget["unpriced"]),
        ("when low", budget["on_low"]),
        ("webhook", "" if webhook is None else f"{webhook['url']} at {', '.join(map(str, budget['shares']))} %"),
        ("secret", (webhook or {}).get("secret", "")),
        ("from", "configuration" if budget["declared"] else "store"),
    ]
    return write_pairs(lines, 10)
