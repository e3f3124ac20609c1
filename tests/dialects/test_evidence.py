"""What was said in a request, as it is kept."""

import msgspec

from trunkline.dialects import anthropic, gemini, openai_chat, openai_responses
from trunkline.dialects.evidence import Evident
from trunkline.dialects.redaction import Redaction
from trunkline.evidence import Evidence, KeptBody

_EVIDENT = Evident(
    Redaction(),
    {d.name: d for d in (openai_responses.DIALECT, openai_chat.DIALECT, anthropic.DIALECT, gemini.DIALECT)},
    [b"x-team"],
)


def _evidence(reply: list[bytes], dialect: str = "chat", most_bytes: int = 10_000) -> Evidence:
    headers = {b"authorization": b"Bearer abc", b"user-agent": b"curl", b"x-team": b"alpha", b"cookie": b"a=b"}
    evidence = Evidence("req_1", 0, "/", dialect, headers, b'{"model":"m"}', most_bytes)
    for piece in reply:
        evidence.hear(piece)
    return evidence


def _chunk(**delta: object) -> bytes:
    return b"data: %b\n\n" % msgspec.json.encode({"id": "c", "choices": [{"index": 0, "delta": delta}]})


def test_only_headers_on_the_list_are_kept() -> None:
    """Credentials and cookies are on no list."""
    assert _EVIDENT.make(_evidence([b"{}"])).headers == {"user-agent": "curl", "x-team": "alpha"}


def test_a_stream_is_kept_as_what_it_made() -> None:
    """Of many events what remains is what was said, thought and called."""
    call = {"index": 0, "id": "c1", "type": "function", "function": {"name": "find", "arguments": "{}"}}
    reply = [_chunk(content="Hel"), _chunk(content="lo"), _chunk(tool_calls=[call]), b"data: [DONE]\n\n"]
    kept = _EVIDENT.make(_evidence(reply)).reply
    assert msgspec.json.decode(kept.text) == [
        {"type": "message", "role": "assistant", "text": "Hello"},
        {"type": "call", "call_id": "c1", "name": "find", "arguments": "{}"},
    ]
    assert (kept.is_folded, kept.is_cut, kept.size_bytes) == (True, False, sum(map(len, reply)))


def test_a_long_stream_is_kept_as_far_as_it_was_heard() -> None:
    """What is beyond the limit is left out, and that is said."""
    kept = _EVIDENT.make(_evidence([_chunk(content="Hel"), _chunk(content="lo")], most_bytes=10)).reply
    assert msgspec.json.decode(kept.text) == [{"type": "message", "role": "assistant", "text": "Hel"}]
    assert kept.is_cut


def test_a_reply_of_json_is_kept_as_it_is() -> None:
    """A whole reply is kept whole."""
    assert _EVIDENT.make(_evidence([b'{"a": 1}'])).reply == KeptBody('{"a":1}', 8)


def test_a_stream_that_made_nothing_is_kept_as_text() -> None:
    """An error in the place of an answer is seen as it was told."""
    kept = _EVIDENT.make(_evidence([b'data: {"error":{"message":"no"}}\n\n'])).reply
    assert "no" in kept.text
    assert not kept.is_folded


def test_what_went_upstream_as_it_came_is_kept_once() -> None:
    """A body that was not changed on the way is not kept again; one that was is."""
    evidence = _evidence([])
    evidence.sent += [("a/m", evidence.request), ("b/m", b'{"model":"other"}')]
    kept = _EVIDENT.make(evidence).sent
    assert [(sent.target, sent.body and sent.body.text) for sent in kept] == [
        ("a/m", None),
        ("b/m", '{"model":"other"}'),
    ]
