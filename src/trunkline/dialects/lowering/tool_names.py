"""What a request's tools are called at the target: the caller's names with their namespaces, flattened and made fit."""

from trunkline.dialects.lowering.names import safe_name
from trunkline.errors import InvalidRequest

Key = tuple[str, str | None]
"""A tool's name (or a hosted tool's type) and its namespace, as the caller has them."""


class ToolNames:
    """Which name each tool got. `length` is how long the target lets names be, `are_words` whether they must begin with
    a letter or `_`."""

    def __init__(self, length: int, are_words: bool) -> None:
        self._length = length
        self._are_words = are_words
        self._names: dict[Key, str] = {}
        # The places of the tools in the request, by their names at the target.
        self._places: dict[str, str] = {}

    def give(self, key: Key, path: str) -> str:
        """The name of a new tool, which stands at `path`. Raises `InvalidRequest` where it is another one's already."""
        name, namespace = key
        if key in self._names:
            raise InvalidRequest(f"`{path}.name` is `{name}`, which another tool has already", param=f"{path}.name")
        safe = self._make(name, namespace)
        if safe in self._places:
            raise InvalidRequest(
                f"`{path}` would be called `{safe}` by this model, as `{self._places[safe]}` is: rename one of them",
                param=path,
            )
        self._places[safe] = path
        self._names[key] = safe
        return safe

    def add(self, key: Key, name: str) -> None:
        """Something else that the caller may call the tool of this name, unless it is another one's."""
        self._names.setdefault(key, name)

    def reserve(self, name: str, path: str) -> None:
        """Keep a name that the target's own tool at `path` has from the others."""
        self._places.setdefault(name, path)

    def get(self, key: Key) -> str | None:
        return self._names.get(key)

    def find(self, name: str, namespace: str | None = None) -> str | None:
        """The lowered name of a tool; a name without its namespace is enough where it is the only one."""
        found = self._names.get((name, namespace))
        if found is not None or namespace is not None:
            return found
        inside = [safe for (own, _), safe in self._names.items() if own == name]
        return inside[0] if len(inside) == 1 else None

    def called(self, name: str, namespace: str | None) -> str:
        """The lowered name of a tool that the history has called, whether it is still there or not."""
        found = self.find(name, namespace)
        if found is not None:
            return found
        return self._make(name, namespace)

    def _make(self, name: str, namespace: str | None) -> str:
        return safe_name(name if namespace is None else f"{namespace}__{name}", self._length, self._are_words)
