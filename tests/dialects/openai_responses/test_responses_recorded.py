"""Real streams of real providers: read, cut anywhere, written again, judged by OpenAI's description and its own client."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from openai import omit
from openai._models import construct_type
from openai.lib.streaming.responses._responses import ResponseStreamState
from openai.types.responses import ResponseStreamEvent
from responses_wire import context, frame, read_stream, without_ids, write_stream, written

from trunkline.dialects.dialect import TeeOptions
from trunkline.dialects.openai_responses import DIALECT
from trunkline.folding import fold
from trunkline.grammar import check
from trunkline.items import Message, OtherItem, Refusal, Text

# The upstream's own item changes its identity between announcement and end: the client refuses it read directly too.
ACCUMULATOR_REFUSES = {"openai-client-tool-search.1"}

# What these upstreams' own hosted items and citations lack; we pass them as they are.
LACKING = ("image_generation_call", "web_search_call", "url_citation")


# Its final text was touched up by hand: it is not what its deltas make.
TOUCHED_UP = {"openai-shell-container.1"}

TERMINAL = ("response.completed", "response.incomplete", "response.failed")


def recorded_names() -> list[str]:
    return [
        "azure--openai-file-search-tool.2", "azure-image-generation-tool.1", "azure-text.1",
        "azure-web-search-preview-tool.1", "open-responses--lmstudio-basic.1", "open-responses--lmstudio-tool-call.1",
        "open-responses--lmstudio-tool-call.2", "openai--github-copilot-id-rotation.1",
        "openai--programmatic-tool-calling.1", "openai-apply-patch-tool-delete.1", "openai-client-tool-search.1",
        "openai-compaction.1", "openai-error.1", "openai-file-search-tool.2", "openai-image-generation-tool.1",
        "openai-mcp-tool-approval.1", "openai-mcp-tool-approval.3", "openai-mcp-tool.1",
        "openai-reasoning-encrypted-content.1", "openai-shell-container.1", "openai-shell-local-multiturn.1",
        "openai-tool-search.1", "openai-web-search-tool.1", "xai-text-with-reasoning-streaming-store-false.1",
        "xai-text-with-reasoning-streaming.1", "xai-x-search-tool",
    ]  # fmt: skip


def load(test_data: Path, name: str) -> list[dict[str, Any]]:
    """The events of a recording's first response: some hold the next turn's too."""
    lines = (test_data / "recorded" / "responses" / f"{name}.chunks.txt").read_text().splitlines()
    events = [json.loads(line) for line in lines if line.strip()]
    ends = [number for number, event in enumerate(events) if event["type"] in TERMINAL]
    return events[: ends[0] + 1]


def read_file(test_data: Path, name: str) -> bytes:
    return frame(*load(test_data, name))


@pytest.fixture(scope="session")
def schemas(test_data: Path) -> dict[str, Any]:
    """A validator for each kind of event, and for the response object."""
    description = json.loads((test_data / "openai-openapi.json").read_text())
    models = description["components"]["schemas"]

    def validator(name: str) -> jsonschema.Draft202012Validator:
        reference = {"$ref": f"#/components/schemas/{name}", "components": description["components"]}
        return jsonschema.Draft202012Validator(reference)

    names = [entry["$ref"].rsplit("/", 1)[1] for entry in models["ResponseStreamEvent"]["anyOf"]]
    events = {models[name]["properties"]["type"]["enum"][0]: validator(name) for name in names}
    return events | {"response": validator("Response")}


def violations(validator: jsonschema.Draft202012Validator, value: dict[str, Any]) -> list[str]:
    """What breaks the description, but for `usage: null` before the end, which OpenAI itself sends."""
    response = value.get("response", value)
    if response.get("usage", ...) is None:
        del response["usage"]
    return [error.message for error in validator.iter_errors(value)]


def is_upstreams_own(complaint: str) -> bool:
    return any(word in complaint for word in LACKING)


@pytest.mark.parametrize("name", recorded_names())
def test_every_recording_keeps_the_grammar(test_data: Path, name: str) -> None:
    """A real stream becomes events that keep the grammar, in any cutting."""
    data = read_file(test_data, name)
    events = read_stream(data)
    reader = DIALECT.reader()
    again = [event for at in range(0, len(data), 61) for event in reader.feed(data[at : at + 61])]
    assert events[:-1] == check(again + reader.end())[:-1]


@pytest.mark.parametrize("name", sorted(set(recorded_names()) - TOUCHED_UP))
def test_nothing_of_a_recording_is_lost(test_data: Path, name: str) -> None:
    """The text and items of the terminal object are those that the events made."""
    recorded = load(test_data, name)
    response = fold(read_stream(frame(*recorded)))
    output = recorded[-1]["response"]["output"]
    assert len(response.items) == len(output)
    for item, wire in zip(response.items, output, strict=True):
        if isinstance(item, Message):
            found = [
                part.refusal if isinstance(part, Refusal) else part.text
                for part in item.parts
                if isinstance(part, Text | Refusal)
            ]
            assert found == [part.get("text", part.get("refusal")) for part in wire["content"]]
        elif isinstance(item, OtherItem):
            assert item.type == wire["type"]
    assert response.has_usage == (recorded[-1]["response"]["usage"] is not None)


@pytest.mark.parametrize("name", recorded_names())
def test_t19_what_we_write_is_what_openai_describes(test_data: Path, schemas: dict[str, Any], name: str) -> None:
    """Every event and response object fits OpenAI's description, but for what the upstream's own items lack."""
    events = read_stream(read_file(test_data, name))
    for event in write_stream(events):
        complaints = violations(schemas[event["type"]], event)
        assert all(is_upstreams_own(complaint) for complaint in complaints), complaints
    whole = json.loads(DIALECT.write_reply(fold(events), context()))
    assert all(is_upstreams_own(complaint) for complaint in violations(schemas["response"], whole))


@pytest.mark.parametrize("name", sorted(set(recorded_names()) - ACCUMULATOR_REFUSES))
def test_t19_openais_client_accepts_what_we_write(test_data: Path, name: str) -> None:
    """The official accumulator reads our stream to its end, and has the output that the terminal event has."""
    events = write_stream(read_stream(read_file(test_data, name)))
    state = ResponseStreamState(input_tools=omit, text_format=omit)
    for event in events:
        if event["type"] != "error":
            state.handle_event(construct_type(type_=ResponseStreamEvent, value=event))
    if events[-1]["type"] == "response.completed":
        assert state._completed_response is not None
        assert len(state._completed_response.output) == len(events[-1]["response"]["output"])


@pytest.mark.parametrize("name", recorded_names())
def test_streamed_and_whole_are_one(test_data: Path, name: str) -> None:
    """The terminal object of the written stream equals the plain reply but for ids."""
    events = read_stream(read_file(test_data, name))
    streamed = written(DIALECT.writer(context()).write(events))[-1]["response"]
    assert without_ids(streamed) == without_ids(json.loads(DIALECT.write_reply(fold(events), context())))


@pytest.mark.parametrize("name", recorded_names())
def test_t96_the_tee_passes_every_byte(test_data: Path, name: str) -> None:
    """A recording passes the tee unchanged, and its usage is what the recording says."""
    recorded = load(test_data, name)
    data = frame(*recorded)
    passage = DIALECT.tee(TeeOptions())
    out = b"".join(passage.feed(data[at : at + 1000]) for at in range(0, len(data), 1000)) + passage.end()
    assert out == data
    assert passage.usage == fold(read_stream(data)).usage
    assert (passage.error is not None) == (name == "openai-error.1")


def test_every_recorded_reply_reads_back(test_data: Path) -> None:
    """Each recorded JSON reply is read, and written again in the same order of items."""
    for path in sorted((test_data / "recorded" / "responses").glob("*.json")):
        body = path.read_bytes()
        response = DIALECT.read_reply(body)
        output = json.loads(body)["output"]
        again = json.loads(DIALECT.write_reply(response, context()))["output"]
        assert [item["type"] for item in again] == [item["type"] for item in output], path.name


def test_the_list_of_recordings_is_complete(test_data: Path) -> None:
    """Every recording that is there is tested."""
    found = {
        path.name.removesuffix(".chunks.txt") for path in (test_data / "recorded" / "responses").glob("*.chunks.txt")
    }
    assert found == set(recorded_names())
