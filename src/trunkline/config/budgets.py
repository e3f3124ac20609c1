"""Budgets that the file declares: `budgets:`, a list of them."""

from typing import Any

from msgspec.structs import replace

from trunkline.config.document import Document, Node
from trunkline.config.sources import Environment, Value, is_reference, resolve
from trunkline.engine.admin.budget_shapes import NEW, read_budget
from trunkline.errors import CallerError, ConfigError
from trunkline.state.budgets import Budget

_DECLARED = replace(NEW, is_declared=True)


def read_budgets(document: Document, node: Node, environment: Environment) -> tuple[Budget, ...]:
    """A list like `[{name: alpha, match: {path: "/team/alpha/**"}, dollars: "500", per: month}]`. Raises
    `ConfigError`."""
    if node.content is not None and not isinstance(node.content, list):
        raise ConfigError(f"{document.place(node)}: `budgets` should be a list of budgets")
    budgets: dict[str, Budget] = {}
    for number, entry in enumerate(node.content or ()):
        budget = _read(document, entry, f"budgets[{number}]", environment)
        if budget.name in budgets:
            raise ConfigError(f"{document.place(entry)}: there is a budget called `{budget.name}` already")
        budgets[budget.name] = budget
    return tuple(budgets.values())


def _read(document: Document, entry: Node, path: str, environment: Environment) -> Budget:
    members: dict[str, Any] = {}
    for name, node in document.mapping(entry, path).items():
        if name == "match":
            matches = document.mapping(node, f"{path}.match").items()
            members[name] = {each: document.text(inner, f"{path}.match.{each}") for each, inner in matches}
        elif name == "webhook":
            members[name] = _read_webhook(document, node, f"{path}.webhook", environment)
        elif name == "shares":
            members[name] = _read_shares(document.text(node, f"{path}.shares"))
        else:
            members[name] = document.text(node, f"{path}.{name}")
    try:
        return read_budget(members, _DECLARED, is_trusted=True)
    except CallerError as error:
        raise ConfigError(f"{document.place(entry)}: in `{path}`, {error.message}") from None


def _read_webhook(document: Document, node: Node, path: str, environment: Environment) -> dict[str, str | None]:
    members = {name: document.text(inner, f"{path}.{name}") for name, inner in document.mapping(node, path).items()}
    secret, place = members.get("secret") or "", document.place(node)
    if not is_reference(secret):
        raise ConfigError(
            f"{place}: `{path}.secret` should be `env:NAME` or `file:/path`: it must not stand in the file"
        )
    members["secret"] = resolve(Value(secret, f"{path}.secret", place), environment)
    if members.get("url"):
        members["url"] = resolve(Value(members["url"] or "", f"{path}.url", place), environment)
    return members


def _read_shares(text: str | None) -> list[Any] | None:
    # Whatever else was typed is told of as what it is.
    return None if text is None else [int(share) if share.strip().isdecimal() else share for share in text.split(",")]
