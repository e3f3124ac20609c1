"""The table of fates has no holes."""

import pytest

from trunkline.dialects.fates import IDLE_VALUES, SETTINGS
from trunkline.request import ModelSettings


@pytest.mark.parametrize("upstream", sorted(SETTINGS))
def test_every_setting_has_a_stated_fate(upstream: str) -> None:
    """A word in the vocabulary without a row would be refused by accident."""
    assert set(SETTINGS[upstream]) == set(ModelSettings.__struct_fields__)


def test_idle_values_are_settings() -> None:
    """A value that asks for nothing is one of a setting that exists."""
    assert set(IDLE_VALUES) <= set(ModelSettings.__struct_fields__)
