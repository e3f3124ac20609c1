"""A summary is asked for in a way that leaves the model nothing to answer or to call."""

import pytest

from trunkline.dialects.estimate import estimate_input
from trunkline.dialects.summary import ask_for_summary, read_standing, read_summary
from trunkline.errors import Garbled, Unsupported
from trunkline.events import ModelResponse
from trunkline.items import (
    FunctionTool,
    Image,
    Item,
    Message,
    OtherItem,
    Reasoning,
    Text,
    ToolCall,
    ToolOutput,
)
from trunkline.request import ModelRequest, ModelSettings


def say(role: str, *texts: str) -> Message:
    return Message(role=role, parts=[Text(text=text) for text in texts])  # type: ignore[arg-type]  # one of the roles


def asked(*items: Item, context_tokens: int | None = None, instructions: str | None = None) -> ModelRequest:
    request = ModelRequest(
        model="m",
        items=list(items),
        instructions=instructions,
        tools=[FunctionTool(name="look")],
        settings=ModelSettings(temperature=0.1, service_tier="flex"),
    )
    return ask_for_summary(request, context_tokens)


def transcript(request: ModelRequest) -> str:
    (message,) = request.items
    assert isinstance(message, Message)
    (part,) = message.parts
    assert isinstance(part, Text)
    return part.text


def test_the_conversation_is_one_text() -> None:
    """Messages, calls and their outputs under the names of who said them; thought is left out, pictures are named."""
    request = asked(
        say("user", "Where is it?"),
        Reasoning(summary=["hm"]),
        ToolCall(call_id="c1", name="look", arguments='{"at":"shelf"}'),
        ToolOutput(call_id="c1", output="It is there."),
        Message(role="user", parts=[Text(text="This one?"), Image(url="https://x/y.png")]),
        OtherItem(dialect="responses", type="web_search_call", value={"action": {"query": "shelves"}}),
        instructions="Be kind.",
    )
    assert transcript(request).split("\n\n") == [
        "<conversation>",
        "[system] Be kind.",
        "[user] Where is it?",
        '[assistant calls look] {"at":"shelf"}',
        "[look gives] It is there.",
        "[user] This one?\n(a picture)",
        "[assistant] (I searched the web: shelves)",
        "</conversation>",
    ]


def test_tools_and_settings_stay_behind() -> None:
    """Nothing can be called, and how to sample was said for answers."""
    request = asked(say("user", "Hi"))
    assert request.tools == []
    assert request.settings.temperature is None
    assert request.settings.service_tier == "flex"
    assert "Never answer the user" in (request.instructions or "")


@pytest.mark.parametrize("context_tokens", [2048, 8192, 32768])
def test_a_conversation_that_does_not_fit_is_cut(context_tokens: int) -> None:
    """Long results lose their middle, and what is written last is there."""
    items: list[Item] = []
    for number in range(20):
        items += [
            ToolCall(call_id=f"c{number}", name="look", arguments="{}"),
            ToolOutput(call_id=f"c{number}", output="begin " + "x" * 40_000 + " end"),
        ]
    request = asked(*items, say("user", "Well?"), context_tokens=context_tokens)
    limit = request.settings.max_output_tokens
    assert limit == context_tokens // 4
    assert estimate_input(request) + limit <= context_tokens
    assert transcript(request).endswith("[user] Well?\n\n</conversation>")
    assert "characters are left out here" in transcript(request)


def test_what_fits_is_whole() -> None:
    """Nothing is cut without need."""
    request = asked(say("user", "y" * 60_000), context_tokens=128_000)
    assert "y" * 60_000 in transcript(request)


def test_another_providers_compaction_cannot_be_compacted() -> None:
    """It says which item it is."""
    with pytest.raises(Unsupported) as caught:
        asked(say("user", "Hi"), OtherItem(dialect="responses", type="compaction", value={}))
    assert caught.value.param == "input[1]"


def test_an_item_that_nobody_knows_is_told_as_it_is() -> None:
    """New kinds of items must not be lost from the summary."""
    request = asked(OtherItem(dialect="responses", type="shell_call", value={"command": "ls"}))
    assert '[shell_call] {"command":"ls"}' in transcript(request)


def test_the_developers_words_stand() -> None:
    """They are kept in their own words; the summary of an earlier compaction is not among them."""
    items: list[Item] = [
        say("system", "Be brief."),
        say("user", "Hi"),
        say("developer", "Old words.", "Summary of the conversation so far: x"),
    ]
    assert read_standing(items) == ["Be brief.", "Old words."]


def test_the_answer_is_the_summary() -> None:
    """All text of it, without the thought before it."""
    items = [Reasoning(content=["hm"]), say("assistant", " Goals: none. ")]
    assert read_summary(ModelResponse(items=items)) == "Goals: none."


def test_no_answer_is_no_summary() -> None:
    """A compaction of nothing would lose the conversation."""
    with pytest.raises(Garbled):
        read_summary(ModelResponse(items=[Reasoning(content=["hm"])]))
