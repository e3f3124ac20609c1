"""The reference pages say what the code says."""

from pathlib import Path

import pytest

from trunkline.config.provider_settings import COMMON
from trunkline.config.reference import PAGES
from trunkline.config.settings import SETTINGS
from trunkline.providers.directory import provider_names

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.mark.parametrize("name", PAGES)
def test_fresh(name: str) -> None:
    """A page is what the code makes of it now: `python -m trunkline.config.reference docs` refreshes it."""
    assert (DOCS / name).read_text(encoding="utf-8") == PAGES[name]()


def test_complete() -> None:
    """Every setting and every provider has its place."""
    configuration, providers = (PAGES[name]() for name in ("configuration.md", "providers.md"))
    assert all(f"`{setting.environment}`" in configuration for setting in SETTINGS)
    assert all(f"`<P>_{setting.name.upper()}`" in configuration for setting in COMMON)
    assert all(f"\n## {name}\n" in providers for name in provider_names())
