"""Every caller before every upstream: the same answer arrives, streamed and whole, however its bytes are cut."""

import asyncio
import itertools
import json
import re
from typing import Any

import pytest
from callers import Items, Seen, read_reply, read_stream
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from upstreams import ANSWERS, INPUT_TOKENS, KINDS, OUTPUT_TOKENS, Answer, write_reply, write_stream

from scripted_gateway import DIALECTS, PATHS, Scene, json_reply, stream
from scripted_gateway import Answer as Got
from trunkline.folding import fold
from trunkline.grammar import check
from trunkline.items import Message, Reasoning, ToolCall

CALLERS = list(PATHS)
SPEAKS = {"chat": "chat", "native_chat": "chat", "responses": "responses", "messages": "messages"}

ENDED = [name for name, answer in ANSWERS.items() if answer.end in ("stop", "length")]
FAILED = [name for name, answer in ANSWERS.items() if answer.end in ("error", "cut")]


async def ask_stream(caller: str, upstream: str, pieces: list[bytes], ending: str = "end") -> tuple[Scene, Got]:
    scene = Scene()
    got = await scene.generate(caller, upstream, stream(*pieces, ending=ending), stream=True)
    return scene, got


async def ask_whole(caller: str, upstream: str, answer: Answer) -> tuple[Scene, Got]:
    scene = Scene()
    got = await scene.generate(caller, upstream, json_reply(write_reply(upstream, answer)))
    return scene, got


def expect(caller: str, upstream: str, answer: Answer) -> tuple[Items, str]:
    """What the caller must see of an answer that ended, and why it ended."""
    items = answer.items
    is_refusal = any(item[0] == "refusal" for item in items)
    has_calls = any(item[0] == "call" for item in items)
    if "messages" in (caller, upstream):
        # Anthropic has no refusal part: the words are text, and the reason says what they are.
        items = [("text", *item[1:]) if item[0] == "refusal" else item for item in items]
    if caller == "chat":
        # Thoughts that were apart stay apart to the eye.
        items = gather_message(items, "" if SPEAKS[upstream] == "chat" else "\n\n")
    finish = {"stop": "stop", "length": "length"}[answer.end]
    if is_refusal:
        finish = "refusal" if caller == "messages" else "content_filter" if upstream == "messages" else "stop"
    elif has_calls and finish == "stop" and caller != "responses":
        finish = "tool_calls"
    return items, finish


def gather_message(items: Items, between_thoughts: str = "") -> Items:
    """A Chat message holds one text, one reasoning and one refusal, and its calls."""
    gathered: Items = []
    for kind in ("reasoning", "text", "refusal"):
        text = (between_thoughts if kind == "reasoning" else "").join(item[1] for item in items if item[0] == kind)
        gathered += [(kind, text)] if text else []
    return gathered + [item for item in items if item[0] == "call"]


def plain(items: Items) -> Items:
    """Arguments by their value, where they have one: whole Anthropic replies hold objects, not text."""
    return [(*item[:3], value_of(item[3])) if item[0] == "call" else item for item in items]


def value_of(arguments: str) -> str:
    try:
        return json.dumps(json.loads(arguments), sort_keys=True)
    except ValueError:
        return arguments


def is_tee(caller: str, upstream: str) -> bool:
    return upstream != "chat" and SPEAKS[upstream] == caller


# --- sound ends -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ENDED)
@pytest.mark.parametrize("upstream", KINDS)
@pytest.mark.parametrize("caller", CALLERS)
async def test_a_stream_arrives(caller: str, upstream: str, name: str) -> None:
    """All of it, in order, by the caller's grammar; the record has its usage."""
    answer = ANSWERS[name]
    scene, got = await ask_stream(caller, upstream, write_stream(upstream, answer))
    assert got.status == 200
    seen = read_stream(caller, got.body)
    items, finish = expect(caller, upstream, answer)
    assert (plain(seen.items), seen.finish, seen.error) == (plain(items), finish, None)
    if caller != "chat":
        assert (seen.input_tokens, seen.output_tokens) == (INPUT_TOKENS, OUTPUT_TOKENS)
    else:
        assert seen.input_tokens is None, "a Chat caller gets no usage unasked"
    record = scene.records.only
    assert (record.usage.total_input, record.usage.total_output) == (INPUT_TOKENS, OUTPUT_TOKENS)
    assert record.outcome == (
        "incomplete" if finish in ("length", "content_filter") or is_cut(upstream, answer) else "ok"
    )


def is_cut(upstream: str, answer: Answer) -> bool:
    """Anthropic's refusals are filters' work."""
    return upstream == "messages" and any(item[0] == "refusal" for item in answer.items)


@pytest.mark.parametrize("name", ENDED)
@pytest.mark.parametrize("upstream", KINDS)
@pytest.mark.parametrize("caller", CALLERS)
async def test_a_whole_reply_arrives(caller: str, upstream: str, name: str) -> None:
    """The same answer as its stream makes."""
    answer = ANSWERS[name]
    scene, got = await ask_whole(caller, upstream, answer)
    assert got.status == 200
    seen = read_reply(caller, got.json)
    items, finish = expect(caller, upstream, answer)
    if SPEAKS[upstream] == "chat":
        items = gather_message(items)
    if name == "cut_call" and "messages" in (caller, upstream):
        items, seen.items = [item[:3] for item in items], [item[:3] for item in seen.items]
    assert plain(seen.items) == plain(items) if name != "cut_call" else seen.items == items
    assert seen.finish == finish
    assert (seen.input_tokens, seen.output_tokens) == (INPUT_TOKENS, OUTPUT_TOKENS)
    assert scene.records.only.usage.total == INPUT_TOKENS + OUTPUT_TOKENS


@pytest.mark.parametrize("name", ENDED)
@pytest.mark.parametrize("upstream", KINDS)
@pytest.mark.parametrize("caller", CALLERS)
async def test_a_stream_folds_to_the_whole_reply(caller: str, upstream: str, name: str) -> None:
    """Read by the caller's own dialect, both are the same but for ids."""
    answer = ANSWERS[name]
    if answer.is_ordered and "chat" in (SPEAKS[upstream], caller):
        return  # a whole Chat message does not tell the order
    if name == "cut_call" and "messages" in (caller, upstream):
        return  # nor a whole Anthropic one the half of an object
    _, streamed = await ask_stream(caller, upstream, write_stream(upstream, answer))
    _, whole = await ask_whole(caller, upstream, answer)
    reader = DIALECTS[caller].reader()
    folded = fold(check([*reader.feed(streamed.body), *reader.end()]))
    read = DIALECTS[caller].read_reply(whole.body)
    assert simplify(caller, folded) == simplify(caller, read)


def simplify(caller: str, response: Any) -> Any:
    """Without ids, seals and Chat's usage, which streams tell only when asked; of Chat without the order."""
    items = []
    for item in response.items:
        match item:
            case Message():
                items.append(("message", item.role, item.parts, item.status))
            case Reasoning() if caller != "chat" or item.summary or item.content:
                items.append(("reasoning", item.summary, item.content))
            case ToolCall():
                items.append(("call", item.call_id, item.name, value_of(item.arguments), item.status))
    if caller == "chat":
        items.sort(key=lambda item: ("reasoning", "message", "call").index(item[0]))
    return items, response.finish, response.stop_sequence, response.model


# --- failures ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["end", "cut"])
@pytest.mark.parametrize("name", FAILED)
@pytest.mark.parametrize("upstream", KINDS)
@pytest.mark.parametrize("caller", CALLERS)
async def test_a_failure_is_never_a_success(caller: str, upstream: str, name: str, ending: str) -> None:
    """T-17, T-22, T-23: what came stays, its open items are incomplete, and an error ends it."""
    answer = ANSWERS[name]
    scene, got = await ask_stream(caller, upstream, write_stream(upstream, answer), ending)
    assert got.status == 200, "it had begun"
    seen = read_stream(caller, got.body, is_native=is_tee(caller, upstream))
    assert seen.error
    assert seen.finish is None
    if answer.end == "error":
        assert "upstream exploded" in seen.error
    if not is_tee(caller, upstream):
        items = answer.items if caller != "chat" else gather_message(answer.items)
        check_beginning(plain(seen.items), plain(items))
        if caller == "responses" and upstream != "messages":
            open_items = [status for status, item in zip(seen.statuses, seen.items, strict=True) if item[0] == "call"]
            assert set(open_items or seen.statuses[-1:]) == {"incomplete"}
    record = scene.records.only
    assert (record.outcome, record.status) == ("error", 200)


def check_beginning(seen: Items, whole: Items) -> None:
    """What came before the failure, in order; of a call at least its name."""
    assert [item[:3] if item[0] == "call" else item for item in seen] == [
        item[:3] if item[0] == "call" else item for item in whole
    ]


# --- chunking ---------------------------------------------------------------------------------------------------

CUT = st.lists(st.integers(min_value=0, max_value=10_000), max_size=12)


def cut(data: bytes, at: list[int]) -> list[bytes]:
    places = sorted({0, len(data), *(place % (len(data) + 1) for place in at)})
    return [data[start:end] for start, end in itertools.pairwise(places)]


@pytest.mark.parametrize("upstream", KINDS)
@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("name", list(ANSWERS))
async def test_single_bytes_make_the_same_answer(caller: str, upstream: str, name: str) -> None:
    """T-25: one byte a read, split UTF-8 included."""
    data = b"".join(write_stream(upstream, ANSWERS[name]))
    _, at_once = await ask_stream(caller, upstream, [data])
    _, single = await ask_stream(caller, upstream, [bytes([byte]) for byte in data])
    assert seal_free(single.body) == seal_free(at_once.body)


@pytest.mark.parametrize("line_end", [b"\r\n", b"\r"])
@pytest.mark.parametrize("upstream", KINDS)
@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("name", ["calls", "unicode", "error"])
async def test_any_line_end_makes_the_same_answer(caller: str, upstream: str, name: str, line_end: bytes) -> None:
    """T-25: CRLF and CR, at once and byte by byte."""
    data = b"".join(write_stream(upstream, ANSWERS[name]))
    _, plain_ends = await ask_stream(caller, upstream, [data])
    expected = seal_free(plain_ends.body)
    other = data.replace(b"\n", line_end)
    for pieces in ([other], [bytes([byte]) for byte in other]):
        _, got = await ask_stream(caller, upstream, pieces)
        assert seal_free(got.body).replace(line_end, b"\n") == expected


@pytest.mark.parametrize("upstream", KINDS)
@pytest.mark.parametrize("caller", CALLERS)
def test_any_cut_makes_the_same_answer(caller: str, upstream: str) -> None:
    """Wherever the reads fall, with and without the odd framings that vendors use."""

    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(name=st.sampled_from(list(ANSWERS)), at=CUT, form=st.sampled_from(["plain", "comments", "spaceless"]))
    def run(name: str, at: list[int], form: str) -> None:
        events = write_stream(upstream, ANSWERS[name])
        data = b"".join(events)
        odd = {
            "plain": data,
            "comments": b": hi\n\n" + b": PROCESSING\n\nretry: 10\n\n".join(events),
            "spaceless": re.sub(rb"(?m)^(data|event): ", rb"\1:", data),
        }[form]

        async def both() -> None:
            _, expected = await ask_stream(caller, upstream, [data])
            _, got = await ask_stream(caller, upstream, cut(odd, at))
            if form == "plain":
                assert seal_free(got.body) == seal_free(expected.body)
            else:
                is_native = is_tee(caller, upstream)
                seen = read_stream(caller, got.body, is_native=is_native)
                assert seen == read_stream(caller, expected.body, is_native=is_native)

        asyncio.run(both())

    run()


def seal_free(body: bytes) -> bytes:
    """Without our seals, which are never the same twice."""
    return re.sub(rb"tl1\.[\w.-]+", b"tl1", body)


# --- what belongs to one caller ---------------------------------------------------------------------------------


@pytest.mark.parametrize("upstream", KINDS)
async def test_a_chat_caller_that_asks_gets_one_usage_chunk(upstream: str) -> None:
    """T-26."""
    for name in ("text", "calls", "cut_text"):
        scene = Scene()
        reply = stream(*write_stream(upstream, ANSWERS[name]))
        got = await scene.generate("chat", upstream, reply, stream=True, stream_options={"include_usage": True})
        seen = read_stream("chat", got.body)
        assert (seen.input_tokens, seen.output_tokens) == (INPUT_TOKENS, OUTPUT_TOKENS)


@pytest.mark.parametrize("upstream", ["chat", "responses", "messages"])
@pytest.mark.parametrize("caller", CALLERS)
async def test_ids_of_an_answer_are_its_own(caller: str, upstream: str) -> None:
    """A translated answer carries no id of its upstream's but the calls', which come back with their outputs."""
    if SPEAKS[upstream] == caller:
        return
    for is_stream in (False, True):
        answer = ANSWERS["thought_call"]
        scene = Scene()
        reply = stream(*write_stream(upstream, answer)) if is_stream else json_reply(write_reply(upstream, answer))
        got = await scene.generate(caller, upstream, reply, stream=is_stream)
        ids = set(re.findall(r'"id":"([^"]*)"', got.body.decode()))
        prefix = {"chat": "chatcmpl", "responses": "resp_", "messages": "msg_"}[caller]
        assert any(id.startswith(prefix) for id in ids)


def test_the_answers_are_seen_by_their_own_grammar() -> None:
    """What the upstreams write is sound itself, or the tests prove nothing."""
    for name, answer in ANSWERS.items():
        if answer.end in ("stop", "length"):
            for upstream in KINDS:
                data = b"".join(write_stream(upstream, answer))
                assert isinstance(read_stream(SPEAKS[upstream], data), Seen), name
                read_reply(SPEAKS[upstream], write_reply(upstream, answer))
