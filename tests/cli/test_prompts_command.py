"""`trunkline prompts`, typed: in the store beside it."""

import io
import json
from functools import partial
from pathlib import Path

import pytest
from typed_command import Run


@pytest.fixture
def run(trunkline: Run) -> Run:
    return partial(trunkline, "prompts")


def create(run: Run, *words: str) -> str:
    status, out, error = run("create", "--name", "poem", *(words or ("--instructions", "Write in {{style}}")))
    assert (status, error) == (0, "")
    return out.strip()


def test_a_prompt_is_made_and_shown(run: Run) -> None:
    """Its id is all that is printed; what is shown can be read again."""
    id = create(run, "--model", "gpt-5-mini", "--instructions", "Write in {{style}}", "--variable", "style=prose")
    assert id.startswith("pmpt_")
    status, shown, _ = run("show", id)
    assert status == 0
    assert shown == ("model: gpt-5-mini\ninstructions: Write in {{style}}\nvariables:\n  style:\n    default: prose\n")
    Path("again.yaml").write_text(shown, encoding="utf-8")
    assert run("show", create(run, "--file", "again.yaml"))[1] == shown


def test_the_command_line_comes_before_the_file(run: Run) -> None:
    """Variables are added to those that the file declares."""
    Path("prompt.json").write_text('{"model": "a", "input": "{{x}} {{y}}", "variables": {"x": null}}')
    id = create(run, "--file", "prompt.json", "--model", "b", "--variable", "y=1", "--variable", "z")
    body = json.loads(run("show", id, "--json")[1])["body"]
    assert (body["model"], body["input"]) == ("b", "{{x}} {{y}}")
    assert body["variables"] == {"x": None, "y": {"default": "1"}, "z": {}}


def test_what_is_piped_in_is_read(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A date stays the text that it was."""
    monkeypatch.setattr("sys.stdin", io.StringIO("instructions: Hi\nmetadata: {day: 2026-11-25}\n"))
    id = create(run, "--file", "-")
    assert json.loads(run("show", id, "--json")[1])["body"]["metadata"] == {"day": "2026-11-25"}


def test_versions_are_added_and_chosen(run: Run) -> None:
    """A new one is the default one, unless it is to wait."""
    id = create(run)
    assert run("add", id, "--instructions", "Two")[:2] == (0, "2\n")
    assert run("add", id, "--instructions", "Three", "--keep-default")[:2] == (0, "3\n")
    assert run("show", id)[1] == "instructions: Two\n"
    assert run("show", id, "--version", "3")[1] == "instructions: Three\n"
    assert "version 1  poem" in run("default", id, "1")[1]
    assert run("show", id)[1] == "instructions: Write in {{style}}\n"


def test_prompts_are_listed_and_deleted(run: Run) -> None:
    """All of them, however many pages that takes."""
    assert "no prompts yet" in run("list")[1]
    ids = [create(run) for _ in range(2)]
    assert [line.split()[0] for line in run("list")[1].splitlines()] == ids[::-1]
    assert [prompt["id"] for prompt in json.loads(run("list", "--json")[1])] == ids[::-1]
    assert run("delete", ids[0])[:2] == (0, f"{ids[0]} is deleted\n")
    assert [prompt["id"] for prompt in json.loads(run("list", "--json")[1])] == [ids[1]]


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (("create", "--name", "x", "--instructions", "{{a b}}"), 1, "`instructions` holds `{{a b}}`"),
        (("create", "--name", "x"), 1, "`instructions` is missing"),
        (("create", "--name", "x", "--file", "nowhere.yaml"), 2, "nowhere.yaml cannot be read"),
        (("create", "--name", "x", "--file", "list.yaml"), 2, "list.yaml should hold members"),
        (("create", "--name", "x", "--file", "broken.yaml"), 2, "broken.yaml is neither YAML nor JSON"),
        (("create", "--name", "x", "--file", "misspelt.yaml"), 1, "did you mean `instructions`?"),
        (("show", "pmpt_1"), 1, "'pmpt_1' not found"),
        (("add", "pmpt_1", "--input", "x"), 1, "'pmpt_1' not found"),
        (("default", "pmpt_1", "1"), 1, "'pmpt_1' not found"),
        (("delete", "pmpt_1"), 1, "'pmpt_1' not found"),
        (("list", "--url", "localhost"), 2, "`--url` is not a URL"),
        (("list", "--url", "http://localhost:1/v1"), 2, "add --key, or set TRUNKLINE_MASTER_KEY"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    run: Run, words: tuple[str, ...], status: int, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On standard error, with the mend."""
    monkeypatch.delenv("TRUNKLINE_MASTER_KEY", raising=False)
    if "localhost" in words:
        words += ("--key", "sk-a-key")
    Path("list.yaml").write_text("- a")
    Path("broken.yaml").write_text("a: [")
    Path("misspelt.yaml").write_text("instruction: x")
    found, out, error = run(*words)
    assert (found, out) == (status, "")
    assert says in error
    assert error.count("\n") == 1
