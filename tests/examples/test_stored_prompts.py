"""Agents whose prompt is stored at the gateway, which then owns their model."""

import json
import re
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from real_gateway import JAVASCRIPT, KEY, KINDS, Gateway, model_of

pytestmark = pytest.mark.slow

Run = Callable[..., str]

PROGRAMS = [JAVASCRIPT / "python" / "stored_prompt.py", JAVASCRIPT / "javascript" / "stored_prompt.mjs"]
ANSWER = re.escape("ok, you said: Tell me about recursion.")


def create(gateway: Gateway, kind: str) -> str:
    """The prompt that the programs ask for, with the model of one kind of upstream."""
    body = {"model": model_of(kind), "instructions": "Write a poem in {{poem_style}}"}
    request = urllib.request.Request(
        f"{gateway.url}/admin/v1/prompts",
        data=json.dumps({"name": "poem", "body": body}).encode(),
        headers={"authorization": f"Bearer {KEY}", "content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as reply:
        return str(json.load(reply)["id"])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("program", PROGRAMS, ids=["python", "javascript"])
@pytest.mark.parametrize(
    ("switches", "printed"),
    [((), f"(){ANSWER}"), (("--dynamic",), rf"style: (\w+)\n{ANSWER}")],
    ids=["static", "dynamic"],
)
def test_an_agent_with_a_stored_prompt(
    gateway: Gateway, run: Run, program: Path, kind: str, switches: tuple[str, ...], printed: str
) -> None:
    """The model gets the instructions with the style in them, which a function may have chosen."""
    said = run(program, gateway.environment, "--prompt-id", create(gateway, kind), *switches)
    found = re.fullmatch(printed, said.strip())
    assert found, said
    received = gateway.fakes[kind].stage.received[-1].body.decode()
    assert f"Write a poem in {found[1] or 'limerick'}" in received
    assert "pmpt_" not in received
