"""What `docs/usage.md` and `docs/admin.md` show is what runs."""

import re
import shlex
from pathlib import Path

import pytest

from trunkline.cli.main import main
from trunkline.engine.admin.usage.query import APARTS, FILTERS
from trunkline.engine.objects import ADMIN_SHAPES
from trunkline.principal import SCOPES

DOCS = Path(__file__).resolve().parents[2] / "docs"
USAGE, AUDIT, ADMIN = ((DOCS / name).read_text(encoding="utf-8") for name in ("usage.md", "audit.md", "admin.md"))


def test_the_commands_of_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One after the other, over an empty store."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRUNKLINE_DATA_DIR", str(tmp_path / "data"))
    commands = "".join(re.findall(r"^```sh\n(.*?)^```$", USAGE, flags=re.MULTILINE | re.DOTALL)).splitlines()
    assert commands
    for line in commands:
        assert main(shlex.split(line)[1:]) == 0, line
    assert Path("usage.csv").read_text().startswith("id,started_at")


def test_the_routes_of_the_pages() -> None:
    """Each that is named exists, and each of usage, audit and acts is named."""
    named = {
        re.sub("{[a-z]+}", "{}", path) for path in re.findall(r"(?:GET|POST) /admin/v1(/[a-z/{}]+)", USAGE + AUDIT)
    }
    assert named <= ADMIN_SHAPES.keys()
    assert {shape for shape in ADMIN_SHAPES if shape.startswith(("/usage", "/audit", "/acts"))} <= named


def test_the_words_of_the_page() -> None:
    """Every filter, every way to sum apart and every scope is there."""
    assert [name for name in (*FILTERS, *APARTS) if f"`{name}`" not in USAGE] == []
    assert [scope for scope in SCOPES if f"`{scope}`" not in ADMIN] == []
