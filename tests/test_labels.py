"""What may be a label."""

import pytest

from trunkline.errors import InvalidRequest
from trunkline.labels import MOST, read_labels


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("team=alpha", {"team": "alpha"}),
        ("team=alpha, app = web", {"team": "alpha", "app": "web"}),
        ("beta", {"beta": "true"}),
        ("step=résumé 2/3", {"step": "résumé 2/3"}),
        ("", {}),
    ],
)
def test_labels_are_names_with_values(text: str, labels: dict[str, str]) -> None:
    """Labels are read from a comma list."""
    assert read_labels(text, "x") == labels


@pytest.mark.parametrize("text", ["=alpha", "team=", "team=a=b", "a\tb=c", f"{'n' * 65}=v", f"n={'v' * 257}"])
def test_what_is_no_label_is_refused_with_its_mend(text: str) -> None:
    """What cannot be a label is refused, and the refusal says what one looks like."""
    with pytest.raises(InvalidRequest, match=r"`x` must hold labels like team=alpha") as caught:
        read_labels(text, "x")
    assert caught.value.param == "x"


def test_there_is_a_most_of_labels() -> None:
    """A request cannot be labelled without end."""
    with pytest.raises(InvalidRequest, match="at most"):
        read_labels(",".join(f"n{number}=v" for number in range(MOST + 1)), "x")
