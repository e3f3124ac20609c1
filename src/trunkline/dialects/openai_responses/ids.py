"""How an id of OpenAI's may look. Whether there is an object of that id is another question."""

import re

from trunkline.errors import InvalidRequest

_ID = re.compile(r"[A-Za-z0-9_-]{1,256}")
_SHOWN = 64


def check_id(id: str, param: str) -> str:
    """The id. Raises `InvalidRequest` for one that cannot be anything's."""
    if _ID.fullmatch(id):
        return id
    raise InvalidRequest(
        f"Invalid '{param}': '{id[:_SHOWN]}'. Expected an ID that contains letters, numbers, underscores, or dashes,"
        " but this value contained additional characters.",
        param=param,
        code="invalid_value",
    )
