"""Typed access to decoded JSON: strict towards callers, with the path of what is wrong, generous towards upstreams.

Knows nothing of any dialect. `Fields` is for requests: each getter checks one member, and `rest()` is what nobody
asked for, which is how unknown fields are found. The `lenient_*` functions are for replies: whatever is not of the
wanted type counts as absent.
"""

from collections.abc import Iterator, Mapping, Sequence
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from trunkline.errors import Garbled, InvalidRequest, UnknownParameter
from trunkline.usage import MOST_COUNTED

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding raises for bytes that are not JSON, or not of the shape that is wanted."""

# More of a plain text is somebody's page.
_BARE_LIMIT = 500

_JSON_TYPES: dict[type, str] = {
    type(None): "null",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    str: "a string",
    list: "an array",
    dict: "an object",
}


def wrong_type(path: str, wanted: str, value: Any) -> InvalidRequest:
    """The error for a member of the wrong type, saying which type would be right."""
    found = _JSON_TYPES.get(type(value), "something else")
    return InvalidRequest(f"`{path or 'body'}` must be {wanted}, not {found}", param=path or None, code="invalid_type")


def wrong_value(path: str, value: str, allowed: Sequence[str]) -> InvalidRequest:
    """The error for a word that is not one of `allowed`."""
    listed = ", ".join(f"'{word}'" for word in allowed)
    return InvalidRequest(f"`{path}` is '{value[:64]}' but must be one of {listed}", param=path, code="invalid_value")


def missing(path: str, wanted: str) -> InvalidRequest:
    """The error for a required member that is absent or null."""
    return InvalidRequest(f"`{path}` is missing: it must be {wanted}", param=path, code="missing_required_parameter")


class Fields:
    """One object of a request, read member by member; null counts as absent.

    `path` is where the object stands (`messages[2].content[0]`), empty for the body itself.
    """

    __slots__ = ("_seen", "path", "value")

    def __init__(self, value: dict[str, Any], path: str = "") -> None:
        self.value = value
        self.path = path
        self._seen: set[str] = set()

    def at(self, name: str) -> str:
        """The path of a member."""
        return f"{self.path}.{name}" if self.path else name

    def any(self, name: str) -> Any:
        """A member of any type; `None` when it is absent or null."""
        self._seen.add(name)
        return self.value.get(name)

    def text(self, name: str) -> str | None:
        # As `any`, whose call would be half of what this takes: most of a conversation is read by it.
        self._seen.add(name)
        value = self.value.get(name)
        if value is not None and type(value) is not str:
            raise wrong_type(self.at(name), "a string", value)
        return value

    def need_text(self, name: str) -> str:
        """A string that must be there (it may be empty)."""
        value = self.text(name)
        if value is None:
            raise missing(self.at(name), "a string")
        return value

    def word(self, name: str, allowed: Sequence[str]) -> str | None:
        """A string that is one of `allowed`."""
        value = self.text(name)
        if value is not None and value not in allowed:
            raise wrong_value(self.at(name), value, allowed)
        return value

    def flag(self, name: str) -> bool | None:
        value = self.any(name)
        if value is not None and type(value) is not bool:
            raise wrong_type(self.at(name), "a boolean", value)
        return value

    def integer(self, name: str, minimum: int | None = None) -> int | None:
        """A whole number; `4.0` is one."""
        value = self.any(name)
        if type(value) is float and value.is_integer():
            value = int(value)
        if value is None:
            return None
        if type(value) is not int:
            raise wrong_type(self.at(name), "an integer", value)
        if minimum is not None and value < minimum:
            raise InvalidRequest(
                f"`{self.at(name)}` is {value} but must be at least {minimum}",
                param=self.at(name),
                code="integer_below_min_value",
            )
        return value

    def number(self, name: str) -> float | None:
        value = self.any(name)
        if value is not None and type(value) not in (int, float):
            raise wrong_type(self.at(name), "a number", value)
        return value  # type: ignore[no-any-return]  # int or float, by the line above

    def object(self, name: str) -> dict[str, Any] | None:
        """An object as it is, its members unchecked."""
        value = self.any(name)
        if value is not None and type(value) is not dict:
            raise wrong_type(self.at(name), "an object", value)
        return value

    def need_object(self, name: str) -> dict[str, Any]:
        value = self.object(name)
        if value is None:
            raise missing(self.at(name), "an object")
        return value

    def fields(self, name: str) -> "Fields | None":
        """An object, to be read member by member."""
        value = self.object(name)
        return None if value is None else Fields(value, self.at(name))

    def need_fields(self, name: str) -> "Fields":
        return Fields(self.need_object(name), self.at(name))

    def array(self, name: str) -> list[Any] | None:
        value = self.any(name)
        if value is not None and type(value) is not list:
            raise wrong_type(self.at(name), "an array", value)
        return value

    def texts(self, name: str) -> list[str] | None:
        """An array of strings."""
        value = self.array(name)
        for number, element in enumerate(value or ()):
            if type(element) is not str:
                raise wrong_type(f"{self.at(name)}[{number}]", "a string", element)
        return value

    def each(self, name: str) -> Iterator["Fields"]:
        """The objects of an array, which may be absent."""
        for number, element in enumerate(self.array(name) or ()):
            yield read_object(element, f"{self.at(name)}[{number}]")

    def close(self) -> None:
        """All is read: raises `UnknownParameter` for a member, not null, that nobody has asked for."""
        for name, value in self.rest().items():
            if value is not None:
                path = self.at(name[:64])
                raise UnknownParameter(f"`{path}` is not a known parameter: leave it out", param=path)

    def rest(self) -> dict[str, Any]:
        """The members that nobody has asked for, as they are."""
        if self.value.keys() <= self._seen:
            return {}
        return {name: value for name, value in self.value.items() if name not in self._seen}


def read_object(value: Any, path: str) -> Fields:
    """The value at `path` as an object to be read member by member."""
    if type(value) is not dict:
        raise wrong_type(path, "an object", value)
    return Fields(value, path)


# --- replies: what is not of the wanted type counts as absent -----------------------------------------------------


def lenient_text(value: Any) -> str:
    """The string, else the empty one."""
    return value if type(value) is str else ""


def lenient_int(value: Any) -> int:
    """The whole number, never negative and never more than anybody counts; else 0."""
    if type(value) is float and value.is_integer():
        value = int(value)
    return value if type(value) is int and 0 <= value <= MOST_COUNTED else 0


def lenient_object(value: Any) -> dict[str, Any]:
    """The object, else an empty one."""
    return value if type(value) is dict else {}


def lenient_list(value: Any) -> list[Any]:
    """The array, else an empty one."""
    return value if type(value) is list else []


def decode_json(body: bytes) -> Any:
    """Any JSON value. Raises `Garbled` for whatever is not JSON, too deep nesting included."""
    try:
        return msgspec.json.decode(body)
    except (*UNREADABLE, ValueError) as error:
        raise Garbled("the upstream's reply is not JSON", detail=type(error).__name__) from error


def read_bare_message(body: bytes, decoded: Any) -> str:
    """What an error body says that holds no error object, else nothing. `decoded` is `None` where it is not JSON.

    FastAPI's servers (vLLM, SGLang, Mistral) put a text or a list of findings into `detail`, some others have a flat
    `message`, and proxies answer in plain text. Pages of HTML say nothing to a program.
    """
    if decoded is None:
        text = body[:_BARE_LIMIT].decode("utf-8", "ignore").strip()
        return "" if text.startswith(("<", "{", "[", "null")) or not text.isprintable() else text
    flat = lenient_object(decoded)
    message = flat.get("message") or flat.get("detail")
    found = lenient_object(message).get("detail", message)
    return lenient_text(found) or "; ".join(filter(None, [_read_finding(each) for each in lenient_list(found)]))


def _read_finding(finding: Any) -> str:
    """`{"loc": ["body", "top_p"], "msg": "Input should be …"}` → `top_p: Input should be …`."""
    known = lenient_object(finding)
    place = ".".join(str(step) for step in lenient_list(known.get("loc")) if step != "body")
    said = lenient_text(known.get("msg"))
    return f"{place}: {said}" if place and said else said


def read_retry_after(headers: Mapping[bytes, bytes]) -> float | None:
    """How many seconds a provider asks us to wait (`retry-after-ms`, then `retry-after`), if it says.

    A date is compared with the provider's own `date`, so that no clock is needed.
    """
    for name, unit in ((b"retry-after-ms", 1000.0), (b"retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, b"")) / unit
        except ValueError:
            continue
        if 0 <= seconds < 1e9:
            return seconds
    return _read_retry_date(headers)


def _read_retry_date(headers: Mapping[bytes, bytes]) -> float | None:
    try:
        then, now = [
            parsedate_to_datetime(headers.get(name, b"").decode("latin-1")) for name in (b"retry-after", b"date")
        ]
        return max(0.0, (then - now).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return None
