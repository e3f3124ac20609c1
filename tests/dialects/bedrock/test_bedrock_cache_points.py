"""Cache points in a Converse body."""

from typing import Any

from trunkline.capabilities import Capabilities
from trunkline.dialects.bedrock.cache_points import mark_cache

POINT = {"cachePoint": {"type": "default"}}
LONG = Capabilities(cache_minimum_tokens=10)


def make_body(*turns: dict[str, Any]) -> dict[str, Any]:
    tool = {"toolSpec": {"name": "look", "inputSchema": {"json": {"type": "object"}}}}
    return {"messages": list(turns), "system": [{"text": "Be brief, " * 9}], "toolConfig": {"tools": [tool]}}


USER = {"role": "user", "content": [{"text": "Hi?"}]}
THOUGHT = {"reasoningContent": {"reasoningText": {"text": "T", "signature": "S"}}}


def test_a_conversation_that_goes_on() -> None:
    """Points stand behind tools, system text and the last turn but one."""
    body = make_body(USER, {"role": "assistant", "content": [THOUGHT, {"text": "Hm."}]}, USER)
    mark_cache(body, LONG, lambda prefix: False)
    assert body["toolConfig"]["tools"][-1] == body["system"][-1] == body["messages"][1]["content"][-1] == POINT
    assert str(body).count("cachePoint") == 3


def test_not_behind_thought() -> None:
    """A turn that ends in thought takes no point: the one before it does."""
    user: dict[str, Any] = {"role": "user", "content": [{"text": "Hi?"}]}
    body = make_body(user, {"role": "assistant", "content": [THOUGHT]}, USER)
    mark_cache(body, LONG, lambda prefix: False)
    assert body["messages"][0]["content"][-1] == POINT
    assert body["messages"][1]["content"] == [THOUGHT]


def test_a_first_call() -> None:
    """Nothing is marked, unless its head was seen lately."""
    body = make_body(USER)
    mark_cache(body, LONG, lambda prefix: False)
    assert "cachePoint" not in str(body)
    mark_cache(body, LONG, lambda prefix: True)
    assert str(body).count("cachePoint") == 2


def test_short() -> None:
    """Less than the model would cache is not marked."""
    body = make_body(USER, {"role": "assistant", "content": [{"text": "Hm."}]}, USER)
    mark_cache(body, Capabilities(cache_minimum_tokens=1000), lambda prefix: True)
    assert "cachePoint" not in str(body)
