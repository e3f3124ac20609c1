"""Metrics are the operator's."""

import pytest

from scripted_gateway import Scene
from trunkline.principal import Principal


async def write(live_streams: int) -> bytes:
    return b"streams %d\n" % live_streams


class Holder:
    """Every key is this one."""

    def __init__(self, principal: Principal) -> None:
        self._principal = principal

    def find(self, presented: bytes) -> Principal | None:
        return self._principal


async def test_shown() -> None:
    """As text, to the master key."""
    answer = await Scene(write_metrics=write).ask("/metrics", method="GET")
    assert (answer.status, answer.body) == (200, b"streams 0\n")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")


@pytest.mark.parametrize(
    ("principal", "status"),
    [
        (Principal("a", "/", "k", scopes=frozenset({"usage:read"})), 200),
        (Principal("a", "/", "k", scopes=frozenset({"keys"})), 403),
        (Principal("a", "/team", "k", home="/team", scopes=frozenset({"usage"})), 403),
    ],
)
async def test_to_whom(principal: Principal, status: int) -> None:
    """A key of the path `/` with the scope for usage, and no other."""
    answer = await Scene(write_metrics=write, keys=Holder(principal)).ask("/metrics", method="GET")
    assert answer.status == status


async def test_nothing_counted() -> None:
    """A gateway that keeps nothing says so."""
    assert (await Scene().ask("/metrics", method="GET")).status == 404
