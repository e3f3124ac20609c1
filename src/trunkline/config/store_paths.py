"""Where nothing may be kept: rules for paths, which only the file lists."""

from typing import Literal

from trunkline.config.document import Document, Node
from trunkline.config.sources import nearest
from trunkline.errors import ConfigError

Rule = Literal["always", "never"]
_RULES: dict[str, Rule] = {"always": "always", "never": "never"}


def read_store_paths(document: Document, node: Node) -> dict[str, Rule]:
    """`{pattern: rule}` of a mapping like `{"/legal/**": {store: never}}`."""
    rules = {}
    for pattern, inner in document.mapping(node, "store.paths").items():
        place, path = document.place(inner), f"store.paths.{pattern}"
        if not _is_pattern(pattern):
            raise ConfigError(f"{place}: `{path}` should be a path like /legal, or /legal/** for all below it as well")
        members = document.mapping(inner, path)
        for name, member in members.items():
            if name != "store":
                raise ConfigError(
                    f"{document.place(member)}: `{path}.{name}` is not a setting{nearest(name, ('store',))}"
                )
        rule = _RULES.get((document.text(members["store"], path) or "") if "store" in members else "")
        if rule is None:
            raise ConfigError(f"{place}: `{path}.store` should be always or never")
        rules[pattern] = rule
    return rules


def _is_pattern(text: str) -> bool:
    plain = text.removesuffix("/**")
    return (
        text == "/" or (plain == "" and text != "") or (plain.startswith("/") and plain[-1] != "/" and "*" not in plain)
    )
