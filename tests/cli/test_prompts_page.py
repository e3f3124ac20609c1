"""What `docs/prompts.md` shows is what runs."""

import json
import re
import shlex
from pathlib import Path

import pytest

from trunkline.cli.main import main
from trunkline.dialects.openai_responses.prompt_bodies import MEMBERS
from trunkline.engine import objects

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "prompts.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)


def test_the_commands_of_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One after the other, over an empty store."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRUNKLINE_DATA_DIR", str(tmp_path / "data"))
    Path("caption.yaml").write_text(blocks("yaml")[0], encoding="utf-8")
    id = ""
    for line in "".join(blocks("sh")).splitlines():
        typed, _, file = line.partition(" > ")
        assert main([word.replace("$ID", id) for word in shlex.split(typed)[1:]]) == 0, line
        said = capsys.readouterr().out.strip()
        if " create " in line:
            id = id or said
        if file:
            Path(file).write_text(said, encoding="utf-8")
        if line.endswith("--version 2 --json"):
            assert json.loads(said)["body"]["model"] == "gpt-5"


def test_the_routes_of_the_page() -> None:
    """Each is there, and no other."""
    named = {(path.replace("{id}", "{}").replace("{version}", "{}"), method) for method, path in ROUTES}
    assert named == {
        (shape, method) for shape, methods in objects.ADMIN_SHAPES.items() for method in methods if "prompts" in shape
    }


ROUTES = re.findall(r"^\| `([A-Z]+) ([^`?]+)", PAGE, flags=re.MULTILINE)


def test_the_members_of_the_page() -> None:
    """What is said to be in a prompt can be."""
    listed = re.search(r"A prompt holds (.*?)\. What", PAGE, flags=re.DOTALL)
    assert listed is not None
    assert set(re.findall(r"`(\w+)`", listed[1])) <= set(MEMBERS)
