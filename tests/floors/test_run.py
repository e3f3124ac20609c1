"""The rules of a test run: nothing is missing in CI, and recordings are never missed by who has none."""

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

RULES = Path(__file__).resolve().parents[1] / "conftest.py"

SKIPPING = """
import pytest

def test_skips():
    pytest.skip("no such part here")
"""

IMPORTING = """
import pytest

pytest.importorskip("no_such_part")
"""

READING = """
def test_reads(test_data):
    assert test_data.is_dir()

def test_does_not_read():
    assert True
"""


@pytest.fixture
def run(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makeconftest(RULES.read_text())
    pytester.makeini("[pytest]\naddopts = -p no:asyncio -p no:hypothesispytest -p no:xdist -p no:anyio")
    return pytester


@pytest.mark.parametrize("source", [SKIPPING, IMPORTING], ids=["test", "module"])
def test_skip_in_ci(run: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    """With `CI=true` a skip for a missing part is a failure."""
    monkeypatch.setenv("CI", "true")
    run.makepyfile(source)
    result = run.runpytest_inprocess()
    result.stdout.fnmatch_lines(["*CI must not skip: *no*such*part*"])
    assert result.ret in (pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.INTERRUPTED)


def test_skip_elsewhere(run: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """A skip on a newcomer's machine is a skip."""
    monkeypatch.delenv("CI", raising=False)
    run.makepyfile(SKIPPING)
    run.runpytest_inprocess().assert_outcomes(skipped=1)


def test_no_recordings(run: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that reads recordings is not part of the run where there are none."""
    monkeypatch.delenv("TRUNKLINE_TEST_DATA", raising=False)
    run.makepyfile(READING)
    run.runpytest_inprocess().assert_outcomes(passed=1, deselected=1)


def test_recordings(run: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It runs where they are."""
    monkeypatch.setenv("TRUNKLINE_TEST_DATA", str(tmp_path))
    run.makepyfile(READING)
    run.runpytest_inprocess().assert_outcomes(passed=2)


def test_lost_recordings(run: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A folder of recordings that is named but not there stops the run."""
    monkeypatch.setenv("TRUNKLINE_TEST_DATA", str(tmp_path / "gone"))
    run.makepyfile(READING)
    assert run.runpytest_inprocess().ret == pytest.ExitCode.USAGE_ERROR
