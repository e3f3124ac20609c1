"""What `docs/keys.md`, `docs/budgets.md` and the README show of the command line is what runs."""

import re
import shlex
from pathlib import Path

import pytest

from trunkline.cli.main import main

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("page", ["docs/keys.md", "docs/budgets.md", "README.md"])
def test_the_commands_of_a_page(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One after the other, over an empty store."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRUNKLINE_DATA_DIR", str(tmp_path / "data"))
    text = (ROOT / page).read_text(encoding="utf-8")
    shown = re.findall(r"^trunkline ((?:keys|limits|budgets|usage|audit) .*)$", text, flags=re.MULTILINE)
    assert len(shown) >= 2
    for line in shown:
        assert main(shlex.split(line, comments=True)) == 0, line
