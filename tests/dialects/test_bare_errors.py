"""Errors of servers that have no error object, asked of every dialect: what they say reaches the caller all the same."""

import msgspec
import pytest

from trunkline.dialects import anthropic, openai_chat, openai_responses
from trunkline.errors import TimedOut, UpstreamError

READERS = {
    dialect.name: dialect.read_error for dialect in (openai_chat.DIALECT, openai_responses.DIALECT, anthropic.DIALECT)
}

FINDINGS = [
    {"type": "missing", "loc": ["body", "messages"], "msg": "Field required"},
    {"type": "less_than", "loc": ["body", "tools", 0], "msg": "Too long"},
]


def read(dialect: str, status: int, body: bytes, **headers: str) -> UpstreamError:
    named = {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
    return READERS[dialect](status, named, body)


@pytest.mark.parametrize("dialect", list(READERS))
@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"detail": "Not Found"}, "Not Found"),
        ({"detail": FINDINGS}, "messages: Field required; tools.0: Too long"),
        ({"object": "error", "message": {"detail": FINDINGS[:1]}}, "messages: Field required"),
        ({"message": "flat", "type": "x"}, "flat"),
        ({"error": "text"}, "text"),
        (b"  no healthy upstream\n", "no healthy upstream"),
    ],
)
def test_what_a_bare_error_says(body: object, said: str, dialect: str) -> None:
    """FastAPI's findings, flat messages, and a proxy's plain text."""
    data = body if isinstance(body, bytes) else msgspec.json.encode(body)
    assert read(dialect, 422, data).message == said


@pytest.mark.parametrize("dialect", list(READERS))
@pytest.mark.parametrize(
    "body", [b"<html>no</html>", b"", b'{"error":', b"\x00\x01", b'{"detail":[1,{}]}', b'{"detail":{"a":1}}', b"[[]]"]
)
def test_what_says_nothing_is_not_quoted(body: bytes, dialect: str) -> None:
    """A page, half an object, noise: the status has to do."""
    assert "422" in read(dialect, 422, body).message


@pytest.mark.parametrize("dialect", list(READERS))
@pytest.mark.parametrize("status", [408, 504])
def test_a_provider_that_timed_out(status: int, dialect: str) -> None:
    """Is no caller that was slow."""
    error = read(dialect, status, b"")
    assert isinstance(error, TimedOut)
    assert (error.status, error.should_retry) == (504, False)


@pytest.mark.parametrize("dialect", list(READERS))
@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry_after": "Wed, 21 Oct 2026 07:28:05 GMT", "date": "Wed, 21 Oct 2026 07:28:00 GMT"}, 5.0),
        ({"retry_after": "Wed, 21 Oct 2026 07:27:00 GMT", "date": "Wed, 21 Oct 2026 07:28:00 GMT"}, 0.0),
        ({"retry_after": "Wed, 21 Oct 2026 07:28:05 GMT"}, None),
        ({"retry_after": "Wed, 21 Oct 2026 07:28:05", "date": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
        ({"retry_after": "-5", "date": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
        ({"retry_after": "inf", "date": "soon"}, None),
    ],
)
def test_when_to_come_back_may_be_a_date(headers: dict[str, str], seconds: float | None, dialect: str) -> None:
    """It counts from the provider's own clock."""
    assert read(dialect, 429, b"{}", **headers).retry_after_seconds == seconds
