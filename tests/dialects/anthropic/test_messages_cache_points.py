"""Cache points in a Messages body."""

from trunkline.capabilities import Capabilities
from trunkline.dialects.anthropic.cache_points import mark_cache
from trunkline.dialects.cache_points import MARK


def test_a_mark_is_on_one_body_alone() -> None:
    """Requests with the same tools share them: a mark on the last one does not show in the next body."""
    tools = [{"name": "weather"}, {"name": "stations"}]
    body = {"messages": [{"role": "user", "content": [{"type": "text", "text": "Hi?"}]}], "tools": tools}
    mark_cache(body, Capabilities(cache_minimum_tokens=1), lambda _: True)
    assert body["tools"] == [{"name": "weather"}, {"name": "stations", **MARK}]
    assert tools == [{"name": "weather"}, {"name": "stations"}]
