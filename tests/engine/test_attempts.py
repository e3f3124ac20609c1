"""One attempt: every way in which it can fail is an error of its own."""

import pytest
from msgspec import Raw

from scripted_gateway import UPSTREAM_KEY, ScriptedReply, ScriptedUpstream, json_reply, make_call
from trunkline.capabilities import Capabilities
from trunkline.clock import FakeClock
from trunkline.dialects.openai_chat import DIALECT
from trunkline.engine.attempts import attempt, is_event_stream, read_whole, redacted
from trunkline.engine.exchange import Exchange
from trunkline.engine.router import Target
from trunkline.errors import Busy, Failed, Refused, UpstreamError
from trunkline.ports import UpstreamRequest
from trunkline.providers.account import make_account
from trunkline.providers.directory import load_provider

ACCOUNT = make_account(load_provider("openai"), api_key=UPSTREAM_KEY)
TARGET = Target(ACCOUNT, "m", "", Capabilities(), "openai/m", Raw(b'"m"'))
REQUEST = UpstreamRequest(ACCOUNT.origin, ACCOUNT.head("chat"))


async def send(answer: ScriptedReply | Exception) -> tuple[Exchange, ScriptedReply]:
    upstream = ScriptedUpstream()
    upstream.answer = answer
    x = Exchange(make_call("/v1/x"), "req_1", FakeClock(), 0, 0.0, "chat")
    reply = await attempt(x, upstream, REQUEST, DIALECT, TARGET)
    assert isinstance(reply, ScriptedReply)
    return x, reply


async def test_a_good_reply_is_given_as_it_is() -> None:
    """Open, its head noted."""
    x, reply = await send(json_reply({}, x_request_id="up"))
    assert not reply.closed
    assert (len(x.attempts), x.first_byte_micros) == (1, FakeClock().micros)
    assert x.upstream_id == "up"
    assert x.told == [(b"x-trunkline-upstream-request-id", b"up")]


@pytest.mark.parametrize("status", [300, 301, 302, 307, 308, 304])
async def test_a_redirect_is_an_error(status: int) -> None:
    """And is let go."""
    reply = json_reply(b"", status, location="https://elsewhere.test")
    with pytest.raises(Failed, match="redirect"):
        await send(reply)
    assert reply.closed


async def test_an_error_body_that_breaks_off_is_no_second_error() -> None:
    """The status says the main thing."""
    reply = ScriptedReply(429, {b"retry-after": b"3"}, [b'{"err'], "cut")
    with pytest.raises(Busy) as caught:
        await send(reply)
    assert caught.value.retry_after_seconds == 3
    assert reply.closed


async def test_a_date_to_wait_for_needs_no_other_date() -> None:
    """Where the reply does not say what time it is, ours counts."""
    reply = ScriptedReply(429, {b"retry-after": b"Tue, 14 Nov 2023 22:13:30 GMT"}, [b"{}"], "end")
    with pytest.raises(Busy) as caught:
        await send(reply)
    assert caught.value.retry_after_seconds == 10


async def test_an_error_keeps_its_words_but_for_our_key() -> None:
    """As far as they are safe to show."""
    with pytest.raises(Refused) as caught:
        await send(json_reply({"error": {"message": f"no {UPSTREAM_KEY} here", "code": "c", "param": "p"}}, 400))
    assert caught.value.message == "no [redacted] here"
    assert (caught.value.code, caught.value.param) == ("c", "p")


async def test_what_the_way_itself_says_is_redacted() -> None:
    """A proxy may quote the request."""
    with pytest.raises(Failed) as caught:
        await send(Failed(f"via {UPSTREAM_KEY}", detail=UPSTREAM_KEY))
    assert UPSTREAM_KEY not in caught.value.message + caught.value.detail


def test_only_the_key_is_taken_out() -> None:
    """An error without it is the same."""
    error: UpstreamError = Failed("the model is sk-etchy", detail="d")
    assert redacted(error, ACCOUNT).message == "the model is sk-etchy"


async def test_a_whole_body_lets_its_connection_go() -> None:
    """Also when it breaks off."""
    good, cut = json_reply(b"{}"), ScriptedReply(200, {}, [b"{"], "cut")
    assert await read_whole(good) == b"{}"
    assert good.closed
    with pytest.raises(Failed):
        await read_whole(cut)
    assert cut.closed


@pytest.mark.parametrize(
    ("kind", "expected", "is_stream"),
    [
        (b"text/event-stream", True, True),
        (b"text/event-stream; charset=utf-8", False, True),
        (b"TEXT/EVENT-STREAM", True, True),
        (b"application/json", True, False),
        (b"application/json; charset=utf-8", True, False),
        (b"application/problem+json", True, False),
        (b"", True, True),
        (b"", False, False),
        (b"text/plain", True, True),
        (b"text/plain", False, False),
        (b"application/octet-stream", True, True),
    ],
)
def test_what_is_a_stream(kind: bytes, expected: bool, is_stream: bool) -> None:
    """By its content type; where that says nothing, by what was asked for."""
    assert is_event_stream(ScriptedReply(200, {b"content-type": kind}), expected) is is_stream
