"""Who is it? Keys as callers send them, and requests that come round again."""

import pytest

from scripted_gateway import KEY, OneKey
from trunkline.engine.door import count_hop, open_door, present_key
from trunkline.errors import Loop, Unauthenticated


@pytest.mark.parametrize(
    "headers",
    [
        {b"authorization": b"Bearer " + KEY},
        {b"authorization": b"bearer  " + KEY},
        {b"authorization": b"BEARER " + KEY + b" "},
        {b"x-api-key": KEY},
        {b"authorization": b"Bearer " + KEY, b"x-api-key": b"another"},
    ],
)
def test_a_key_opens_the_door(headers: dict[bytes, bytes]) -> None:
    """However the SDKs send it; `Authorization` wins."""
    assert open_door(headers, OneKey()).name == "master"


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({}, "no API key"),
        ({b"authorization": b"Basic " + KEY}, "no API key"),
        ({b"authorization": b""}, "no API key"),
        ({b"authorization": KEY}, "no API key"),
        ({b"authorization": b"Bearer"}, "not known"),
        ({b"authorization": b"Bearer \xff"}, "not known"),
        ({b"x-api-key": b""}, "not known"),
        ({b"x-api-key": KEY + b"x"}, "not known"),
        ({b"authorization": b"Bearer wrong", b"x-api-key": KEY}, "not known"),
    ],
)
def test_anything_else_is_refused(headers: dict[bytes, bytes], message: str) -> None:
    """A missing key and a wrong one are told apart."""
    with pytest.raises(Unauthenticated, match=message):
        open_door(headers, OneKey())


def test_a_key_is_never_quoted() -> None:
    """Not even a wrong one."""
    with pytest.raises(Unauthenticated) as caught:
        open_door({b"x-api-key": b"sk-somebody-elses"}, OneKey())
    assert "somebody" not in caught.value.message + caught.value.detail


def test_no_key_is_no_key() -> None:
    """What other schemes carry is not looked at."""
    assert present_key({b"authorization": b"Negotiate abc"}) is None


def test_hops_are_counted_up() -> None:
    """Each gateway adds itself."""
    assert count_hop(b"you, he", b"me") == b"you, he,me"


@pytest.mark.parametrize("hops", [b"me", b"you,me", b"me , you"])
def test_a_request_that_comes_round_is_refused(hops: bytes) -> None:
    """508, wherever this gateway stands in the list."""
    with pytest.raises(Loop) as caught:
        count_hop(hops, b"me")
    assert caught.value.status == 508


def test_the_list_of_hops_is_bounded() -> None:
    """A caller's own long header does not grow on."""
    assert len(count_hop(b"x" * 100_000, b"me")) <= 1024 + 3
