"""Hints that a target has no word for are left out, and that is said."""

from typing import Any

import pytest

from trunkline.capabilities import Capabilities
from trunkline.clock import CountingMint
from trunkline.dialects import anthropic, gemini, openai_chat, openai_responses
from trunkline.dialects.fates import IMPLICIT
from trunkline.dialects.lowering import Lowering, lower
from trunkline.errors import CallerError
from trunkline.request import ModelRequest

_DIALECTS = {
    "responses": openai_responses.DIALECT,
    "chat": openai_chat.DIALECT,
    "messages": anthropic.DIALECT,
    "gemini": gemini.DIALECT,
}
_PIXEL = "data:image/png;base64,AAAA"
_HELLO = {"role": "user", "content": "Hi"}


def lowered(
    caller: str, upstream: str, members: dict[str, Any], capabilities: Capabilities | None = None
) -> tuple[ModelRequest, Lowering]:
    hello: dict[str, Any] = {"messages": [_HELLO]}
    if caller == "responses":
        hello = {"input": "Hi"}
    elif caller == "gemini":
        hello = {"contents": [{"parts": [{"text": "Hi"}]}]}
    body = {"model": "m", **hello, **({"max_tokens": 9} if caller == "messages" else {}), **members}
    request = _DIALECTS[caller].read_request(body, lambda _: None)
    return lower(request, caller, upstream, capabilities or Capabilities(), CountingMint())


_HUSHED = Capabilities(reasoning_field=None)
_THOUGHTLESS = Capabilities(thinking="none")


@pytest.mark.parametrize(
    ("caller", "upstream", "members", "capabilities", "dropped"),
    [
        ("responses", "messages", {"reasoning": {"context": "auto", "mode": "x"}}, None, "reasoning.context"),
        ("responses", "chat", {"reasoning": {"summary": "auto"}}, _HUSHED, "reasoning.summary"),
        ("messages", "chat", {"thinking": {"type": "adaptive", "display": "summarized"}}, _HUSHED, "thinking.display"),
        (
            "gemini",
            "bedrock",
            {"generationConfig": {"thinkingConfig": {"thinkingBudget": 2048}}},
            _THOUGHTLESS,
            "generationConfig.thinkingConfig",
        ),
        ("responses", "chat", {"input": [{"role": "assistant", "content": "A", "phase": "commentary"}]}, None, "phase"),
        ("chat", "messages", {"messages": [{**_HELLO, "name": "ann"}]}, None, "name"),
        (
            "chat",
            "gemini",
            {
                "messages": [
                    {"role": "user", "content": [{"type": "image_url", "image_url": {"url": _PIXEL, "detail": "low"}}]}
                ]
            },
            None,
            "detail",
        ),
        (
            "chat",
            "gemini",
            {
                "messages": [
                    {
                        "role": "user",
                        "content": [{"type": "file", "file": {"file_data": "aGk=", "filename": "a.pdf"}}],
                    }
                ]
            },
            None,
            "filename",
        ),
        (
            "chat",
            "messages",
            {"messages": [_HELLO, {"role": "assistant", "content": "A", "reasoning_content": "hm"}]},
            None,
            "reasoning",
        ),
        (
            "messages",
            "chat",
            {
                "messages": [
                    {
                        "role": "user",
                        "content": [
                            {
                                "type": "search_result",
                                "source": "s",
                                "title": "t",
                                "content": [],
                                "citations": {"enabled": True},
                            }
                        ],
                    }
                ]
            },
            None,
            "citations",
        ),
        (
            "gemini",
            "chat",
            {"tools": [{"functionDeclarations": [{"name": "f", "response": {"type": "OBJECT"}}]}]},
            None,
            "response",
        ),
        (
            "gemini",
            "chat",
            {"contents": [{"parts": [{"inlineData": {"mimeType": "image/png", "data": "AAAA", "displayName": "p"}}]}]},
            None,
            "displayName",
        ),
        (
            "gemini",
            "chat",
            {"contents": [{"parts": [{"text": "Hi", "partMetadata": {"a": 1}}]}]},
            None,
            "partMetadata",
        ),
        (
            "gemini",
            "chat",
            {
                "contents": [
                    {
                        "parts": [
                            {"inlineData": {"mimeType": "image/png", "data": "AAAA"}, "mediaResolution": {"level": "x"}}
                        ]
                    }
                ]
            },
            None,
            "mediaResolution",
        ),
    ],
)
def test_it_is_said(
    caller: str, upstream: str, members: dict[str, Any], capabilities: Capabilities | None, dropped: str
) -> None:
    """By the caller's own name for it."""
    assert dropped in lowered(caller, upstream, members, capabilities)[1].dropped


def test_what_clients_send_back_unasked_is_no_error_under_strict() -> None:
    """Thought and phases of earlier turns, and names that OpenAI wants beside data."""
    assert {"reasoning", "phase", "filename"} <= IMPLICIT


@pytest.mark.parametrize("budget", [(1, "minimal"), (2048, "low"), (8192, "medium"), (24576, "high"), (40000, "xhigh")])
def test_googles_budget_is_an_effort_for_others(budget: tuple[int, str]) -> None:
    """As Anthropic's is."""
    tokens, effort = budget
    request, _ = lowered("gemini", "chat", {"generationConfig": {"thinkingConfig": {"thinkingBudget": tokens}}})
    assert request.reasoning is not None
    assert request.reasoning.effort == effort


@pytest.mark.parametrize("upstream", ["gemini", "cohere"])
def test_what_is_said_of_a_schema_goes_into_it(upstream: str) -> None:
    """Where there is no other place for it; what the schema says of itself stays."""
    format = {
        "type": "json_schema",
        "json_schema": {"name": "n", "description": "An age.", "schema": {"type": "object"}},
    }
    request, _ = lowered("chat", upstream, {"response_format": format})
    assert request.text_format is not None
    assert request.text_format.described_schema["description"] == "An age."
    own = {"type": "json_schema", "json_schema": {**format["json_schema"], "schema": {"description": "Own."}}}  # type: ignore[dict-item]  # a table of JSON
    request, _ = lowered("chat", upstream, {"response_format": own})
    assert request.text_format is not None
    assert request.text_format.described_schema == {"description": "Own."}


@pytest.mark.parametrize(
    ("caller", "upstream", "members", "param"),
    [
        (
            "gemini",
            "messages",
            {"tools": [{"googleSearch": {"excludeDomains": ["x"]}}]},
            "tools[0].googleSearch.excludeDomains",
        ),
        (
            "responses",
            "messages",
            {
                "tools": [
                    {
                        "type": "mcp",
                        "server_label": "s",
                        "server_url": "https://m.example/",
                        "require_approval": "never",
                        "authorization": "t",
                        "headers": {"x-team": "a"},
                    }
                ]
            },
            "tools[0].headers",
        ),
        (
            "responses",
            "gemini",
            {"tools": [{"type": "code_interpreter", "container": {"type": "auto", "memory_limit": "4g"}}]},
            "tools[0].container.memory_limit",
        ),
        (
            "responses",
            "chat",
            {"tools": [{"type": "custom", "name": "g", "format": {"type": "unheard_of"}}]},
            "tools[0].format.type",
        ),
        (
            "chat",
            "messages",
            {"tools": [{"type": "custom", "custom": {"name": "g", "format": {"type": "unheard_of"}}}]},
            "tools[0].custom.format.type",
        ),
        (
            "messages",
            "chat",
            {"messages": [{"role": "user", "content": [{"type": "document", "source": {"type": "unheard_of"}}]}]},
            "input[0].content[0]",
        ),
    ],
)
def test_a_wish_that_cannot_be_told_is_refused(caller: str, upstream: str, members: dict[str, Any], param: str) -> None:
    """It would be served otherwise than asked."""
    with pytest.raises(CallerError) as caught:
        lowered(caller, upstream, members)
    assert caught.value.param == param


def test_the_older_list_of_a_servers_tools_is_kept() -> None:
    """It stood beside the server once."""
    server = {"type": "url", "name": "s", "url": "https://m.example/", "tool_configuration": {"allowed_tools": ["t"]}}
    members = {"mcp_servers": [server], "tools": [{"type": "mcp_toolset", "mcp_server_name": "s"}]}
    request, _ = lowered("messages", "responses", members)
    assert request.tools[0].value["allowed_tools"] == ["t"]  # type: ignore[union-attr]  # it is the provider's own


def test_what_google_did_is_told_in_words() -> None:
    """Its tools' calls come back from its callers."""
    parts = [
        {"toolCall": {"toolType": "GOOGLE_SEARCH_WEB", "args": {"q": "z"}, "id": "1"}},
        {"toolResponse": {"toolType": "GOOGLE_SEARCH_WEB", "response": {"r": "x"}, "id": "1"}},
    ]
    request, _ = lowered(
        "gemini", "chat", {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}, {"role": "model", "parts": parts}]}
    )
    told = [item.parts[0].text for item in request.items[1:]]  # type: ignore[union-attr]  # they are messages
    assert told == ['(I used GOOGLE_SEARCH_WEB: {"q":"z"})', '(It gave: {"r":"x"})']


def test_chats_place_of_a_search_is_told_as_responses_has_it() -> None:
    """One level flatter: OpenAI refuses Chat's own spelling there."""
    place = {"type": "approximate", "approximate": {"city": "Bern", "country": "CH"}}
    request, _ = lowered("chat", "responses", {"web_search_options": {"user_location": place}})
    flat = {"type": "approximate", "city": "Bern", "country": "CH"}
    assert request.tools[0].value == {"type": "web_search", "user_location": flat}  # type: ignore[union-attr]  # it is the provider's own
    with pytest.raises(CallerError) as caught:
        lowered("chat", "messages", {"web_search_options": {"user_location": {**flat, "street": "x"}}})
    assert caught.value.param == "tools[0].user_location.street"


@pytest.mark.parametrize(
    "block",
    [
        {"type": "search_result", "source": "s", "title": "t", "content": 7},
        {"type": "document", "title": "t", "source": {"type": "content", "content": 7}},
    ],
)
def test_a_part_that_is_told_in_words_may_hold_anything(block: dict[str, Any]) -> None:
    """What is no text says nothing."""
    request, _ = lowered("messages", "chat", {"messages": [{"role": "user", "content": [block]}]})
    assert request.items[0].parts[0].text.startswith("t")  # type: ignore[union-attr]  # it is a text


@pytest.mark.parametrize("upstream", ["responses", "chat"])
def test_long_names_of_users(upstream: str) -> None:
    """OpenAI refuses names of more than 64 characters, as Claude Code has them: a hash stands for them, always the same."""
    sent = [{"metadata": {"user_id": name}} for name in ("user_" + "a" * 150, "user_" + "a" * 150, "b" * 65, "ann")]
    names = [lowered("messages", upstream, members)[0].settings.user for members in sent]
    assert [len(name or "") for name in names] == [64, 64, 64, 3]
    assert names[0] == names[1] != names[2]
    assert names[3] == "ann"


@pytest.mark.parametrize(
    ("caller", "upstream"), [("chat", "responses"), ("messages", "messages"), ("chat", "messages")]
)
def test_other_names_of_users(caller: str, upstream: str) -> None:
    """Nobody else's names are changed."""
    name = "a" * 150
    members = {"metadata": {"user_id": name}} if caller == "messages" else {"user": name}
    assert lowered(caller, upstream, members)[0].settings.user == name


@pytest.mark.parametrize(
    ("upstream", "asked", "sent", "dropped"),
    [
        ("responses", 64_000, 16_384, ["max_tokens"]),
        ("gemini", 64_000, 16_384, ["max_tokens"]),
        ("responses", 16_384, 16_384, []),
        ("chat", 64_000, 64_000, []),
    ],
)
def test_more_than_a_model_can_write(upstream: str, asked: int, sent: int, dropped: list[str]) -> None:
    """A limit above the model's own is that, and it is said: vendors refuse it, and no answer is shorter for it."""
    request, lowering = lowered("messages", upstream, {"max_tokens": asked}, Capabilities(max_output_tokens=16_384))
    assert request.settings.max_output_tokens == sent
    assert lowering.dropped == dropped
