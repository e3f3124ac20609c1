"""What a wire has words for of pictures, files and sound, where they stand in its bodies, and which must be fetched.

Knows no wire: `Forms` are what a wire says of itself.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from trunkline.capabilities import Capabilities
from trunkline.dialects.kept_files import Content
from trunkline.dialects.kinds import Kind
from trunkline.ports import Fetched

# --- what a wire says of itself -----------------------------------------------------------------------------------


class Spot(Struct, frozen=True):
    """Where a caller's body holds a picture, file or sound: `path` is the part, `member` what of it holds the thing.

    `holder[key]` is the URL, data or id itself.
    """

    kind: Kind
    path: str
    member: str
    holder: dict[str, Any]
    key: str

    @property
    def url(self) -> str:
        value = self.holder.get(self.key)
        return value if isinstance(value, str) else ""


def put_data_url(spot: Spot, media_type: str, base64: str) -> None:
    """Content in the place of a URL, on wires that take `data:` URLs there."""
    spot.holder[spot.key] = f"data:{media_type};base64,{base64}"


def find_nothing(body: Mapping[str, Any]) -> list[Spot]:
    """For wires that hold no media: finds none."""
    return []


class Forms(Struct, frozen=True, kw_only=True):
    """What a wire has words for."""

    # Which kinds at all, which of them by a remote URL, and which by a provider's file id.
    kinds: frozenset[Kind] = frozenset({"image", "file", "audio"})
    urls: frozenset[Kind] = frozenset({"image", "file"})
    ids: frozenset[Kind] = frozenset({"image", "file"})
    # How URLs begin that mean something to its providers alone (`gs://`).
    own_urls: tuple[str, ...] = ()
    # The media types that have a form: `text/*` for all of a kind; empty for any.
    image_types: tuple[str, ...] = ()
    file_types: tuple[str, ...] = ()
    # What a replayed turn of the model's may hold, and whether a system message may hold any.
    answers: frozenset[Kind] = frozenset()
    systems: bool = False

    # The spots of a caller's body, in the order in which its reader makes parts of them.
    find: Callable[[Mapping[str, Any]], list[Spot]] = find_nothing
    # Puts a content into one, where bodies are passed on to providers that do not follow URLs.
    put: Callable[[Spot, str, str], None] | None = None
    # By the type of a caller's part, puts a kept file in the place of its id: in a form that the wire has, else told.
    inline: Mapping[str, Callable[[dict[str, Any], Content, Capabilities], None]] = {}


ReadSpot = Callable[[dict[str, Any], str], Spot | None]

# No wire nests parts deeper than a message, a tool's result, a document's blocks; each takes two steps.
_DEPTH = 12


def find_spots(value: Any, path: str, read: ReadSpot, inner: Sequence[str], depth: int = _DEPTH) -> Iterator[Spot]:
    """The spots below a value, in order: `read` knows one when it sees it, `inner` are the members that hold parts."""
    if not depth:
        return
    if isinstance(value, list):
        for number, element in enumerate(value):
            yield from find_spots(element, f"{path}[{number}]", read, inner, depth - 1)
    elif isinstance(value, dict):
        spot = read(value, path)
        if spot is not None:
            yield spot
            return
        for name in inner:
            if isinstance(value.get(name), list | dict):
                yield from find_spots(value[name], f"{path}.{name}", read, inner, depth - 1)


# --- what must be fetched -----------------------------------------------------------------------------------------


class Want(Struct, frozen=True):
    """A URL whose content the target needs. `path` is the caller's name for it, `types` how its media type may begin
    (empty: any), `size_bytes` how much of it the target takes (0: not known)."""

    url: str
    path: str
    kind: Kind
    types: tuple[str, ...] = ()
    size_bytes: int = 0


Contents = Mapping[str, Fetched]
"""What was fetched, by URL."""


def is_remote(url: str) -> bool:
    return url[:8].lower().startswith(("http://", "https://"))


def must_fetch(url: str, kind: Kind, forms: Forms, capabilities: Capabilities) -> bool:
    """Whether the target cannot get at a URL by itself."""
    if not is_remote(url) or is_own(url, forms, capabilities):
        return False
    taken = capabilities.image_urls if kind == "image" else capabilities.file_urls
    return not (taken and kind in forms.urls)


def is_own(url: str, forms: Forms, capabilities: Capabilities) -> bool:
    """Whether a URL means something to the target alone."""
    return url.startswith((*forms.own_urls, *capabilities.own_urls))
