"""What Codex sends with every request, to whatever model."""

from typing import Any

import pytest

from trunkline.capabilities import Capabilities
from trunkline.dialects.lowering import lower
from trunkline.dialects.openai_responses.request import read_request
from trunkline.errors import Unsupported

SAID = {"x-codex-installation-id": "1", "session_id": "2"}
SEARCH = {"type": "web_search", "external_web_access": False}


def dropped(body: dict[str, Any], upstream: str) -> list[str]:
    request = read_request({"model": "m", "input": "Hi?", **body}, lambda _: None)
    _, lowering = lower(request, "responses", upstream, Capabilities(tools="native"), lambda prefix: prefix)
    return lowering.dropped


def test_what_a_client_says_of_itself_is_left_out_and_said() -> None:
    """It is no mistake, and nobody else's business."""
    assert dropped({"client_metadata": {"session_id": "1"}}, "chat") == ["client_metadata"]


@pytest.mark.parametrize("upstream", ["chat", "messages", "gemini"])
def test_its_hosted_tools_are_left_out_where_there_are_none(upstream: str) -> None:
    """A user of Codex has not chosen them, and cannot work without an answer."""
    assert "tools[0]" in dropped({"client_metadata": SAID, "tools": [SEARCH]}, upstream)


def test_a_hosted_tool_that_somebody_chose_is_refused() -> None:
    """By its place, as ever."""
    with pytest.raises(Unsupported) as caught:
        dropped({"client_metadata": {"session_id": "1"}, "tools": [SEARCH]}, "chat")
    assert caught.value.param == "tools[0]"
