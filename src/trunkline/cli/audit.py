"""`trunkline audit …`: who called what, what administrators have done, and whether anybody has been at it."""

import asyncio
import json
from argparse import Namespace
from collections.abc import AsyncIterator, Mapping
from typing import Any

from trunkline.cli.ledgers import Ledgers, open_ledgers
from trunkline.cli.listing import write_table
from trunkline.cli.main import complain
from trunkline.cli.setup import load
from trunkline.cli.usage import Action, act, export, list_all, read_filters, write_cost, write_request
from trunkline.errors import UpstreamError

_AGAIN_SECONDS = 1.0


def run(options: Namespace) -> int:
    if options.action == "verify":
        return asyncio.run(_verify(options))
    return asyncio.run(act(options, _ACTIONS))


_HEAD = ("started", "request", "path", "key", "from", "what", "model", "status", "cost")


async def _log(ledgers: Ledgers, options: Namespace) -> tuple[Any, str]:
    found = await list_all(ledgers, "audit", options)
    rows = [_write_entry(entry) for entry in found]
    return found, write_table(_HEAD, rows, ("cost",)) if rows else "there are none"


async def _show(ledgers: Ledgers, options: Namespace) -> tuple[Any, str]:
    entry = await ledgers.ask("audit", {}, options.id)
    return entry, "\n\n".join([write_request(entry), *_write_said(entry["said"])])


async def _list_sessions(ledgers: Ledgers, options: Namespace) -> tuple[Any, str]:
    found = await list_all(ledgers, "audit/sessions", options)
    head = ("last", "session", "path", "requests", "failed", "cost")
    rows = [
        (each["last_at"][:19], each["id"], each["path"], str(each["requests"]), str(each["failed"]), write_cost(each))
        for each in found
    ]
    return found, write_table(head, rows, ("requests", "failed", "cost")) if rows else "there are none"


async def _show_session(ledgers: Ledgers, options: Namespace) -> tuple[Any, str]:
    found = await list_all(ledgers, "audit/sessions", options, options.id)
    written = ["\n\n".join([f"── {'  '.join(_write_entry(each))}", *_write_said(each["said"])]) for each in found]
    return found, "\n\n".join(written)


def _write_said(said: dict[str, Any] | None) -> list[str]:
    """What was said in a request, one under the other."""
    if said is None:
        return []
    changed = [(f"sent to {sent['target']}", sent["body"]) for sent in said["sent"] if not sent["as_it_came"]]
    bodies = [("request", said["request"]), *changed, ("reply", said["reply"])]
    return [f"{title}{' (cut)' if body['cut'] else ''}:\n{body['text']}" for title, body in bodies]


async def _export(ledgers: Ledgers, options: Namespace) -> tuple[Any, str]:
    query = {**read_filters(options), "format": options.format}
    return await export(ledgers.read("audit/export", query), options.output)


async def _list_acts(ledgers: Ledgers, options: Namespace) -> tuple[Any, str]:
    found = await list_all(ledgers, "acts", options)
    head = ("act", "at", "author", "kind", "object", "path")
    rows = [
        (str(each["number"]), each["at"][:19], each["author"]["key"], each["kind"], each["object_id"], each["path"])
        for each in found
    ]
    return found, write_table(head, rows) if rows else "there are none"


# --- live -----------------------------------------------------------------------------------------------------------


async def _follow(ledgers: Ledgers, options: Namespace) -> tuple[Any, str]:
    """Print entries as they come; a stream that was cut off is taken up where it was."""
    query = read_filters(options)
    while True:
        try:
            async for kind, place, data in _read_events(ledgers, query):
                query["after"] = place
                print(data if options.json else _write_event(kind, json.loads(data)), flush=True)
        except UpstreamError as error:
            complain(f"{error.message}; trying again")
        await asyncio.sleep(_AGAIN_SECONDS)


async def _read_events(ledgers: Ledgers, query: Mapping[str, str]) -> AsyncIterator[tuple[str, str, str]]:
    """The events of a stream, each as its kind, its id and its data."""
    rest = b""
    async for piece in ledgers.read("audit/live", query):
        *events, rest = (rest + piece).split(b"\n\n")
        for event in events:
            if not event.startswith(b":"):
                kind, place, data = (line.partition(": ")[2] for line in event.decode().split("\n"))
                yield kind, place, data


def _write_event(kind: str, entry: dict[str, Any]) -> str:
    if kind != "entry":
        return f"… {entry['numbers']} entries are too far back to be shown"
    return "  ".join(_write_entry(entry))


def _write_entry(entry: dict[str, Any]) -> tuple[str, ...]:
    # In a session what the audit knows may be over.
    trail = entry.get("trail", entry) or {"peer": "-", "method": "-", "url": entry["operation"]}
    return (
        entry["started_at"][:19],
        entry["id"],
        entry["path"],
        entry["key"] or "-",
        trail["peer"],
        f"{trail['method']} {trail['url']}",
        f"{entry['provider']}/{entry['model']}" if entry["model"] else "-",
        str(entry["status"]),
        write_cost(entry),
    )


# --- the chain ------------------------------------------------------------------------------------------------------


async def _verify(options: Namespace) -> int:
    """The exit status: 0 when every entry is sound, 1 when one is not."""
    query = {} if options.head is None else {"head": options.head}
    async with open_ledgers(options, load(options)) as ledgers:
        checked = await ledgers.ask("acts/check", query)
    if options.json:
        print(json.dumps(checked, indent=2))
    elif checked["sound"]:
        print(f"{checked['entries']} acts are as they were written; the last is {checked['head'] or 'none'}")
    if not checked["sound"]:
        complain(f"act {checked['broken']} is not sound: {checked['why']}")
    return int(not checked["sound"])


_ACTIONS: Mapping[str, Action] = {
    "log": _log,
    "show": _show,
    "sessions": _list_sessions,
    "session": _show_session,
    "export": _export,
    "acts": _list_acts,
    "live": _follow,
}
