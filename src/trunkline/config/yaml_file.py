"""The YAML file → a `Document`: every scalar as it was typed, so that it is read as an environment variable would be.

A module of its own, since its parser takes longer to load than the rest of a start.
"""

from pathlib import Path

import yaml

from trunkline.config.document import Document, Node
from trunkline.errors import ConfigError

_DEEPEST = 20
# An alias (`*name`) stands for all that it names, and aliases of aliases for more than any memory holds.
_MOST_NODES = 100_000
_Loader: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NULL = "tag:yaml.org,2002:null"


def read_yaml(path: Path) -> Document:
    """A file's document. Raises `ConfigError` when it cannot be read, or is not YAML, naming the line."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigError(f"the configuration file {path} cannot be read: {reason}") from None
    return parse_yaml(text, path.name)


def parse_yaml(text: str, name: str) -> Document:
    """A text's document; `name` is how messages call it."""
    try:
        root = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark is not None else 1
        raise ConfigError(f"{name}, line {line}: this is not YAML: {error.problem}") from None
    except yaml.YAMLError:
        raise ConfigError(f"{name}: this is not YAML") from None
    return Document(name, Node(None, 1) if root is None else _Conversion(name).convert(root, 0))


class _Conversion:
    """From the parser's nodes to ours, each as often as it is named."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._nodes = 0

    def convert(self, node: yaml.Node, depth: int) -> Node:
        line = node.start_mark.line + 1
        self._nodes += 1
        if self._nodes > _MOST_NODES:
            raise ConfigError(f"{self._name}, line {line}: more than {_MOST_NODES} values, those of aliases counted in")
        if depth > _DEEPEST:
            raise ConfigError(f"{self._name}, line {line}: nested too deeply")
        match node:
            case yaml.MappingNode():
                return Node(self._convert_members(node, depth), line)
            case yaml.SequenceNode():
                return Node([self.convert(item, depth + 1) for item in node.value], line)
            case _:
                return Node(None if node.tag == _NULL else str(node.value), line)

    def _convert_members(self, node: yaml.MappingNode, depth: int) -> dict[str, Node]:
        members: dict[str, Node] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise ConfigError(f"{self._name}, line {line}: a key should be a plain word")
            if key.value in members:
                before = members[key.value].line
                raise ConfigError(f"{self._name}, line {line}: `{key.value}` is there already, on line {before}")
            members[key.value] = self.convert(value, depth + 1)
        return members
