"""Prompts that can be named in a request, and the port that keeps them."""

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct


class KeptPrompt(Struct, frozen=True, kw_only=True):
    """A prompt without its versions. `default_version` is the one that a request without a version gets."""

    id: str
    path: str
    name: str
    created_at_micros: int
    default_version: str


class KeptVersion(Struct, frozen=True, kw_only=True):
    """One version, never changed once made. `body` is the JSON object of members that it stands for: `model`,
    `instructions`, `input`, `tools`, settings, `variables`."""

    prompt_id: str
    version: str
    created_at_micros: int
    body: bytes


class Prompts(Protocol):
    """Keeps prompts. An id that cannot be found answers `None` or `False`."""

    async def create(self, prompt: KeptPrompt, version: KeptVersion) -> None: ...

    async def add_version(
        self, path: str, id: str, body: bytes, created_at_micros: int, *, is_default: bool
    ) -> KeptVersion | None:
        """A new version under the next number: "1", "2", …"""

    async def set_default(self, path: str, id: str, version: str) -> bool:
        """`False` too when there is no such version."""

    async def rename(self, path: str, id: str, name: str) -> bool: ...

    async def find(self, path: str, id: str) -> KeptPrompt | None: ...

    async def version(self, path: str, id: str, version: str | None) -> KeptVersion | None:
        """One version; without a name the default one."""

    async def versions(self, path: str, id: str) -> Sequence[KeptVersion] | None:
        """All versions, the newest first."""

    async def page(self, path: str, *, after: str | None, limit: int) -> Sequence[KeptPrompt]:
        """Up to `limit` prompts behind `after` (`KeyError` when it is unknown), the newest first, and one more if there
        is one."""

    async def delete(self, path: str, id: str) -> bool: ...
