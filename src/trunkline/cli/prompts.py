"""`trunkline prompts …`: prompts and their versions, in the store beside it or at a running gateway."""

import contextlib
import sys
from argparse import Namespace
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import msgspec

from trunkline.cli.books import Action, RemoteBook, act, read_all, unfold
from trunkline.cli.setup import load
from trunkline.config.config import Config
from trunkline.engine.admin.book import Book
from trunkline.errors import ConfigError

_MEMBERS = ("model", "instructions", "input")


class Prompts(Book, Protocol):
    """As `engine.admin.prompt_book.PromptBook`."""

    async def page(self, after: str | None = None, /) -> dict[str, Any]: ...

    async def add_version(self, id: str, /, body: Any, *, is_default: bool) -> dict[str, Any]: ...

    async def find_version(self, id: str, version: str | None, /) -> dict[str, Any]: ...


class RemotePrompts(RemoteBook):
    kind = "prompts"

    async def add_version(self, id: str, body: Any, *, is_default: bool) -> dict[str, Any]:
        return await self.ask("POST", id, "versions", body={"body": body, "is_default": is_default})

    async def find_version(self, id: str, version: str | None) -> dict[str, Any]:
        wanted = (await self.find(id))["default_version"] if version is None else version
        return await self.ask("GET", id, "versions", wanted)


def run(options: Namespace) -> int:
    act(options, load(options), _open_beside, RemotePrompts, _ACTIONS)
    return 0


@contextlib.asynccontextmanager
async def _open_beside(config: Config) -> AsyncIterator[Prompts]:
    """The prompts of the store that a gateway of this configuration uses."""
    from trunkline.cli.opened import open_beside
    from trunkline.clock import mint
    from trunkline.engine.admin.prompt_book import PromptBook
    from trunkline.paths import ROOT
    from trunkline.store.prompts import SqlPrompts

    async with open_beside(config) as beside:
        prompts = SqlPrompts(beside.database, beside.cipher)
        yield PromptBook(prompts, ROOT, beside.clock, mint, beside.witness)


# --- what can be done -------------------------------------------------------------------------------------------


async def _create(book: Prompts, options: Namespace) -> tuple[Any, str]:
    prompt = await book.create({"name": options.name, "body": read_body(options)})
    return prompt, prompt["id"]


async def _list(book: Prompts, options: Namespace) -> tuple[Any, str]:
    prompts = await read_all(book.page)
    return prompts, "\n".join(map(_write_line, prompts)) or "there are no prompts yet: trunkline prompts create"


async def _show(book: Prompts, options: Namespace) -> tuple[Any, str]:
    import yaml

    version = await book.find_version(options.id, options.version)
    return version, yaml.safe_dump(unfold(version["body"]), sort_keys=False, allow_unicode=True).rstrip()


async def _add(book: Prompts, options: Namespace) -> tuple[Any, str]:
    version = await book.add_version(options.id, read_body(options), is_default=not options.keep_default)
    return version, version["version"]


async def _default(book: Prompts, options: Namespace) -> tuple[Any, str]:
    prompt = await book.update(options.id, {"default_version": options.version})
    return prompt, _write_line(prompt)


async def _delete(book: Prompts, options: Namespace) -> tuple[Any, str]:
    answer = await book.delete(options.id)
    return answer, f"{answer['id']} is deleted"


_ACTIONS: Mapping[str, Action[Prompts]] = {
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
