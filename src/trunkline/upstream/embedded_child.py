"""The embedded model's own process: `python -m trunkline.upstream.embedded_child WEIGHTS NAME PORT THREADS`.

Reads its key as one line of standard input, serves until that pipe closes or a signal comes, and says `ready` on
standard output once it listens.
"""

import ctypes
import os
import signal
import sys
import threading

import xllamacpp

_PR_SET_PDEATHSIG = 1

# What the model was trained with; more costs memory for nothing.
_CONTEXT_TOKENS = 2048


def main() -> None:
    """Serve the model until the parent is gone."""
    weights, name, port, threads = sys.argv[1:5]
    _die_with_parent()
    key = _read_line()
    server = xllamacpp.Server(_parameters(weights, name, int(port), int(threads), key))
    threading.Thread(target=_wait_for_end, daemon=True).start()
    sys.stdout.write(f"ready {server.listening_address}\n")
    sys.stdout.flush()
    signal.pause()


def _parameters(weights: str, name: str, port: int, threads: int, key: str) -> xllamacpp.CommonParams:
    parameters = xllamacpp.CommonParams()
    parameters.model.path = weights
    parameters.model_alias = {name}
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = port
    parameters.api_keys = [key]
    parameters.ui = False
    parameters.endpoint_slots = False
    parameters.verbosity = 1
    parameters.cache_ram_mib = 0
    parameters.n_ctx = _CONTEXT_TOKENS
    # Left to chance so small a model talks on, one time in twenty, until it is cut. A caller may ask for chance all the
    # same.
    parameters.sampling.temp = 0.0
    parameters.cpuparams.n_threads = threads
    parameters.cpuparams_batch.n_threads = threads
    return parameters


def _die_with_parent() -> None:
    """Have the kernel end us with the parent, where it can: the pipe alone does not see a parent that is stopped."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _read_line() -> str:
    """The key. Byte by byte from the descriptor itself: a buffered reader would hold the pipe the thread waits on."""
    line = bytearray()
    while (byte := os.read(0, 1)) not in (b"", b"\n"):
        line += byte
    return line.decode()


def _wait_for_end() -> None:
    """The pipe closes when the parent ends. A running generation is not waited for."""
    os.read(0, 1)
    os._exit(0)


if __name__ == "__main__":
    main()
