"""One gateway before one fake upstream of each kind, for all the examples, and a way to run them quickly."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from real_gateway import Gateway, find_node, gateway_before_fakes, plain_environment, run_program

Run = Callable[..., str]


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with gateway_before_fakes(tmp_path_factory.mktemp("gateway")) as gateway:
        yield gateway


@pytest.fixture(scope="session")
def run() -> Iterator[Run]:
    """Runs a program of either language and gives what it prints; fails with everything it said.

    `run(program, variables, *arguments)`
    """
    command = [sys.executable, str(Path(__file__).with_name("preloaded.py"))]
    process = subprocess.Popen(
        command, env=plain_environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    asked, answered = process.stdin, process.stdout

    def run(program: Path, variables: Mapping[str, str], *arguments: str) -> str:
        words = [str(program), *arguments]
        if program.suffix == ".mjs":
            return run_program([find_node(), *words], variables)
        asked.write(json.dumps({"words": words, "environment": plain_environment() | dict(variables)}) + "\n")
        asked.flush()
        reply = json.loads(answered.readline())
        assert reply["code"] == 0, f"{program.name} failed:\n{reply['printed']}"
        return str(reply["printed"])

    try:
        yield run
    finally:
        asked.close()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        answered.close()
