"""Lowered requests → bodies of Converse."""

import base64
from typing import Any

import msgspec
import pytest

from trunkline.capabilities import Capabilities
from trunkline.dialects.bedrock import DIALECT
from trunkline.dialects.bedrock.media import fit_name
from trunkline.dialects.bedrock.turns import DOCUMENT_ALONE
from trunkline.dialects.dialect import Written
from trunkline.dialects.turns import NO_OUTPUT, PLACEHOLDER
from trunkline.errors import InvalidRequest, Unsupported
from trunkline.items import (
    Audio,
    Carrier,
    File,
    FunctionTool,
    Image,
    Item,
    Message,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolChoice,
    ToolOutput,
)
from trunkline.request import ModelRequest, ModelSettings, ReasoningSettings, TextFormat

PLAIN = Capabilities(thinking="none")
ADAPTIVE = Capabilities(thinking="adaptive", sampling=False, max_output_tokens=64000)
MANUAL = Capabilities(thinking="manual", max_output_tokens=64000)
ANY_OBJECT = {"type": "object", "properties": {}}
PNG = "data:image/png;base64,iVBORw0KGgo="


def user(*parts: Part | str) -> Message:
    return Message(role="user", parts=[Text(text=part) if isinstance(part, str) else part for part in parts])


def said(*texts: str) -> Message:
    return Message(role="assistant", parts=[Text(text=text) for text in texts])


def call(call_id: str = "c1", name: str = "f", arguments: str = "{}") -> ToolCall:
    return ToolCall(call_id=call_id, name=name, arguments=arguments)


def gave(output: str | list[Part], call_id: str = "c1", **members: Any) -> ToolOutput:
    return ToolOutput(call_id=call_id, output=output, **members)


def written(items: list[Item], capabilities: Capabilities = PLAIN, **members: Any) -> Written:
    return DIALECT.write_request(ModelRequest(model="m", items=items, **members), capabilities)


def body(items: list[Item], capabilities: Capabilities = PLAIN, **members: Any) -> dict[str, Any]:
    return written(items, capabilities, **members).body


def with_settings(capabilities: Capabilities = PLAIN, **settings: Any) -> Written:
    return written([user("Hi")], capabilities, settings=ModelSettings(**settings))


# --- turns --------------------------------------------------------------------------------------------------------


def test_a_plain_question() -> None:
    """Model and streaming stand in the path, and nothing is sent that was not asked."""
    assert body([user("Hi")], stream=True) == {"messages": [{"role": "user", "content": [{"text": "Hi"}]}]}


def test_a_turn_is_one() -> None:
    """T-35, T-37: thought, text and calls are one turn; all results come first in the next, in the order of calls."""
    thought = Carrier("bedrock", "signature", {"text": "Hm", "signature": "S"})
    messages = body(
        [
            user("Hi"),
            Reasoning(summary=["Hm"], carrier=thought),
            said("Let me see."),
            call("c1", "f", '{"x":1}'),
            call("c2", "g"),
            user("And?"),
            gave("two", "c2"),
            gave("one", "c1"),
        ]
    )["messages"]
    assert messages[1:] == [
        {
            "role": "assistant",
            "content": [
                {"reasoningContent": {"reasoningText": {"text": "Hm", "signature": "S"}}},
                {"text": "Let me see."},
                {"toolUse": {"toolUseId": "c1", "name": "f", "input": {"x": 1}}},
                {"toolUse": {"toolUseId": "c2", "name": "g", "input": {}}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"toolResult": {"toolUseId": "c1", "content": [{"text": "one"}]}},
                {"toolResult": {"toolUseId": "c2", "content": [{"text": "two"}]}},
                {"text": "And?"},
            ],
        },
    ]


def test_thought_in_its_order() -> None:
    """T-45: each step where it stood, what is redacted too."""
    steps: list[Item] = [
        Reasoning(carrier=Carrier("bedrock", "signature", {"text": "", "signature": "S0"})),
        Reasoning(carrier=Carrier("bedrock", "redacted", "UkVE")),
        said("a"),
        call("c1"),
        gave("1", "c1"),
    ]
    content = body([user("Hi"), *steps])["messages"][1]["content"]
    assert [next(iter(block)) for block in content] == ["reasoningContent", "reasoningContent", "text", "toolUse"]
    assert content[1] == {"reasoningContent": {"redactedContent": "UkVE"}}


def test_anybody_elses_thought_is_left_out() -> None:
    """T-44."""
    others = [Reasoning(summary=["x"]), Reasoning(carrier=Carrier("messages", "signature", {"signature": "S"}))]
    assert body([user("Hi"), *others, said("Hello"), user("And?")])["messages"][1]["content"] == [{"text": "Hello"}]


def test_no_empty_text() -> None:
    """T-34: neither from what was said nor from what a tool gave."""
    items = [user("Hi", " "), said(""), call(), gave(""), user("")]
    messages = body(items)["messages"]
    assert messages == [
        {"role": "user", "content": [{"text": "Hi"}]},
        {"role": "assistant", "content": [{"toolUse": {"toolUseId": "c1", "name": "f", "input": {}}}]},
        {"role": "user", "content": [{"toolResult": {"toolUseId": "c1", "content": [{"text": NO_OUTPUT}]}}]},
    ]


def test_a_refusal_in_the_history_is_text() -> None:
    """T-34."""
    refusal = Message(role="assistant", parts=[Refusal(refusal="I cannot.")])
    assert body([user("Hi"), refusal, user("Oh")])["messages"][1]["content"] == [{"text": "I cannot."}]


def test_a_prefill_has_no_white_space_at_its_end() -> None:
    """T-34."""
    assert body([user("Hi"), said("It is ")])["messages"][-1]["content"] == [{"text": "It is"}]


def test_the_first_turn_is_the_users() -> None:
    """T-57: one stands in for a user who has not spoken, and turns of one side are one turn."""
    messages = body([said("Hello"), user("a"), user("b")])["messages"]
    assert [message["role"] for message in messages] == ["user", "assistant", "user"]
    assert messages[0]["content"] == [{"text": PLACEHOLDER}]
    assert messages[2]["content"] == [{"text": "a"}, {"text": "b"}]


def test_system_text_is_hoisted() -> None:
    """T-55: wherever it stood, after the instructions."""
    middle = Message(role="developer", parts=[Text(text="Be kind.")])
    assert body([user("Hi"), middle], instructions="Be brief.")["system"] == [
        {"text": "Be brief."},
        {"text": "Be kind."},
    ]


def test_ids_that_the_wire_refuses() -> None:
    """They are made fit, the same for call and result, and one that came twice is told apart."""
    long = "call:" + "x" * 80
    messages = body(
        [user("Hi"), call(long), gave("1", long), call("a b"), call("a b"), gave("2", "a b"), gave("3", "a b")]
    )["messages"]
    ids = [block["toolUse"]["toolUseId"] for m in messages for block in m["content"] if "toolUse" in block]
    results = [block["toolResult"]["toolUseId"] for m in messages for block in m["content"] if "toolResult" in block]
    assert ids == results
    assert len(set(ids)) == 3
    assert all(len(id) <= 64 for id in ids)


# --- media --------------------------------------------------------------------------------------------------------


def test_a_picture_in_a_tools_output() -> None:
    """T-38: as a picture, never as text; and an error is said to be one."""
    result = gave([Text(text="see"), Image(url=PNG)], is_error=True)
    block = body([user("Hi"), call(), result])["messages"][2]["content"][0]["toolResult"]
    assert block["content"] == [{"text": "see"}, {"image": {"format": "png", "source": {"bytes": "iVBORw0KGgo="}}}]
    assert block["status"] == "error"


def test_documents() -> None:
    """T-86: by format and a name in the few letters that the wire takes, each its own, beside some text."""
    pdf = f"data:application/pdf;base64,{base64.b64encode(b'%PDF-1.4').decode()}"
    text = f"data:text/plain;base64,{base64.b64encode(b'hello').decode()}"
    content = body(
        [
            user(
                File(data=pdf, filename="Q3_report:v2.pdf"),
                File(data=pdf, filename="Q3 report v2.pdf"),
                File(data=text),
            )
        ]
    )["messages"][0]["content"]
    assert [block.get("document", {}).get("name") for block in content] == [
        "Q3 report v2",
        "Q3 report v2 (2)",
        "document",
        None,
    ]
    assert [block["document"]["format"] for block in content[:3]] == ["pdf", "pdf", "txt"]
    assert content[3] == {"text": DOCUMENT_ALONE}


@pytest.mark.parametrize(
    ("name", "fitted"),
    [
        ("a.pdf", "a"),
        ("/x/é_ü.txt", "document"),
        ("A  [b] (c)-1.x", "A [b] (c)-1"),
        ("", "document"),
        ("x" * 300, "x" * 190),
    ],
)
def test_fit_name(name: str, fitted: str) -> None:
    """Letters, digits, single spaces, hyphens, parentheses and brackets."""
    assert fit_name(name) == fitted


def test_media_in_s3() -> None:
    """By its place, which the provider reads itself."""
    content = body([user("x", Image(url="s3://b/a.JPG"), File(url="s3://b/c.docx"))])["messages"][0]["content"]
    assert content[1] == {"image": {"format": "jpeg", "source": {"s3Location": {"uri": "s3://b/a.JPG"}}}}
    assert content[2]["document"]["format"] == "docx"
    assert content[2]["document"]["source"] == {"s3Location": {"uri": "s3://b/c.docx"}}


@pytest.mark.parametrize(
    "part",
    [
        Image(url="https://x.test/a.png"),
        Image(file_id="file_1"),
        File(url="https://x.test/a.pdf"),
        File(file_id="file_1"),
        Audio(data="AAAA", format="wav"),
        Image(url="data:image/svg+xml;base64,PHN2Zz4="),
        File(data="data:application/zip;base64,UEsDBA=="),
        File(data="data:application/pdf;base64,!!"),
    ],
)
def test_media_that_the_wire_has_no_words_for(part: Part) -> None:
    """T-87: a clear error, before anything is sent."""
    with pytest.raises((InvalidRequest, Unsupported)):
        body([user(part)])


# --- tools --------------------------------------------------------------------------------------------------------

TOOL = FunctionTool(name="f", description="d", parameters={"type": "object", "properties": {"x": {"type": "string"}}})


def test_tools() -> None:
    """T-63, T-64: schemas untouched, nothing added; what is no object's schema takes anything."""
    bare = FunctionTool(name="g", parameters={"type": "array"})
    config = body([user("Hi")], tools=[TOOL, bare])["toolConfig"]
    assert config == {
        "tools": [
            {"toolSpec": {"name": "f", "description": "d", "inputSchema": {"json": TOOL.parameters}}},
            {"toolSpec": {"name": "g", "inputSchema": {"json": ANY_OBJECT}}},
        ]
    }


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (ToolChoice(mode="auto"), None),
        (ToolChoice(mode="required"), {"any": {}}),
        (ToolChoice(mode="tool", name="f"), {"tool": {"name": "f"}}),
    ],
)
def test_tool_choice(choice: ToolChoice, expected: Any) -> None:
    """As the wire spells it."""
    assert body([user("Hi")], tools=[TOOL], tool_choice=choice)["toolConfig"].get("toolChoice") == expected


def test_no_choice_of_none() -> None:
    """The tools are withheld."""
    assert "toolConfig" not in body([user("Hi")], tools=[TOOL], tool_choice=ToolChoice(mode="none"))


@pytest.mark.parametrize("tools", [[], [TOOL]])
def test_a_history_with_calls_declares_their_tools(tools: list[Any]) -> None:
    """T-33: without tools in the request, or with none to choose from: the known as they are, others with any input."""
    members = {"tools": tools, "tool_choice": ToolChoice(mode="none")} if tools else {}
    history: list[Item] = [user("Hi"), call("c1", "f"), call("c2", "old"), gave("1", "c1"), gave("2", "c2")]
    config = body(history, **members)["toolConfig"]
    assert [tool["toolSpec"]["name"] for tool in config["tools"]] == ["f", "old"]
    assert config["tools"][1]["toolSpec"]["inputSchema"] == {"json": ANY_OBJECT}
    assert config["tools"][0]["toolSpec"]["inputSchema"]["json"] == (TOOL.parameters if tools else ANY_OBJECT)
    assert "toolChoice" not in config


def test_strict_where_the_schema_is_fit_for_it() -> None:
    """Else it is left out, and said once."""
    closed = {"type": "object", "properties": {}, "additionalProperties": False}
    open_ended = {"type": "object", "properties": {"x": {"type": "string", "pattern": "a+"}}}
    tools = [
        FunctionTool(name=name, parameters=schema, strict=True) for name, schema in (("a", closed), ("b", open_ended))
    ]
    result = written([user("Hi")], tools=[*tools, tools[1]])
    assert [tool["toolSpec"].get("strict") for tool in result.body["toolConfig"]["tools"]] == [True, None]
    assert result.dropped == ["tools.strict"]


# --- thinking -----------------------------------------------------------------------------------------------------


def test_adaptive_thinking() -> None:
    """The effort has a field of its own, the kind of thinking is the model's."""
    asked = body([user("Hi")], ADAPTIVE, reasoning=ReasoningSettings(effort="high", summary="auto"))
    assert asked["additionalModelRequestFields"] == {"thinking": {"type": "adaptive", "display": "summarized"}}
    assert asked["outputConfig"] == {"effort": "high"}
    assert "inferenceConfig" not in asked


def test_a_thinking_budget() -> None:
    """It is part of the limit, which is raised for it."""
    asked = body(
        [user("Hi")], MANUAL, reasoning=ReasoningSettings(effort="low"), settings=ModelSettings(max_output_tokens=1000)
    )
    assert asked["additionalModelRequestFields"] == {"thinking": {"type": "enabled", "budget_tokens": 2048}}
    assert asked["inferenceConfig"] == {"maxTokens": 3048}


def test_a_forced_tool_hushes() -> None:
    """T-62: thought gives way, and that is said."""
    result = written(
        [user("Hi")],
        MANUAL,
        tools=[TOOL],
        tool_choice=ToolChoice(mode="required"),
        reasoning=ReasoningSettings(effort="high"),
    )
    assert "additionalModelRequestFields" not in result.body
    assert result.dropped == ["effort"]


def test_lost_thought_hushes() -> None:
    """Calls that came back without the thought before them would be refused by a model that thinks on."""
    result = written([user("Hi"), call(), gave("1")], MANUAL, reasoning=ReasoningSettings(effort="high"))
    assert "additionalModelRequestFields" not in result.body
    assert result.dropped == ["effort"]


# --- the rest -----------------------------------------------------------------------------------------------------


def test_settings() -> None:
    """Each under the wire's own name."""
    result = with_settings(
        max_output_tokens=5, temperature=0.5, stop=["END"], top_k=7, service_tier="flex", metadata={"team": "a b"}
    )
    del result.body["messages"]
    assert result.body == {
        "inferenceConfig": {"maxTokens": 5, "temperature": 0.5, "stopSequences": ["END"]},
        "additionalModelRequestFields": {"top_k": 7},
        "additionalModelResponseFieldPaths": ["/stop_sequence"],
        "serviceTier": {"type": "flex"},
        "requestMetadata": {"team": "a b"},
    }
    assert result.dropped == []


@pytest.mark.parametrize(
    ("capabilities", "settings", "inference", "dropped"),
    [
        (PLAIN, {"temperature": 1.5}, {"temperature": 1.0}, ["temperature"]),
        (PLAIN, {"temperature": 0.1, "top_p": 0.2}, {"temperature": 0.1, "topP": 0.2}, []),
        (MANUAL, {"temperature": 0.1, "top_p": 0.2}, {"temperature": 0.1}, ["top_p"]),
        (ADAPTIVE, {"temperature": 0.1, "top_k": 3}, None, ["temperature", "top_k"]),
        (ADAPTIVE, {"temperature": 1, "top_p": 1}, None, []),
        (PLAIN, {"service_tier": "scale"}, None, ["service_tier"]),
        (PLAIN, {"service_tier": "auto"}, None, []),
        (PLAIN, {"metadata": {"a": "<x>"}}, None, ["metadata"]),
        (PLAIN, {"metadata": {f"k{number}": "v" for number in range(17)}}, None, ["metadata"]),
    ],
)
def test_settings_that_do_not_fit(
    capabilities: Capabilities, settings: dict[str, Any], inference: Any, dropped: list[str]
) -> None:
    """T-76: left out or cut, and said."""
    result = with_settings(capabilities, **settings)
    assert result.body.get("inferenceConfig") == inference
    assert result.dropped == dropped


def test_a_schema_is_json_in_a_string() -> None:
    """T-72: narrowed as the models of this maker want it."""
    schema = {"type": "object", "properties": {"x": {"type": "integer", "minimum": 3}}, "required": ["x"]}
    format = TextFormat(type="json_schema", name="n", schema=schema, strict=True, description="d")
    shape = body([user("Hi")], text_format=format)["outputConfig"]["textFormat"]
    assert shape["type"] == "json_schema"
    kept = shape["structure"]["jsonSchema"]
    assert (kept["name"], kept["description"]) == ("n", "d")
    narrowed = msgspec.json.decode(kept["schema"])
    assert narrowed["additionalProperties"] is False
    assert narrowed["properties"]["x"]["description"] == "(minimum: 3)"


def test_fields_that_the_model_is_known_to_take() -> None:
    """A vendor's field that lowering let through is the model's own."""
    assert body([user("Hi")], unknown={"top_a": 1})["additionalModelRequestFields"] == {"top_a": 1}
