"""A store for each test of a command, and what is typed over it."""

import shutil
from pathlib import Path

import pytest
from typed_command import Run

from trunkline.cli.main import main


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store whose tables are made. Making them is what takes long."""
    folder = tmp_path_factory.mktemp("store")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRUNKLINE_DATA_DIR", str(folder))
        assert main(["limits", "list"]) == 0
    return folder


@pytest.fixture
def data(tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store of this test's own, in the folder where commands are typed."""
    shutil.copytree(empty_store, tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRUNKLINE_DATA_DIR", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.fixture
def trunkline(data: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Types `trunkline …` over that store."""
    capsys.readouterr()

    def run(*words: str) -> tuple[int, str, str]:
        status = main(words)
        said = capsys.readouterr()
        return status, said.out, said.err

    return run
