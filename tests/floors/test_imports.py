"""Who may import what, where a list of layers cannot say it."""

import subprocess
import sys
from pathlib import Path

from sources import FLOORS, MODULES, PROVIDERS, Import, Module, imports_of

ROOT = Path(__file__).resolve().parents[2]

# Floors that hold no I/O and ask nobody: what they may use beyond the standard library.
THIRD_PARTY = {
    "vocabulary": {"msgspec"},
    # cryptography seals what a dialect carries for another one.
    "dialects": {"msgspec", "cryptography"},
    "providers": {"msgspec"},
    "engine": {"msgspec"},
}

# Pure floors must not be able to reach the world, the time or chance.
WORLD = {
    "asyncio",
    "http",
    "logging",
    "os",
    "random",
    "secrets",
    "select",
    "socket",
    "ssl",
    "subprocess",
    "threading",
    "time",
}

# A nonce that a test could fix is one that production could repeat: sealing draws its own.
OWN_CHANCE = {("trunkline.dialects.seal", "secrets")}

UNSEEN = {
    # floor or face: the parts of trunkline that it must not see, though they stand below it
    "engine": {*FLOORS["edges"]},
    "serve": {*FLOORS["edges"], "providers"},
}

# An optional extra may be imported where it is used, so that everything else works without it.
OPTIONAL = {"xllamacpp"}


def named(module: Module, found: Import) -> str:
    return f"{module.path.relative_to(ROOT)}:{found.line} {found.target}"


def ours(found: Import) -> tuple[str, ...]:
    """The path inside trunkline that is imported; empty for what is not ours."""
    top, *rest = found.target.split(".")
    return tuple(rest) if top == "trunkline" else ()


def test_layers() -> None:
    """Imports point only downward, and never in a circle."""
    program = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    checked = subprocess.run(program, check=False, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_third_parties() -> None:
    """Vocabulary, dialects, providers and engine know no library but the few named here."""
    wrong = [
        named(module, found)
        for module in MODULES
        for found in imports_of(module)
        if module.floor in THIRD_PARTY
        and found.top not in sys.stdlib_module_names | THIRD_PARTY[module.floor] | {"trunkline"}
    ]
    assert wrong == []


def test_pure_dialects() -> None:
    """A dialect reaches neither the network, the system, the time nor chance."""
    wrong = [
        named(module, found)
        for module in MODULES
        if module.is_in("dialects")
        for found in imports_of(module)
        if found.top in WORLD and (module.name, found.top) not in OWN_CHANCE
    ]
    assert wrong == []


def test_unseen() -> None:
    """The engine sees no edge, a face neither edges nor providers, and the companion not the server."""
    wrong = [
        named(module, found)
        for module in MODULES
        for found in imports_of(module)
        if module.parts and ours(found)[:1] and ours(found)[0] in UNSEEN.get(module.parts[0], ())
    ]
    assert wrong == []


def test_providers_apart() -> None:
    """No provider imports another one."""
    others = PROVIDERS - {"compatible"}  # any endpoint of the format that many speak: it may be built on
    wrong = [
        named(module, found)
        for module in MODULES
        if module.is_in("providers")
        for found in imports_of(module)
        if ours(found)[:1] == ("providers",) and others.difference(module.parts).intersection(ours(found)[1:])
    ]
    assert wrong == []


def test_config_belongs_to_the_shell() -> None:
    """Only the shell sees the configuration; everything else is given what it needs."""
    wrong = [
        named(module, found)
        for module in MODULES
        if module.floor != "shell"
        for found in imports_of(module)
        if ours(found)[:1] == ("config",)
    ]
    assert wrong == []


def test_hidden_imports() -> None:
    """An import stands at the top of its file, but for optional extras and what one command needs."""
    wrong = [
        named(module, found)
        for module in MODULES
        if not module.is_in("build", "cli")
        for found in imports_of(module)
        if found.in_function and found.top not in OPTIONAL
    ]
    assert wrong == []


def test_relative_imports() -> None:
    """Every import names its module in full, and none takes a name from the package's root."""
    wrong = [
        named(module, found)
        for module in MODULES
        for found in imports_of(module)
        if found.target.startswith("None.")
        or (found.target.startswith("trunkline.") and found.target.count(".") == 1 and not is_module(found.target))
    ]
    assert wrong == []


def is_module(dotted: str) -> bool:
    return any(module.name == dotted for module in MODULES) or dotted == "trunkline.__version__"
