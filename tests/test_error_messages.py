"""What an error says of itself, whoever caused it."""

from trunkline.errors import InvalidRequest


def test_what_is_quoted_is_cut() -> None:
    """A name or a word in a message may be as long as a body."""
    word = "k" * 1_000_000
    error = InvalidRequest(f"`{word}` is unknown", param=word)
    assert len(error.message) == len(error.param or "") == len(str(error)) == 8193
