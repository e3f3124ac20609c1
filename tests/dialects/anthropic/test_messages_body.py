"""A body for an Anthropic upstream, written."""

from typing import Any

import pytest
from messages_wire import unseal

from trunkline.capabilities import Capabilities
from trunkline.dialects.anthropic import DIALECT
from trunkline.dialects.anthropic.schema import narrow_schema
from trunkline.dialects.dialect import Written
from trunkline.dialects.turns import PLACEHOLDER
from trunkline.errors import InvalidRequest, Unsupported
from trunkline.items import (
    Audio,
    Carrier,
    CustomTool,
    File,
    FunctionTool,
    Image,
    Item,
    Message,
    OtherItem,
    OtherTool,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolChoice,
    ToolOutput,
)
from trunkline.request import ModelRequest, ModelSettings, ReasoningSettings, TextFormat

ADAPTIVE = Capabilities(max_output_tokens=64_000, sampling=False)
MANUAL = Capabilities(max_output_tokens=64_000, thinking="manual")
NEITHER = Capabilities(max_output_tokens=4096, thinking="none")
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL = FunctionTool(name="f", parameters=SCHEMA)


def say(role: Any, *parts: Part | str) -> Message:
    return Message(role=role, parts=[Text(text=part) if isinstance(part, str) else part for part in parts])


def write(*items: Item, capabilities: Capabilities = ADAPTIVE, **members: Any) -> Written:
    request = ModelRequest(model="claude", items=[*items] or [say("user", "Hi")], **members)
    return DIALECT.write_request(request, capabilities)


def messages(*items: Item) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = write(*items).body["messages"]
    return found


def user(*blocks: dict[str, Any] | str) -> dict[str, Any]:
    return {"role": "user", "content": [_block(block) for block in blocks]}


def assistant(*blocks: dict[str, Any] | str) -> dict[str, Any]:
    return {"role": "assistant", "content": [_block(block) for block in blocks]}


def _block(block: dict[str, Any] | str) -> dict[str, Any]:
    return {"type": "text", "text": block} if isinstance(block, str) else block


def use(id: str, name: str = "f", **input: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": id, "name": name, "input": input}


def result(id: str, content: Any = None, **members: Any) -> dict[str, Any]:
    told = {} if content is None else {"content": content}
    return {"type": "tool_result", "tool_use_id": id, **told, **members}


def call(id: str, arguments: str = "{}") -> ToolCall:
    return ToolCall(call_id=id, name="f", arguments=arguments)


HI = say("user", "Hi")


def test_fr11_the_least_body_holds_nothing_invented() -> None:
    """FR-11: no tools, no choice, no thinking, no sampling that nobody asked for."""
    assert write().body == {"model": "claude", "max_tokens": 64_000, "messages": [user("Hi")]}


def test_t77_the_limit_is_the_callers_or_the_models() -> None:
    """T-77: never a tiny constant."""
    assert write(settings=ModelSettings(max_output_tokens=5)).body["max_tokens"] == 5
    assert write().body["max_tokens"] == 64_000


# --- turns --------------------------------------------------------------------------------------------------------


def test_t37_one_turn_holds_thought_text_and_calls() -> None:
    """T-37: items of one turn are one assistant message, in order."""
    carrier = Carrier("messages", "signature", {"thinking": "t", "signature": "S"})
    items = (HI, Reasoning(summary=["t"], carrier=carrier), say("assistant", "x"), call("a", '{"q":1}'), call("b"))
    assert messages(*items, ToolOutput(call_id="a", output="1"), ToolOutput(call_id="b", output="2")) == [
        user("Hi"),
        assistant({"type": "thinking", "thinking": "t", "signature": "S"}, "x", use("a", q=1), use("b")),
        user(result("a", "1"), result("b", "2")),
    ]


def test_t45_interleaved_thought_is_replayed_in_its_order() -> None:
    """T-45: every block at its place, byte for byte."""

    def signed(signature: str) -> Reasoning:
        return Reasoning(carrier=Carrier("messages", "signature", {"thinking": "", "signature": signature}))

    red = Reasoning(carrier=Carrier("messages", "redacted", "RED"))
    items = (HI, signed("SIG0"), red, say("assistant", "x"), call("a"), signed("SIG4"), call("b"))
    turn = messages(*items, ToolOutput(call_id="a", output="1"), ToolOutput(call_id="b", output="2"))[1]["content"]
    assert turn == [
        {"type": "thinking", "thinking": "", "signature": "SIG0"},
        {"type": "redacted_thinking", "data": "RED"},
        {"type": "text", "text": "x"},
        use("a"),
        {"type": "thinking", "thinking": "", "signature": "SIG4"},
        use("b"),
    ]


def test_t44_foreign_and_unsigned_thought_is_left_out() -> None:
    """T-44: Anthropic would refuse it, so the turn goes without."""
    items = (HI, Reasoning(summary=["t"]), Reasoning(carrier=Carrier("chat", "text", "")), say("assistant", "x"), HI)
    assert messages(*items) == [user("Hi"), assistant("x"), user("Hi")]


def test_t35_results_come_first_in_the_order_of_the_calls() -> None:
    """T-35: all results of a turn stand in one message before any text."""
    items = (HI, call("a"), call("b"), say("user", "and?"))
    outputs = (ToolOutput(call_id="b", output="2"), ToolOutput(call_id="a", output="1", is_error=True))
    assert messages(*items, *outputs)[2] == user(result("a", "1", is_error=True), result("b", "2"), "and?")


def test_a_late_output_moves_to_its_call() -> None:
    """Anthropic wants every call answered in the next message."""
    items = (HI, call("a"), call("b"), ToolOutput(call_id="a", output="1"), say("assistant", "x"))
    assert messages(*items, ToolOutput(call_id="b", output="2"), HI) == [
        user("Hi"),
        assistant(use("a"), use("b")),
        user(result("a", "1"), result("b", "2")),
        assistant("x"),
        user("Hi"),
    ]


def test_calls_one_after_another_are_turns_of_their_own() -> None:
    """A loop of single calls keeps its steps."""
    items = (HI, call("a"), ToolOutput(call_id="a", output="1"), call("b"), ToolOutput(call_id="b", output="2"))
    assert [turn["role"] for turn in messages(*items)] == ["user", "assistant", "user", "assistant", "user"]


def test_t34_empty_text_makes_no_block() -> None:
    """T-34: neither in turns nor in results."""
    items = (HI, say("assistant", "", " \n"), call("a"), ToolOutput(call_id="a", output=""), say("user", "", "x"))
    assert messages(*items) == [user("Hi"), assistant(use("a")), user(result("a"), "x")]


def test_t34_a_refusal_in_the_history_is_text() -> None:
    """T-34: the model's words are kept."""
    assert messages(HI, say("assistant", Refusal(refusal="No.")), HI)[1] == assistant("No.")


def test_t34_a_prefill_does_not_end_in_white_space() -> None:
    """T-34: Anthropic refuses it."""
    assert messages(HI, say("assistant", "So: \n"))[-1] == assistant("So:")


def test_t57_neighbours_of_one_role_are_blocks_of_one_turn() -> None:
    """T-57: roles alternate, blocks stay apart."""
    assert messages(say("user", "a"), say("user", "b")) == [user("a", "b")]


@pytest.mark.parametrize("items", [(say("assistant", "Hello!"), HI), (say("user", " "),)])
def test_t57_the_first_turn_is_the_users(items: tuple[Item, ...]) -> None:
    """T-57: a placeholder stands for a user who has not spoken."""
    assert messages(*items)[0] == user(PLACEHOLDER)


def test_system_text_is_hoisted() -> None:
    """Instructions, system and developer messages stand on top, with what belongs to them."""
    cached = Text(text="B", extras={"messages": {"cache_control": {"type": "ephemeral"}}})
    body = write(say("developer", cached), HI, say("system", "C"), instructions="A").body
    assert body["system"] == [
        {"type": "text", "text": "A"},
        {"type": "text", "text": "B", "cache_control": {"type": "ephemeral"}},
        {"type": "text", "text": "C"},
    ]
    assert body["messages"] == [user("Hi")]


def test_instructions_alone_are_a_string() -> None:
    """The plain form for the plain case."""
    assert write(instructions="A").body["system"] == "A"


def test_call_ids_fit_anthropic_and_stay_pairs() -> None:
    """An id with other letters is mapped, the same each time, for the call and its result."""
    items = (HI, call("call.1|x"), ToolOutput(call_id="call.1|x", output="1"))
    first, second = messages(*items), messages(*items)
    mapped = first[1]["content"][0]["id"]
    assert first == second
    assert mapped.replace("_", "").isalnum()
    assert first[2]["content"][0]["tool_use_id"] == mapped


def test_an_id_used_twice_is_made_unique() -> None:
    """Some providers count calls anew each turn."""
    items = (HI, call("call_0"), ToolOutput(call_id="call_0", output="1"))
    again = (HI, call("call_0"), ToolOutput(call_id="call_0", output="2"))
    turns = messages(*items, *again)
    assert turns[2]["content"][0] == result("call_0", "1")
    assert turns[3]["content"] == [use("call_0_2")]
    assert turns[4]["content"] == [result("call_0_2", "2")]


def test_t38_a_picture_in_a_result_is_a_picture() -> None:
    """T-38: never base64 as text."""
    output = ToolOutput(call_id="a", output=[Text(text="see"), Image(url="data:image/png;base64,AAAA")])
    assert messages(HI, call("a"), output)[2]["content"][0]["content"] == [
        {"type": "text", "text": "see"},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
    ]


def test_own_blocks_go_back_in_place() -> None:
    """A server's tool of this very dialect is the assistant's; another dialect's item has no place."""
    value = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}
    own = OtherItem(dialect="messages", type="server_tool_use", value=value)
    foreign = OtherItem(dialect="responses", type="web_search_call", value={})
    assert messages(HI, own, foreign, HI) == [user("Hi"), assistant(value), user("Hi")]


# --- media --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("part", "source"),
    [
        (Image(url="https://x/y.png"), {"type": "url", "url": "https://x/y.png"}),
        (Image(file_id="f"), {"type": "file", "file_id": "f"}),
        (Image(url="data:image/jpg;base64,AA=="), {"type": "base64", "media_type": "image/jpeg", "data": "AA=="}),
        (
            Image(url="data:image/png;charset=utf-8;base64,AA=="),
            {"type": "base64", "media_type": "image/png", "data": "AA=="},
        ),
        (
            File(data="data:application/pdf;base64,AA=="),
            {"type": "base64", "media_type": "application/pdf", "data": "AA=="},
        ),
        (
            File(data="data:text/markdown;base64,SGk="),
            {"type": "text", "media_type": "text/plain", "data": "Hi"},
        ),
        (File(data="AA", filename="x.pdf"), {"type": "base64", "media_type": "application/pdf", "data": "AA=="}),
        (File(url="https://x/y.pdf"), {"type": "url", "url": "https://x/y.pdf"}),
        (File(file_id="f"), {"type": "file", "file_id": "f"}),
    ],
)
def test_t86_media_sources(part: Part, source: dict[str, Any]) -> None:
    """T-86: every source has its form."""
    assert messages(say("user", part))[0]["content"][0]["source"] == source


def test_t86_the_file_name_is_the_title() -> None:
    """T-86: so that the model can name it."""
    (block,) = messages(say("user", File(file_id="f", filename="report.pdf")))[0]["content"]
    assert block == {"type": "document", "source": {"type": "file", "file_id": "f"}, "title": "report.pdf"}


@pytest.mark.parametrize(
    "part",
    [
        Image(url="data:image/png,AAAA"),
        Image(url="data:image/svg+xml;base64,AAAA"),
        File(data="data:application/zip;base64,AA=="),
        File(data="AA"),
        File(data="data:text/plain;base64,A"),
    ],
)
def test_t87_media_that_anthropic_cannot_read_are_refused(part: Part) -> None:
    """T-87: a clear error, before the provider is asked."""
    with pytest.raises(InvalidRequest, match=r"must be|is of type|base64"):
        write(say("user", part))


@pytest.mark.parametrize(
    "item", [say("user", Audio(data="AA", format="wav")), say("system", Image(url="https://x/y.png"))]
)
def test_parts_without_a_place_are_refused(item: Item) -> None:
    """Sound, and pictures in system text."""
    with pytest.raises(Unsupported):
        write(item)


# --- tools --------------------------------------------------------------------------------------------------------


def test_t63_a_tool_has_only_what_was_said() -> None:
    """T-63: no empty description, no `strict`; a schema that is none becomes an open object."""
    tools = [FunctionTool(name="f"), FunctionTool(name="g", parameters={"type": "string"}), TOOL]
    assert write(tools=tools).body["tools"] == [
        {"name": "f", "input_schema": {"type": "object", "properties": {}}},
        {"name": "g", "input_schema": {"type": "object", "properties": {}}},
        {"name": "f", "input_schema": SCHEMA},
    ]


def test_t64_schemas_are_untouched() -> None:
    """T-64: references and all."""
    schema = {
        "type": "object",
        "$defs": {"a": {"const": 1}},
        "properties": {"x": {"$ref": "#/$defs/a"}},
        "$schema": "s",
    }
    assert write(tools=[FunctionTool(name="f", parameters=schema)]).body["tools"][0]["input_schema"] == schema


def test_strict_goes_out_where_the_schema_can_be_held_to() -> None:
    """A strict tool with a schema beyond Anthropic's subset would be refused, so that word is left out, and said."""
    closed = {**SCHEMA, "additionalProperties": False}
    held = write(tools=[FunctionTool(name="f", parameters=closed, strict=True)])
    assert (held.body["tools"][0]["strict"], held.dropped) == (True, [])
    loose = write(tools=[FunctionTool(name="f", parameters=SCHEMA, strict=True)])
    assert ("strict" in loose.body["tools"][0], loose.dropped) == (False, ["strict"])


def test_tools_of_this_dialect_return_verbatim() -> None:
    """A server tool, and the extras of a function."""
    value = {"type": "web_search_20250305", "name": "web_search"}
    tools = [
        OtherTool(dialect="messages", type="web_search_20250305", value=value),
        FunctionTool(name="f", parameters=SCHEMA, extras={"messages": {"cache_control": {"type": "ephemeral"}}}),
        CustomTool(name="c"),
    ]
    written = write(tools=tools).body["tools"]
    assert written[0] == value
    assert written[1]["cache_control"] == {"type": "ephemeral"}
    assert written[2]["input_schema"]["required"] == ["input"]


@pytest.mark.parametrize(
    ("choice", "parallel", "expected"),
    [
        (None, None, None),
        (ToolChoice(mode="auto"), True, None),
        (None, False, {"type": "auto", "disable_parallel_tool_use": True}),
        (ToolChoice(mode="required"), None, {"type": "any"}),
        (ToolChoice(mode="tool", name="f"), False, {"type": "tool", "name": "f", "disable_parallel_tool_use": True}),
        (ToolChoice(mode="none"), False, {"type": "none"}),
    ],
)
def test_tool_choice(choice: ToolChoice | None, parallel: bool | None, expected: dict[str, Any] | None) -> None:
    """The choice, with the switch for parallel calls inside it."""
    body = write(tools=[TOOL], tool_choice=choice, settings=ModelSettings(parallel_tool_calls=parallel)).body
    assert body.get("tool_choice") == expected


def test_a_choice_without_tools_is_not_sent() -> None:
    """FR-11: nor the switch for parallel calls."""
    body = write(tool_choice=ToolChoice(mode="auto"), settings=ModelSettings(parallel_tool_calls=False)).body
    assert "tool_choice" not in body


def test_t33_a_history_with_calls_declares_their_tools() -> None:
    """T-33: none of them may be called."""
    body = write(HI, call("a"), ToolOutput(call_id="a", output="1")).body
    assert body["tools"] == [{"name": "f", "input_schema": {"type": "object", "properties": {}}}]
    assert body["tool_choice"] == {"type": "none"}


# --- thinking -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reasoning", "thinking", "effort"),
    [
        (ReasoningSettings(effort="none"), {"type": "disabled"}, None),
        (ReasoningSettings(effort="minimal"), {"type": "adaptive"}, "low"),
        (ReasoningSettings(effort="medium"), {"type": "adaptive"}, "medium"),
        (ReasoningSettings(effort="max", summary="auto"), {"type": "adaptive", "display": "summarized"}, "max"),
        (ReasoningSettings(summary="detailed"), {"type": "adaptive", "display": "summarized"}, None),
        (ReasoningSettings(), None, None),
    ],
)
def test_adaptive_thinking(reasoning: ReasoningSettings, thinking: dict[str, Any] | None, effort: str | None) -> None:
    """An effort is Anthropic's effort; a summary is shown only when asked for."""
    body = write(reasoning=reasoning).body
    assert body.get("thinking") == thinking
    assert body.get("output_config") == ({"effort": effort} if effort else None)


@pytest.mark.parametrize(
    ("effort", "limit", "most", "budget", "max_tokens", "dropped"),
    [
        ("none", 1000, 64_000, None, 1000, []),
        ("minimal", 1000, 64_000, 1024, 2024, []),
        ("medium", 1000, 64_000, 8192, 9192, []),
        ("high", None, 64_000, 16_384, 64_000, []),
        ("high", 60_000, 64_000, 16_384, 64_000, []),
        ("max", 1000, 64_000, 16_384, 17_384, ["effort"]),
        ("high", 1000, 4096, 3096, 4096, ["effort"]),
        ("high", None, 1500, None, 1500, ["effort"]),
    ],
)
def test_manual_thinking(
    effort: str, limit: int | None, most: int, budget: int | None, max_tokens: int, dropped: list[str]
) -> None:
    """A budget of ours comes on top of the caller's limit, as far as the model goes."""
    written = write(
        reasoning=ReasoningSettings(effort=effort),
        settings=ModelSettings(max_output_tokens=limit),
        capabilities=Capabilities(max_output_tokens=most, thinking="manual"),
    )
    expected = {"type": "enabled", "budget_tokens": budget} if budget else None
    assert written.body.get("thinking") == expected
    assert (written.body["max_tokens"], written.dropped) == (max_tokens, dropped)


def test_a_budget_of_the_callers_own_is_kept() -> None:
    """Only a limit of ours gives way."""
    reasoning = ReasoningSettings(effort="xhigh", budget_tokens=70_000)
    body = write(reasoning=reasoning, capabilities=MANUAL).body
    assert body["thinking"] == {"type": "enabled", "budget_tokens": 70_000}
    assert body["max_tokens"] == 71_024


def test_a_budget_over_the_callers_own_limit_is_refused() -> None:
    """The error names both."""
    reasoning = ReasoningSettings(effort="medium", budget_tokens=5000)
    with pytest.raises(InvalidRequest, match=r"budget_tokens.*max_tokens"):
        write(reasoning=reasoning, settings=ModelSettings(max_output_tokens=5000), capabilities=MANUAL)


def test_a_model_that_does_not_think() -> None:
    """The wish is left out, and said."""
    written = write(reasoning=ReasoningSettings(effort="high"), capabilities=NEITHER)
    assert ("thinking" in written.body, written.dropped) == (False, ["effort"])


@pytest.mark.parametrize("choice", [ToolChoice(mode="required"), ToolChoice(mode="tool", name="f")])
def test_t62_thought_gives_way_to_a_forced_tool(choice: ToolChoice) -> None:
    """T-62: Anthropic refuses both at once."""
    written = write(tools=[TOOL], tool_choice=choice, reasoning=ReasoningSettings(effort="high"))
    assert written.body["thinking"] == {"type": "disabled"}
    assert "output_config" not in written.body
    assert written.dropped == ["effort"]


def test_thought_gives_way_where_it_was_lost() -> None:
    """A manual model refuses to think on after calls whose thought did not come back: it answers without, and we say so."""
    asked = ReasoningSettings(effort="high")
    written = write(
        say("user", "Hi"), call("a"), ToolOutput(call_id="a", output="x"), capabilities=MANUAL, reasoning=asked
    )
    assert "thinking" not in written.body
    assert written.dropped == ["effort"]


def test_lost_thought_of_an_earlier_turn_does_not_matter() -> None:
    """Once the calls are answered, a manual model thinks again."""
    asked = ReasoningSettings(effort="high")
    items = (
        say("user", "Hi"),
        call("a"),
        ToolOutput(call_id="a", output="x"),
        say("assistant", "Yes."),
        say("user", "And?"),
    )
    assert write(*items, capabilities=MANUAL, reasoning=asked).body["thinking"]["type"] == "enabled"


def test_the_callers_own_words_for_thinking_are_kept() -> None:
    """The same dialect out says what came in."""
    given = {"type": "adaptive", "display": "omitted"}
    reasoning = ReasoningSettings(effort="low", extras={"messages": {"thinking": given}})
    body = write(reasoning=reasoning).body
    assert (body["thinking"], body["output_config"]) == (given, {"effort": "low"})


# --- the shape of the answer ----------------------------------------------------------------------------------------


def test_t72_a_schema_is_anthropics_own_structured_output() -> None:
    """T-72: with keywords that it does not take moved into the description."""
    schema = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 1, "description": "How many"}}}
    written = write(text_format=TextFormat(type="json_schema", name="x", schema=schema, description="All"))
    assert written.body["output_config"]["format"] == {
        "type": "json_schema",
        "schema": {
            "type": "object",
            "properties": {"n": {"type": "integer", "description": "How many\n\n(minimum: 1)"}},
            "additionalProperties": False,
            "description": "All",
        },
    }


def test_fr22_a_nullable_enum_is_split() -> None:
    """FR-22: no `enum` beside a list of types; the values are kept."""
    assert narrow_schema({"type": ["string", "null"], "enum": ["low", "high", None], "description": "d"}) == {
        "anyOf": [{"type": "string", "enum": ["low", "high"]}, {"type": "null"}],
        "description": "d",
    }


def test_schemas_are_narrowed_all_the_way_down() -> None:
    """Definitions, branches and elements."""
    schema = {
        "$schema": "s",
        "$defs": {"a": {"type": "string", "pattern": "x"}},
        "oneOf": [{"$ref": "#/$defs/a"}, {"type": "array", "items": {"type": "object"}, "minItems": 3}],
        "format": "odd",
    }
    assert narrow_schema(schema) == {
        "$defs": {"a": {"type": "string", "description": '(pattern: "x")'}},
        "anyOf": [
            {"$ref": "#/$defs/a"},
            {
                "type": "array",
                "items": {"type": "object", "additionalProperties": False},
                "description": "(minItems: 3)",
            },
        ],
        "description": '(format: "odd")',
    }


# --- settings -------------------------------------------------------------------------------------------------------


def test_t76_sampling_where_the_model_has_none() -> None:
    """T-76: left out and said; what is the default anyway passes over silently."""
    written = write(settings=ModelSettings(temperature=0.2, top_p=1, top_k=3))
    assert set(written.body) == {"model", "max_tokens", "messages"}
    assert written.dropped == ["temperature", "top_k"]


def test_sampling_where_the_model_has_it() -> None:
    """Others' range is twice as wide, and only one of two knobs may be turned."""
    written = write(settings=ModelSettings(temperature=1.5, top_p=0.9), capabilities=Capabilities())
    assert written.body["temperature"] == 1.0
    assert "top_p" not in written.body
    assert written.dropped == ["temperature", "top_p"]


def test_no_sampling_while_thinking() -> None:
    """Models with a budget refuse it."""
    written = write(
        settings=ModelSettings(temperature=0.2), reasoning=ReasoningSettings(effort="low"), capabilities=MANUAL
    )
    assert ("temperature" in written.body, written.dropped) == (False, ["temperature"])


def test_other_settings_have_their_places() -> None:
    """Stop sequences, the user, the tier, the stream."""
    settings = ModelSettings(stop=["END"], user="u", service_tier="default")
    body = write(settings=settings, stream=True).body
    assert body["stop_sequences"] == ["END"]
    assert body["metadata"] == {"user_id": "u"}
    assert (body["service_tier"], body["stream"]) == ("standard_only", True)
    assert write(settings=ModelSettings(service_tier="flex")).dropped == ["service_tier"]


def test_extras_and_carried_fields_are_merged() -> None:
    """What this dialect defines returns; what the target is known to take goes along."""
    body = write(
        extras={"messages": {"metadata": {"x": 1}, "container": "c"}, "chat": {"audio": {}}},
        unknown={"vendor": 1},
        settings=ModelSettings(user="u"),
    ).body
    assert body["metadata"] == {"user_id": "u", "x": 1}
    assert (body["container"], body["vendor"]) == ("c", 1)
    assert "audio" not in body


def test_what_is_read_is_written_again() -> None:
    """A request of the dialect's own goes out as it came, but for the ways to write one thing."""
    body = {
        "model": "claude",
        "max_tokens": 500,
        "system": [{"type": "text", "text": "S", "cache_control": {"type": "ephemeral"}}],
        "messages": [
            user({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA=="}}, "Hi"),
            assistant(
                {"type": "thinking", "thinking": "t", "signature": "S"},
                {"type": "redacted_thinking", "data": "R"},
                {"type": "text", "text": "a", "citations": [{"type": "char_location", "cited_text": "x"}]},
                {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}},
                use("toolu_1", x=1),
            ),
            user(
                result("toolu_1", [{"type": "text", "text": "1"}], cache_control={"type": "ephemeral"}),
                {"type": "document", "source": {"type": "url", "url": "https://x"}, "title": "T", "context": "c"},
            ),
        ],
        "tools": [
            {"name": "f", "input_schema": SCHEMA, "defer_loading": True},
            {"type": "bash_20250124", "name": "bash"},
        ],
        "tool_choice": {"type": "auto", "disable_parallel_tool_use": True},
        "thinking": {"type": "adaptive", "display": "summarized"},
        "output_config": {"effort": "high"},
        "stop_sequences": ["END"],
        "metadata": {"user_id": "u"},
        "service_tier": "auto",
        "stream": True,
        "context_management": {"edits": []},
    }
    assert DIALECT.write_request(DIALECT.read_request(body, unseal), ADAPTIVE).body == body
