"""What a request stands for that names a prompt."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from trunkline.dialects.openai_responses.prompts import PromptCall, expand, read_prompt
from trunkline.errors import CallerError, InvalidRequest, TooLarge
from trunkline.state.prompts import KeptVersion

PICTURE = {"type": "input_image", "image_url": "https://example.test/cat.png", "detail": "auto"}
FILE = {"type": "input_file", "file_id": "file-1"}
NOTE = {"type": "input_text", "text": "a note", "prompt_cache_breakpoint": {}}


def request(variables: Any = None, **members: Any) -> dict[str, Any]:
    return {**members, "prompt": {"id": "pmpt_1", "variables": variables}}


def stand(prompt: dict[str, Any], request: dict[str, Any]) -> tuple[dict[str, Any], list[Any]]:
    """The members and the messages that a request stands for."""
    members = msgspec.json.decode(msgspec.json.encode(request), type=dict[str, Raw])
    body = msgspec.json.encode({"model": "gpt-5", **prompt})
    version = KeptVersion(prompt_id="pmpt_1", version="1", created_at_micros=0, body=body)
    call = read_prompt(members["prompt"])
    assert call is not None
    expanded = expand(members, call, version)
    decoded = msgspec.json.decode(msgspec.json.encode(expanded))
    return decoded["members"], decoded["messages"]


def content(text: Any, variables: Any, role: str = "user") -> Any:
    """What the content of the prompt's only message becomes."""
    _, messages = stand({"input": [{"role": role, "content": text}]}, request(variables))
    return messages[0]["content"]


# --- how a request names a prompt -------------------------------------------------------------------------------


def test_a_prompt_is_named_with_its_version_and_variables() -> None:
    """A variable that is null is absent."""
    raw = msgspec.json.encode({"id": "pmpt_1", "version": "2", "variables": {"a": "x", "b": PICTURE, "c": None}})
    assert read_prompt(Raw(raw)) == PromptCall("pmpt_1", "2", {"a": "x", "b": PICTURE})
    assert read_prompt(Raw(b'{"id":"pmpt_1","version":null,"variables":null}')) == PromptCall("pmpt_1", None, {})


def test_a_prompt_that_is_null_is_none() -> None:
    """As everywhere on this wire."""
    assert read_prompt(Raw(b"null")) is None


@pytest.mark.parametrize(
    ("prompt", "param"),
    [
        ("pmpt_1", "prompt"),
        ({}, "prompt.id"),
        ({"id": 7}, "prompt.id"),
        ({"id": "pmpt 1"}, "prompt.id"),
        ({"id": "p", "version": 2}, "prompt.version"),
        ({"id": "p", "variables": ["a"]}, "prompt.variables"),
        ({"id": "p", "values": {}}, "prompt.values"),
        ({"id": "p", "variables": {"a": 7}}, "prompt.variables.a"),
        ({"id": "p", "variables": {"a": ["x"]}}, "prompt.variables.a"),
        ({"id": "p", "variables": {"a": {"text": "x"}}}, "prompt.variables.a.type"),
        ({"id": "p", "variables": {"a": {"type": "input_audio"}}}, "prompt.variables.a.type"),
        ({"id": "p", "variables": {"a": {"type": "input_text"}}}, "prompt.variables.a.text"),
        ({"id": "p", "variables": {"a": {"type": "input_image"}}}, "prompt.variables.a.image_url"),
        ({"id": "p", "variables": {"a": {"type": "input_file", "file_id": 1}}}, "prompt.variables.a.file_id"),
    ],
)
def test_what_is_wrong_is_named_by_its_place(prompt: Any, param: str) -> None:
    """So that the mend is plain."""
    with pytest.raises(InvalidRequest) as caught:
        read_prompt(Raw(msgspec.json.encode(prompt)))
    assert caught.value.param == param


# --- texts ------------------------------------------------------------------------------------------------------


def test_variables_fill_the_instructions() -> None:
    """A part of text is its text there."""
    members, messages = stand({"instructions": "{{a}} and {{ b }}"}, request({"a": "x", "b": NOTE}))
    assert members == {"model": "gpt-5", "instructions": "x and a note"}
    assert messages == []


def test_an_input_that_is_a_string_is_a_message_of_the_user() -> None:
    """And stays apart from the request's own."""
    members, messages = stand({"input": "A {{style}} poem"}, request({"style": "sad"}, input="Go"))
    assert members == {"model": "gpt-5", "input": "Go"}
    [message] = messages
    assert message == {
        "type": "message",
        "role": "user",
        "content": [{"type": "input_text", "text": "A sad poem"}],
    }


def test_content_that_is_a_string_stays_one() -> None:
    """Where its variables are strings."""
    assert content("A {{style}} poem{{end}}", {"style": "sad", "end": ""}) == "A sad poem"


@pytest.mark.parametrize("part", [PICTURE, FILE, NOTE])
def test_a_part_splits_the_text_around_it(part: dict[str, Any]) -> None:
    """Nothing is lost before or behind it."""
    text = {"type": "input_text", "text": "Look at {{what}}, {{who}}!"}
    wanted = [{"type": "input_text", "text": "Look at "}, part, {"type": "input_text", "text": ", Ana!"}]
    assert content(text["text"], {"what": part, "who": "Ana"}) == wanted
    assert content([text, FILE], {"what": part, "who": "Ana"}) == [*wanted, FILE]


def test_a_part_alone_leaves_no_empty_text() -> None:
    """Providers refuse those."""
    assert content("{{a}}{{b}}{{c}}", {"a": PICTURE, "b": "", "c": FILE}) == [PICTURE, FILE]


def test_an_answer_of_the_assistant_takes_text_alone() -> None:
    """A part of text is its text there, and a picture is refused."""
    parts = [{"type": "output_text", "text": "So {{a}}"}]
    assert content(parts, {"a": NOTE}, role="assistant") == [{"type": "output_text", "text": "So a note"}]
    assert content("So {{a}}", {"a": NOTE}, role="assistant") == "So a note"
    with pytest.raises(InvalidRequest) as caught:
        content("So {{a}}", {"a": PICTURE}, role="assistant")
    assert caught.value.param == "prompt.variables.a"


@given(st.text(), st.text(), st.sampled_from(["{{b}}", "{{a}}", "{{{{a}}}}", '"}', "\\{{b}}"]))
def test_values_are_never_expanded_again(first: str, second: str, trap: str) -> None:
    """Whatever stands in them: they may come from strangers."""
    variables = {"a": first + trap, "b": trap + second}
    filled = f"1{variables['a']}2{variables['b']}3"
    members, messages = stand(
        {"instructions": "1{{a}}2{{b}}3", "input": [{"role": "user", "content": "1{{a}}2{{b}}3"}]},
        request(variables),
    )
    assert (members["instructions"], messages[0]["content"]) == (filled, filled)


@given(
    st.recursive(
        st.text(max_size=9) | st.integers(-5, 5) | st.none(),
        lambda inner: st.dictionaries(st.sampled_from(["a", "text", "{{a}}"]), inner, max_size=2),
        max_leaves=5,
    )
)
def test_nothing_but_texts_is_looked_into(value: Any) -> None:
    """Members of a part that nobody knows, tools and settings stay as they are, braces included."""
    part = {"type": "input_odd", "odd": value, "text": "{{a}}"}
    members, messages = stand({"input": [{"role": "user", "content": [part]}], "metadata": {"m": value}}, request())
    assert messages[0]["content"] == [part]
    assert members["metadata"] == {"m": value}


# --- variables --------------------------------------------------------------------------------------------------


def test_a_default_stands_in_for_what_is_not_given() -> None:
    """Text or part; a value that is given, even an empty one, comes before it."""
    prompt = {
        "instructions": "A {{style}} poem",
        "input": [{"role": "user", "content": "{{p}}"}],
        "variables": {"style": {"default": "sad"}, "p": {"default": PICTURE}, "unused": None},
    }
    members, messages = stand(prompt, request())
    assert (members["instructions"], messages[0]["content"]) == ("A sad poem", [PICTURE])
    members, messages = stand(prompt, request({"style": "", "p": "x", "unused": "y"}))
    assert (members["instructions"], messages[0]["content"]) == ("A  poem", "x")
    assert "variables" not in members


def test_a_variable_that_is_missing_is_named() -> None:
    """With the placeholder that waits for it."""
    with pytest.raises(InvalidRequest, match=r"\{\{poem_style\}\}") as caught:
        stand({"instructions": "A {{poem_style}} poem", "variables": {"poem_style": {}}}, request())
    assert (caught.value.param, caught.value.code) == ("prompt.variables.poem_style", "missing_required_parameter")


def test_a_variable_of_what_is_overridden_is_not_missed() -> None:
    """Only what is used needs its values."""
    members, _ = stand({"instructions": "A {{style}} poem"}, request(instructions="Mine {{style}}"))
    assert members["instructions"] == "Mine {{style}}"


@pytest.mark.parametrize(
    ("given", "says"),
    [("poem_stile", "did you mean `poem_style`"), ("zebra", "it takes `poem_style`, `other`")],
)
def test_a_variable_that_nobody_knows_is_refused(given: str, says: str) -> None:
    """With the nearest one, or all there are."""
    prompt = {"instructions": "A {{poem_style}} poem", "variables": {"other": {}}}
    with pytest.raises(InvalidRequest, match=says) as caught:
        stand(prompt, request({"poem_style": "x", given: "y"}))
    assert caught.value.param == f"prompt.variables.{given}"
    with pytest.raises(InvalidRequest, match="it takes none"):
        stand({"instructions": "A poem"}, request({given: "y"}))


def test_a_picture_is_refused_within_the_instructions() -> None:
    """They are text."""
    with pytest.raises(InvalidRequest, match="input_image") as caught:
        stand({"instructions": "See {{a}}"}, request({"a": PICTURE}))
    assert caught.value.param == "prompt.variables.a"


def test_a_small_request_does_not_become_a_huge_one() -> None:
    """A long value in a thousand places."""
    with pytest.raises(TooLarge):
        stand({"instructions": "{{a}}" * 1000}, request({"a": "x" * 50_000}))


# --- the request's own members ----------------------------------------------------------------------------------


def test_the_request_overrides_its_prompt() -> None:
    """Whatever it says itself; its tools are not mixed with the prompt's."""
    prompt = {"tools": [{"type": "web_search"}], "temperature": 0.1, "top_p": 0.5, "instructions": "Theirs"}
    own = {"model": "gpt-4.1", "tools": [], "temperature": 0.9, "stream": True}
    members, _ = stand(prompt, request(None, **own))
    assert members == {**own, "top_p": 0.5, "instructions": "Theirs"}


def test_null_overrides_nothing() -> None:
    """SDKs send it for what was not set."""
    prompt = {"temperature": 0.1, "instructions": "Theirs", "reasoning": {"effort": "low"}}
    own = {"model": None, "temperature": None, "instructions": None, "reasoning": None, "top_p": None}
    members, _ = stand(prompt, request(None, **own))
    assert members == {"model": "gpt-5", **prompt, "top_p": None}


def test_settings_of_text_and_reasoning_are_overridden_one_by_one() -> None:
    """Who only says how long an answer should be keeps the prompt's format."""
    prompt = {
        "text": {"format": {"type": "json_object"}, "verbosity": "high"},
        "reasoning": {"effort": "high", "summary": "auto"},
    }
    own = {"text": {"verbosity": "low", "format": None}, "reasoning": {"effort": "low"}}
    members, _ = stand(prompt, request(None, **own))
    assert members["text"] == {"format": {"type": "json_object"}, "verbosity": "low"}
    assert members["reasoning"] == {"effort": "low", "summary": "auto"}


def test_a_member_of_a_wrong_type_is_left_to_whoever_reads_it() -> None:
    """The error must name what the caller sent."""
    assert stand({"text": {"verbosity": "low"}}, request(None, text="x"))[0]["text"] == "x"


def test_somebody_must_name_a_model() -> None:
    """The request or the prompt."""
    with pytest.raises(CallerError) as caught:
        stand({"model": None, "instructions": "x"}, request())
    assert caught.value.param == "model"
