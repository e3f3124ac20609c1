"""The query of a request, read by those who know what it may say."""

import re
from urllib.parse import parse_qs

from trunkline.dialects.pages import Page
from trunkline.dialects.shapes import wrong_value
from trunkline.errors import InvalidRequest
from trunkline.state.conversations import Order

_MEMBER = re.compile(r"([^\[\]]+)\[([^\[\]]+)\]")
_ORDERS: tuple[Order, ...] = ("asc", "desc")
_WORDS = {"true": True, "1": True, "false": False, "0": False, "": False}

MOST = 100


class Query:
    """A query's parameters. Of one that is repeated the last counts, unless all are asked for."""

    def __init__(self, query: bytes) -> None:
        self._values = parse_qs(query.decode("latin-1"), keep_blank_values=True)

    def names(self) -> list[str]:
        """The names of all parameters."""
        return list(self._values)

    def text(self, name: str) -> str | None:
        """A parameter; `None` when it is absent or empty."""
        return self._values.get(name, [""])[-1] or None

    def texts(self, name: str) -> list[str]:
        """All that a list holds, as `name=a&name=b` or `name[]=a&name[]=b`."""
        return [*self._values.get(name, []), *self._values.get(f"{name}[]", [])]

    def members(self, name: str) -> dict[str, str]:
        """An object that is sent as `name[key]=value`."""
        found = ((_MEMBER.fullmatch(key), values) for key, values in self._values.items())
        return {match[2]: values[-1] for match, values in found if match is not None and match[1] == name}

    def flag(self, name: str) -> bool:
        """Whether a parameter is set. Raises `InvalidRequest` for what is neither true nor false."""
        text = self.text(name) or ""
        if text.lower() not in _WORDS:
            raise wrong_value(name, text, ("true", "false"))
        return _WORDS[text.lower()]

    def integer(self, name: str) -> int | None:
        """A whole number. Raises `InvalidRequest` for anything else."""
        text = self.text(name)
        if text is not None and not re.fullmatch(r"-?[0-9]{1,18}", text):
            raise InvalidRequest(f"`{name}` must be an integer, not '{text[:64]}'", param=name, code="invalid_type")
        return None if text is None else int(text)

    def page(self, default: Order = "desc", most: int = MOST, usual: int = 20) -> Page:
        """Which page of a list is asked for; `usual` is its limit where none is said."""
        limit = self.integer("limit")
        if limit is not None and not 1 <= limit <= most:
            code = "integer_below_min_value" if limit < 1 else "integer_above_max_value"
            raise InvalidRequest(f"`limit` is {limit} but must be from 1 to {most}", param="limit", code=code)
        return Page(
            limit=usual if limit is None else limit,
            order=self._order(default),
            after=self.text("after"),
            before=self.text("before"),
        )

    def _order(self, default: Order) -> Order:
        text = self.text("order")
        for order in _ORDERS:
            if text == order:
                return order
        if text is not None:
            raise wrong_value("order", text, _ORDERS)
        return default
