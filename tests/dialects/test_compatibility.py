"""The table of fates has no holes, and says what lowering does."""

import json
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anthropic.types as messages_types
import pytest
from anthropic.types.beta import BetaToolUnionParam
from anthropic.types.beta.message_create_params import MessageCreateParamsNonStreaming
from google.genai import types as google_types

from trunkline.capabilities import Capabilities
from trunkline.clock import CountingMint
from trunkline.dialects import anthropic, gemini, openai_chat, openai_responses
from trunkline.dialects.anthropic.usage import read_finish as read_stop_reason
from trunkline.dialects.compatibility import CALLERS, EFFORTS, TIERS, field_rows
from trunkline.dialects.compatibility.answers import EVENTS, FINISHES
from trunkline.dialects.compatibility.table import UPSTREAMS
from trunkline.dialects.fates import EXTRAS, IN_NODES, INCLUDED, SETTINGS, Fate
from trunkline.dialects.gemini.body import GENERATION_EXTRAS
from trunkline.dialects.lowering import lower
from trunkline.dialects.openai_chat.finish import read_finish
from trunkline.dialects.openai_responses.compaction import Summary, carry_summary
from trunkline.dialects.seal import Sealer
from trunkline.errors import TrunklineError, Unsupported

DIALECTS = {
    "responses": openai_responses.DIALECT,
    "chat": openai_chat.DIALECT,
    "messages": anthropic.DIALECT,
}


# --- no holes: OpenAI's description -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def schemas(test_data: Path) -> dict[str, Any]:
    return json.loads((test_data / "openai-openapi.json").read_text())["components"]["schemas"]  # type: ignore[no-any-return]


def properties(schemas: dict[str, Any], name: str) -> set[str]:
    schema = schemas[name]
    found = set(schema.get("properties", ()))
    for part in schema.get("allOf", ()):
        found |= set(part.get("properties", ()))
        if "$ref" in part:
            found |= properties(schemas, part["$ref"].rpartition("/")[2])
    return found


def kinds(schemas: dict[str, Any], name: str) -> Iterator[str]:
    """The values of `type` (or `role`) of every variant of a union."""
    for variant in schemas[name].get("oneOf", schemas[name].get("anyOf", ())):
        inner = variant.get("$ref", "").rpartition("/")[2]
        if not inner:
            continue
        if "properties" not in schemas[inner]:
            yield from kinds(schemas, inner)
            yield from schemas[inner].get("enum", ())
            continue
        members = schemas[inner]["properties"]
        told = members.get("type", members.get("role", {}))
        for each in (told, *told.get("anyOf", ())):
            yield from each.get("enum", ())


def top_level(caller: str) -> set[str]:
    return {name.partition(".")[0] for name in CALLERS[caller].fields}


@pytest.mark.parametrize(
    ("schema", "caller"), [("CreateResponse", "responses"), ("CreateChatCompletionRequest", "chat")]
)
def test_every_field_of_openais_requests_has_a_fate(schemas: dict[str, Any], schema: str, caller: str) -> None:
    """A field that OpenAI adds must not be forgotten."""
    assert properties(schemas, schema) <= top_level(caller)


@pytest.mark.parametrize(
    ("schema", "table"),
    [
        ("Tool", CALLERS["responses"].tools),
        ("InputItem", CALLERS["responses"].items),
        ("OutputItem", CALLERS["responses"].items),
        ("InputContent", CALLERS["responses"].parts),
        ("OutputMessageContent", CALLERS["responses"].parts),
        ("ToolChoiceParam", CALLERS["responses"].choices),
        ("ResponseStreamEvent", EVENTS["responses"]),
        ("ChatCompletionRequestMessage", CALLERS["chat"].items),
        ("ChatCompletionRequestUserMessageContentPart", CALLERS["chat"].parts),
        ("ChatCompletionRequestAssistantMessageContentPart", CALLERS["chat"].parts),
        ("ChatCompletionToolChoiceOption", CALLERS["chat"].choices),
    ],
)
def test_every_kind_in_openais_description_has_a_fate(schemas: dict[str, Any], schema: str, table: Any) -> None:
    """Tools, items, parts, choices and events."""
    found = set(kinds(schemas, schema))
    assert found
    assert found - set(table) == set()


def test_every_word_in_openais_description_has_a_fate(schemas: dict[str, Any]) -> None:
    """Efforts, tiers, what may be included, why an answer ended."""
    efforts = schemas["ReasoningEffort"]["anyOf"][0]["enum"]
    tiers = [word for each in schemas["ServiceTierResponses"].get("anyOf", ()) for word in each.get("enum", ())]
    assert set(efforts) == set(EFFORTS)
    assert set(tiers) | set(schemas["ServiceTier"]["anyOf"][0]["enum"]) <= set(TIERS)
    assert set(schemas["IncludeEnum"]["enum"]) == INCLUDED
    choices = schemas["CreateChatCompletionResponse"]["properties"]["choices"]["items"]["properties"]
    assert set(choices["finish_reason"]["enum"]) == set(FINISHES["chat"])


# --- no holes: the official SDK's types ---------------------------------------------------------------------------


def literals(union: Any, name: str = "type") -> set[str]:
    """The values of `type` of every variant of a union of the SDK's types."""
    found: set[str] = set()
    for variant in typing.get_args(union):
        if typing.get_args(variant):
            found |= literals(variant, name)
        elif hasattr(variant, "model_fields"):
            found |= set(typing.get_args(variant.model_fields[name].annotation))
        elif hasattr(variant, "__total__"):
            hint = typing.get_type_hints(variant).get(name)
            found |= {word for word in flatten(hint) if isinstance(word, str)}
    return found


def flatten(hint: Any) -> Iterator[Any]:
    for argument in typing.get_args(hint):
        yield argument
        yield from flatten(argument)


def test_every_field_of_anthropics_requests_has_a_fate() -> None:
    """The beta's too; `betas` is a header."""
    assert set(typing.get_type_hints(MessageCreateParamsNonStreaming)) - {"betas"} <= top_level("messages")


def test_every_kind_of_anthropics_tools_has_a_fate() -> None:
    """A tool that Anthropic adds must not be forgotten."""
    known = set(CALLERS["messages"].tools)
    assert literals(messages_types.ToolUnionParam) - known == set()


def test_the_betas_tools_have_a_fate() -> None:
    """Each by its own name, or by the refusal that meets whatever is not known."""
    unknown = literals(BetaToolUnionParam) - set(CALLERS["messages"].tools)
    for kind in unknown:
        assert outcome("messages", {"type": kind, "name": "x"}, "chat") in (Fate.REFUSED, Fate.EMULATED)


def test_every_kind_of_anthropics_blocks_has_a_fate() -> None:
    """In requests and answers."""
    known = set(CALLERS["messages"].items)
    assert literals(messages_types.ContentBlockParam) - known == set()
    assert literals(messages_types.ContentBlock) - known == set()


def test_every_event_of_anthropics_streams_has_a_fate() -> None:
    """Deltas included."""
    known = set(EVENTS["messages"])
    assert literals(messages_types.RawMessageStreamEvent) - known == set()
    assert literals(messages_types.RawContentBlockDelta) - known == set()


def test_every_reason_of_anthropics_to_stop_has_a_fate() -> None:
    """And is read as the table says."""
    assert set(typing.get_args(messages_types.StopReason)) == set(FINISHES["messages"])
    assert {word: read_stop_reason(word) for word in FINISHES["messages"]} == FINISHES["messages"]


def names(model: Any) -> set[str]:
    """The members of one of Google's types, as the wire spells them."""
    return {field.alias or name for name, field in model.model_fields.items()}


# What the SDK does by itself, and what it calls otherwise than the wire.
_SDKS_OWN = {"httpOptions", "shouldReturnHttpResponse", "automaticFunctionCalling", "automaticContinuation"}
_RENAMED = {"generationOutputConfig": "outputConfig"}


def test_every_field_of_googles_requests_has_a_fate() -> None:
    """The SDK's one configuration is spread over the body and its `generationConfig`."""
    wanted = names(google_types.GenerateContentConfig) - _SDKS_OWN | names(google_types.GenerationConfig)
    known = {name.removeprefix("generationConfig.") for name in CALLERS["gemini"].fields}
    assert {_RENAMED.get(name, name) for name in wanted} - known == set()


def test_every_kind_of_googles_tools_and_choices_has_a_fate() -> None:
    """A tool that Google adds must not be forgotten."""
    table = CALLERS["gemini"]
    assert names(google_types.Tool) - set(table.tools) == set()
    modes = {mode.value for mode in google_types.FunctionCallingConfigMode}
    choices = names(google_types.FunctionCallingConfig) | names(google_types.ToolConfig) | modes
    assert choices - {"mode", "functionCallingConfig"} - set(table.choices) == set()
    told = {"name", "description", "parameters", "parametersJsonSchema"}
    assert names(google_types.FunctionDeclaration) - told - set(IN_NODES) == set()


def test_every_member_of_googles_parts_has_a_fate() -> None:
    """And of what is in them."""
    assert names(google_types.Part) - set(CALLERS["gemini"].items) == set()
    assert names(google_types.Content) == {"parts", "role"}
    assert names(google_types.FunctionResponse) - {"id", "name", "parts"} - set(IN_NODES) == set()
    assert names(google_types.Blob) == {"data", "mimeType", "displayName"}
    assert names(google_types.FileData) == {"fileUri", "mimeType", "displayName"}


def test_every_reason_of_googles_to_stop_has_a_fate() -> None:
    """Those that are failures are errors."""
    told = {reason.value for reason in google_types.FinishReason} - {"FINISH_REASON_UNSPECIFIED"}
    assert told - set(FINISHES["gemini"]) == set()


@pytest.mark.parametrize("kind", CALLERS["gemini"].tools)
@pytest.mark.parametrize("upstream", [upstream for upstream in UPSTREAMS if upstream != "gemini"])
def test_each_of_googles_tools_has_the_fate_that_is_stated(kind: str, upstream: str) -> None:
    """Asked of lowering itself."""
    declared: Any = [{"name": "f"}] if kind == "functionDeclarations" else {}
    body = {"contents": [{"parts": [{"text": "Hi"}]}], "tools": [{kind: declared}]}
    request = gemini.DIALECT.read_request(body, lambda _: None)
    try:
        lower(request, "gemini", upstream, Capabilities(), CountingMint())
        fate = Fate.MAPPED
    except Unsupported:
        fate = Fate.REFUSED
    assert CALLERS["gemini"].tools[kind][upstream] is fate


@pytest.mark.parametrize("name", sorted(GENERATION_EXTRAS))
def test_each_of_googles_own_fields_has_the_fate_that_is_stated(name: str) -> None:
    """Dropped and said, or refused."""
    body = {"contents": [{"parts": [{"text": "Hi"}]}], "generationConfig": {name: "x"}}
    request = gemini.DIALECT.read_request(body, lambda _: None)
    try:
        _, lowering = lower(request, "gemini", "chat", Capabilities(), CountingMint())
        fate = Fate.DROPPED
        assert lowering.dropped == [name]
    except Unsupported:
        fate = Fate.REFUSED
    [row] = [row for row in field_rows("gemini") if row.name == f"generationConfig.{name}"]
    assert row.fates["chat"] is fate


def test_chats_reasons_are_read_as_the_table_says() -> None:
    """Calls are no reason of their own here."""
    assert {word: read_finish(word) for word in FINISHES["chat"]} == FINISHES["chat"]


# --- the table is what lowering does ------------------------------------------------------------------------------


@pytest.mark.parametrize("caller", CALLERS)
def test_every_row_is_whole(caller: str) -> None:
    """A fate towards each upstream, and each field either a setting, a field of the tables, or written out."""
    for row in field_rows(caller):
        assert set(row.fates) == set(UPSTREAMS)
        assert row.fates[caller] is Fate.SAME
    settings = set(SETTINGS["chat"])
    for name, meaning in CALLERS[caller].fields.items():
        own = name.removeprefix("generationConfig.")
        assert isinstance(meaning, tuple) or meaning in settings or own in EXTRAS or own in GENERATION_EXTRAS, name


_MEMBERS: dict[str, dict[str, Any]] = {
    "function": {"name": "f", "parameters": {}},
    "custom": {"name": "f"},
    "namespace": {"name": "n", "description": "", "tools": [{"type": "function", "name": "f", "parameters": {}}]},
    "mcp_toolset": {"mcp_server_name": "s"},
    "mcp": {"server_label": "s", "server_url": "https://m.example/", "require_approval": "never"},
}


def outcome(caller: str, tool: dict[str, Any], upstream: str) -> Fate:
    """What lowering makes of a tool."""
    body: dict[str, Any] = {"model": "m", "tools": [tool]}
    hello = [{"role": "user", "content": "hello"}]
    body |= {"input": "hello"} if caller == "responses" else {"messages": hello}
    if caller == "messages":
        body["max_tokens"] = 1
    if tool["type"] == "mcp_toolset":
        body["mcp_servers"] = [{"type": "url", "name": "s", "url": "https://m.example/"}]
    request = DIALECTS[caller].read_request(body, lambda _: None)
    try:
        _, lowering = lower(request, caller, upstream, Capabilities(), CountingMint())
    except Unsupported as error:
        return Fate.REFUSED if error.code == "unsupported_tool" else Fate.DROPPED
    return Fate.EMULATED if lowering.emulated else Fate.MAPPED


TOOL_CASES = [
    (caller, kind, upstream, fates[upstream])
    for caller, table in CALLERS.items()
    if caller in DIALECTS
    for kind, fates in table.tools.items()
    for upstream in UPSTREAMS
    if upstream != caller
]


@pytest.mark.parametrize(("caller", "kind", "upstream", "fate"), TOOL_CASES)
def test_each_tool_has_the_fate_that_is_stated(caller: str, kind: str, upstream: str, fate: Fate) -> None:
    """Asked of lowering itself, for a model with permissive capabilities."""
    tool: dict[str, Any] = {"type": kind, **({} if kind == "mcp" else {"name": "f"}), **_MEMBERS.get(kind, {})}
    if caller == "chat":
        tool = {"type": kind, kind: _MEMBERS[kind]}
    elif caller == "messages" and kind == "custom":
        tool = {"type": kind, "name": "f", "input_schema": {}}
    assert outcome(caller, tool, upstream) is fate


_SEAL, _UNSEAL = Sealer({"k1": bytes(32)}, "k1").bind("a", "/")

# Not for lowering to judge: who obeys it takes it out.
_OBEYED = "compaction_trigger"

_ITEMS: dict[str, dict[str, Any]] = {
    "compaction": {"encrypted_content": _SEAL(carry_summary(Summary(summary="They met.")))},
    "message": {"role": "user", "content": "x"},
    "reasoning": {"summary": []},
    "web_search_call": {"action": {"type": "search", "query": "q"}},
    "mcp_call": {"name": "f", "server_label": "s", "arguments": "{}", "output": "1"},
}


# What it names stands in its place before anything is lowered.
_LOOKED_UP = "item_reference"


@pytest.mark.parametrize("upstream", [upstream for upstream in UPSTREAMS if upstream != "responses"])
@pytest.mark.parametrize(
    "kind",
    [kind for kind in CALLERS["responses"].items if not kind.endswith(("_call", "_output", _OBEYED, _LOOKED_UP))],
)
def test_each_item_has_the_fate_that_is_stated(kind: str, upstream: str) -> None:
    """Items that stand by themselves; calls and outputs come in pairs, and have tests of their own."""
    fates = CALLERS["responses"].items[kind][0]
    body = {"model": "m", "input": [{"type": kind, "id": "x", "tools": [], **_ITEMS.get(kind, {})}]}
    request = DIALECTS["responses"].read_request(body, _UNSEAL)
    refused = False
    try:
        lower(request, "responses", upstream, Capabilities(), CountingMint())
    except TrunklineError as error:
        refused = error.param == "input[0]"
    assert refused == (fates[upstream] is Fate.REFUSED)
