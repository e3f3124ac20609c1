"""T-54, T-78 and T-95: fields that only one dialect knows, on their way to another."""

from typing import Any

import pytest
from crossings import Crossed, user

from trunkline.errors import CallerError, UnknownParameter, Unsupported

TOOL = {"name": "f", "input_schema": {"type": "object", "properties": {}}}


def from_messages(content: Any, upstream: str = "chat", **fields: Any) -> Crossed:
    return Crossed({"messages": [{"role": "user", "content": content}], **fields}, "messages", upstream)


def test_a_cache_point_that_has_no_home_is_said() -> None:
    """In a part or on a tool; once."""
    marked = {"cache_control": {"type": "ephemeral"}}
    seen = from_messages([{"type": "text", "text": "x", **marked}], tools=[{**TOOL, **marked}])
    assert seen.dropped == ["cache_control"]


@pytest.mark.parametrize("upstream", ["chat", "responses"])
def test_t95_a_field_of_a_part_that_nobody_knows_is_refused(upstream: str) -> None:
    """By its path."""
    with pytest.raises(UnknownParameter) as caught:
        from_messages([{"type": "text", "text": "x", "zap": 1}], upstream)
    assert caught.value.param == "input[0].content[0].zap"


def test_t95_a_field_of_a_tool_that_nobody_knows_is_refused() -> None:
    """Likewise."""
    with pytest.raises(UnknownParameter) as caught:
        from_messages("x", tools=[{**TOOL, "zap": 1}])
    assert caught.value.param == "tools[0].zap"


def test_t95_what_others_put_into_a_models_turn_is_left_out_and_said() -> None:
    """Clients send back whatever they were given."""
    answer = {"role": "assistant", "content": "yes", "provider_specific_fields": {"a": 1}, "annotations": []}
    seen = Crossed({"messages": [user(), answer, user()]}, "chat", "messages")
    assert seen.dropped == ["provider_specific_fields"]


def test_tools_for_programs_alone_are_refused() -> None:
    """Nobody else has such callers."""
    with pytest.raises(Unsupported) as caught:
        from_messages("x", tools=[{**TOOL, "allowed_callers": ["code_execution_20250825"]}])
    assert caught.value.param == "tools[0].allowed_callers"
    assert from_messages("x", tools=[{**TOOL, "allowed_callers": ["direct"]}]).dropped == []


def test_t54_a_phase_is_left_out_without_error() -> None:
    """It means something to OpenAI's own models alone."""
    history = [user(), {"type": "message", "role": "assistant", "phase": "commentary", "content": "hm"}, user()]
    body = Crossed({"input": history}, "responses", "chat").body
    assert body["messages"][1] == {"role": "assistant", "content": "hm"}


def test_a_search_result_is_told_as_text() -> None:
    """Its source and its words."""
    result = {
        "type": "search_result",
        "source": "https://a.example",
        "title": "A",
        "content": [{"type": "text", "text": "T"}],
    }
    [message] = from_messages([result]).body["messages"]
    assert "https://a.example" in str(message)
    assert "T" in str(message)


@pytest.mark.parametrize("kind", ["container_upload", "something_new"])
def test_t95_a_part_that_no_other_model_can_read_is_refused(kind: str) -> None:
    """By its place, and never left out in silence."""
    with pytest.raises(Unsupported) as caught:
        from_messages([{"type": "text", "text": "x"}, {"type": kind}])
    assert caught.value.param == "input[0].content[1]"


@pytest.mark.parametrize("kind", ["item_reference", "compaction", "mcp_approval_response", "program", "something_new"])
def test_t95_an_item_that_no_other_model_can_be_told_is_refused(kind: str) -> None:
    """Likewise."""
    with pytest.raises(Unsupported) as caught:
        Crossed({"input": [user(), {"type": kind, "id": "x"}]}, "responses", "messages")
    assert caught.value.param == "input[1]"


def test_t78_log_probabilities_are_asked_for_both_ways() -> None:
    """Responses lists them in `include`, Chat has a flag."""
    chat = Crossed({"input": "x", "top_logprobs": 2}, "responses", "chat").body
    assert (chat["logprobs"], chat["top_logprobs"]) == (True, 2)
    responses = Crossed({"messages": [user()], "logprobs": True, "top_logprobs": 2}, "chat", "responses").body
    assert responses["include"] == ["message.output_text.logprobs"]
    assert responses["top_logprobs"] == 2


def test_t78_anthropic_has_no_log_probabilities() -> None:
    """They cannot be made up."""
    with pytest.raises(CallerError) as caught:
        Crossed({"input": "x", "top_logprobs": 2}, "responses", "messages")
    assert caught.value.param == "top_logprobs"


def test_t80_what_chat_vendors_do_not_know_is_not_sent() -> None:
    """And said, one by one."""
    asked = {
        "text": {"verbosity": "low"},
        "truncation": "auto",
        "max_tool_calls": 3,
        "service_tier": "flex",
        "metadata": {"a": "b"},
        "safety_identifier": "s",
        "prompt_cache_key": "k",
    }
    seen = Crossed({"input": "x", **asked}, "responses", "chat")
    assert set(seen.body) == {"model", "messages", "stream"}
    assert set(seen.dropped) == {"text.verbosity", *asked} - {"text"}


def test_whoever_asks_is_one_for_anthropic() -> None:
    """The user, or else the identifier for safety."""
    seen = Crossed({"input": "x", "safety_identifier": "s"}, "responses", "messages")
    assert (seen.body["metadata"], seen.dropped) == ({"user_id": "s"}, [])
    seen = Crossed({"input": "x", "safety_identifier": "s", "user": "u"}, "responses", "messages")
    assert (seen.body["metadata"], seen.dropped) == ({"user_id": "u"}, ["safety_identifier"])


def test_an_error_that_the_target_cannot_be_told_is_said() -> None:
    """Its text still reaches the model."""
    history = [
        user(),
        {"role": "assistant", "content": [{"type": "tool_use", "id": "c1", "name": "f", "input": {}}]},
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": "c1", "content": "boom", "is_error": True}],
        },
    ]
    seen = Crossed({"messages": history, "tools": [TOOL]}, "messages", "chat")
    assert seen.dropped == ["is_error"]
    assert seen.body["messages"][-1]["content"] == "boom"


def test_citations_that_have_become_annotations_are_not_lost() -> None:
    """So nothing is said of them; a document's wish for them is left out."""
    cited = {"type": "web_search_result_location", "url": "https://a.example", "title": "A", "cited_text": "x"}
    answer = {"role": "assistant", "content": [{"type": "text", "text": "x", "citations": [cited]}]}
    seen = Crossed({"messages": [user(), answer, user()]}, "messages", "chat")
    assert seen.dropped == []
    source = {"type": "text", "media_type": "text/plain", "data": "x"}
    document = {"type": "document", "source": source, "citations": {"enabled": True}}
    assert from_messages([document]).dropped == ["citations"]
