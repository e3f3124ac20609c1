"""What goes back in a head: ours, and an allow-list of the upstream's under other names."""

from collections.abc import Mapping

import pytest

from scripted_gateway import make_call
from trunkline.call import Header
from trunkline.clock import FakeClock
from trunkline.engine.exchange import Exchange
from trunkline.engine.reply.headers import EVENT_STREAM, JSON, tell, write_error_headers, write_headers
from trunkline.errors import Busy, Failed, InvalidRequest, TrunklineError, Unavailable, Unreachable
from trunkline.money import Nano
from trunkline.records import Attempt


def exchange(dialect: str = "chat", route: str = "tee openai/m", **members: object) -> Exchange:
    x = Exchange(make_call("/v1/x"), "req_1", FakeClock(), 0, 0.0, dialect)
    x.route = route
    for name, value in members.items():
        setattr(x, name, value)
    return x


def named(headers: list[Header]) -> Mapping[bytes, bytes]:
    assert len({name for name, _ in headers}) == len(headers)
    return dict(headers)


def test_nothing_of_the_upstreams_leaks() -> None:
    """Cookies, servers, organizations and what frames the body stay behind."""
    upstream = {
        b"set-cookie": b"a=b",
        b"server": b"cloudflare",
        b"openai-organization": b"org-secret",
        b"openai-project": b"proj",
        b"cf-ray": b"x",
        b"content-length": b"7",
        b"transfer-encoding": b"chunked",
        b"content-encoding": b"gzip",
        b"content-type": b"text/plain",
        b"connection": b"close",
        b"x-should-retry": b"true",
        b"retry-after": b"5",
        b"x-trunkline-route": b"forged",
        b"access-control-allow-origin": b"*",
    }
    headers = named(write_headers(exchange(told=tell(upstream, b"")[0]), (JSON,)))
    assert headers == {
        b"x-request-id": b"req_1",
        b"content-type": b"application/json",
        b"x-trunkline-route": b"tee openai/m",
    }


def test_what_is_allowed_is_renamed() -> None:
    """Ids, times and limits; `x-request-id` itself is always ours."""
    upstream = {
        b"x-request-id": b"up-1",
        b"openai-processing-ms": b"12",
        b"x-ratelimit-remaining-tokens": b"9",
        b"anthropic-ratelimit-tokens-remaining": b"8",
    }
    headers = named(write_headers(exchange(told=tell(upstream, b"")[0]), (JSON,)))
    assert headers[b"x-request-id"] == b"req_1"
    assert headers[b"x-trunkline-upstream-request-id"] == b"up-1"
    assert headers[b"x-trunkline-upstream-processing-ms"] == b"12"
    assert headers[b"x-trunkline-upstream-ratelimit-remaining-tokens"] == b"9"
    assert headers[b"x-trunkline-upstream-ratelimit-tokens-remaining"] == b"8"
    assert not any(name.startswith((b"x-ratelimit", b"anthropic")) for name in headers)


def test_an_upstream_with_two_ids_gives_one() -> None:
    """Some proxies add their own."""
    headers = write_headers(exchange(told=tell({b"x-request-id": b"a", b"request-id": b"b"}, b"")[0]), (JSON,))
    assert [name for name, _ in headers].count(b"x-trunkline-upstream-request-id") == 1


@pytest.mark.parametrize("name", [b"x-custom-ratelimit-\xff", b"x-notratelimitatall"])
def test_only_headers_of_limits_are_taken_for_them(name: bytes) -> None:
    """A word within another is none."""
    headers = named(write_headers(exchange(told=tell({name: b"1"}, b"")[0]), (JSON,)))
    assert not any(b"upstream" in header for header in headers)


def test_anthropics_callers_find_their_request_id() -> None:
    """Their SDK reads `request-id`."""
    assert named(write_headers(exchange("messages"), (JSON,)))[b"request-id"] == b"req_1"


def test_a_stream_asks_proxies_not_to_hold_it() -> None:
    """FR-30: nginx, and whatever compresses."""
    headers = named(write_headers(exchange(), EVENT_STREAM))
    assert headers[b"content-type"].startswith(b"text/event-stream")
    assert b"no-cache" in headers[b"cache-control"]
    assert headers[b"x-accel-buffering"] == b"no"


def test_what_was_left_out_is_said() -> None:
    """By the caller's own names."""
    headers = named(write_headers(exchange(dropped=["seed", "user"], emulated=["tools"]), (JSON,)))
    assert headers[b"x-trunkline-dropped"] == b"seed,user"
    assert headers[b"x-trunkline-emulated"] == b"tools"


def test_no_model_name_can_split_the_head() -> None:
    """Nor send what is not ASCII."""
    headers = named(write_headers(exchange(route="tee x/a\r\nset-cookie: é"), (JSON,)))
    assert headers[b"x-trunkline-route"] == b"tee x/a??set-cookie: ?"


def test_an_error_tells_the_truth_about_retrying() -> None:
    """In whole seconds, rounded up, and in milliseconds."""
    headers = named(write_error_headers(exchange(), Busy("no", retry_after_seconds=1.25)))
    assert (headers[b"x-should-retry"], headers[b"retry-after"], headers[b"retry-after-ms"]) == (b"true", b"2", b"1250")
    assert named(write_error_headers(exchange(), Failed("no")))[b"x-should-retry"] == b"false"
    assert b"retry-after" not in named(write_error_headers(exchange(), InvalidRequest("no")))


def test_nobody_is_told_to_wait_longer_than_anybody_does() -> None:
    """A provider may ask for an hour: the hint stays, but it is nothing to retry for."""
    headers = named(write_error_headers(exchange(), Busy("no", retry_after_seconds=3600)))
    assert (headers[b"x-should-retry"], headers[b"retry-after"]) == (b"false", b"3600")


@pytest.mark.parametrize("error", [Unreachable("no"), Unavailable("no")])
def test_what_is_away_for_a_moment_says_when_to_come_back(error: TrunklineError) -> None:
    """In a second, as nobody knows better."""
    headers = named(write_error_headers(exchange(), error))
    assert (headers[b"x-should-retry"], headers[b"retry-after"]) == (b"true", b"1")


def test_an_error_without_a_route_has_no_route() -> None:
    """It never got so far."""
    assert b"x-trunkline-route" not in named(write_error_headers(exchange(route=""), InvalidRequest("no")))


def test_who_served_and_what_it_cost() -> None:
    """Of what went upstream; the cost where it is known by then."""
    x = exchange(attempts=[Attempt("chat/tricky\nmodel", None, 0), Attempt("openai/m", None, 1)])
    assert b"x-trunkline-cost" not in named(write_headers(x, EVENT_STREAM))
    told = named(write_headers(x, (JSON,), Nano(1_500_000)))
    assert (told[b"x-trunkline-model"], told[b"x-trunkline-attempts"]) == (b"openai/m", b"2")
    assert told[b"x-trunkline-cost"] == b"0.0015"
    assert named(write_headers(x, (JSON,), Nano(0)))[b"x-trunkline-cost"] == b"0"
    x.attempts.pop()
    told = named(write_error_headers(x, Busy("later"), Nano(0)))
    assert (told[b"x-trunkline-model"], told[b"x-trunkline-cost"]) == (b"chat/tricky?model", b"0")
    assert b"x-trunkline-model" not in named(write_headers(exchange(), (JSON,)))
