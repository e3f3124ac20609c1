"""Whatever a Chat vendor does to its streams, the events that come out are straight."""

from typing import Any

import msgspec
import pytest

from trunkline.dialects.openai_chat import DIALECT
from trunkline.errors import Busy, Failed, Garbled, Refused, TimedOut
from trunkline.events import ArgumentsAdded, ItemEnded, ModelResponse
from trunkline.folding import fold
from trunkline.grammar import check
from trunkline.items import Carrier, Message, Reasoning, Refusal, Text, ToolCall
from trunkline.usage import Usage


def call(name: str, arguments: str, call_id: str = "", **more: Any) -> ToolCall:
    return ToolCall(
        call_id=call_id or f"call_{name}", name=name, arguments=arguments, **{"status": "completed", **more}
    )


def message(text: str, status: Any = "completed") -> Message:
    return Message(role="assistant", parts=[Text(text=text)], status=status)


def reasoning(text: str, carrier: Carrier | None = None) -> Reasoning:
    return Reasoning(content=[text] if text else [], carrier=carrier, status="completed")


def begin(index: Any, name: str, arguments: Any = "", **more: Any) -> dict[str, Any]:
    fragment = {"index": index, "id": f"call_{name}", "type": "function"}
    function = {"name": name, "arguments": arguments}
    return {key: value for key, value in {**fragment, "function": function, **more}.items() if value is not ...}


def more(index: Any, arguments: str, **extra: Any) -> dict[str, Any]:
    fragment = {"index": index, "function": {"arguments": arguments}, **extra}
    return {key: value for key, value in fragment.items() if value is not ...}


@pytest.fixture
def read(wire: Any) -> Any:
    def read(*chunks: Any, done: bool = True) -> ModelResponse:
        return fold(wire.read(wire.frame(chunks, done)))

    return read


def test_plain_text(wire: Any, read: Any) -> None:
    """Text is one message with one part, and the names are upstream's."""
    response = read(
        wire.chunk({"role": "assistant", "content": ""}), wire.chunk({"content": "Hé"}), wire.chunk({}, "stop")
    )
    assert response == ModelResponse(id="chatcmpl-1", model="m-1", items=[message("Hé")])


def test_t01_interleaved_calls_keep_their_arguments(wire: Any, read: Any) -> None:
    """T-01, T-02: fragments go to the call of their index."""
    response = read(
        wire.calls(begin(0, "f")),
        wire.calls(begin(1, "g")),
        wire.calls(more(0, '{"x":')),
        wire.calls(more(1, '{"y":')),
        wire.calls(more(0, "1}")),
        wire.calls(more(1, "2}")),
        wire.chunk({}, "tool_calls"),
    )
    assert response.items == [call("f", '{"x":1}'), call("g", '{"y":2}')]


def test_t03_two_calls_at_one_index(wire: Any, read: Any) -> None:
    """T-03: a new id with a name is another call, whatever the index says."""
    response = read(
        wire.calls(begin(0, "a", '{"x":1}'), begin(0, "b", '{"y":2}')),
        wire.chunk({}, "stop"),
    )
    assert response.items == [call("a", '{"x":1}'), call("b", '{"y":2}')]


def test_two_calls_at_one_index_without_ids(wire: Any, read: Any) -> None:
    """A name that comes again after whole arguments is another call; ids are for the writer to make."""
    first, second = begin(0, "a", {"x": 1}, id=...), begin(0, "a", {"x": 2}, id=...)
    response = read(wire.calls(first), wire.calls(second), wire.chunk({}, "stop"))
    assert [(item.call_id, item.arguments) for item in response.items] == [("", '{"x":1}'), ("", '{"x":2}')]


def test_one_id_for_two_calls(wire: Any, read: Any) -> None:
    """An id that another call has already is no id."""
    response = read(wire.calls(begin(0, "a", "{}"), begin(1, "b", "{}", id="call_a")), wire.chunk({}, "stop"))
    assert [item.call_id for item in response.items] == ["call_a", ""]


def test_t05_indexes_from_one(wire: Any, read: Any) -> None:
    """T-05: where counting starts does not matter."""
    response = read(wire.calls(begin(1, "a", "{}")), wire.calls(begin(2, "b", "{}")), wire.chunk({}, "tool_calls"))
    assert response.items == [call("a", "{}"), call("b", "{}")]


@pytest.mark.parametrize(
    "later",
    [
        more(0, "1}", id="call_f", type="function"),
        more(0, "1}", id="call_rotated"),
        {"index": 0, "id": "call_f", "function": {"name": "", "arguments": "1}"}},
        {"index": 0, "id": "", "function": {"name": "f", "arguments": "1}"}},
        {"index": 0, "id": "call_f", "function": {"name": "f", "arguments": "1}"}},
        more(..., "1}"),
        more(..., "1}", id="call_f"),
        more(None, "1}", id=""),
    ],
)
def test_t06_fragments_that_say_too_much_or_too_little(wire: Any, read: Any, later: dict[str, Any]) -> None:
    """T-06: ids repeated, rotated or empty, names empty or repeated, indexes missing: still one call."""
    response = read(wire.calls(begin(0, "f", '{"x":')), wire.calls(later), wire.chunk({}, "tool_calls"))
    assert response.items == [call("f", '{"x":1}')]


def test_a_name_that_comes_after_its_arguments(wire: Any, read: Any) -> None:
    """A call opens when its name is known, with everything that came before."""
    response = read(
        wire.calls({"index": 0, "id": "call_f", "function": {"arguments": '{"x"'}}),
        wire.calls({"index": 0, "function": {"name": "f", "arguments": ":1}"}}),
        wire.chunk({}, "tool_calls"),
    )
    assert response.items == [call("f", '{"x":1}')]


def test_a_call_that_is_never_named_fails(wire: Any, read: Any) -> None:
    """Nobody can run it."""
    response = read(wire.calls({"index": 0, "id": "call_f", "function": {"arguments": "{}"}}), wire.chunk({}, "stop"))
    assert isinstance(response.error, Garbled)


@pytest.mark.parametrize("arguments", ["", None, "null"])
def test_t07_no_arguments_are_an_empty_object(wire: Any, read: Any, arguments: Any) -> None:
    """T-07: a function without arguments is called with `{}`."""
    response = read(wire.calls(begin(0, "f", arguments)), wire.chunk({}, "tool_calls"))
    assert response.items == [call("f", "{}")]


def test_t10_a_call_cut_by_the_limit_is_incomplete(wire: Any, read: Any) -> None:
    """T-10: the raw beginning is kept."""
    response = read(wire.calls(begin(0, "f", '{"x":"unfin')), wire.chunk({}, "length"))
    assert response.items == [call("f", '{"x":"unfin', status="incomplete")]
    assert response.finish == "length"


def test_only_the_last_item_is_incomplete(wire: Any, read: Any) -> None:
    """What stood before the limit was hit is whole."""
    response = read(wire.chunk({"content": "a"}), wire.calls(begin(0, "f", "{")), wire.chunk({}, "length"))
    assert [item.status for item in response.items] == ["completed", "incomplete"]
    response = read(wire.calls(begin(0, "f", "{}")), wire.chunk({"content": "a"}), wire.chunk({}, "length"))
    assert [item.status for item in response.items] == ["completed", "incomplete"]


def test_t14_text_after_a_call_is_a_message_of_its_own(wire: Any, read: Any) -> None:
    """T-14: order is kept."""
    response = read(
        wire.chunk({"content": "one"}),
        wire.calls(begin(0, "f", "{}")),
        wire.chunk({"content": "two"}),
        wire.chunk({}, "tool_calls"),
    )
    assert response.items == [message("one"), call("f", "{}"), message("two")]


def test_t15_arguments_as_an_object(wire: Any, read: Any) -> None:
    """T-15: an object becomes JSON text, its keys in order."""
    response = read(wire.calls(begin(0, "f", {"b": 1, "a": "é"})), wire.chunk({}, "stop"))
    assert response.items == [call("f", '{"b":1,"a":"é"}')]


def test_t17_calls_of_a_dead_upstream_are_incomplete(wire: Any, read: Any) -> None:
    """T-17: an end without a finish is a failure, never a success."""
    response = read(wire.calls(begin(0, "f", '{"x"'), begin(1, "g")), done=False)
    assert [item.status for item in response.items] == ["incomplete", "incomplete"]
    assert isinstance(response.error, Failed)


@pytest.mark.parametrize("done", [True, False])
def test_t22_a_cut_stream_fails(wire: Any, read: Any, done: bool) -> None:
    """T-22: text, then the end, with or without `[DONE]`."""
    response = read(wire.chunk({"content": "par"}), done=done)
    assert response.items == [message("par", "incomplete")]
    assert "ended unexpectedly" in response.error.message


def test_t22_a_missing_done_after_a_finish_is_a_proper_end(wire: Any, read: Any) -> None:
    """The model has said that it stopped."""
    assert read(wire.chunk({"content": "x"}), wire.chunk({}, "stop"), done=False).error is None


def test_t23_an_error_in_mid_stream(wire: Any, read: Any) -> None:
    """T-23: the text stays, incomplete; the message is upstream's."""
    error = {"error": {"message": "upstream exploded", "type": "server_error", "code": "overloaded"}}
    response = read(wire.chunk({"content": "par"}), error, wire.chunk({"content": "never"}))
    assert response.items == [message("par", "incomplete")]
    assert response.error.message == "upstream exploded"


@pytest.mark.parametrize(
    ("error", "kind", "status"),
    [
        ({"error": {"message": "no", "code": 400}}, Refused, 400),
        ({"error": {"message": "no", "code": "429"}}, Busy, 429),
        ({"error": {"message": "no", "type": "rate_limit_error"}}, Busy, 429),
        ({"error": "no"}, Failed, 502),
        ({"object": "error", "message": "no", "code": 400}, Refused, 400),
        ({"type": "error", "error": {"type": "overloaded_error", "message": "no"}}, Busy, 503),
        ({"error": {"message": "no", "code": 504}, "choices": []}, TimedOut, 504),
    ],
)
def test_fr01_errors_inside_a_success(wire: Any, read: Any, error: Any, kind: type, status: int) -> None:
    """FR-01: whatever their shape, they are errors with a status."""
    response = read(error)
    assert type(response.error) is kind
    assert (response.error.status, response.error.message) == (status, "no")


def test_a_finish_that_is_an_error(wire: Any, read: Any) -> None:
    """OpenRouter's: the error stands in the choice."""
    chunk = wire.chunk({"content": ""}, "error")
    assert isinstance(read(chunk).error, Failed)
    chunk["choices"][0]["error"] = {"code": 502, "message": "provider broke"}
    assert read(chunk).error.message == "provider broke"


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
def test_t25_framing_makes_no_difference(wire: Any, read: Any, line_end: bytes) -> None:
    """T-25: line ends, no space, comments, and bytes one by one (the fixture does that) change nothing."""
    stream = b": OPENROUTER PROCESSING\n\n" + wire.frame([wire.chunk({"content": "é🎉"}), wire.chunk({}, "stop")])
    stream = stream.replace(b"data: ", b"data:").replace(b"\n", line_end)
    assert fold(wire.read(stream)).items == [message("é🎉")]


@pytest.mark.parametrize(
    "chunks",
    [
        [{"usage": {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11}, "choices": []}],
        [{"x_groq": {"usage": {"prompt_tokens": 9, "completion_tokens": 2}}}],
        [
            {"usage": {"prompt_tokens": 9, "completion_tokens": 1}},
            {"usage": {"prompt_tokens": 9, "completion_tokens": 2}},
        ],
    ],
)
def test_t26_usage_is_found_wherever_it_is(wire: Any, read: Any, chunks: list[dict[str, Any]]) -> None:
    """T-26: after the end, in Groq's corner, or growing on every chunk: the last count, once."""
    response = read(wire.chunk({"content": "x"}), wire.chunk({}, "stop"), *[wire.chunk({}, **more) for more in chunks])
    assert response.usage == Usage(input_tokens=9, output_tokens=2)
    assert response.has_usage


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"prompt_tokens": 9, "completion_tokens": 2, "prompt_cache_hit_tokens": 5}, Usage(4, 5, 0, 2)),
        ({"prompt_tokens": 9, "completion_tokens": 2, "cached_tokens": 5}, Usage(4, 5, 0, 2)),
        (
            {
                "prompt_tokens": 12,
                "completion_tokens": 1,
                "total_tokens": 303,
                "completion_tokens_details": {"reasoning_tokens": 290},
            },
            Usage(12, 0, 0, 1, 290),
        ),
        (
            {
                "prompt_tokens": 12,
                "completion_tokens": 300,
                "total_tokens": 312,
                "completion_tokens_details": {"reasoning_tokens": 290},
            },
            Usage(12, 0, 0, 10, 290),
        ),
        ({"prompt_tokens": "9", "completion_tokens": None, "prompt_tokens_details": 3}, Usage()),
        ({"prompt_tokens": 9, "prompt_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 4}}, Usage(2, 3, 4)),
    ],
)
def test_usage_of_many_vendors(wire: Any, read: Any, usage: Any, expected: Usage) -> None:
    """Each token in one bucket: DeepSeek's, Moonshot's, xAI's, OpenAI's, nonsense, written cache."""
    assert read(wire.chunk({"content": "x"}, "stop", usage=usage)).usage == expected


def test_t27_a_first_chunk_without_choices(wire: Any, read: Any) -> None:
    """T-27: Azure's filter results fix no id and open no message."""
    azure = {"choices": [], "created": 0, "id": "", "model": "", "object": "", "prompt_filter_results": []}
    response = read(azure, wire.chunk({"content": "", "refusal": None, "role": "assistant"}), wire.chunk({}, "stop"))
    assert response == ModelResponse(id="chatcmpl-1", model="m-1")


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_t31_late_reasoning_is_a_step_of_its_own(wire: Any, read: Any, field: str) -> None:
    """T-31: nothing is dropped, nothing reopened."""
    response = read(
        wire.chunk({field: "A"}),
        wire.chunk({"content": "hello", field: None}),
        wire.chunk({field: "B"}),
        wire.chunk({"content": " world"}),
        wire.chunk({}, "stop"),
    )
    assert response.items == [reasoning("A"), message("hello"), reasoning("B"), message(" world")]


def test_reasoning_said_twice_counts_once(wire: Any, read: Any) -> None:
    """OpenRouter says it as text and as details; the details must come back, so they are carried."""
    detail = {"type": "reasoning.text", "index": 0, "format": "x"}
    response = read(
        wire.chunk({"reasoning": "A", "reasoning_details": [{**detail, "text": "A"}]}),
        wire.chunk({"reasoning": "B", "reasoning_details": [{**detail, "text": "B"}]}),
        wire.chunk({"reasoning_details": [{**detail, "signature": "sig"}]}),
        wire.chunk({"content": "x"}),
        wire.chunk({}, "stop"),
    )
    carrier = Carrier("chat", "reasoning_details", [{**detail, "text": "AB", "signature": "sig"}])
    assert response.items == [reasoning("AB", carrier), message("x")]


def test_content_as_an_array(wire: Any, read: Any) -> None:
    """Mistral's: thinking and text in one array."""
    thinking = {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}
    response = read(
        wire.chunk({"content": [thinking, {"type": "text", "text": "x"}]}), wire.chunk({"content": ""}, "stop")
    )
    assert response.items == [reasoning("hm"), message("x")]


def test_t81_a_refusal_is_a_part(wire: Any, read: Any) -> None:
    """T-81: in the message that is open, after its text."""
    response = read(
        wire.chunk({"content": "a"}),
        wire.chunk({"refusal": "No"}),
        wire.chunk({"refusal": "."}),
        wire.chunk({}, "stop"),
    )
    assert response.items == [
        Message(role="assistant", parts=[Text(text="a"), Refusal(refusal="No.")], status="completed")
    ]


def test_fr14_a_finish_of_calls_without_a_call(wire: Any, read: Any) -> None:
    """FR-14: it is a stop."""
    response = read(wire.chunk({"content": "No tool needed.", "tool_calls": []}), wire.chunk({}, "tool_calls"))
    assert (response.items, response.finish) == ([message("No tool needed.")], "stop")


def test_fr05_a_finish_on_every_chunk(wire: Any, read: Any) -> None:
    """FR-05: there is one end, after the last text."""
    response = read(wire.chunk({"content": "one "}, "stop"), wire.chunk({"content": "two"}, "stop"))
    assert response.items == [message("one two")]


@pytest.mark.parametrize(
    ("word", "finish"),
    [
        ("stop", "stop"),
        ("eos", "stop"),
        ("length", "length"),
        ("model_length", "length"),
        ("sensitive", "content_filter"),
    ],
)
def test_finish_words(wire: Any, read: Any, word: str, finish: str) -> None:
    """Vendors have words of their own."""
    assert read(wire.chunk({"content": "x"}, word)).finish == finish


def test_t28_the_stop_sequence_that_was_hit(wire: Any, read: Any) -> None:
    """T-28: vLLM and SGLang tell."""
    chunk = wire.chunk({"content": "x"}, "stop")
    chunk["choices"][0]["stop_reason"] = "END"
    assert read(chunk).stop_sequence == "END"


def test_the_old_function_call(wire: Any, read: Any) -> None:
    """Fragments of `function_call` make a call."""
    response = read(
        wire.chunk({"function_call": {"name": "f", "arguments": ""}}),
        wire.chunk({"function_call": {"arguments": "{}"}}),
        wire.chunk({}, "function_call"),
    )
    assert [(item.name, item.arguments) for item in response.items] == [("f", "{}")]


def test_custom_tools(wire: Any, read: Any) -> None:
    """Their input is free text."""
    response = read(
        wire.calls({"index": 0, "id": "c1", "type": "custom", "custom": {"name": "patch", "input": ""}}),
        wire.calls({"index": 0, "custom": {"input": "*** Begin"}}),
        wire.chunk({}, "tool_calls"),
    )
    assert response.items == [
        ToolCall(call_id="c1", name="patch", arguments="*** Begin", kind="custom", status="completed")
    ]


def test_a_signature_on_a_call_is_carried(wire: Any, read: Any) -> None:
    """Gemini's compatible endpoint puts it into `extra_content`."""
    extra = {"google": {"thought_signature": "sig"}}
    response = read(wire.calls(begin(0, "f", "{}", extra_content=extra)), wire.chunk({}, "stop"))
    assert response.items[0].carrier == Carrier("chat", "extra_content", extra)


def test_log_probabilities_and_citations(wire: Any, read: Any) -> None:
    """Both come in Responses' shape."""
    entry = {"token": "x", "logprob": -0.5, "bytes": [120], "top_logprobs": []}
    chunk = wire.chunk({"content": "x"})
    chunk["choices"][0]["logprobs"] = {"content": [entry], "refusal": None}
    citation = {"url": "https://a.example", "title": "A", "start_index": 0, "end_index": 1}
    annotations = {"annotations": [{"type": "url_citation", "url_citation": citation}]}
    part = read(chunk, wire.chunk(annotations), wire.chunk({}, "stop")).items[0].parts[0]
    assert part == Text(text="x", logprobs=[entry], annotations=[{"type": "url_citation", **citation}])


def test_a_broken_event_is_passed_over(wire: Any, read: Any) -> None:
    """One malformed event in a stream that ends well costs itself alone."""
    response = read(
        wire.chunk({"content": "a"}), b'data: {"broken\n\n', wire.chunk({"content": "b"}), wire.chunk({}, "stop")
    )
    assert response.items == [message("ab")]


def test_a_json_error_where_a_stream_was_asked_for(wire: Any) -> None:
    """It is that error, not an unexpected end."""
    assert fold(wire.read(b'{"error": {"message": "no", "code": 429}}')).error.status == 429
    assert fold(wire.read(b'[{"error": {"message": "no", "code": 429}}]\n')).error.status == 429


def test_a_whole_reply_where_a_stream_was_asked_for(wire: Any) -> None:
    """It is read all the same."""
    reply = {
        "id": "x",
        "model": "m",
        "choices": [{"message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
    }
    assert fold(wire.read(msgspec.json.encode(reply))).items == [message("hi")]


def test_a_whole_reply_that_does_not_say_why_it_stopped() -> None:
    """What came whole is over."""
    body = b'{"choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":null}]}'
    assert DIALECT.read_reply(body).finish == "stop"


def test_nothing_at_all_fails(wire: Any) -> None:
    """An empty body is no answer."""
    assert isinstance(fold(wire.read(b"")).error, Failed)


def test_a_broken_connection_ends_what_is_open(wire: Any) -> None:
    """After that the reader is silent."""
    reader = DIALECT.reader()
    events = reader.feed(wire.frame([wire.chunk({"content": "x"})], done=False))
    events += reader.fail(TimedOut("silence"))
    assert fold(check(events)).items == [message("x", "incomplete")]
    assert reader.feed(b"data: {}\n\n") + reader.end() + reader.fail(TimedOut("again")) == []


def test_a_connection_that_breaks_behind_the_finish(wire: Any) -> None:
    """The answer is whole."""
    reader = DIALECT.reader()
    events = reader.feed(wire.frame([wire.chunk({"content": "x"}, "stop")], done=False))
    assert fold(check(events + reader.fail(TimedOut("late")))).error is None


def test_the_choice_beyond_the_first_is_not_ours(wire: Any, read: Any) -> None:
    """Neutral answers hold one."""
    other = wire.chunk({"content": "other"}, "stop")
    other["choices"][0]["index"] = 1
    assert read(other, wire.chunk({"content": "mine"}, "stop")).items == [message("mine")]


def test_arguments_are_streamed_as_they_come(wire: Any) -> None:
    """No fragment waits for the next."""
    reader = DIALECT.reader()
    reader.feed(wire.frame([wire.calls(begin(0, "f"))], done=False))
    assert reader.feed(wire.frame([wire.calls(more(0, '{"'))], done=False)) == [ArgumentsAdded(0, '{"')]
    events = reader.feed(wire.frame([wire.calls(more(0, 'a":1}')), wire.chunk({}, "stop")]))
    assert events[:2] == [ArgumentsAdded(0, 'a":1}'), ItemEnded(0)]


def test_events_that_differ_in_their_text_alone(wire: Any) -> None:
    """The shortcut for them reads the same: escapes, a vendor's own `content`, usage and finishes among them."""
    texts = ["a", "b", '"', "\\", "\n", "", "é🎉", "b", "c"]
    chunks = [wire.chunk({"content": text}, vendor={"content": "same"}) for text in texts]
    vendors = [wire.chunk({"content": "x"}, vendor={"content": f"v{number}"}) for number in range(3)]
    counted = [wire.chunk({"content": "y"}, usage={"prompt_tokens": 1, "completion_tokens": count}) for count in (1, 2)]
    thoughts = [wire.chunk({"reasoning": text}) for text in "hmm"]
    response = fold(
        wire.read(wire.frame([*chunks, *vendors, *counted, *thoughts, wire.chunk({"content": "z"}, "stop")]))
    )
    assert response.items == [message("".join(texts) + "xxxyy"), reasoning("hmm"), message("z")]
    assert response.usage == Usage(1, 0, 0, 2)
