"""A provider's name stands in its own file: a second place that knows it is a rule that belongs there."""

import ast
import re

import pytest
from sources import MODULES, Module, docstrings_of

PROVIDERS = {module.parts[1] for module in MODULES if module.is_in("providers") and len(module.parts) == 2}
DIALECTS = {module.parts[1] for module in MODULES if module.is_in("dialects") and len(module.parts) > 1}

# Files that are no provider's name, and names that are ordinary words: `local`, `together`, `scripted`.
NOT_NAMES = {"base", "auth", "compatible", "local", "scripted", "together", "fireworks"}


def is_dialect(provider: str) -> bool:
    """Whether a wire format bears the same name; it may then stand wherever dialects are spoken of."""
    return any(dialect.split("_")[0] == provider for dialect in DIALECTS)


NAMES = sorted(name for name in PROVIDERS - NOT_NAMES if not is_dialect(name))


def words_of(module: Module) -> list[tuple[str, int]]:
    """The identifiers and strings of a module, docstrings apart, with their lines."""
    docstrings = docstrings_of(module.tree)
    found: list[tuple[str, int]] = []
    for node in ast.walk(module.tree):
        match node:
            case ast.Constant(value=str(text)) if node not in docstrings:
                found.append((text, node.lineno))
            case ast.Name(id=text) | ast.Attribute(attr=text) | ast.keyword(arg=str(text)):
                found.append((text, node.lineno))
            case ast.FunctionDef(name=text) | ast.AsyncFunctionDef(name=text) | ast.ClassDef(name=text):
                found.append((text, node.lineno))
            case ast.arg(arg=text):
                found.append((text, node.lineno))
    return found


def mentions(module: Module, provider: str) -> list[str]:
    """Where a module's code holds the provider's name as a word of its own or a part of an identifier."""
    pattern = re.compile(rf"(?<![a-z]){re.escape(provider)}(?![a-z])", re.IGNORECASE)
    return [f"{module.name}:{line} {text!r}" for text, line in words_of(module) if pattern.search(text)]


@pytest.mark.parametrize("provider", NAMES)
def test_name_stays_home(provider: str) -> None:
    """Engine, dialects and faces do not know this provider by name."""
    strangers = [
        module for module in MODULES if module.is_in("engine", "dialects", "serve", "agents", "upstream", "config")
    ]
    assert [found for module in strangers for found in mentions(module, provider)] == []
