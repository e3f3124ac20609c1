"""The source tree as the floor tests see it: each module's name, floor and syntax tree."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2] / "src"

FLOORS = {
    "dialects": ("dialects",),
    "providers": ("providers",),
    "edges": ("upstream", "catalog", "keyring", "log", "store", "shared"),
    "engine": ("engine",),
    "faces": ("serve",),
    "shell": ("config", "build", "cli", "__main__"),
}


@dataclass(frozen=True)
class Module:
    """One source file. `parts` is its dotted name without `trunkline`: `("engine", "gateway")`."""

    path: Path
    parts: tuple[str, ...]
    tree: ast.Module

    @property
    def name(self) -> str:
        return ".".join(("trunkline", *self.parts))

    @property
    def floor(self) -> str:
        """The floor it stands on; a module of no other floor is vocabulary."""
        top = self.parts[0] if self.parts else ""
        return next((floor for floor, names in FLOORS.items() if top in names), "vocabulary")

    def is_in(self, *names: str) -> bool:
        """Whether it is, or is inside, `trunkline.<name>`."""
        return bool(self.parts) and self.parts[0] in names


@dataclass(frozen=True)
class Import:
    """One name that a module imports: `from time import monotonic` is `time.monotonic`, in a function or not."""

    target: str
    line: int
    in_function: bool

    @property
    def top(self) -> str:
        return self.target.split(".")[0]


def read_module(path: Path, root: Path = SOURCE) -> Module:
    parts = path.relative_to(root / "trunkline").with_suffix("").parts
    parts = parts[:-1] if parts[-1] == "__init__" else parts
    return Module(path, parts, ast.parse(path.read_text(encoding="utf-8"), filename=str(path)))


def read_modules() -> list[Module]:
    return [read_module(path) for path in sorted((SOURCE / "trunkline").rglob("*.py"))]


MODULES = read_modules()


@cache
def imports_of(module: Module) -> list[Import]:
    """All its imports, those for type checking alone included."""
    return list(_imports_below(module.tree, in_function=False))


def _imports_below(node: ast.AST, *, in_function: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (Import(alias.name, child.lineno, in_function) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            yield from (Import(f"{child.module}.{a.name}", child.lineno, in_function) for a in child.names)
        is_function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        yield from _imports_below(child, in_function=in_function or is_function)


@cache
def uses_of(module: Module) -> list[tuple[str, int]]:
    """Every dotted name it reads, with what was imported spelled out: `now()` after
    `from datetime import datetime as now` is `datetime.datetime`."""
    names: dict[str, str | None] = {}
    found: list[tuple[str, int]] = []
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            names.update(
                {alias.asname or alias.name.split(".")[0]: alias.asname and alias.name for alias in node.names}
            )
        elif isinstance(node, ast.ImportFrom):
            names.update({alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names})
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Name | ast.Attribute):
            dotted = dotted_name(node)
            if dotted is not None:
                first, _, rest = dotted.partition(".")
                if first in names:
                    whole = names[first] or first
                    found.append((f"{whole}.{rest}" if rest else whole, node.lineno))
    return found


def dotted_name(node: ast.expr) -> str | None:
    """`a.b.c` as text, or `None` for what is not a plain chain of names."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = dotted_name(node.value)
        return None if before is None else f"{before}.{node.attr}"
    return None


def docstrings_of(tree: ast.Module) -> set[ast.Constant]:
    """The nodes of `tree` that are docstrings, so that they can be told from strings that do something."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.body:
            first = node.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                found.add(first.value)
    return found


def is_provider(module: Module) -> bool:
    """Whether it is a provider's own file: beside what providers are made of, it sets `PROVIDER`."""
    targets: list[ast.expr] = []
    for node in module.tree.body:
        targets += (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
    return module.is_in("providers") and any(dotted_name(target) == "PROVIDER" for target in targets)


PROVIDERS = {module.parts[1] for module in MODULES if is_provider(module)}
