"""A body for a Responses upstream, written."""

from typing import Any

import pytest
from responses_wire import read, seal, unseal, write

from trunkline.capabilities import Capabilities
from trunkline.dialects.openai_responses import DIALECT
from trunkline.items import (
    Carrier,
    CustomTool,
    FunctionTool,
    Image,
    Message,
    OtherTool,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolChoice,
    ToolOutput,
)
from trunkline.request import ModelRequest, ModelSettings, ReasoningSettings, TextFormat


def written_input(*items: Any) -> list[dict[str, Any]]:
    return write(ModelRequest(model="m", items=list(items)))["input"]


def test_fr11_no_tools_are_invented() -> None:
    """FR-11: without tools there is no word about tools."""
    request = ModelRequest(
        model="m",
        items=[],
        tool_choice=ToolChoice(mode="auto"),
        settings=ModelSettings(parallel_tool_calls=False),
    )
    assert not {"tools", "tool_choice", "parallel_tool_calls"} & set(write(request))


def test_nothing_is_kept_upstream_unasked() -> None:
    """Callers of other APIs expect nothing stored."""
    assert write(ModelRequest(model="m", items=[])) == {"model": "m", "input": [], "store": False}


@pytest.mark.parametrize(
    "request_",
    [
        ModelRequest(model="m", items=[], reasoning=ReasoningSettings(effort="low")),
        ModelRequest(model="m", items=[Reasoning()]),
    ],
)
def test_reasoning_that_is_not_kept_comes_encrypted(request_: ModelRequest) -> None:
    """What is not stored must be handed back whole, so it is asked for where the model may think."""
    assert write(request_)["include"] == ["reasoning.encrypted_content"]


def test_no_encrypted_reasoning_without_reasoning() -> None:
    """Who does not want thought does not ask for it."""
    assert "include" not in write(ModelRequest(model="m", items=[], reasoning=ReasoningSettings(effort="none")))


def test_what_a_target_refuses_is_left_out_and_said() -> None:
    """A field that the target answers with an error does not go there."""
    request = ModelRequest(model="m", items=[], settings=ModelSettings(temperature=1, metadata={"a": "b"}))
    result = DIALECT.write_request(request, Capabilities(refuses=frozenset({"metadata", "top_p"})))
    assert "metadata" not in result.body
    assert result.dropped == ["metadata"]


def test_a_wish_to_store_is_passed_on() -> None:
    """Who asks for storage gets it, and no encrypted reasoning."""
    body = write(ModelRequest(model="m", items=[], settings=ModelSettings(store=True), stream=True))
    assert body == {"model": "m", "input": [], "store": True, "stream": True}


@pytest.mark.parametrize(("asked", "sent"), [(1, 16), (15, 16), (50, 50), (None, None)])
def test_fr40_small_limits_are_raised(asked: int | None, sent: int | None) -> None:
    """FR-40: a probe of one token is no error."""
    request = ModelRequest(model="m", items=[], settings=ModelSettings(max_output_tokens=asked))
    assert write(request).get("max_output_tokens") == sent


@pytest.mark.parametrize(
    ("tool", "wire"),
    [
        (
            FunctionTool(name="f"),
            {"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}, "strict": False},
        ),
        (
            FunctionTool(name="f", description="d", parameters={"$ref": "#/$defs/a"}, strict=True),
            {"type": "function", "name": "f", "description": "d", "parameters": {"$ref": "#/$defs/a"}, "strict": True},
        ),
        (CustomTool(name="p"), {"type": "custom", "name": "p"}),
        (OtherTool(dialect="responses", type="shell", value={"type": "shell"}), {"type": "shell"}),
    ],
)
def test_t63_tools_get_no_invented_members(tool: Any, wire: dict[str, Any]) -> None:
    """T-63: no description is made up, and left-out strictness stays off, since here silence would mean on."""
    assert write(ModelRequest(model="m", items=[], tools=[tool]))["tools"] == [wire]


def test_t78_logprobs_are_asked_for_in_this_wires_way() -> None:
    """T-78: Chat's flag becomes an entry of `include`."""
    body = write(ModelRequest(model="m", items=[], settings=ModelSettings(logprobs=True, top_logprobs=2, store=True)))
    assert body["include"] == ["message.output_text.logprobs"]
    assert body["top_logprobs"] == 2


def test_a_schema_without_a_name_gets_one() -> None:
    """Other wires name no schema; this one demands it."""
    text_format = TextFormat(type="json_schema", schema={"type": "object"})
    body = write(ModelRequest(model="m", items=[], text_format=text_format))
    assert body["text"]["format"] == {"type": "json_schema", "name": "answer", "schema": {"type": "object"}}


def test_models_that_do_not_think() -> None:
    """Those are asked nothing of it, which they refuse, and it is said."""
    request = ModelRequest(model="m", items=[], reasoning=ReasoningSettings(effort="high", summary="auto"))
    result = DIALECT.write_request(request, Capabilities(effort=False))
    assert result.body.keys().isdisjoint({"reasoning", "include"})
    assert result.dropped == ["effort", "summary"]


@pytest.mark.parametrize(("budget", "effort"), [(1024, "minimal"), (5000, "medium"), (20000, "high"), (60000, "xhigh")])
def test_a_thinking_budget_becomes_an_effort(budget: int, effort: str) -> None:
    """An explicit budget has no field here: the nearest effort stands for it."""
    body = write(ModelRequest(model="m", items=[], reasoning=ReasoningSettings(budget_tokens=budget)))
    assert body["reasoning"] == {"effort": effort}


def test_vendor_settings_go_only_to_who_takes_them() -> None:
    """A field that OpenAI does not have is sent where the target is known to have it."""
    request = ModelRequest(model="m", items=[], settings=ModelSettings(top_k=3), unknown={"repetition_penalty": 2})
    assert "top_k" not in write(request)
    body = write(request, fields=frozenset({"top_k"}))
    assert (body["top_k"], body["repetition_penalty"]) == (3, 2)


def test_messages_are_written() -> None:
    """Plain text stays easy; parts are input for people and output for the model."""
    assert written_input(
        Message(role="user", parts=[Text(text="a")]),
        Message(role="user", parts=[Text(text="a"), Image(url="data:image/png;base64,AA")]),
        Message(role="assistant", parts=[Text(text="b"), Refusal(refusal="no")]),
        Message(role="assistant", parts=[Text(text="c")], id="msg_1", phase="commentary"),
        Message(role="assistant", parts=[Text(text="d")], id="chatcmpl-1"),
        Message(role="developer", parts=[Text(text="e")]),
    ) == [
        {"type": "message", "role": "user", "content": "a"},
        {
            "type": "message",
            "role": "user",
            "content": [
                {"type": "input_text", "text": "a"},
                {"type": "input_image", "image_url": "data:image/png;base64,AA", "detail": "auto"},
            ],
        },
        {
            "type": "message",
            "role": "assistant",
            "content": [
                {"type": "output_text", "text": "b", "annotations": [], "logprobs": []},
                {"type": "refusal", "refusal": "no"},
            ],
        },
        {
            "type": "message",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "c", "annotations": [], "logprobs": []}],
            "id": "msg_1",
            "phase": "commentary",
            "status": "completed",
        },
        {"type": "message", "role": "assistant", "content": "d"},
        {"type": "message", "role": "developer", "content": "e"},
    ]


def test_t38_a_tools_picture_stays_a_picture() -> None:
    """T-38: a tool's output may hold parts, and never base64 as text."""
    output = ToolOutput(call_id="c", output=[Text(text="t"), Image(url="https://x/y.png")])
    assert written_input(ToolCall(call_id="c", name="f", arguments="{}"), output) == [
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        {
            "type": "function_call_output",
            "call_id": "c",
            "output": [
                {"type": "input_text", "text": "t"},
                {"type": "input_image", "image_url": "https://x/y.png", "detail": "auto"},
            ],
        },
    ]


def test_t34_a_tool_that_gave_nothing_gave_the_empty_text() -> None:
    """T-34: as a Messages caller may say it by an empty list."""
    call = ToolCall(call_id="c", name="f", arguments="{}")
    _, written = written_input(call, ToolOutput(call_id="c", output=[]))
    assert written["output"] == ""


def test_t50_reasoning_goes_back_under_its_own_id() -> None:
    """T-50: encrypted content returns byte for byte, under the id that it is bound to, not under ours."""
    carrier = Carrier("responses", "encrypted_content", {"id": "rs_up", "encrypted_content": "gAAA"})
    assert written_input(Reasoning(summary=["s"], carrier=carrier, id="rs_ours")) == [
        {
            "type": "reasoning",
            "id": "rs_up",
            "summary": [{"type": "summary_text", "text": "s"}],
            "encrypted_content": "gAAA",
        }
    ]


@pytest.mark.parametrize("carrier", [None, Carrier("messages", "signature", "SIG")])
def test_t44_foreign_reasoning_is_left_out_alone(carrier: Carrier | None) -> None:
    """T-44: reasoning that this family did not make is left out, with nothing else, and that is said."""
    items = [Reasoning(content=["hm"], carrier=carrier), Message(role="assistant", parts=[Text(text="a")])]
    result = DIALECT.write_request(ModelRequest(model="m", items=list(items)), Capabilities())
    assert [item["type"] for item in result.body["input"]] == ["message"]
    assert result.dropped == ["reasoning"]


def test_what_the_wire_cannot_say_is_reported() -> None:
    """A failed tool and a speaker's name have no field here."""
    items = [
        Message(role="user", name="bob", parts=[Text(text="a")]),
        ToolOutput(call_id="c", output="x", is_error=True),
    ]
    assert DIALECT.write_request(ModelRequest(model="m", items=list(items)), Capabilities()).dropped == [
        "name",
        "is_error",
    ]


def test_a_calls_carrier_comes_back_to_its_call() -> None:
    """A call's opaque value travels in a reasoning item of its own, and is taken out of it again."""
    inner = Carrier("gemini", "tool_call", {"call_id": "c", "kind": "thought_signature", "payload": "SIG"})
    items = read(
        {
            "input": [
                {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": seal(inner)},
                {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
            ]
        }
    ).items
    carrier = Carrier("gemini", "thought_signature", "SIG")
    assert items == [ToolCall(call_id="c", name="f", arguments="{}", carrier=carrier)]


def test_what_is_read_is_written_again() -> None:
    """The same dialect out returns every item and extra that came in."""
    wire = [
        {"type": "message", "role": "user", "content": "q", "extra": 1},
        {
            "type": "function_call",
            "id": "fc_1",
            "call_id": "c",
            "name": "f",
            "arguments": "{}",
            "caller": {"type": "direct"},
        },
        {"type": "function_call_output", "call_id": "c", "output": "o"},
        {"type": "custom_tool_call", "id": "ctc_1", "call_id": "d", "name": "p", "input": "raw"},
        {"type": "custom_tool_call_output", "call_id": "d", "output": "o"},
        {"type": "shell_call", "id": "sh_1", "action": {}},
    ]
    extras = {"context_management": [{"type": "compaction"}], "moderation": {"model": "m"}}
    request = DIALECT.read_request({"model": "m", "input": wire, **extras}, unseal)
    body = write(request)
    assert body["input"] == wire
    assert {name: body[name] for name in extras} == extras
