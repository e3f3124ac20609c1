"""`trunkline prompts …`: prompts and their versions, in the store beside it or at a running gateway."""

import asyncio
import contextlib
import json
import sys
from argparse import Namespace
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import msgspec

from trunkline.cli.setup import load
from trunkline.config.config import Config
from trunkline.errors import ConfigError

_MEMBERS = ("model", "instructions", "input")


class Book(Protocol):
    """The prompts, wherever they are kept; as `engine.prompt_book.PromptBook`."""

    async def create(self, name: Any, body: Any) -> dict[str, Any]: ...

    async def page(self, after: str | None = None, limit: int = 100) -> dict[str, Any]: ...

    async def update(self, id: str, name: Any = None, default_version: Any = None) -> dict[str, Any]: ...

    async def delete(self, id: str) -> dict[str, Any]: ...

    async def add_version(self, id: str, body: Any, *, is_default: bool = True) -> dict[str, Any]: ...

    async def find_version(self, id: str, version: str | None = None) -> dict[str, Any]: ...


def run(options: Namespace) -> int:
    config = load(options)
    print(asyncio.run(_do(options, config)))
    return 0


async def _do(options: Namespace, config: Config) -> str:
    opened = open_remote_book(options, config) if options.url else open_book(config)
    async with opened as book:
        answer, text = await _ACTIONS[options.action](book, options)
    # What is kept as JSON is shown as such.
    return json.dumps(msgspec.json.decode(msgspec.json.encode(answer)), indent=2) if options.json else text


# --- what can be done -------------------------------------------------------------------------------------------


async def _create(book: Book, options: Namespace) -> tuple[Any, str]:
    prompt = await book.create(options.name, read_body(options))
    return prompt, prompt["id"]


async def _list(book: Book, options: Namespace) -> tuple[Any, str]:
    prompts: list[dict[str, Any]] = []
    after = None
    while True:
        page = await book.page(after)
        prompts += msgspec.json.decode(msgspec.json.encode(page["data"]))
        if not page["has_more"]:
            return prompts, "\n".join(map(_write_line, prompts)) or "there are no prompts yet: trunkline prompts create"
        after = page["last_id"]


async def _show(book: Book, options: Namespace) -> tuple[Any, str]:
    import yaml

    version = await book.find_version(options.id, options.version)
    body = msgspec.json.decode(msgspec.json.encode(version["body"]))
    return version, yaml.safe_dump(body, sort_keys=False, allow_unicode=True).rstrip()


async def _add(book: Book, options: Namespace) -> tuple[Any, str]:
    version = await book.add_version(options.id, read_body(options), is_default=not options.keep_default)
    return version, version["version"]


async def _default(book: Book, options: Namespace) -> tuple[Any, str]:
    prompt = await book.update(options.id, default_version=options.version)
    return prompt, _write_line(prompt)


async def _delete(book: Book, options: Namespace) -> tuple[Any, str]:
    answer = await book.delete(options.id)
    return answer, f"{answer['id']} is deleted"


_ACTIONS: dict[str, Callable[[Book, Namespace], Awaitable[tuple[Any, str]]]] = {
    "create": _create,
    "list": _list,
    "show": _show,
    "add": _add,
    "default": _default,
    "delete": _delete,
}


def _write_line(prompt: dict[str, Any]) -> str:
    made = datetime.fromtimestamp(prompt["created_at"], UTC).date()
    return f"{prompt['id']}  {made}  version {prompt['default_version']}  {prompt['name']}"


# --- what is typed ----------------------------------------------------------------------------------------------


def read_body(options: Namespace) -> dict[str, Any]:
    """A version's body: what the file says, and over it what the command line says. Raises `ConfigError`."""
    body = {} if options.file is None else _read_file(options.file)
    body |= {name: value for name in _MEMBERS if (value := getattr(options, name)) is not None}
    if options.variable:
        body["variables"] = {**(body.get("variables") or {}), **_read_variables(options.variable)}
    return body


def _read_file(name: str) -> dict[str, Any]:
    """YAML or JSON, which is YAML; `-` is what is piped in."""
    import yaml

    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
        # By way of JSON, so that a date is the text that was typed and no key is a number.
        body = msgspec.json.decode(msgspec.json.encode(yaml.safe_load(text)))
    except OSError as error:
        raise ConfigError(f"{name} cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError, TypeError, ValueError):
        raise ConfigError(f"{name} is neither YAML nor JSON") from None
    if type(body) is not dict:
        raise ConfigError(f"{name} should hold members like `model`, `instructions` and `input`")
    return body


def _read_variables(typed: Sequence[str]) -> dict[str, Any]:
    """`name=default`, or a name alone for one that every request must give."""
    pairs = [(name, equals, default) for name, equals, default in (text.partition("=") for text in typed)]
    return {name: {"default": default} if equals else {} for name, equals, default in pairs}


# --- where they are ---------------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def open_book(config: Config) -> AsyncIterator[Book]:
    """The prompts of the store that a gateway of this configuration uses."""
    from trunkline.cli.opened import open_beside
    from trunkline.clock import mint
    from trunkline.engine.admin.prompt_book import PromptBook
    from trunkline.paths import ROOT
    from trunkline.store.prompts import SqlPrompts

    async with open_beside(config) as beside:
        prompts = SqlPrompts(beside.database, beside.cipher)
        yield PromptBook(prompts, ROOT, beside.clock, mint, beside.witness)


@contextlib.asynccontextmanager
async def open_remote_book(options: Namespace, config: Config) -> AsyncIterator[Book]:
    """The prompts of a running gateway."""
    from trunkline.cli.admin import open_api

    async with open_api(options, config) as api:
        yield _RemoteBook(api.ask)


class _RemoteBook:
    def __init__(self, ask: Callable[..., Awaitable[dict[str, Any]]]) -> None:
        self._ask = ask

    async def create(self, name: Any, body: Any) -> dict[str, Any]:
        return await self._ask("POST", "prompts", body={"name": name, "body": body})

    async def page(self, after: str | None = None, limit: int = 100) -> dict[str, Any]:
        place = f"&after={after}" if after else ""
        return await self._ask("GET", "prompts", query=f"?limit={limit}{place}")

    async def update(self, id: str, name: Any = None, default_version: Any = None) -> dict[str, Any]:
        return await self._ask("POST", "prompts", id, body={"name": name, "default_version": default_version})

    async def delete(self, id: str) -> dict[str, Any]:
        return await self._ask("DELETE", "prompts", id)

    async def add_version(self, id: str, body: Any, *, is_default: bool = True) -> dict[str, Any]:
        return await self._ask("POST", "prompts", id, "versions", body={"body": body, "is_default": is_default})

    async def find_version(self, id: str, version: str | None = None) -> dict[str, Any]:
        if version is None:
            version = (await self._ask("GET", "prompts", id))["default_version"]
        return await self._ask("GET", "prompts", id, "versions", version)
