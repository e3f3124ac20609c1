"""What goes to a Gemini upstream."""

import base64
import json

import pytest
from gemini_wire import BUDGETS, LEVELS, answer, call, frame, user, write

from trunkline.capabilities import Capabilities
from trunkline.dialects.gemini import DIALECT
from trunkline.dialects.gemini.wire import SKIP_SIGNATURE
from trunkline.dialects.turns import PLACEHOLDER
from trunkline.errors import InvalidRequest, Unsupported
from trunkline.items import (
    Carrier,
    File,
    FunctionTool,
    Image,
    Item,
    Message,
    OtherTool,
    Reasoning,
    Text,
    ToolCall,
    ToolChoice,
    ToolOutput,
)
from trunkline.request import ModelRequest, ModelSettings, ReasoningSettings, TextFormat

PNG = "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()
F = FunctionTool(name="f", parameters={"type": "object", "properties": {"x": {"type": "integer"}}})


def called(call_id: str, name: str = "f", arguments: str = "{}") -> ToolCall:
    return ToolCall(call_id=call_id, name=name, arguments=arguments)


def test_a_plain_question() -> None:
    """No model, no stream, nothing that was not asked for."""
    assert write([user()]) == {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]}


def test_system_text_is_hoisted() -> None:
    """Instructions first, then what stood among the turns."""
    body = write([Message(role="developer", parts=[Text(text="b")]), user()], instructions="a")
    assert body["systemInstruction"] == {"parts": [{"text": "a"}, {"text": "b"}]}


@pytest.mark.parametrize("items", [[], [Message(role="assistant", parts=[Text(text="I said")])]])
def test_there_is_always_something_to_answer(items: list[Item]) -> None:
    """Gemini refuses a body without contents, and calls that follow nothing."""
    assert write(items, instructions="a")["contents"][0] == {"role": "user", "parts": [{"text": PLACEHOLDER}]}


def test_results_stand_together_in_the_order_of_the_calls_t35() -> None:
    """In one content, before what the user says next, by the function's name (T-12)."""
    body = write(
        [
            user(),
            called("call_1", "f"),
            called("call_2", "g"),
            ToolOutput(call_id="call_2", output="two"),
            ToolOutput(call_id="call_1", output="one", is_error=True),
            user("Well?"),
        ]
    )
    assert [content["role"] for content in body["contents"]] == ["user", "model", "user"]
    assert body["contents"][2]["parts"] == [
        {"functionResponse": {"name": "f", "response": {"error": "one"}}},
        {"functionResponse": {"name": "g", "response": {"output": "two"}}},
        {"text": "Well?"},
    ]


def test_a_schema_in_a_result_is_text_t40() -> None:
    """`$ref` within a response is refused; under `output` it is a string."""
    schema = json.dumps({"$ref": "#/$defs/a", "$defs": {"a": {"type": "string"}}})
    body = write([user(), called("c"), ToolOutput(call_id="c", output=schema)])
    assert body["contents"][2]["parts"][0]["functionResponse"]["response"] == {"output": schema}


@pytest.mark.parametrize("capabilities", [LEVELS, BUDGETS])
def test_a_picture_in_a_result_t38(capabilities: Capabilities) -> None:
    """Within the response where the model takes it, else beside it; never as text."""
    output = ToolOutput(call_id="c", output=[Text(text="see"), Image(url=PNG)])
    parts = write([user(), called("c"), output], capabilities)["contents"][2]["parts"]
    data = {"inlineData": {"mimeType": "image/png", "data": PNG.partition(",")[2]}}
    response = parts[0]["functionResponse"]
    assert response["response"] == {"output": "see"}
    if capabilities is LEVELS:
        assert (response["parts"], len(parts)) == ([data], 1)
    else:
        assert "parts" not in response
        assert parts[-1] == data


# --- signatures ---------------------------------------------------------------------------------------------------


def test_the_first_calls_signature_comes_back_t47() -> None:
    """On the first of parallel calls alone, with the ids that the model gave."""
    first = frame(call("f", {"x": 1}, signature="SIG", id="own1"), call("f", {"x": 2}, id="own2"), finishReason="STOP")
    outputs = [ToolOutput(call_id=name, output="ok") for name in ("own1", "own2")]
    contents = write([user(), *answer(first).items, *outputs])["contents"]
    assert contents[1]["parts"] == [
        {"functionCall": {"name": "f", "args": {"x": 1}, "id": "own1"}, "thoughtSignature": "SIG"},
        {"functionCall": {"name": "f", "args": {"x": 2}, "id": "own2"}},
    ]
    assert [part["functionResponse"]["id"] for part in contents[2]["parts"]] == ["own1", "own2"]


def test_a_minted_id_is_never_sent_t12() -> None:
    """Some surfaces refuse ids, all refuse strange ones."""
    signed = Reasoning(carrier=Carrier("gemini", "call", {"signature": "S", "id": ""}))
    contents = write([user(), signed, called("call_0123"), ToolOutput(call_id="call_0123", output="ok")])["contents"]
    assert contents[1]["parts"] == [{"functionCall": {"name": "f", "args": {}}, "thoughtSignature": "S"}]
    assert "id" not in contents[2]["parts"][0]["functionResponse"]


def test_a_renamed_call_gets_its_own_id_back() -> None:
    """Where an id had been used before, the caller saw another one."""
    signed = Reasoning(carrier=Carrier("gemini", "call", {"signature": "S", "id": "own"}))
    contents = write([user(), signed, called("call_x"), ToolOutput(call_id="call_x", output="ok")])["contents"]
    assert contents[1]["parts"][0]["functionCall"]["id"] == "own"
    assert contents[2]["parts"][0]["functionResponse"]["id"] == "own"


@pytest.mark.parametrize(("capabilities", "signed"), [(LEVELS, True), (BUDGETS, False)])
def test_foreign_calls_carry_the_word_for_it_t47(capabilities: Capabilities, signed: bool) -> None:
    """The first call of each step, where the model insists on a signature."""
    foreign = Reasoning(summary=["hm"], carrier=Carrier("messages", "signature", {"signature": "A"}))
    items = [user(), foreign, called("toolu_1"), called("toolu_2")]
    items += [ToolOutput(call_id="toolu_1", output="1"), ToolOutput(call_id="toolu_2", output="2"), called("toolu_3")]
    items.append(ToolOutput(call_id="toolu_3", output="3"))
    contents = write(items, capabilities)["contents"]
    signatures = [
        part.get("thoughtSignature") for turn in contents if turn["role"] == "model" for part in turn["parts"]
    ]
    assert signatures == ([SKIP_SIGNATURE, None, SKIP_SIGNATURE] if signed else [None] * 3)
    assert "toolu" not in json.dumps(contents)


@pytest.mark.parametrize(
    "parts",
    [
        [{"text": "Hello"}, {"text": "", "thoughtSignature": "S"}],
        [{"text": "Hel"}, {"text": "lo", "thoughtSignature": "S"}],
        [{"text": "Hello", "thoughtSignature": "S"}],
        [{"text": "hm", "thought": True, "thoughtSignature": "S"}, {"text": "Hello"}],
        [{"text": "Hello"}, {"functionCall": {"name": "f", "args": {"x": 1}}, "thoughtSignature": "S"}],
    ],
)
def test_signed_parts_come_back_as_they_were(parts: list[dict]) -> None:
    """Text is cut where it was cut."""
    items = answer(frame(*parts, finishReason="STOP")).items
    outputs = [ToolOutput(call_id=item.call_id, output="") for item in items if isinstance(item, ToolCall)]
    assert write([user(), *items, *outputs])["contents"][1]["parts"] == parts


# --- tools --------------------------------------------------------------------------------------------------------


def test_a_schema_goes_untouched_t64() -> None:
    """But for the mark of its dialect."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {"a": {"$ref": "#/$defs/a"}, "b": {"anyOf": [{"const": 1}, {"type": "null"}]}},
        "$defs": {"a": {"type": "string"}},
        "additionalProperties": False,
    }
    [tool] = write([user()], tools=[FunctionTool(name="f", parameters=schema)])["tools"]
    [declared] = tool["functionDeclarations"]
    assert declared == {
        "name": "f",
        "parametersJsonSchema": {name: value for name, value in schema.items() if name != "$schema"},
    }


@pytest.mark.parametrize("parameters", [None, {}, {"type": "object", "properties": {}}])
def test_a_function_without_parameters_has_no_schema(parameters: dict | None) -> None:
    """Nor an invented description (T-63)."""
    [tool] = write([user()], tools=[FunctionTool(name="f", parameters=parameters)])["tools"]
    assert tool == {"functionDeclarations": [{"name": "f"}]}


@pytest.mark.parametrize(
    ("choice", "config"),
    [
        (None, None),
        (ToolChoice(mode="auto"), None),
        (ToolChoice(mode="none"), {"mode": "NONE"}),
        (ToolChoice(mode="required"), {"mode": "ANY"}),
        (ToolChoice(mode="tool", name="f"), {"mode": "ANY", "allowedFunctionNames": ["f"]}),
        (ToolChoice(mode="required", allowed=["f"]), {"mode": "ANY", "allowedFunctionNames": ["f"]}),
    ],
)
def test_choices(choice: ToolChoice | None, config: dict | None) -> None:
    """Tools stay declared, since the history may need them."""
    body = write([user()], tools=[F, FunctionTool(name="g")], tool_choice=choice)
    assert body.get("toolConfig", {}).get("functionCallingConfig") == config
    assert [tool["name"] for tool in body["tools"][0]["functionDeclarations"]] == ["f", "g"]


def test_strict_tools_are_validated() -> None:
    """Google's word for it."""
    body = write([user()], tools=[FunctionTool(name="f", strict=True)])
    assert body["toolConfig"] == {"functionCallingConfig": {"mode": "VALIDATED"}}


def test_googles_own_tools_stand_beside_functions() -> None:
    """As they were."""
    own = OtherTool(dialect="gemini", type="googleSearch", value={"googleSearch": {}})
    assert write([user()], tools=[own, F])["tools"][1] == {"googleSearch": {}}


def test_no_tools_no_choice_fr11() -> None:
    """Nothing is invented."""
    body = write([user()], tool_choice=ToolChoice(mode="none"))
    assert not body.keys() & {"tools", "toolConfig"}


# --- settings -----------------------------------------------------------------------------------------------------


def test_settings_have_googles_names() -> None:
    """In `generationConfig`."""
    settings = ModelSettings(
        max_output_tokens=9,
        temperature=0.5,
        top_p=0.9,
        top_k=3,
        stop=["a"],
        seed=7,
        frequency_penalty=0.1,
        top_logprobs=2,
    )
    assert write([user()], settings=settings)["generationConfig"] == {
        "maxOutputTokens": 9,
        "temperature": 0.5,
        "topP": 0.9,
        "topK": 3,
        "stopSequences": ["a"],
        "seed": 7,
        "frequencyPenalty": 0.1,
        "responseLogprobs": True,
        "logprobs": 2,
    }


def test_sampling_that_a_model_lacks_is_left_out() -> None:
    """And said, unless it is what the model does anyway."""
    settings = ModelSettings(temperature=0.5, top_p=1)
    request = ModelRequest(model="m", items=[user()], settings=settings)
    written = DIALECT.write_request(request, Capabilities(sampling=False))
    assert (written.body.get("generationConfig"), written.dropped) == (None, ["temperature"])


@pytest.mark.parametrize(
    ("effort", "level", "budget"),
    [
        ("none", ("MINIMAL", True), (128, True)),
        ("minimal", ("MINIMAL", False), (1024, False)),
        ("low", ("LOW", False), (1024, False)),
        ("medium", ("MEDIUM", False), (8192, False)),
        ("high", ("HIGH", False), (24576, False)),
        ("xhigh", ("HIGH", True), (32768, False)),
        ("max", ("HIGH", True), (32768, False)),
    ],
)
def test_efforts(effort: str, level: tuple[str, bool], budget: tuple[int, bool]) -> None:
    """A level from 3.0 on, a budget before; what is clamped is said."""
    request = ModelRequest(model="m", items=[user()], reasoning=ReasoningSettings(effort=effort))
    for capabilities, name, (value, clamped) in (
        (LEVELS, "thinkingLevel", level),
        (BUDGETS, "thinkingBudget", budget),
    ):
        written = DIALECT.write_request(request, capabilities)
        assert written.body["generationConfig"]["thinkingConfig"] == {name: value}
        assert written.dropped == (["effort"] if clamped else [])


@pytest.mark.parametrize(("effort", "level"), [("minimal", "LOW"), ("medium", "HIGH")])
def test_a_level_that_a_model_lacks_is_the_nearest(effort: str, level: str) -> None:
    """By the catalogue."""
    capabilities = Capabilities(efforts=("low", "high"))
    request = ModelRequest(model="m", items=[user()], reasoning=ReasoningSettings(effort=effort))
    written = DIALECT.write_request(request, capabilities)
    assert written.body["generationConfig"]["thinkingConfig"] == {"thinkingLevel": level}
    assert written.dropped == ["effort"]


def test_the_least_effort_is_the_least_budget_where_that_is_worth_something() -> None:
    """Flash-Lite thinks with 512 tokens."""
    capabilities = Capabilities(thinking="manual", thinking_budget=(512, 24576))
    body = write([user()], capabilities, reasoning=ReasoningSettings(effort="minimal"))
    assert body["generationConfig"]["thinkingConfig"] == {"thinkingBudget": 512}


def test_thought_can_be_switched_off_where_it_can() -> None:
    """A budget of 0."""
    capabilities = Capabilities(thinking="manual")
    body = write([user()], capabilities, reasoning=ReasoningSettings(effort="none"))
    assert body["generationConfig"]["thinkingConfig"] == {"thinkingBudget": 0}


def test_thought_is_shown_only_when_asked_for() -> None:
    """`includeThoughts` iff a summary is wanted."""
    body = write([user()], reasoning=ReasoningSettings(summary="auto"))
    assert body["generationConfig"]["thinkingConfig"] == {"includeThoughts": True}
    assert "generationConfig" not in write([user()], reasoning=ReasoningSettings())


def test_thoughts_are_asked_for_where_they_are_shown() -> None:
    """Anthropic's callers see them unless they say not to, and here they cost nothing."""
    body = write([user()], reasoning=ReasoningSettings(is_shown=True))
    assert body["generationConfig"] == {"thinkingConfig": {"includeThoughts": True}}


def test_structured_output_t73() -> None:
    """By `responseJsonSchema`, untouched."""
    schema = {"type": "object", "properties": {"a": {"type": ["string", "null"]}}, "additionalProperties": False}
    format = TextFormat(type="json_schema", name="n", schema={"$schema": "x", **schema}, strict=True)
    assert write([user()], text_format=format)["generationConfig"] == {
        "responseMimeType": "application/json",
        "responseJsonSchema": schema,
    }


def test_any_json() -> None:
    """By the media type alone."""
    config = write([user()], text_format=TextFormat(type="json_object"))["generationConfig"]
    assert config == {"responseMimeType": "application/json"}


# --- media --------------------------------------------------------------------------------------------------------


def only_part(*parts: object) -> dict:
    return write([Message(role="user", parts=list(parts))])["contents"][0]["parts"][0]


def test_files_t86() -> None:
    """Data inline, Google's own addresses and file ids as they are."""
    pdf = base64.b64encode(b"%PDF-1").decode()
    assert only_part(File(data=f"data:application/pdf;base64,{pdf}", filename="a.pdf")) == {
        "inlineData": {"mimeType": "application/pdf", "data": pdf}
    }
    assert only_part(Image(url="gs://bucket/a.png")) == {
        "fileData": {"mimeType": "image/png", "fileUri": "gs://bucket/a.png"}
    }
    assert only_part(File(file_id="files/abc"))["fileData"]["fileUri"].endswith("/v1beta/files/abc")


@pytest.mark.parametrize(
    "part",
    [
        Image(url="data:image/png,abc"),
        Image(url="data:image/png;base64,@@@"),
        Image(url="data:image/svg+xml;base64,AAAA"),
        Image(url="data:text/plain;base64,AAAA"),
    ],
)
def test_odd_data_urls_are_refused_t87(part: Image) -> None:
    """With a word that says what would be right."""
    with pytest.raises(InvalidRequest):
        only_part(part)


@pytest.mark.parametrize("part", [Image(url="https://e.test/a.png"), File(file_id="file-abc")])
def test_what_google_cannot_get_is_refused(part: Image | File) -> None:
    """Unless it was fetched before."""
    with pytest.raises(Unsupported):
        only_part(part)


def test_extras_return_to_their_places() -> None:
    """What a Gemini caller said beyond our words."""
    extras = {"gemini": {"safetySettings": [{"category": "X"}], "mediaResolution": "MEDIA_RESOLUTION_LOW"}}
    body = write([user()], extras=extras)
    assert body["safetySettings"] == [{"category": "X"}]
    assert body["generationConfig"] == {"mediaResolution": "MEDIA_RESOLUTION_LOW"}
