"""Whose word counts for where a call comes from."""

from ipaddress import ip_network

import pytest
from doorstep import Door, get, post

from trunkline.serve.proxies import TrustedProxies

OURS = TrustedProxies([ip_network("10.0.0.0/8"), ip_network("127.0.0.1"), ip_network("fd00::/8")])


@pytest.mark.parametrize(
    ("peer", "is_trusted"),
    [
        ("10.1.2.3", True),
        ("127.0.0.1", True),
        ("::ffff:10.1.2.3", True),
        ("fd00::1", True),
        ("192.0.2.1", False),
        ("2001:db8::1", False),
        ("", False),
        ("somebody", False),
    ],
)
def test_who_is_trusted(peer: str, is_trusted: bool) -> None:
    """Those that were named, however their address is written."""
    assert OURS.trusts(peer) is is_trusted


def test_nobody_is_trusted_unless_named() -> None:
    """Not even this machine."""
    assert not TrustedProxies().trusts("127.0.0.1")


@pytest.mark.parametrize(
    ("forwarded", "caller"),
    [
        (b"192.0.2.1", "192.0.2.1"),
        (b"192.0.2.66, 192.0.2.1", "192.0.2.1"),
        (b"192.0.2.66, 192.0.2.1, 10.9.9.9", "192.0.2.1"),
        (b"192.0.2.66,192.0.2.1 , 10.9.9.9,\t10.8.8.8", "192.0.2.1"),
        (b"192.0.2.1:4711", "192.0.2.1"),
        (b"[2001:db8::1]:4711", "2001:db8::1"),
        (b"2001:DB8::1", "2001:db8::1"),
        (b"::ffff:192.0.2.1", "192.0.2.1"),
        (b"10.9.9.9", "10.9.9.9"),
        (b"", "10.0.0.1"),
        (b"unknown", "10.0.0.1"),
        (b"192.0.2.66, unknown", "10.0.0.1"),
        (b"192.0.2.66, unknown, 10.9.9.9", "10.9.9.9"),
        (b"\xff, ,", "10.0.0.1"),
    ],
)
def test_the_last_that_is_none_of_ours(forwarded: bytes, caller: str) -> None:
    """What a caller has put before it is its own word; what cannot be read ends the looking."""
    for _ in range(2):
        assert OURS.find_caller("10.0.0.1", forwarded) == caller


async def test_a_stranger_is_not_believed(door: Door) -> None:
    """The other end of the connection is who calls."""
    answer = await door.ask(get("/", "X-Forwarded-For: 192.0.2.1"))
    assert answer.json["peer"] == "127.0.0.1"


async def test_a_trusted_proxy_is_believed(door: Door) -> None:
    """For each request of its connection by itself, as it serves many callers by one."""
    door.face.proxies = OURS
    client = await door.connect()
    peers = []
    for header in ("X-Forwarded-For: 192.0.2.1", "X-Forwarded-For: 192.0.2.2", "X-Forwarded-For: 192.0.2.2", "Via: x"):
        peers.append((await client.ask(post("/", header, body=b"{}"))).json["peer"])
    assert peers == ["192.0.2.1", "192.0.2.2", "192.0.2.2", "127.0.0.1"]
