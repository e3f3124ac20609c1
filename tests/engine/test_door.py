"""Who is it? Keys as callers send them, and requests that come round again."""

import asyncio
from typing import Any

import pytest

from scripted_gateway import KEY, OneKey, Scene, make_call
from trunkline.call import Call
from trunkline.clock import FakeClock
from trunkline.engine.caller.door import Door, count_hop, present_key
from trunkline.engine.caller.failures import Failures
from trunkline.errors import Forbidden, InvalidRequest, Loop, RateLimited, TrunklineError, Unauthenticated
from trunkline.principal import OPERATOR, Principal


def call(headers: dict[bytes, bytes], peer: str = "192.0.2.1", path: str = "/v1/models", query: bytes = b"") -> Call:
    return Call(method="GET", path=path, query=query, headers=headers, peer=peer)


WRONG_KEY = {b"x-api-key": b"sk-wrong"}


def door(keys: Any = None) -> Door:
    return Door(keys or OneKey(), Failures(FakeClock()))


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
    assert door().find(call(headers)) is OPERATOR


@pytest.mark.parametrize(("headers", "query"), [({b"x-goog-api-key": KEY}, b""), ({}, b"alt=sse&key=" + KEY)])
def test_google_has_ways_of_its_own(headers: dict[bytes, bytes], query: bytes) -> None:
    """On its own routes alone."""
    assert door().find(call(headers, path="/v1beta/models", query=query)) is OPERATOR
    assert door().find(call(headers, path="/v1/responses", query=query)) is None


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
        door().open_now(call(headers))


def test_a_key_is_never_quoted() -> None:
    """Not even a wrong one."""
    with pytest.raises(Unauthenticated) as caught:
        door().open_now(call({b"x-api-key": b"sk-somebody-elses"}))
    assert "somebody" not in caught.value.message + caught.value.detail


# --- paths ------------------------------------------------------------------------------------------------------


class TeamKey:
    """A key of a team, made anew as often as it is asked for."""

    def __init__(self, path: str = "/team") -> None:
        self.principal = Principal("ana", path, "k1", path, {"app": "web"})

    def find(self, presented: bytes) -> Principal | None:
        return self.principal


@pytest.mark.parametrize(
    ("own", "asked", "path"),
    [
        ("/team", b"/team/ana", "/team/ana"),
        ("/team", b"/team/ana/", "/team/ana"),
        ("/team", b"/team", "/team"),
        ("/", b"/", "/"),
        ("/", b"/team", "/team"),
    ],
)
def test_a_path_is_narrowed_below_the_keys_own(own: str, asked: bytes, path: str) -> None:
    """And everything else about the caller stays."""
    found = door(TeamKey(own)).find(call({b"x-trunkline-path": asked}))
    assert found == Principal("ana", path, "k1", own, {"app": "web"})


@pytest.mark.parametrize("asked", [b"/", b"/teams", b"/other", b"/tea", b"/team-2/x", b"/TEAM/x"])
def test_a_path_never_leaves_the_keys_own(asked: bytes) -> None:
    """A neighbour whose name begins alike is outside too."""
    with pytest.raises(Forbidden) as caught:
        door(TeamKey()).find(call({b"x-trunkline-path": asked}))
    assert (caught.value.status, caught.value.code) == (403, "path_out_of_scope")


@pytest.mark.parametrize("asked", [b"", b"team", b"/team/", b"/team/../x", b"/team//x", b"/team/%2e", b"/team/\xff"])
def test_what_is_no_path_is_refused(asked: bytes) -> None:
    """Before it could mean anything. A slash at the end of one is none too many."""
    opened = door(TeamKey())
    if asked == b"/team/":
        assert opened.find(call({b"x-trunkline-path": asked})) is not None
        return
    with pytest.raises(InvalidRequest) as caught:
        opened.find(call({b"x-trunkline-path": asked}))
    assert caught.value.param == "x-trunkline-path"


def test_a_narrowed_caller_is_remembered_as_long_as_its_key() -> None:
    """The same object each time, until the key has been changed."""
    keys = TeamKey()
    opened, asked = door(keys), call({b"x-trunkline-path": b"/team/x"})
    first = opened.find(asked)
    assert opened.find(asked) is first
    keys.principal = Principal("ana", "/team", "k1", "/team", models=())
    second = opened.find(asked)
    assert second is not None
    assert second.models == ()


async def test_the_operator_on_a_path_is_not_at_the_root() -> None:
    """What it makes belongs to the path that it has chosen."""
    scene = Scene()
    await scene.ask("/v1/models", method="GET", x_trunkline_path="/team/x")
    assert scene.records.only.path == "/team/x"
    assert (await scene.ask("/v1/models", method="GET", x_trunkline_path="nowhere")).status == 400


# --- wrong keys -------------------------------------------------------------------------------------------------


class Waits:
    """How long somebody was kept waiting, without waiting; `hold` makes it last."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.over = asyncio.Event()
        self.over.set()

    async def sleep(self, seconds: float) -> None:
        self.seconds.append(seconds)
        await self.over.wait()


WRONG = Unauthenticated("wrong")


async def fail(failures: Failures, count: int, peer: str = "192.0.2.1") -> list[TrunklineError]:
    return [await failures.slow_down(peer, WRONG) for _ in range(count)]


async def test_each_wrong_key_is_answered_later() -> None:
    """The first few at once, then twice as late each time, up to a bound."""
    waits = Waits()
    failures = Failures(FakeClock(), waits.sleep)
    assert await fail(failures, 5) == [WRONG] * 5
    assert waits.seconds == []
    await fail(failures, 8)
    assert waits.seconds == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]


async def test_addresses_are_slowed_down_each_for_itself() -> None:
    """But those that one host of IPv6 has to choose from are one."""
    waits = Waits()
    failures = Failures(FakeClock(), waits.sleep)
    for last in range(6):
        await fail(failures, 1, f"192.0.2.{last}")
    assert waits.seconds == []
    for last in range(6):
        await fail(failures, 1, f"2001:db8:1:2::{last}")
    await fail(failures, 1, "2001:db8:1:3::1")
    assert waits.seconds == [0.1]


async def test_failures_are_forgotten() -> None:
    """After a while without one."""
    waits, clock = Waits(), FakeClock()
    failures = Failures(clock, waits.sleep)
    await fail(failures, 6)
    clock.advance(601)
    await fail(failures, 5)
    assert waits.seconds == [0.1]


async def test_only_so_many_wait() -> None:
    """The others hear at once that there are too many, and when to come again."""
    waits = Waits()
    waits.over.clear()
    failures = Failures(FakeClock(), waits.sleep)
    await fail(failures, 5)
    waiting = [asyncio.create_task(failures.slow_down("192.0.2.1", WRONG)) for _ in range(9)]
    await asyncio.sleep(0)
    late = await waiting[-1]
    assert isinstance(late, RateLimited)
    assert (late.status, late.retry_after_seconds) == (429, 5.0)
    waiting[0].cancel()
    waits.over.set()
    done = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(one) for one in done] == [asyncio.CancelledError, *[Unauthenticated] * 7, RateLimited]
    assert await fail(failures, 1) == [WRONG]


async def test_the_memory_of_addresses_is_bounded() -> None:
    """The one that failed longest ago is forgotten first."""
    waits = Waits()
    failures = Failures(FakeClock(), waits.sleep)
    await fail(failures, 5, "first")
    for number in range(4096):
        await fail(failures, 1, f"a{number}")
    await fail(failures, 1, "first")
    assert waits.seconds == []


async def test_who_cannot_wait_is_told_so() -> None:
    """A face that must know at once gives no way round the delay."""
    opened = door()
    for _ in range(5):
        with pytest.raises(Unauthenticated):
            opened.open_now(call(WRONG_KEY))
    with pytest.raises(RateLimited):
        opened.open_now(call(WRONG_KEY))
    assert opened.open_now(call({b"x-api-key": KEY})) is OPERATOR


async def test_a_good_key_waits_for_nobody() -> None:
    """However many wrong ones have come from its address."""
    waits = Waits()
    opened = Door(OneKey(), Failures(FakeClock(), waits.sleep))
    for _ in range(6):
        with pytest.raises(Unauthenticated):
            await opened.refuse(call(WRONG_KEY))
    assert opened.find(make_call("/v1/models")) is OPERATOR
    assert waits.seconds == [0.1]


async def test_who_sends_no_key_guesses_none() -> None:
    """However often: it is told so at once."""
    waits = Waits()
    opened = Door(OneKey(), Failures(FakeClock(), waits.sleep))
    for _ in range(20):
        with pytest.raises(Unauthenticated, match="no API key"):
            await opened.refuse(call({}))
        with pytest.raises(Unauthenticated, match="no API key"):
            opened.open_now(call({}))
    assert waits.seconds == []


# --- hops and schemes -------------------------------------------------------------------------------------------


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
