"""What a coding agent says of itself in a request is nobody else's business, and no mistake."""

from trunkline.capabilities import Capabilities
from trunkline.dialects.lowering import lower
from trunkline.dialects.openai_responses.request import read_request


def test_what_a_client_says_of_itself_is_left_out_and_said() -> None:
    """Codex sends `client_metadata` with every request, to whatever model."""
    body = {"model": "m", "input": "Hi?", "client_metadata": {"session_id": "1"}}
    request = read_request(body, lambda _: None)
    _, lowering = lower(request, "responses", "chat", Capabilities(), lambda prefix: prefix)
    assert lowering.dropped == ["client_metadata"]
