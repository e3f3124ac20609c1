"""Where values come from: flags, the environment, a `.env` file, the YAML file, in this order of weight.

Every value keeps its name as it was typed and the place it came from. Values may refer to others: `env:NAME` and
`file:/path`; nothing else is expanded, and what looks as if it should be stops the start.
"""

import difflib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from msgspec import Struct

from trunkline.config.values import read_path
from trunkline.errors import ConfigError

_UNEXPANDED = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)[^}]*\}")
_LARGEST_SECRET_BYTES = 65_536


class Value(Struct, frozen=True):
    """A text, the name it was given under, and where."""

    text: str
    name: str
    source: str

    def __repr__(self) -> str:
        return f"Value({self.name} from {self.source})"


class Environment:
    """Variables by name. `flags` are those that the command line stands for, as `(flag, text)`."""

    def __init__(
        self,
        process: Mapping[str, str],
        env_file: Mapping[str, str] | None = None,
        env_file_name: str = ".env",
        flags: Mapping[str, tuple[str, str]] | None = None,
    ) -> None:
        self._process = process
        self._env_file = env_file or {}
        self._env_file_name = env_file_name
        self._flags = flags or {}

    def get(self, name: str) -> Value | None:
        """A variable, or `None` when it is unset or empty."""
        if name in self._flags:
            flag, text = self._flags[name]
            return Value(text, flag, "the command line")
        for mapping, source in ((self._process, "the environment"), (self._env_file, self._env_file_name)):
            text = mapping.get(name, "").strip()
            if text:
                return Value(text, name, source)
        return None

    def names(self) -> Iterable[str]:
        """Every variable that is set and not empty."""
        return (name for name in {**self._env_file, **self._process} if self.get(name) is not None)


def resolve(value: Value, environment: Environment) -> str:
    """The text that a value stands for. Raises `ConfigError`, naming what is not set or cannot be read."""
    unexpanded = _UNEXPANDED.search(value.text)
    if unexpanded is not None:
        raise ConfigError(
            f"`{value.name}` ({value.source}) holds `{unexpanded[0]}`, which is not expanded here:"
            f" write `env:{unexpanded[1]}` as the whole value, or set what should stand there"
        )
    if value.text.startswith("env:"):
        return _resolve_variable(value, environment)
    if value.text.startswith("file:"):
        return _read_file(value)
    return value.text


def is_reference(text: str) -> bool:
    return text.startswith(("env:", "file:"))


def _resolve_variable(value: Value, environment: Environment) -> str:
    name = value.text.removeprefix("env:").strip()
    found = environment.get(name)
    if found is None:
        raise ConfigError(f"`{value.name}` ({value.source}) refers to `{name}`, which is not set: set {name}")
    if found.text.startswith("env:"):
        raise ConfigError(f"`{name}` ({found.source}) refers to another variable: give it its value")
    return _read_file(found) if found.text.startswith("file:") else found.text


def _read_file(value: Value) -> str:
    path = read_path(value.text.removeprefix("file:").removeprefix("//"))
    problem = _why_unreadable(path)
    if problem is not None:
        raise ConfigError(f"`{value.name}` ({value.source}) refers to the file {path}, which {problem}")
    return path.read_text(encoding="utf-8").strip()


def _why_unreadable(path: Path) -> str | None:
    try:
        if path.stat().st_size > _LARGEST_SECRET_BYTES:
            return "is too large for a secret"
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return "is not text"
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    return None if text.strip() else "is empty"


def nearest(name: str, known: Iterable[str]) -> str:
    """`; did you mean …?`, or nothing when no known name is near."""
    found = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"; did you mean `{found[0]}`?" if found else ""
