"""Gemini's streams and replies, read."""

import json

import pytest
from gemini_wire import END, answer, call, event, frame, read, text
from hypothesis import given
from hypothesis import strategies as st

from trunkline.dialects.gemini import DIALECT
from trunkline.dialects.gemini.arguments import read_path
from trunkline.dialects.gemini.usage import FAILURES, FINISHES
from trunkline.errors import Busy, Denied, Failed, Garbled
from trunkline.items import Carrier, Message, OtherItem, Reasoning, Text, ToolCall
from trunkline.usage import Usage


def said(items: list) -> str:
    return "".join(part.text for item in items if isinstance(item, Message) for part in item.parts)


def test_a_plain_stream() -> None:
    """One message, its counts, a stop."""
    got = answer(text("Hel", "lo"), END)
    assert got.items == [Message(role="assistant", parts=[Text(text="Hello")], status="completed")]
    assert (got.finish, got.usage) == ("stop", Usage(input_tokens=5, output_tokens=2))


@pytest.mark.parametrize(
    "stream",
    [
        text("Zürich 🎉", " is…") + END,
        frame({"text": "hm", "thought": True}) + frame(call("f", {"a": [1, 2.50]}, signature="S")) + END,
    ],
)
def test_any_chunking_reads_the_same_t25(stream: bytes) -> None:
    """Every byte alone, and with other line ends."""
    whole = read(stream)
    assert read(*(stream[at : at + 1] for at in range(len(stream)))) == whole
    assert read(stream.replace(b"\r\n", b"\n")) == whole


def test_a_finish_on_every_frame_is_one_end_fr05() -> None:
    """The end of the connection is the end."""
    got = answer(*(frame({"text": word}, finishReason="STOP") for word in ("one ", "two ", "three")))
    assert (said(got.items), got.finish) == ("one two three", "stop")


@pytest.mark.parametrize("last", [{"finishReason": "STOP"}, {"finishReason": "STOP", "content": {"role": "model"}}])
def test_a_finish_without_content_is_kept_t84(last: dict) -> None:
    """The last frame may say nothing else."""
    got = answer(text("Hi"), event({"candidates": [last]}))
    assert (said(got.items), got.finish, got.error) == ("Hi", "stop", None)


@pytest.mark.parametrize("stream", [b"", text("par"), frame(call("f", willContinue=True))])
def test_a_stream_without_its_end_has_failed(stream: bytes) -> None:
    """What was open is incomplete."""
    got = answer(stream)
    assert isinstance(got.error, Failed)
    assert all(item.status == "incomplete" for item in got.items)


def test_a_break_after_the_finish_is_no_failure() -> None:
    """All had been said."""
    reader = DIALECT.reader()
    reader.feed(text("Hi") + END)
    assert reader.fail(Failed("cut"))[-1].finish == "stop"
    assert reader.end() == []


@pytest.mark.parametrize(("reason", "finish"), FINISHES.items())
def test_finishes(reason: str, finish: str) -> None:
    """A cut leaves the last item incomplete; a filter's words are no refusal of the model's."""
    got = answer(frame({"text": "par"}, finishReason=reason, finishMessage="because"))
    assert got.finish == finish
    assert got.items[0].status == ("incomplete" if finish in ("length", "content_filter") else "completed")
    assert got.explanation is None


@pytest.mark.parametrize("reason", FAILURES)
def test_failures_are_errors_t83(reason: str) -> None:
    """Never a finish reason that no client knows."""
    got = answer(text("par"), frame(finishReason=reason))
    assert isinstance(got.error, Failed)
    assert got.error.status == 502
    with pytest.raises(Failed):
        DIALECT.read_reply(json.dumps({"candidates": [{"finishReason": reason}]}).encode())


@pytest.mark.parametrize("as_stream", [True, False])
def test_a_blocked_prompt_is_a_filtered_answer_t83(as_stream: bool) -> None:
    """And no error."""
    value = {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 4}}
    got = answer(event(value)) if as_stream else DIALECT.read_reply(json.dumps(value).encode())
    assert (got.items, got.finish, got.error) == ([], "content_filter", None)


def test_usage_is_taken_apart() -> None:
    """Thought is beside the candidates, the cache inside the prompt, what tools brought beside it."""
    counts = {
        "promptTokenCount": 100,
        "cachedContentTokenCount": 60,
        "toolUsePromptTokenCount": 7,
        "candidatesTokenCount": 11,
        "thoughtsTokenCount": 13,
        "totalTokenCount": 131,
    }
    got = answer(frame({"text": "x"}, finishReason="STOP", usage=counts))
    assert got.usage == Usage(input_tokens=47, cached_input_tokens=60, output_tokens=11, reasoning_tokens=13)
    assert got.usage.total == 131


# --- thought and its signatures -----------------------------------------------------------------------------------


def test_a_calls_signature_stands_before_it() -> None:
    """As a step of thought, since it must come back on the call; parallel calls have one together."""
    got = answer(frame(call("f", {"x": 1}, signature="S", id="i1"), call("g", {}, id="i2")), END)
    assert got.items == [
        Reasoning(carrier=Carrier("gemini", "call", {"signature": "S", "id": "i1"}), status="completed"),
        ToolCall(call_id="i1", name="f", arguments='{"x":1}', status="completed"),
        ToolCall(call_id="i2", name="g", arguments="{}", status="completed"),
    ]


def test_open_thought_takes_the_calls_signature() -> None:
    """One step: what was thought, and what makes it replayable."""
    got = answer(frame({"text": "hm", "thought": True}), frame(call("f", {}, signature="S")), END)
    assert got.items[0] == Reasoning(
        summary=["hm"], carrier=Carrier("gemini", "call", {"signature": "S", "id": ""}), status="completed"
    )


@pytest.mark.parametrize("last", [{"text": "", "thoughtSignature": "S"}, {"text": "lo", "thoughtSignature": "S"}])
def test_a_signature_of_the_words_follows_them(last: dict) -> None:
    """On an empty part at the end, or on the last words."""
    got = answer(text("Hel"), frame(last, finishReason="STOP"))
    assert said(got.items) == "Hel" + last["text"]
    assert got.items[1].carrier == Carrier("gemini", "part", {"signature": "S", "length": len(last["text"])})


# --- calls --------------------------------------------------------------------------------------------------------


def test_numbers_and_order_of_arguments_are_kept() -> None:
    """As the model wrote them, without the white space between."""
    raw = b'data: {"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":\n{"z": 2.50,\r\n "a" : " x  y"}}}]},"finishReason":"STOP"}]}'
    raw = raw.replace(b"\r\n", b" ").replace(b"\n", b" ")
    assert answer(raw + b"\n\n").items[0].arguments == '{"z":2.50,"a":" x  y"}'


def test_arguments_in_pieces_t13() -> None:
    """Nested paths, every kind of value, a terminator that is there once and missing once."""

    def piece(path: str, **value: object) -> bytes:
        return frame({"functionCall": {"partialArgs": [{"jsonPath": path, **value}], "willContinue": True}})

    got = answer(
        frame(call("f", willContinue=True, signature="S")),
        piece("$.ops[0].name", stringValue="ad", willContinue=True),
        piece("$.ops[0].name", stringValue="d"),
        piece("$.ops[0].price", numberValue=0.5),
        piece("$.ops[1]['odd key']", boolValue=True),
        piece("$.none", nullValue="NULL_VALUE"),
        frame({"functionCall": {}}),
        frame(call("g", willContinue=True)),
        piece("$.x", stringValue="y"),
        frame(finishReason="STOP"),
    )
    calls = [item for item in got.items if isinstance(item, ToolCall)]
    assert [json.loads(item.arguments) for item in calls] == [
        {"ops": [{"name": "add", "price": 0.5}, {"odd key": True}], "none": None},
        {"x": "y"},
    ]
    assert [item.status for item in calls] == ["completed", "completed"]


@given(st.text(max_size=20))
def test_any_path_is_a_path(path: str) -> None:
    """Or none."""
    assert isinstance(read_path(path), list)


def test_text_around_a_call_is_two_messages_t14() -> None:
    """In order."""
    got = answer(text("one"), frame(call("f", {})), text("two"), END)
    assert [type(item).__name__ for item in got.items] == ["Message", "ToolCall", "Message"]


# --- beside text --------------------------------------------------------------------------------------------------


def test_a_generated_picture_is_an_item_fr24() -> None:
    """Beside the words."""
    got = answer(text("Here:"), frame({"inlineData": {"mimeType": "image/png", "data": "AAAA"}}), END)
    item = got.items[1]
    assert isinstance(item, OtherItem)
    assert (item.dialect, item.type, item.value["result"]) == ("responses", "image_generation_call", "AAAA")


def test_citations_count_code_points_t41() -> None:
    """Google counts bytes."""
    words = "Zürich 🎉 is big. So it is."
    cited = "is big"
    begin = len(words[: words.index(cited)].encode())
    grounding = {
        "webSearchQueries": ["zürich"],
        "groundingChunks": [{"web": {"uri": "https://z.test", "title": "Z"}}],
        "groundingSupports": [
            {
                "segment": {"startIndex": begin, "endIndex": begin + len(cited), "text": cited},
                "groundingChunkIndices": [0],
            }
        ],
    }
    got = answer(text(words[:9], words[9:]), frame({"text": ""}, finishReason="STOP", groundingMetadata=grounding))
    [annotation] = got.items[0].parts[0].annotations
    assert words[annotation["start_index"] : annotation["end_index"]] == cited
    assert (annotation["url"], annotation["title"]) == ("https://z.test", "Z")
    assert got.items[1].type == "web_search_call"
    assert got.items[1].value["action"]["queries"] == ["zürich"]


def test_citations_of_a_later_part_count_from_its_start() -> None:
    """A whole reply may have its words in several parts."""
    support = {"segment": {"partIndex": 1, "startIndex": 0, "endIndex": 3}, "groundingChunkIndices": [0]}
    grounding = {"groundingChunks": [{"web": {"uri": "https://z.test"}}], "groundingSupports": [support]}
    got = answer(frame({"text": "één "}, {"text": "two"}, finishReason="STOP", groundingMetadata=grounding))
    [annotation] = got.items[0].parts[0].annotations
    assert (annotation["start_index"], annotation["end_index"]) == (4, 7)


def test_code_that_was_run_is_one_item() -> None:
    """The code and what it printed."""
    got = answer(
        frame({"executableCode": {"language": "PYTHON", "code": "print(1)"}}),
        frame({"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1\n"}}),
        END,
    )
    assert got.items[0].type == "code_interpreter_call"
    assert (got.items[0].value["code"], got.items[0].value["outputs"][0]["logs"]) == ("print(1)", "1\n")


def test_log_probabilities() -> None:
    """One entry a token, its alternatives beside it."""
    result = {
        "chosenCandidates": [{"token": "Hi", "logProbability": -0.1}],
        "topCandidates": [{"candidates": [{"token": "Ho", "logProbability": -2}]}],
    }
    got = answer(frame({"text": "Hi"}, finishReason="STOP", logprobsResult=result))
    [entry] = got.items[0].parts[0].logprobs
    assert (entry["token"], entry["logprob"], entry["bytes"]) == ("Hi", -0.1, [72, 105])
    assert entry["top_logprobs"][0]["token"] == "Ho"


def test_log_probabilities_behind_the_text_are_its_own() -> None:
    """A stream's last frame may have them, and no word more."""
    result = {"chosenCandidates": [{"token": "Hi", "logProbability": -0.1}]}
    got = answer(frame({"text": "Hi"}), frame({"text": ""}, finishReason="STOP", logprobsResult=result))
    [entry] = got.items[0].parts[0].logprobs
    assert entry["token"] == "Hi"
    assert got.items[0].parts[0].text == "Hi"


# --- what goes wrong ----------------------------------------------------------------------------------------------


def test_an_error_in_mid_stream() -> None:
    """By its word; the words before it stay."""
    got = answer(text("par"), event({"error": {"code": 503, "message": "Overloaded.", "status": "UNAVAILABLE"}}))
    assert isinstance(got.error, Busy)
    assert got.error.message == "Overloaded."
    assert said(got.items) == "par"


@pytest.mark.parametrize("wrap", [lambda value: value, lambda value: [value]])
def test_an_error_where_a_stream_was_asked_for(wrap) -> None:
    """Alone or in an array."""
    body = json.dumps(wrap({"error": {"code": 403, "message": "No.", "status": "PERMISSION_DENIED"}})).encode()
    assert isinstance(answer(body).error, Denied)


def test_an_array_is_a_stream_too() -> None:
    """What Google sends where nobody asked for events."""
    array = json.dumps([{"candidates": [{"content": {"parts": [{"text": word}]}}]} for word in ("a", "b")])
    assert said(DIALECT.read_reply(array.encode()).items) == "ab"


@pytest.mark.parametrize("body", [b"", b"{}", b"7", b"<html>", b'{"candidates":7}', b"[" * 5000, b"\xff"])
def test_what_is_no_answer_is_garbled(body: bytes) -> None:
    """And nothing else is raised."""
    with pytest.raises(Garbled):
        DIALECT.read_reply(body)


@given(st.lists(st.binary(max_size=40) | st.sampled_from([text("a"), END, frame(call("f", {}))]), max_size=6))
def test_no_bytes_raise(pieces: list[bytes]) -> None:
    """Whatever comes keeps the grammar."""
    read(*pieces)


def test_half_a_surrogate_pair_is_replaced_fr36() -> None:
    """UTF-8 has no place for it."""
    raw = b'data: {"candidates":[{"content":{"parts":[{"text":"a\\ud83d b"}]},"finishReason":"STOP"}]}\r\n\r\n'
    assert said(answer(raw).items) == "a? b"
