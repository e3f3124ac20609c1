"""Errors of Cohere: a status, and `{"message": …}`.

Source: https://docs.cohere.com/reference/errors.
"""

from collections.abc import Mapping

from trunkline.dialects.shapes import lenient_object, lenient_text, read_retry_after
from trunkline.dialects.upstream_errors import Found, classify, decode_body, filtered
from trunkline.errors import Failed, TimedOut, UpstreamError

# Its own status: the request or the answer holds a word that is on a list.
_BLOCKED = 498


def read_error(status: int, headers: Mapping[bytes, bytes], body: bytes) -> UpstreamError:
    """The error that a reply holds; any body will do."""
    value = decode_body(body)
    message = value if isinstance(value, str) else lenient_text(lenient_object(value).get("message"))
    found = Found(status, message.strip(), read_retry_after(headers))
    if status == _BLOCKED:
        return filtered(found)
    words = found.message.lower()
    is_long = "too many tokens" in words or "context length" in words
    return classify(found, "context_length_exceeded" if is_long else None)


def broken_off(reason: str, words: str) -> UpstreamError:
    """The error of an answer that says itself that it failed."""
    if reason == "TIMEOUT":
        return TimedOut(words or "the model timed out")
    return Failed(words or "the model failed")
