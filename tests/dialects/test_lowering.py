"""What a target cannot hold is mapped, dropped and said, or refused: never lost."""

from typing import Any

import pytest

from trunkline.capabilities import Capabilities
from trunkline.clock import CountingMint
from trunkline.dialects.lowering import Lowering, lower, short_id
from trunkline.errors import InvalidRequest, TrunklineError, UnknownParameter, Unsupported
from trunkline.items import (
    Carrier,
    FunctionTool,
    Item,
    Message,
    OtherItem,
    OtherTool,
    Reasoning,
    Text,
    ToolCall,
    ToolChoice,
    ToolOutput,
)
from trunkline.request import ModelRequest, ModelSettings, ReasoningSettings

HELLO: Item = Message(role="user", parts=[Text(text="hello")])


def lowered(
    request: ModelRequest, caller: str = "responses", upstream: str = "chat", **capabilities: Any
) -> tuple[ModelRequest, Lowering]:
    return lower(request, caller, upstream, Capabilities(**capabilities), CountingMint())


def ask(**fields: Any) -> ModelRequest:
    return ModelRequest(model="m", items=fields.pop("items", [HELLO]), **fields)


def test_a_plain_request_is_left_as_it_is() -> None:
    """Nothing to lower: the same request, nothing reported."""
    request = ask(settings=ModelSettings(temperature=0.5))
    assert lowered(request)[0] == request
    assert lowered(request)[1].dropped == []


def test_a_hint_that_has_no_home_is_dropped_and_said_in_the_callers_words() -> None:
    """Responses calls it `text.verbosity`."""
    request, lowering = lowered(ask(settings=ModelSettings(verbosity="low", metadata={"a": "b"})))
    assert request.settings == ModelSettings()
    assert lowering.dropped == ["text.verbosity", "metadata"]


def test_a_hint_is_kept_for_a_target_that_takes_it() -> None:
    """`Capabilities.fields` beats the table."""
    request, lowering = lowered(ask(settings=ModelSettings(verbosity="low")), fields=frozenset({"verbosity"}))
    assert request.settings.verbosity == "low"
    assert lowering.dropped == []


def test_what_changes_the_answer_is_refused_by_name() -> None:
    """Stop sequences cannot be left out in silence."""
    with pytest.raises(Unsupported) as caught:
        lowered(ask(settings=ModelSettings(stop=["END"])), caller="messages", upstream="responses")
    assert caught.value.param == "stop_sequences"


@pytest.mark.parametrize(
    "settings", [ModelSettings(n=1), ModelSettings(truncation="disabled", store=False), ModelSettings(top_logprobs=0)]
)
def test_values_that_ask_for_nothing_are_passed_over(settings: ModelSettings) -> None:
    """They neither reach the target nor are reported."""
    request, lowering = lowered(ask(settings=settings), caller="chat", upstream="messages")
    assert request.settings == ModelSettings()
    assert lowering.dropped == []


def test_more_than_one_choice_is_refused() -> None:
    """A neutral reply holds one."""
    with pytest.raises(Unsupported, match="`n`"):
        lowered(ask(settings=ModelSettings(n=2)), caller="chat", upstream="messages")


def test_a_vendor_field_is_carried_where_it_is_known() -> None:
    """`top_k` to a target that takes it."""
    request, _ = lowered(ask(unknown={"repetition_penalty": 1.1}), fields=frozenset({"repetition_penalty"}))
    assert request.unknown == {"repetition_penalty": 1.1}


def test_a_field_that_nobody_knows_is_refused() -> None:
    """A typo must not be lost."""
    with pytest.raises(UnknownParameter, match="temprature") as caught:
        lowered(ask(unknown={"temprature": 1}))
    assert caught.value.param == "temprature"


def test_a_call_without_its_output_is_refused() -> None:
    """FR-16: the provider would answer with a riddle."""
    with pytest.raises(InvalidRequest, match="No tool output found for function call c1"):
        lowered(ask(items=[HELLO, ToolCall(call_id="c1", name="f", arguments="{}")]))


def test_an_output_without_its_call_is_refused() -> None:
    """Nor is the other half of a pair enough."""
    with pytest.raises(InvalidRequest, match="No tool call found for function call output with call_id c1"):
        lowered(ask(items=[HELLO, ToolOutput(call_id="c1", output="1")]))


@pytest.mark.parametrize(
    ("caller", "items", "said", "param"),
    [
        (
            "chat",
            [ToolCall(call_id="c1", name="f", arguments="{}")],
            "no tool message for the tool call 'c1'",
            "messages",
        ),
        ("chat", [ToolOutput(call_id="c1", output="1")], "a tool message for `tool_call_id` 'c1'", "messages"),
        (
            "messages",
            [ToolCall(call_id="c1", name="f", arguments="{}")],
            "no `tool_result` for the `tool_use`",
            "messages",
        ),
        ("messages", [ToolOutput(call_id="c1", output="1")], "a `tool_result` for `tool_use_id` 'c1'", "messages"),
        ("responses", [ToolOutput(call_id="c" * 9999, output="1")], "with call_id c{64}\\.$", "input"),
    ],
)
def test_half_a_pair_is_named_in_the_callers_words(caller: str, items: list[Item], said: str, param: str) -> None:
    """And no id of any length is given back."""
    with pytest.raises(InvalidRequest, match=said) as caught:
        lowered(ask(items=[HELLO, *items]), caller=caller)
    assert caught.value.param == param


def test_another_familys_seal_is_left_out() -> None:
    """Towards another family reasoning loses what is opaque, and the caller is told."""
    thought = Reasoning(summary=["hm"], carrier=Carrier("messages", "signature", {}))
    request, lowering = lowered(ask(items=[HELLO, thought]))
    assert request.items[1] == Reasoning(summary=["hm"])
    assert lowering.dropped == ["reasoning"]


def test_its_own_seal_goes_back_to_the_family() -> None:
    """The same family gets it whole."""
    thought = Reasoning(carrier=Carrier("messages", "redacted", "x"))
    assert lowered(ask(items=[HELLO, thought]), upstream="messages")[0].items[1] == thought


def test_a_tool_that_the_target_lacks_is_refused_by_its_place() -> None:
    """The second of two tools is `tools[1]`."""
    search = OtherTool(dialect="responses", type="web_search", value={"type": "web_search"})
    with pytest.raises(Unsupported, match="web_search") as caught:
        lowered(ask(tools=[FunctionTool(name="f"), search]))
    assert caught.value.param == "tools[1]"
    assert caught.value.code == "unsupported_tool"


def test_an_item_of_another_dialect_is_refused_by_its_place() -> None:
    """A hosted call in the history means something that this target cannot be told."""
    with pytest.raises(Unsupported) as caught:
        lowered(ask(items=[HELLO, OtherItem(dialect="responses", type="item_reference", value={"id": "x"})]))
    assert caught.value.param == "input[1]"


def test_a_forced_tool_must_be_there() -> None:
    """A name that is not among the tools is the caller's slip."""
    with pytest.raises(InvalidRequest, match="`g`"):
        lowered(ask(tools=[FunctionTool(name="f")], tool_choice=ToolChoice(mode="tool", name="g")))


def test_an_effort_without_a_dial_is_dropped() -> None:
    """The SDKs send one unasked."""
    request, lowering = lowered(ask(reasoning=ReasoningSettings(effort="none")), effort=False)
    assert request.reasoning == ReasoningSettings()
    assert lowering.dropped == ["reasoning.effort"]


@pytest.mark.parametrize("name", ["previous_response_id", "conversation", "prompt"])
def test_state_is_refused_by_name(name: str) -> None:
    """Until there is a store."""
    refused: TrunklineError
    with pytest.raises(Unsupported) as caught:
        lowered(ask(**{name: "x"}))
    refused = caught.value
    assert refused.param == name


def test_short_ids_are_stable_and_apart() -> None:
    """The same id makes the same short one, another makes another, and one that fits is left alone."""
    ids = {short_id(f"call_{number}", 9) for number in range(1000)}
    assert len(ids) == 1000
    assert all(len(name) == 9 and name.isalnum() for name in ids)
    assert short_id("abcDEF123", 9) == "abcDEF123"


def test_call_ids_are_shortened_in_pairs() -> None:
    """A call and its output keep naming each other."""
    request, _ = lowered(
        ask(
            items=[HELLO, ToolCall(call_id="call_1", name="f", arguments="{}"), ToolOutput(call_id="call_1", output="")]
        ),
        call_id_digits=9,
    )
    call, output = request.items[1:]
    assert isinstance(call, ToolCall)
    assert isinstance(output, ToolOutput)
    assert call.call_id == output.call_id == short_id("call_1", 9)
