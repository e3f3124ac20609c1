"""Rate limits that the file declares: `limits:`, a list of rules."""

import hashlib
from typing import Any

import msgspec
from msgspec.structs import replace

from trunkline.config.document import Document, Node
from trunkline.engine.admin.limit_shapes import read_rule, write_rule
from trunkline.errors import CallerError, ConfigError
from trunkline.state.limits import MEASURES, LimitRule

_DECLARED = LimitRule(id="", measure="requests", most=0, is_declared=True)


def read_limits(document: Document, node: Node) -> tuple[LimitRule, ...]:
    """The rules of a list like `[{match: {path: "/team/**"}, requests: 100, per: minute}]`. Raises `ConfigError`."""
    if node.content is not None and not isinstance(node.content, list):
        raise ConfigError(f"{document.place(node)}: `limits` should be a list of rules")
    rules: dict[str, LimitRule] = {}
    for number, entry in enumerate(node.content or ()):
        rule = _read(document, entry, f"limits[{number}]")
        if rule.id in rules:
            raise ConfigError(f"{document.place(entry)}: `limits[{number}]` stands there twice")
        rules[rule.id] = rule
    return tuple(rules.values())


def _read(document: Document, entry: Node, path: str) -> LimitRule:
    members: dict[str, Any] = {}
    for name, node in document.mapping(entry, path).items():
        if name == "match":
            matches = document.mapping(node, f"{path}.match").items()
            members[name] = {each: document.text(inner, f"{path}.match.{each}") for each, inner in matches}
        else:
            members[name] = document.text(node, f"{path}.{name}")
    for name in MEASURES:
        text = members.get(name)
        # Whatever else was typed is told of as what it is.
        members |= {name: int(text)} if text and text.isascii() and text.isdecimal() and len(text) < 16 else {}
    try:
        rule = read_rule(members, _DECLARED)
    except CallerError as error:
        raise ConfigError(f"{document.place(entry)}: in `{path}`, {error.message}") from None
    return replace(rule, id=_name(rule))


def _name(rule: LimitRule) -> str:
    """An id that stays while the rule says the same, wherever in the file it stands: so does what was counted."""
    said = msgspec.json.encode(write_rule(rule), order="deterministic")
    return f"limit-{hashlib.sha256(said).hexdigest()[:12]}"
