"""What is never kept of a response."""

import msgspec
import pytest

from trunkline.dialects.openai_responses.secrets import without_secrets


def test_the_credentials_of_tools_are_left_out() -> None:
    """Every other member keeps its bytes."""
    tool = b'{"type":"mcp","server_label":"s","authorization":"Bearer x","headers":{"X-Key":"y"},"big":1.50}'
    kept = without_secrets(b'{"id":"r","tools":[%b,{"type":"function","name":"f"}],"output":[]}' % tool)
    assert b"Bearer" not in kept
    assert b"X-Key" not in kept
    assert b'"big":1.50' in kept
    assert [tool["type"] for tool in msgspec.json.decode(kept)["tools"]] == ["mcp", "function"]


@pytest.mark.parametrize(
    "response",
    [
        b'{ "id": "r" }',
        b'{ "output": [{"text": "the \\"headers\\" of a table"}], "tools": [] }',
        b'{ "output": [{"name": "headers"}], "tools": [{"type": "web_search"}] }',
        b'[ "headers" ]',
        b'{ "tools": "headers" }',
    ],
)
def test_what_holds_none_keeps_its_bytes(response: bytes) -> None:
    """Whatever words are in it."""
    assert without_secrets(response) == response
