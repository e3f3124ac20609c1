"""What every test can rely on: skips that CI does not forgive, recordings where they are, golden files.

`requires_test_data` tests read recorded streams that are not part of the repository. Without `TRUNKLINE_TEST_DATA`
they are deselected, not skipped, so that a newcomer's run and CI's are both free of skips.
"""

import json
import os
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest

IN_CI = os.environ.get("CI", "").lower() in ("1", "true")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--refresh-golden", action="store_true", help="rewrite the golden files, and run only their tests")


def find_test_data() -> Path | None:
    """The folder of recordings, or `None` where there is none. One that is named but missing is an error."""
    name = os.environ.get("TRUNKLINE_TEST_DATA")
    if not name:
        return None
    if not Path(name).is_dir():
        raise pytest.UsageError(f"TRUNKLINE_TEST_DATA names a folder that is not there: {name}")
    return Path(name).resolve()


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of recordings. A test that takes it is a `requires_test_data` test without saying so."""
    found = find_test_data()
    assert found is not None, "deselected when it is unset"
    return found


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    has_data = find_test_data() is not None
    refreshing = config.getoption("--refresh-golden")

    def is_wanted(item: pytest.Item) -> bool:
        fixtures = getattr(item, "fixturenames", ())
        needs_data = "test_data" in fixtures or item.get_closest_marker("requires_test_data") is not None
        return (has_data or not needs_data) and (not refreshing or "golden" in fixtures)

    unwanted = [item for item in items if not is_wanted(item)]
    if unwanted:
        config.hook.pytest_deselected(items=unwanted)
        items[:] = [item for item in items if is_wanted(item)]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    fail_a_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    fail_a_skip(report)
    return report


def fail_a_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    """In CI nothing may be missing, so a skip is a failure that says what was."""
    if IN_CI and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        report.outcome = "failed"
        report.longrepr = f"CI must not skip: {reason}"


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, Any], None]:
    """Compare a JSON value with `golden/<name>.json` beside the test, or rewrite that file with --refresh-golden."""
    refreshing = request.config.getoption("--refresh-golden")

    def check(name: str, value: Any) -> None:
        path = request.path.parent / "golden" / f"{name}.json"
        if refreshing:
            path.parent.mkdir(exist_ok=True)
            path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        assert path.exists(), f"{path.name} is not there yet: make golden, and read what it wrote"
        assert value == json.loads(path.read_text(encoding="utf-8"))

    return check
