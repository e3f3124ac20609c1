"""URLs in a body that is passed on, for a provider of the same dialect that cannot fetch them: replaced by contents.

Only the member that holds the conversation is decoded, and only when it holds a URL; all else keeps its bytes. What a
caller sends wrong is the provider's to refuse, as it is wherever a body is passed on.
"""

from typing import Any

import msgspec
from msgspec import Raw

from trunkline.capabilities import Capabilities
from trunkline.dialects.data_url import HEAD_BYTES, same_type, sniff, write_data_url
from trunkline.dialects.forms import Contents, Forms, Spot, Want, must_fetch
from trunkline.errors import InvalidRequest


class Pictures:
    """The pictures and files of one body that have to be fetched: `wants`, and `fill` once they are here."""

    def __init__(self, members: dict[str, Raw], forms: Forms, capabilities: Capabilities) -> None:
        self._members = members
        self._put = forms.put
        self._spots: list[Spot] = []
        self._decoded: dict[str, Any] = {}
        if forms.put is not None:
            self._look(members, forms, capabilities)
        self.wants = [_want(spot, capabilities) for spot in self._spots]

    def _look(self, members: dict[str, Raw], forms: Forms, capabilities: Capabilities) -> None:
        self._decoded = {name: msgspec.json.decode(raw) for name, raw in members.items() if b"://" in bytes(raw)}
        self._spots = [
            spot for spot in forms.find(self._decoded) if must_fetch(spot.url, spot.kind, forms, capabilities)
        ]

    def fill(self, contents: Contents) -> None:
        """Put the contents in the place of their URLs."""
        for spot in self._spots:
            found = contents[spot.url]
            media_type = sniff(found.data[:HEAD_BYTES]) or same_type(found.media_type)
            if spot.kind == "image" and (not media_type.startswith("image/") or media_type == "image/svg+xml"):
                path = f"{spot.path}.{spot.member}"
                raise InvalidRequest(
                    f"`{path}` leads to what is no picture that models read: send PNG, JPEG, GIF or WebP",
                    param=path,
                    code="unsupported_image_media_type",
                )
            assert self._put is not None, "without it nothing is wanted"
            self._put(spot, media_type, write_data_url(media_type, found.data).partition(",")[2])
        for name in {spot.path.partition("[")[0] for spot in self._spots}:
            self._members[name] = Raw(msgspec.json.encode(self._decoded[name]))


def _want(spot: Spot, capabilities: Capabilities) -> Want:
    is_image = spot.kind == "image"
    size_bytes = capabilities.max_image_bytes if is_image else capabilities.max_file_bytes
    return Want(spot.url, f"{spot.path}.{spot.member}", spot.kind, ("image/",) if is_image else (), size_bytes)
