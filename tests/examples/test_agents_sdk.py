"""Every program of `examples/agents-sdk` runs as it stands, on every kind of upstream, and prints what it should."""

import itertools
import json
import re
import shlex
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from real_gateway import JAVASCRIPT, KEY, KINDS, Gateway, model_of, openai_name, run_program

Run = Callable[..., str]

pytestmark = pytest.mark.slow

HELLO = "ok, you said: Say hello to the gateway."

APPROVAL = """\
approving delete_file({"name":"Notes"})
The tools say: Notes is deleted.
approving delete_file({"name":"Letters"})
The tools say: Letters is deleted.
"""

TURNS = """\
> My name is Ana.
ok, you said: My name is Ana.
> I live in Oslo.
ok, you said: I live in Oslo. (turn 2)
> Who am I, and where do I live?
ok, you said: Who am I, and where do I live? (turn 3)
"""

COMPACTION = """\
> My name is Ana.
message, message
> I live in Oslo.
message, message, compaction
> Who am I, and where do I live?
message, message, compaction, message, message
"""

KEPT_RESPONSES = """\
ok, you said: Who am I? (turn 2)
user: My name is Ana.
assistant: ok, you said: My name is Ana.
user: Who am I?
message, message, compaction
completed
"""

# What each program prints, as a pattern over the whole of it.
PRINTED = {
    "ai_sdk": re.escape("The tools say: sunny in Oslo."),
    "approval": re.escape(APPROVAL.strip()),
    "chat_completions": re.escape(HELLO),
    "compaction": re.escape(COMPACTION.strip()),
    "conversation": re.escape(TURNS) + "6 items in the conversation",
    "default_key": re.escape(HELLO),
    "gpt5_settings": re.escape(HELLO) + r"\n[1-9]\d* tokens",
    "handoffs": re.escape("Billing: The tools say: ok, you said: I have a question on billing: was my invoice paid?."),
    "hello": re.escape(HELLO),
    "kept_responses": r"[1-9]\d* tokens\n" + re.escape(KEPT_RESPONSES.strip()),
    "models": r"own: ok, you said: Say hello\.\nnone: ok, you said: Say hello\.\nrun(ner)?: ok, you said: Say hello\.",
    "prefixed_names": re.escape(HELLO),
    "previous_response": re.escape(TURNS.strip()),
    "retries": re.escape(HELLO),
    "session": re.escape(TURNS) + "6 items in the session",
    "streaming": re.escape(HELLO) + r"(\n\[\w+\])+\nFinal: " + re.escape(HELLO),
    "structured_output": "Friday / Ana / Ben",
    "tools": r"get_weather\(Oslo\)\nget_time\(Oslo\)\nThe tools say: sunny in Oslo; noon in Oslo\.",
}

PROGRAMS = sorted([*JAVASCRIPT.glob("python/*.py"), *JAVASCRIPT.glob("javascript/*.mjs")])


def choose_model(program: Path, kind: str) -> str:
    """The model that a program is run with: what it is about may ask for a special one."""
    if program.stem == "prefixed_names":
        return f"{KINDS[kind][0]}/{model_of(kind)}"
    if program.stem == "compaction":
        return openai_name(kind)
    if program.stem == "retries":
        return f"{kind}-flaky-{program.parent.name}"
    return model_of(kind)


PAIRS = [
    pytest.param(program, kind, id=f"{program.parent.name}-{program.stem}-{kind}")
    for program, kind in itertools.product(PROGRAMS, KINDS)
    # It needs a prompt: see test_stored_prompts.py.
    if program.stem != "stored_prompt"
]


@pytest.mark.parametrize(("program", "kind"), PAIRS)
def test_program(gateway: Gateway, run: Run, program: Path, kind: str) -> None:
    """A program prints what it says it shows."""
    variables = gateway.environment | {"OPENAI_MODEL": choose_model(program, kind)}
    if program.stem == "models" and kind != "responses":
        # Only the Responses upstream lists the SDK's own default.
        variables["OPENAI_DEFAULT_MODEL"] = model_of(kind)
    printed = run(program, variables)
    assert re.fullmatch(PRINTED[program.stem], printed.strip()), printed


def test_as_it_stands(gateway: Gateway) -> None:
    """A program needs nothing but Python and the three variables."""
    variables = gateway.environment | {"OPENAI_MODEL": model_of("chat")}
    assert run_program([sys.executable, str(JAVASCRIPT / "python" / "hello.py")], variables).strip() == HELLO


def test_curl(gateway: Gateway) -> None:
    """What the curl line sends is answered by a response that holds its two letters."""
    # Sent from here, since not every machine has curl.
    line = shlex.split((JAVASCRIPT / "curl.sh").read_text(encoding="utf-8"), comments=True)
    sent = {name.removeprefix("--"): value for name, value in itertools.pairwise(line) if name != "--header"}
    url = line[3].replace("${OPENAI_BASE_URL:-http://localhost:8080/v1}", gateway.base_url)
    headers = dict(value.split(": ") for name, value in itertools.pairwise(line) if name == "--header")
    headers["Authorization"] = headers["Authorization"].replace("$OPENAI_API_KEY", KEY)
    request = urllib.request.Request(url, data=sent["data"].encode(), headers=headers)
    with urllib.request.urlopen(request, timeout=10) as reply:
        answered = json.load(reply)
    assert answered["output"][-1]["content"][0]["text"] == "ok"


def test_listed() -> None:
    """The folder's README lists every program."""
    text = (JAVASCRIPT / "README.md").read_text(encoding="utf-8")
    assert [p.name for p in PROGRAMS if f"({p.parent.name}/{p.name})" not in text] == []


def test_said() -> None:
    """Each program opens with a sentence on what it shows."""
    first = [program.read_text(encoding="utf-8").partition("\n")[0] for program in PROGRAMS]
    assert [line for line in first if not re.match(r'("""|// ).+[.]("""|)$', line)] == []
