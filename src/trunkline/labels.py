"""Labels: names and values that a request is known by, for usage and budgets. What may be one, and how they are
written."""

from collections.abc import Mapping

from trunkline.errors import InvalidRequest

Labels = Mapping[str, str]

NO_LABELS: Labels = {}

MOST = 32
"""Labels of one request that its caller may say."""

# They are remembered, logged, summed by and given back.
_MOST_IN_NAME, _MOST_IN_VALUE = 64, 256

# What a label that says no value is: `beta` is `beta=true`.
_SAID = "true"


def read_labels(text: str, param: str) -> dict[str, str]:
    """`name=value,…`. Raises `InvalidRequest`, naming `param`, for what is none."""
    labels = dict(read_label(part, param) for part in text.split(",") if part.strip())
    check_count(len(labels), param)
    return labels


def read_label(text: str, param: str) -> tuple[str, str]:
    """`name=value`, or a name alone. Raises `InvalidRequest`."""
    name, equals, value = text.partition("=")
    return check_label(name.strip(), value.strip() if equals else _SAID, param)


def check_label(name: str, value: str, param: str) -> tuple[str, str]:
    """The label, if it may be one. Raises `InvalidRequest`."""
    if not _is_sound(name, _MOST_IN_NAME) or not _is_sound(value, _MOST_IN_VALUE):
        raise InvalidRequest(
            f"`{param}` must hold labels like team=alpha: printable, without commas and further equals signs, names of 1 to"
            f" {_MOST_IN_NAME} and values of 1 to {_MOST_IN_VALUE} characters",
            param=param,
            code="invalid_label",
        )
    return name, value


def check_count(count: int, param: str) -> None:
    """Raises `InvalidRequest` for more labels than a request may have."""
    if count > MOST:
        raise InvalidRequest(f"`{param}` makes {count} labels but may make {MOST} at most", param=param)


def _is_sound(text: str, most: int) -> bool:
    return 0 < len(text) <= most and text.isprintable() and "=" not in text and "," not in text
