"""What a Gemini caller gets."""

import base64
import json
from typing import Any, get_args

import pytest
from gemini_wire import ASKED, context, frames, parts_of, read, seal, unseal
from hypothesis import given, settings
from hypothesis import strategies as st

from trunkline.dialects.dialect import TeeOptions
from trunkline.dialects.gemini import DIALECT
from trunkline.dialects.gemini.framing import ArrayPassage, array_of, write_array_error
from trunkline.dialects.gemini.parts import _HANDLERS
from trunkline.errors import Failed
from trunkline.events import (
    ArgumentsAdded,
    Event,
    ItemEnded,
    ItemStarted,
    ModelResponse,
    ResponseEnded,
    ResponseFailed,
    ResponseStarted,
)
from trunkline.folding import fold, unfold
from trunkline.grammar import check
from trunkline.items import Carrier, Item, Message, OtherItem, Reasoning, Refusal, Text, ToolCall
from trunkline.usage import Usage


def write(*items: Item, **members: Any) -> bytes:
    return DIALECT.writer(context()).write([*unfold(ModelResponse(items=list(items), **members))])


def write_whole(*items: Item, **members: Any) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(DIALECT.write_reply(ModelResponse(items=list(items), **members), context()))
    return body


def say(*texts: str) -> Message:
    return Message(role="assistant", parts=[Text(text=text) for text in texts], status="completed")


def test_every_event_has_its_handler() -> None:
    """Nothing is forgotten."""
    assert set(_HANDLERS) == set(get_args(Event))


def test_a_plain_stream() -> None:
    """Frames of one shape; the last says why it ended and what it took."""
    told = frames(write(say("Hello"), usage=Usage(3, 2, 0, 5, 7), has_usage=True))
    assert told[0]["candidates"] == [{"content": {"parts": [{"text": "Hello"}], "role": "model"}, "index": 0}]
    assert told[-1]["candidates"][0]["finishReason"] == "STOP"
    assert told[-1]["usageMetadata"] == {
        "promptTokenCount": 5,
        "candidatesTokenCount": 5,
        "cachedContentTokenCount": 2,
        "thoughtsTokenCount": 7,
        "totalTokenCount": 17,
    }
    assert len({frame["responseId"] for frame in told}) == 1


@pytest.mark.parametrize(
    ("finish", "reason"), [("stop", "STOP"), ("length", "MAX_TOKENS"), ("content_filter", "SAFETY"), ("paused", "STOP")]
)
def test_finishes(finish: Any, reason: str) -> None:
    """A filter's words are the message."""
    candidate = write_whole(say("par"), finish=finish, explanation="because")["candidates"][0]
    assert (candidate["finishReason"], candidate["finishMessage"]) == (reason, "because")


def test_a_refusal_keeps_its_words() -> None:
    """And ends as one."""
    refused = Message(role="assistant", parts=[Refusal(refusal="No.")], status="completed")
    [candidate] = write_whole(refused)["candidates"]
    assert (candidate["content"]["parts"], candidate["finishReason"]) == ([{"text": "No."}], "SAFETY")


def test_interleaved_calls_come_whole_and_in_order() -> None:
    """Parts have no deltas of their own."""
    events: list[Event] = [
        ResponseStarted(),
        ItemStarted(0, ToolCall(call_id="a", name="f", arguments="")),
        ItemStarted(1, ToolCall(call_id="b", name="g", arguments="")),
        ArgumentsAdded(1, '{"y":'),
        ArgumentsAdded(0, '{"x":1}'),
        ArgumentsAdded(1, "2}"),
        ItemEnded(1),
        ItemEnded(0),
        ResponseEnded(),
    ]
    calls = [part["functionCall"] for part in parts_of(DIALECT.writer(context()).write(check(events)))[:2]]
    assert calls == [{"id": "a", "name": "f", "args": {"x": 1}}, {"id": "b", "name": "g", "args": {"y": 2}}]


def test_arguments_cut_short_are_kept_t10() -> None:
    """As text, since they are no object."""
    cut = ToolCall(call_id="a", name="f", arguments='{"x":"unf', status="incomplete")
    [candidate] = write_whole(cut, finish="length")["candidates"]
    assert candidate["content"]["parts"][0]["functionCall"]["args"] == {"input": '{"x":"unf'}
    assert candidate["finishReason"] == "MAX_TOKENS"


def test_citations_count_bytes_t41() -> None:
    """Within their part."""
    annotation = {"type": "url_citation", "url": "https://z.test", "title": "Z", "start_index": 9, "end_index": 11}
    text = "Zürich 🎉 is"
    cited = Message(role="assistant", parts=[Text(text=text, annotations=[annotation])], status="completed")
    metadata = write_whole(cited)["candidates"][0]["groundingMetadata"]
    [support] = metadata["groundingSupports"]
    segment = support["segment"]
    assert text.encode()[segment["startIndex"] : segment["endIndex"]] == b"is"
    assert metadata["groundingChunks"][0]["web"] == {"uri": "https://z.test", "title": "Z"}
    assert fold(read(write(cited))).items[0] == cited


def test_what_was_searched_for_is_told() -> None:
    """As Google tells it, whoever has searched."""
    action = {"type": "search", "query": "a", "queries": ["a", "b"]}
    value = {"type": "web_search_call", "status": "completed", "action": action}
    written = write_whole(OtherItem(dialect="responses", type="web_search_call", value=value))
    assert written["candidates"][0]["groundingMetadata"] == {"webSearchQueries": ["a", "b"]}


def test_a_generated_picture_is_inline_data() -> None:
    """As Gemini's own models send it."""
    value = {"type": "image_generation_call", "status": "completed", "result": "AAAA", "output_format": "webp"}
    [part] = write_whole(OtherItem(dialect="responses", type="image_generation_call", value=value))["candidates"][0][
        "content"
    ]["parts"]
    assert part == {"inlineData": {"mimeType": "image/webp", "data": "AAAA"}}


def test_signatures_are_base64() -> None:
    """The SDKs decode them; nothing of what they hold is to be seen."""
    thought = Reasoning(summary=["hm"], carrier=Carrier("messages", "signature", {"signature": "SECRET"}))
    body = write_whole(thought, say("so"))
    signature = body["candidates"][0]["content"]["parts"][0]["thoughtSignature"]
    assert base64.b64decode(signature, validate=True).startswith(b"tl1.")
    assert "SECRET" not in json.dumps(body)


def test_an_error_ends_the_stream() -> None:
    """In Google's envelope."""
    told = frames(DIALECT.writer(context()).write([ResponseStarted(), ResponseFailed(Failed("Oops."))]))
    assert told == [{"error": told[0]["error"]}]
    assert (told[0]["error"]["message"], told[0]["error"]["status"]) == ("Oops.", "INTERNAL")


def test_half_a_surrogate_pair_is_replaced_fr36() -> None:
    """Whatever the upstream wrote."""
    assert "".join(part["text"] for part in parts_of(write(say("a\ud83d b")))) == "a? b"


# --- what holds for every answer ----------------------------------------------------------------------------------

WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6)
ARGUMENTS = st.dictionaries(WORDS, st.integers(-(2**60), 2**60) | WORDS, max_size=3).map(
    lambda value: json.dumps(value, separators=(",", ":"), ensure_ascii=False)
)
CARRIERS = st.sampled_from(
    [
        Carrier("messages", "signature", {"thinking": "t", "signature": "S"}),
        Carrier("responses", "encrypted_content", "E"),
        Carrier("gemini", "thought", {"signature": "S", "text": "t"}),
    ]
)
ITEMS = st.lists(
    st.builds(lambda texts: say(*texts), st.lists(WORDS, min_size=1, max_size=3))
    | st.builds(lambda texts, carrier: Reasoning(summary=texts, carrier=carrier), st.lists(WORDS, max_size=2), CARRIERS)
    | st.builds(lambda name, arguments: ToolCall(call_id="i", name=name, arguments=arguments), WORDS, ARGUMENTS),
    max_size=6,
)


def project(items: list[Item]) -> list[Any]:
    """What the dialect can hold: neighbouring words are one, thought is one text and what makes it replayable."""
    held: list[Any] = []
    for item in items:
        match item:
            case Message():
                text = "".join(part.text for part in item.parts if isinstance(part, Text))
                if held and held[-1][0] == "text":
                    held[-1] = ("text", held[-1][1] + text)
                else:
                    held.append(("text", text))
            case Reasoning():
                held.append(("thought", "\n\n".join(item.summary), item.carrier))
            case ToolCall():
                held.append(("call", item.name, json.loads(item.arguments)))
            case _:
                raise AssertionError(item)
    return held


def sent_back(parts: list[dict[str, Any]]) -> list[Item]:
    """An answer in the next request of its caller, as the SDK sends what it was given."""
    contents = [{"role": "model", "parts": [part for part in parts if part != {"text": ""}]}]
    return DIALECT.read_request({"contents": contents}, unseal).items


@settings(max_examples=60)
@given(ITEMS)
def test_an_answer_survives_its_caller(items: list[Item]) -> None:
    """Streamed and whole, thought included, in its order."""
    assert project(sent_back(parts_of(write(*items)))) == project(items)
    assert project(sent_back(write_whole(*items)["candidates"][0]["content"]["parts"])) == project(items)


@settings(max_examples=60)
@given(ITEMS, st.integers(1, 40))
def test_what_is_written_is_read(items: list[Item], size: int) -> None:
    """In any chunking; seals aside, which are no signatures of Google's."""
    stream = write(*items)
    pieces = [stream[at : at + size] for at in range(0, len(stream), size)]

    def plain(found: list[Item]) -> list[Any]:
        held = project([item for item in found if not isinstance(item, Reasoning) or item.summary])
        return [entry[:2] if entry[0] == "thought" else entry for entry in held]

    assert plain(fold(read(*pieces)).items) == plain(items)


# --- an array in the place of events ------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_an_array_is_whole(size: int) -> None:
    """However its bytes were cut."""
    stream = write(say("Hello"), say("there"))
    passage = ArrayPassage(DIALECT.tee(TeeOptions()))
    out = b"".join(passage.feed(stream[at : at + size]) for at in range(0, len(stream), size)) + passage.end()
    assert json.loads(out) == frames(stream) == json.loads(array_of(stream))
    assert passage.has_content
    assert passage.error is None
    assert passage.end() == b""


def test_an_array_that_breaks_ends_with_the_error() -> None:
    """And is JSON still."""
    stream = write(say("Hello"))
    passage = ArrayPassage(DIALECT.tee(TeeOptions()))
    first = stream[: stream.index(b"\r\n\r\n") + 4]
    out = passage.feed(first) + passage.fail(Failed("cut"))
    assert json.loads(out)[-1]["error"]["message"] == "cut"
    assert passage.error is not None
    assert json.loads(b"[{}" + write_array_error(Failed("x")))[-1]["error"]["message"] == "x"


def test_the_seal_is_the_callers() -> None:
    """Another caller's is no thought of ours, and no error."""
    foreign = base64.b64encode(seal(Carrier("gemini", "call", {"signature": "S"}))[:-4].encode()).decode()
    contents = [{"role": "model", "parts": [{"text": "", "thought": True, "thoughtSignature": foreign}]}]
    [item] = DIALECT.read_request({"contents": contents}, unseal).items
    assert item.carrier.family == "foreign"
    assert ASKED.items
