"""A body for an Anthropic upstream, written: tools, thinking, the shape of the answer and settings."""

from typing import Any

import pytest
from messages_bodies import (
    ADAPTIVE,
    HI,
    MANUAL,
    NEITHER,
    SCHEMA,
    TOOL,
    assistant,
    call,
    result,
    say,
    use,
    user,
    write,
)
from messages_wire import unseal

from trunkline.capabilities import Capabilities
from trunkline.dialects.anthropic import DIALECT
from trunkline.dialects.anthropic.schema import narrow_schema
from trunkline.errors import InvalidRequest
from trunkline.items import (
    CustomTool,
    FunctionTool,
    OtherTool,
    ToolChoice,
    ToolOutput,
)
from trunkline.request import ModelSettings, ReasoningSettings, TextFormat

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
