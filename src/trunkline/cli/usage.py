"""`trunkline usage …`: what requests used and what they cost."""

import asyncio
import contextlib
import json
import sys
from argparse import Namespace
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from trunkline.cli.books import print_answer
from trunkline.cli.ledgers import Ledgers, open_ledgers
from trunkline.cli.listing import write_table
from trunkline.cli.setup import load
from trunkline.errors import ConfigError
from trunkline.money import write_dollars

# What every list gives in one page.
_MOST_AT_ONCE = 50

# An option → the parameter that it is.
FILTERS = {
    "start": "start",
    "end": "end",
    "zone": "zone",
    "path": "path",
    "key_name": "key",
    "key_id": "key_id",
    "provider": "provider",
    "model": "model",
    "label": "label",
    "session": "session",
    "operation": "operation",
    "status": "status",
    "outcome": "outcome",
    "kind": "kind",
    "object_id": "object_id",
}


def run(options: Namespace) -> int:
    return asyncio.run(act(options, _ACTIONS))


Action = Callable[[Ledgers, Namespace], Awaitable[tuple[Any, str]]]


async def act(options: Namespace, actions: Mapping[str, Action]) -> int:
    """Open what is asked, do what is asked, and print the answer."""
    async with open_ledgers(options, load(options)) as ledgers:
        answer, text = await actions[options.action](ledgers, options)
    if text or answer is not None:
        print_answer(options, answer, text)
    return 0


def read_filters(options: Namespace) -> dict[str, str]:
    """The filters that were typed, as parameters of a query."""
    typed = {parameter: getattr(options, option, None) for option, parameter in FILTERS.items()}
    return {parameter: value for parameter, value in typed.items() if value is not None}


async def list_all(ledgers: Ledgers, path: str, options: Namespace, id: str = "") -> list[dict[str, Any]]:
    """As many of a list as were asked for, page for page."""
    query, found = read_filters(options), list[dict[str, Any]]()
    while len(found) < options.limit:
        wanted = min(options.limit - len(found), _MOST_AT_ONCE)
        page = await ledgers.ask(path, {**query, "limit": str(wanted)}, id)
        found += page["data"]
        if not page["has_more"]:
            break
        query["after"] = page["last_id"]
    return found


async def export(pieces: AsyncGenerator[bytes, None], output: str | None) -> tuple[None, str]:
    """Into a file, or to standard output, as they come."""
    with _open_output(output) as file:
        async for piece in pieces:
            file.write(piece)
    return None, ""


@contextlib.contextmanager
def _open_output(output: str | None) -> Iterator[BinaryIO]:
    """What is cut off stays under another name than the file's. Raises `ConfigError`."""
    if output is None:
        yield sys.stdout.buffer
        sys.stdout.flush()
        return
    draft = Path(f"{output}.part")
    try:
        with draft.open("wb") as file:
            yield file
        draft.replace(output)
    except OSError as error:
        raise ConfigError(f"{output} cannot be written: {error.strerror}") from None


# --- what can be done -----------------------------------------------------------------------------------------------


async def _summary(ledgers: Ledgers, options: Namespace) -> tuple[Any, str]:
    by = [] if options.by == "all" else [name.strip() for name in options.by.split(",")]
    query = read_filters(options)
    if by:
        query["group_by"] = ",".join(by)
    answer = await ledgers.ask("usage/summary", query)
    return answer, _write_sums(answer["data"], by)


async def _list(ledgers: Ledgers, options: Namespace) -> tuple[Any, str]:
    found = await list_all(ledgers, "usage", options)
    return found, write_requests(found)


async def _show(ledgers: Ledgers, options: Namespace) -> tuple[Any, str]:
    request = await ledgers.ask("usage", {}, options.id)
    return request, write_request(request)


async def _export(ledgers: Ledgers, options: Namespace) -> tuple[Any, str]:
    query = {**read_filters(options), "format": options.format, "rows": options.rows}
    return await export(ledgers.read("usage/export", query), options.output)


async def _recalculate(ledgers: Ledgers, options: Namespace) -> tuple[Any, str]:
    query = {**read_filters(options), **({"dry_run": "true"} if options.dry_run else {})}
    answer = whole = await ledgers.recalculate(query)
    while answer["has_more"]:
        answer = await ledgers.recalculate({**query, "after": answer["last_id"]})
        sums = {name: whole[name] + answer[name] for name in _ADDED_UP}
        costs = {name: write_dollars(sums[f"{name}_nanos"]) for name in ("cost_before", "cost_after")}
        whole = {**answer, **sums, **costs}
    return whole, _write_recalculation(whole)


_ADDED_UP = ("requests", "attempts", "changed_attempts", "cost_before_nanos", "cost_after_nanos")


_ACTIONS: Mapping[str, Action] = {
    "summary": _summary,
    "list": _list,
    "show": _show,
    "export": _export,
    "recalculate": _recalculate,
}


# --- for people -----------------------------------------------------------------------------------------------------

_COUNTS = ("requests", "failed", "input", "cached", "output", "cost")
_NOTE = "* without what has no price"


def _write_sums(data: Sequence[dict[str, Any]], by: Sequence[str]) -> str:
    rows = [[*(each[name] or "-" for name in by), *_write_counts(each)] for each in data]
    table = write_table((*by, *_COUNTS), rows, _COUNTS)
    return f"{table}\n{_NOTE}" if any(each["unpriced"] for each in data) else table


def _write_counts(each: dict[str, Any]) -> list[str]:
    usage = each["usage"]
    cached = usage["cached_input_tokens"] + usage["cached_audio_tokens"]
    counts = (each["requests"], each["failed"], usage["total_input_tokens"], cached, usage["total_output_tokens"])
    return [*(f"{count:,}" for count in counts), f"{'*' if each['unpriced'] else ''}${each['cost']}"]


def _write_recalculation(whole: dict[str, Any]) -> str:
    verb = "would change" if whole["dry_run"] else "changed"
    counts = f"{whole['requests']:,} requests, {whole['attempts']:,} attempts"
    return f"{counts}: {whole['changed_attempts']:,} {verb}, from ${whole['cost_before']} to ${whole['cost_after']}"


def write_requests(found: Sequence[dict[str, Any]]) -> str:
    """A table of requests."""
    if not found:
        return "there are none"
    head = ("started", "request", "path", "key", "model", "status", "input", "output", "cost")
    rows = [
        (
            each["started_at"][:19],
            each["id"],
            each["path"],
            each["key"] or "-",
            _write_model(each),
            str(each["status"]),
            str(each["usage"]["total_input_tokens"]),
            str(each["usage"]["total_output_tokens"]),
            write_cost(each),
        )
        for each in found
    ]
    return write_table(head, rows, ("input", "output", "cost"))


def write_request(request: dict[str, Any]) -> str:
    """A request, and a table of its attempts."""
    shown = {
        name: value for name, value in request.items() if name not in ("attempts", "usage", "object", "trail", "said")
    }
    shown |= {name: count for name, count in request["usage"].items() if count}
    shown |= request.get("trail") or {}
    width = max(map(len, shown))
    lines = [
        f"{name.ljust(width)}  {_write_value(value)}" for name, value in shown.items() if value not in ("", None, [])
    ]
    head = ("attempt", "model", "status", "outcome", "error", "input", "output", "cost")
    rows = [
        (
            str(each["position"]),
            _write_model(each),
            str(each["status"]),
            each["outcome"],
            each["error_code"] or "-",
            str(each["usage"]["total_input_tokens"]),
            str(each["usage"]["total_output_tokens"]),
            write_cost(each),
        )
        for each in request["attempts"]
    ]
    return "\n".join([*lines, "", write_table(head, rows, ("input", "output", "cost"))])


def write_cost(each: dict[str, Any]) -> str:
    return "-" if each["cost"] is None else f"${each['cost']}"


def _write_model(each: dict[str, Any]) -> str:
    return f"{each['provider']}/{each['model']}" if each["model"] else "-"


def _write_value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
