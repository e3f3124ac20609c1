"""What is taken out of bodies before they are kept."""

import re

import msgspec
import pytest

from trunkline.dialects.redaction import REDACTED, Redaction

_SECRETS = [
    "sk-proj-abcdefghijklmnopqrst",
    "sk-tl-abcde12345-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "AIzaSyA-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "gsk_aaaaaaaaaaaaaaaaaaaaaaaaaAAAAAA9999",
    "AKIAIOSFODNN7EXAMPLE",
    "ghp_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "Bearer abcdefghijklmnopqrst",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NSJ9.c2lnbmF0dXJl",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----",
]


@pytest.mark.parametrize("secret", _SECRETS)
@pytest.mark.parametrize("draw", [lambda text: msgspec.json.encode({"input": f"it is {text} ok"}), str.encode])
def test_what_looks_like_a_key_is_taken_out(secret: str, draw: object) -> None:
    """A key is no more to be read, be it in JSON or anywhere else."""
    text, _ = Redaction().clean(draw(secret))  # type: ignore[operator]  # either of the two above
    assert REDACTED in text
    assert secret[8:20] not in text


@pytest.mark.parametrize(
    "name", ["resp_0123456789abcdef0123456789abcdef0123456789abcdef", "gpt-4o-audio-preview-2024-10-01"]
)
def test_what_is_no_key_stays(name: str) -> None:
    """Ids of objects and names of models are needed to know what went on."""
    assert Redaction().clean_text(name) == name


@pytest.mark.parametrize("head", ["", "data: "])
def test_credentials_of_tools_are_taken_out(head: str) -> None:
    """What opens a tool's door is known by its name."""
    body = (
        '{"tools": [{"type": "mcp", "authorization": "a\\"bc", "headers": {"X-Key": "def"}, "server_label": "wiki"}]}'
    )
    text, _ = Redaction().clean(f"{head}{body}".encode())
    assert text.count(REDACTED) == 2
    assert "abc" not in text
    assert "def" not in text
    assert "wiki" in text


def test_arguments_of_calls_are_looked_into() -> None:
    """They are JSON within JSON."""
    call = {"type": "function_call", "arguments": '{"user": "ana", "password": "hunter2"}'}
    text, _ = Redaction().clean(msgspec.json.encode([call]))
    assert msgspec.json.decode(text)[0]["arguments"] == '{"user": "ana", "password": "[redacted]"}'


def test_contents_of_files_are_cut() -> None:
    """A picture says nothing to a reader: how long it was is said in its place."""
    body = {"image_url": f"data:image/png;base64,{'A' * 5000}", "data": "B" * 5000, "text": "a picture"}
    text, is_cut = Redaction().clean(msgspec.json.encode(body))
    assert msgspec.json.decode(text) == {
        "image_url": "data:image/png;base64,[5000 characters cut]",
        "data": "[5000 characters cut]",
        "text": "a picture",
    }
    assert not is_cut


def test_patterns_of_the_operator_are_taken_out() -> None:
    """What an operator wants out is out."""
    text, _ = Redaction([re.compile(r"\b\d{3}-\d{2}-\d{4}\b")]).clean(b'{"input":"mine is 123-45-6789"}')
    assert text == '{"input":"mine is [redacted]"}'


@pytest.mark.parametrize("body", [b'{"input":"%b"}' % (b"so it goes on " * 100), b"so it goes on " * 100])
def test_what_is_long_is_cut(body: bytes) -> None:
    """A body is cut to the limit, and that is said."""
    text, is_cut = Redaction(most_characters=100).clean(body)
    assert len(text) == 100
    assert is_cut


def test_what_is_no_json_is_kept_as_text() -> None:
    """A body that is broken or not UTF-8 is no reason to fail."""
    assert Redaction().clean(b'{"input": ') == ('{"input": ', False)
    assert Redaction().clean(b"\xff") == ("\ufffd", False)
