"""Starts and ends what is measured (nginx, the gateway) and what it talks to (the mock), each on its core."""

import os
import shlex
import shutil
import signal
import socket
import string
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from bench import machine, wire
from bench.client import Connection, Target

HERE = Path(__file__).resolve().parent
BUILD = HERE / "build"
KEY = "sk-bench-5f2c7a1e9b0d4c3a8e6f"
"""The caller's key: the gateway knows it as its operator's key, nginx puts another in its place."""

_PACKAGES = {"nginx": "nginx-light", "wrk": "wrk", "cc": "gcc", "taskset": "util-linux", "setpriv": "util-linux"}
_START_SECONDS = 30.0
_STOP_SECONDS = 10.0
_ASK_SECONDS = 0.002


@dataclass(frozen=True, slots=True)
class Cores:
    """The core of the proxy, and the one that mock and load generator share."""

    proxy: int
    load: int


@dataclass(frozen=True, slots=True)
class Subject:
    """A running proxy, or the mock itself."""

    name: str
    pid: int
    target: Target
    start_seconds: float
    """From the start of the process to its first answered request."""


Running = AbstractContextManager[Subject]


def require(*programs: str) -> None:
    """Ends the bench with the one command that installs what is missing."""
    missing = [_PACKAGES[program] for program in programs if not shutil.which(program)]
    if missing:
        raise SystemExit(f"bench: missing programs; on Debian or Ubuntu: sudo apt-get install {' '.join(missing)}")


def build_mock() -> Path:
    """Compiles the mock upstream and writes the replies it serves."""
    BUILD.mkdir(exist_ok=True)
    program, source = BUILD / "mock", HERE / "mock.c"
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        subprocess.run(["cc", "-O2", "-o", str(program), str(source)], check=True, timeout=60)
    wire.write_replies(BUILD / "replies")
    return program


@contextmanager
def mock(program: Path, cores: Cores) -> Iterator[Subject]:
    """The mock upstream, on the core of the load."""
    command = pinned(cores.load, [str(program), str(BUILD / "replies")])
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    with _ended(process):
        port = int(process.stdout.readline()) if process.stdout else 0
        yield Subject("direct", process.pid, Target(port, {}), 0.0)


@contextmanager
def nginx(upstream: Subject, cores: Cores) -> Iterator[Subject]:
    """The reference: one nginx worker on the proxy's core."""
    with tempfile.TemporaryDirectory(prefix="bench-nginx-") as folder:
        # nginx's worker gives up root's rights and still has to reach its folder.
        Path(folder).chmod(0o755)
        port = free_port()
        names = {"folder": folder, "port": str(port), "upstream": str(upstream.target.port)}
        configuration = Path(folder, "nginx.conf")
        configuration.write_text(string.Template((HERE / "nginx.conf").read_text()).substitute(names))
        error_log = str(Path(folder, "nginx.log"))
        command = pinned(cores.proxy, ["nginx", "-e", error_log, "-p", folder, "-c", str(configuration)])
        with _serving("nginx", command, dict(os.environ), port, Path(folder, "output")) as subject:
            yield subject


@contextmanager
def gateway(name: str, command: str, settings: dict[str, str], upstream: Subject, cores: Cores) -> Iterator[Subject]:
    """The gateway, with a data folder of its own that goes when it ends, on the proxy's core."""
    with tempfile.TemporaryDirectory(prefix="bench-gateway-") as folder:
        port = free_port()
        environment = gateway_environment(upstream.target.port, port, Path(folder)) | settings
        log = BUILD / f"{name}.log"
        words = shlex.split(string.Template(command).safe_substitute(environment))
        with _serving(name, pinned(cores.proxy, words), environment, port, log) as subject:
            yield subject


def gateway_environment(upstream_port: int, port: int, folder: Path) -> dict[str, str]:
    """Everything the gateway is told, and nothing of the caller's own environment but where programs are.

    Above all without PYTHONDONTWRITEBYTECODE, so that starts are timed as users see them, and without proxies.
    """
    base = f"http://127.0.0.1:{upstream_port}"
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "PORT": str(port),
        "TRUNKLINE_HOST": "127.0.0.1",
        "TRUNKLINE_DATA_DIR": str(folder / "data"),
        "TRUNKLINE_MASTER_KEY": KEY,
        "TRUNKLINE_LOG": "json",
        "OPENAI_API_KEY": "upstream-key",
        "OPENAI_BASE_URL": f"{base}/v1",
        "OPENAI_MODELS": _only("openai"),
        "ANTHROPIC_API_KEY": "upstream-key",
        "ANTHROPIC_BASE_URL": base,
        "ANTHROPIC_MODELS": _only("anthropic"),
        "COMPATIBLE_API_KEY": "upstream-key",
        "COMPATIBLE_BASE_URL": f"{base}/v1",
        "COMPATIBLE_MODELS": _only("compatible"),
    }


def default_command() -> str:
    """The gateway of this checkout: the command beside the Python that runs the bench, or of `.venv`."""
    candidates = [Path(sys.executable).parent / "trunkline", HERE.parent / ".venv/bin/trunkline"]
    found = next((path for path in candidates if path.exists()), candidates[-1])
    return f"{shlex.quote(str(found))} serve"


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _only(provider: str) -> str:
    return "only:" + ",".join(wire.MODELS[provider] + kind for kind in wire.KINDS)


def pinned(core: int, command: list[str]) -> list[str]:
    """On that core, and ended by the kernel should the bench be killed."""
    return ["setpriv", "--pdeathsig", "TERM", "taskset", "-c", str(core), *command]


@contextmanager
def _serving(name: str, command: list[str], environment: dict[str, str], port: int, log: Path) -> Iterator[Subject]:
    with log.open("wb") as output:
        begun = time.perf_counter()
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    with _ended(process):
        target = Target(port, {"authorization": f"Bearer {KEY}", "x-api-key": KEY, "anthropic-version": "2023-06-01"})
        _await_answer(name, process, target, log)
        yield Subject(name, process.pid, target, time.perf_counter() - begun)


def _await_answer(name: str, process: "subprocess.Popen[bytes]", target: Target, log: Path) -> None:
    """Asks until the first whole answer; a process that ends or stays silent ends the bench with its last lines."""
    body = wire.request_body("chat", wire.MODELS["openai"], streamed=False)
    deadline, answer = time.monotonic() + _START_SECONDS, "no connection"
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with Connection(target) as connection:
                reply = connection.ask(wire.PATHS["chat"], body)
            if reply.status == 200:
                return
            answer = f"status {reply.status}: {reply.body[:300]!r}"
        except OSError:
            pass
        time.sleep(_ASK_SECONDS)
    last = log.read_text(errors="replace")[-2000:]
    raise SystemExit(f"bench: {name} did not start ({answer}); the end of its output:\n{last}")


@contextmanager
def _ended(process: "subprocess.Popen[bytes] | subprocess.Popen[str]") -> Iterator[None]:
    """Ends the process, and then what it should have ended itself."""
    try:
        yield
    finally:
        children = machine.tree(process.pid)[1:]
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for child in children:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
