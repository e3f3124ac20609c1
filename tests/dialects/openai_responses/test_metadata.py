"""Labels on objects: what may be written on them."""

from typing import Any

import pytest

from trunkline.dialects.openai_responses.metadata import check_metadata
from trunkline.errors import InvalidRequest


def test_labels_within_the_limits_are_taken() -> None:
    """Sixteen keys of 64 characters with values of 512 are allowed, and so is nothing."""
    labels = {f"{number:02}".ljust(64, "k"): "v" * 512 for number in range(16)}
    assert check_metadata(labels) == labels
    assert check_metadata({}) == {}
    assert check_metadata(None) is None


@pytest.mark.parametrize(
    ("raw", "param", "code"),
    [
        ("text", "metadata", "invalid_type"),
        (["a"], "metadata", "invalid_type"),
        ({str(number): "v" for number in range(17)}, "metadata", "object_above_max_properties"),
        ({"k" * 65: "v"}, "metadata", "string_above_max_length"),
        ({"a": "v" * 513}, "metadata.a", "string_above_max_length"),
        ({"a": 1}, "metadata.a", "invalid_type"),
        ({"a": None}, "metadata.a", "invalid_type"),
    ],
)
def test_whatever_is_beyond_the_limits_is_refused_by_its_place(raw: Any, param: str, code: str) -> None:
    """The error names the key at fault, or the whole where a key is too long to be quoted."""
    with pytest.raises(InvalidRequest) as caught:
        check_metadata(raw)
    assert (caught.value.param, caught.value.code) == (param, code)
