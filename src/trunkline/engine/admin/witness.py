"""Everything that an administrator does is written down before it is done: by whom, to what, before and after."""

from collections.abc import Mapping
from typing import Any

import msgspec

from trunkline.clock import Clock
from trunkline.paths import ROOT
from trunkline.state.acts import Act, Acts, Author

# What must never be written down, whatever it stands in.
_SECRETS = frozenset({"api_key", "hash", "hashes", "master_key", "password", "secret", "token"})
_KEY_PREFIX = "sk-"
_HIDDEN = "(hidden)"

Before = Mapping[str, Any] | None
"""An object as its own API shows it, or `None` where there is none."""


class Witness:
    """Writes down what one author does. Routes have one for their caller, the command line one for its user."""

    def __init__(self, acts: Acts, author: Author, clock: Clock) -> None:
        self._acts = acts
        self._author = author
        self._clock = clock

    async def record(self, kind: str, id: str, before: Before, after: Before) -> None:
        """Durable when this returns. Raises `Unavailable`: then the act must not be done.

        Called once it is clear that the act can be done, and before it is: so none is done that is not written down.
        One that fails after all stands there as well. The act is about the `path` in `after` or `before`, else about
        the author's.
        """
        known = after or before or {}
        path = known.get("path")
        act = Act(
            at_micros=self._clock.now_micros(),
            author=self._author,
            kind=kind,
            object_id=id[:256],
            path=path if type(path) is str else self._author.path,
            details=msgspec.json.encode({"before": _hide(_plain(before)), "after": _hide(_plain(after))}),
        )
        await self._acts.append(act)


def local_author(user: str) -> Author:
    """The author of acts on the command line, at the root."""
    return Author("local", user, ROOT, "")


def _plain(value: Before) -> Any:
    """Without anything that is JSON already, so that there is nothing that cannot be looked into."""
    return None if value is None else msgspec.json.decode(msgspec.json.encode(value))


def _hide(value: Any, name: str = "") -> Any:
    """A value without secrets: members whose name says that they are, and whatever looks like a key."""
    if isinstance(value, dict):
        return {key: _hide(member, key) for key, member in value.items()}
    if isinstance(value, list):
        return [_hide(member) for member in value]
    is_secret = name in _SECRETS and isinstance(value, str) and bool(value)
    return _HIDDEN if is_secret or (isinstance(value, str) and value.startswith(_KEY_PREFIX)) else value
