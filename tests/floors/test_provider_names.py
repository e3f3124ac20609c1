"""A provider's name stands in its own file: a second place that knows it is a rule that belongs there."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest
from sources import MODULES, PROVIDERS, Module, docstrings_of

DIALECTS = {module.parts[1] for module in MODULES if module.is_in("dialects") and len(module.parts) > 1}

# Names that are ordinary words too.
WORDS = {"compatible", "fireworks", "local", "scripted", "together"}

# Fields of the wire, read whoever sends them: the name is how they are spelled, not who is asked.
WIRE_FIELDS = {"x_groq"}


def is_dialect(provider: str) -> bool:
    """Whether a wire format bears the same name; it may then stand wherever dialects are spoken of."""
    return any(dialect.split("_")[0] == provider for dialect in DIALECTS)


NAMES = sorted(name for name in PROVIDERS - WORDS if not is_dialect(name))


@cache
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
    return [
        f"{module.name}:{line} {text!r}"
        for text, line in words_of(module)
        if pattern.search(text) and text not in WIRE_FIELDS
    ]


def test_name_stays_home() -> None:
    """Engine, dialects, faces, the way out and configuration know no provider by name."""
    strangers = [m for m in MODULES if m.is_in("engine", "dialects", "serve", "upstream", "config")]
    assert [found for module in strangers for name in NAMES for found in mentions(module, name)] == []


@pytest.mark.parametrize(
    "source", ["if name == 'groq': ...", "use_groq = True", "f(groq=1)", "url = 'https://api.groq.com'"]
)
def test_the_test(source: str) -> None:
    """A name is seen in a comparison, an identifier, an argument or an address."""
    assert mentions(Module(Path("sample.py"), ("engine",), ast.parse(source)), "groq")


def test_the_test_reads_no_prose() -> None:
    """A docstring may name a provider as an example."""
    source = 'def f():\n    """Groq does it so."""'
    assert mentions(Module(Path("sample.py"), ("engine",), ast.parse(source)), "groq") == []
