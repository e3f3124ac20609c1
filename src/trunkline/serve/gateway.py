"""What the face asks of the engine."""

from typing import Protocol

from trunkline.call import Call, Reply
from trunkline.errors import TrunklineError


class Gateway(Protocol):
    """The engine, as a face sees it."""

    async def handle(self, call: Call) -> Reply:
        """The reply to a request. Errors are replies too; cancelling closes whatever the request had opened."""

    def draw(self, error: TrunklineError, call: Call) -> Reply:
        """An error in the caller's own dialect, by path and headers, for what is wrong before `handle` is asked.

        The body is bytes. `call` may be incomplete: its body is empty and its path as far as it was understood.
        """

    def authenticate(self, call: Call) -> object:
        """Raises `Unauthenticated` unless the call carries a key that is known here; what it returns is not looked
        at."""

    def leave(self) -> None:
        """No more connections are taken: end what would never end by itself. Everything else has its time."""

    def drain(self) -> None:
        """End every live stream with an error event, now: the time for finishing is over."""
