"""A configuration file, read but not yet understood: nested values, each with the line it stands on."""

from msgspec import Struct

from trunkline.errors import ConfigError

Content = str | list["Node"] | dict[str, "Node"] | None


class Node(Struct, frozen=True):
    """One value: a scalar's text as it was typed, a list, a mapping, or nothing."""

    content: Content
    line: int


class Document(Struct, frozen=True):
    """A whole file. `name` is how messages call it."""

    name: str
    root: Node

    def place(self, node: Node) -> str:
        """Where a node stands, for messages: `trunkline.yaml, line 3`."""
        return f"{self.name}, line {node.line}"

    def mapping(self, node: Node, path: str) -> dict[str, Node]:
        """A node's members; nothing is an empty mapping. Raises `ConfigError` for anything else."""
        if node.content is None:
            return {}
        if not isinstance(node.content, dict):
            raise ConfigError(f"{self.place(node)}: `{path}` should be a mapping")
        return node.content

    def text(self, node: Node, path: str) -> str | None:
        """A scalar's text, a list of scalars as a comma list, or `None` for nothing."""
        match node.content:
            case None:
                return None
            case str(text):
                return text
            case list(items) if all(isinstance(item.content, str) for item in items):
                return ",".join(str(item.content) for item in items)
            case _:
                raise ConfigError(f"{self.place(node)}: `{path}` should be a plain value")


Section = tuple[Document, Node]
"""A node, and the file that it stands in."""
