"""What `docs/production.md` and `docs/troubleshooting.md` say is so."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from trunkline.cli.main import main
from trunkline.config.settings import SETTINGS

ROOT = Path(__file__).resolve().parents[2]
PRODUCTION, TROUBLE = (
    (ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("production.md", "troubleshooting.md")
)
SOURCES = [path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py")]


@pytest.mark.slow
def test_the_commands_of_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One after the other: what was backed up is there again."""
    data = tmp_path / "data"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRUNKLINE_DATA_DIR", str(data))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    assert main(["keys", "create", "ana", "--path", "/team"]) == 0
    for line in "".join(re.findall(r"^```sh\n(.*?)^```$", PRODUCTION, flags=re.MULTILINE | re.DOTALL)).splitlines():
        if shutil.which(line.split()[0]) or "=" in line.split()[0]:
            subprocess.run(["bash", "-c", line], check=True, timeout=60)
    monkeypatch.setenv("TRUNKLINE_DATA_DIR", str(tmp_path / "restored"))
    assert main(["keys", "show", "ana"]) == 0


def test_the_settings_of_the_pages() -> None:
    """Each that is named is one."""
    known = {setting.environment for setting in SETTINGS}
    named = set(re.findall(r"TRUNKLINE_[A-Z_]+", PRODUCTION + TROUBLE))
    assert named - known == set()


def test_the_messages_of_the_page() -> None:
    """Each message and code that the first column names is said somewhere."""
    columns = re.findall(r"^\| (`[^|]+`) \|", TROUBLE, flags=re.MULTILINE)
    words = [word for column in columns for word in re.findall(r"`([^`]+)`", column)]
    assert len(words) > 40
    joined = "\n".join(re.sub(r'"\s*\n\s*f?"', "", source) for source in SOURCES)
    assert [word for word in words if word not in joined] == []


def test_the_links_of_all_pages() -> None:
    """Each inside the checkout leads to a file, and to a heading in it."""
    missing = []
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "bench" / "README.md"]:
        for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
            place, _, heading = link.partition("#")
            target = page if not place else page.parent / place
            if "://" not in link and not (target.exists() and (not heading or heading in _headings(target))):
                missing.append(f"{page.name}: {link}")
    assert missing == []


def _headings(page: Path) -> set[str]:
    lines = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", line).strip().lower().replace(" ", "-") for line in lines}
