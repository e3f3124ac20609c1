"""What is recorded of attempts whose usage was never told: estimates, flagged."""

import asyncio
from typing import Any

import pytest

from scripted_gateway import PATHS, Client, Scene, ScriptedReply, json_reply, make_call, question, stream
from trunkline.errors import Busy, Failed, TimedOut, Unreachable
from trunkline.money import Tariff, fill_rates
from trunkline.records import Record

TARIFF = Tariff(fill_rates({"input": 1000 * 10**6, "output": 10**6}))

# `Hi?`: four tokens for a message, and less than one for its text.
HI = 5


def chunk(text: str, **more: Any) -> bytes:
    choice = b'{"index":0,"delta":{"role":"assistant","content":"%b"},"finish_reason":null}' % text.encode()
    return b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[%b]}\n\n' % choice


def started(input_tokens: int) -> bytes:
    usage = b'{"input_tokens":%d,"output_tokens":1}' % input_tokens
    return (
        b'event: message_start\ndata: {"type":"message_start","message":{"id":"m","type":"message","role":"assistant",'
        b'"model":"c","content":[],"stop_reason":null,"stop_sequence":null,"usage":%b}}\n\n'
        b'event: content_block_start\ndata: {"type":"content_block_start","index":0,'
        b'"content_block":{"type":"text","text":""}}\n\n' % usage
    )


def said(text: str) -> bytes:
    return (
        b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,'
        b'"delta":{"type":"text_delta","text":"%b"}}\n\n' % text.encode()
    )


def event(number: int, type_: str = "response.output_text.delta") -> bytes:
    body = b'{"type":"%b","sequence_number":%d,"output_index":0,"content_index":0,"item_id":"msg_1","delta":"word"}'
    return b"event: %b\ndata: %b\n\n" % (type_.encode(), body % (type_.encode(), number))


async def generate(caller: str, upstream: str, reply: ScriptedReply, **members: Any) -> Record:
    scene = Scene(tariff=TARIFF)
    await scene.generate(caller, upstream, reply, **members)
    return scene.records.only


async def leave(caller: str, upstream: str, *pieces: bytes) -> Record:
    """The record of a request whose client goes away when these have come."""
    scene = Scene(tariff=TARIFF)
    scene.upstream.answer = stream(*pieces, ending="open")
    reply = await scene.gateway.handle(make_call(PATHS[caller], question(caller, f"{upstream}-model", stream=True)))
    assert not isinstance(reply.body, bytes)
    reply.body.close()
    return scene.records.only


def counts(record: Record) -> tuple[int, int, bool, int | None]:
    (attempt,) = record.attempts
    assert record.usage == attempt.usage
    assert record.cost == attempt.cost
    return attempt.usage.total_input, attempt.usage.total_output, attempt.is_estimated, attempt.cost


@pytest.mark.parametrize("upstream", ["native_chat", "chat"])
async def test_a_stream_that_is_cut(upstream: str) -> None:
    """Its input as it was sent, its output as far as it came, teed or mended."""
    record = await generate("chat", upstream, stream(chunk("four"), chunk("more"), ending="cut"), stream=True)
    assert counts(record) == (HI, 2, True, HI * 1000 + 2)


@pytest.mark.parametrize(("caller", "upstream"), [("messages", "native_chat"), ("responses", "chat")])
async def test_a_translated_stream_that_is_cut(caller: str, upstream: str) -> None:
    """By the text that was read."""
    record = await generate(caller, upstream, stream(chunk("eight ch"), ending="cut"), stream=True)
    assert counts(record) == (HI, 2, True, HI * 1000 + 2)


async def test_a_client_that_leaves() -> None:
    """What the provider said at the beginning of what went in counts; what it said of the output does not."""
    assert counts(await leave("messages", "messages", started(77), said("eight ch"))) == (77, 2, True, 77_002)
    assert counts(await leave("responses", "messages", started(77), said("eight ch"))) == (77, 2, True, 77_002)
    record = await leave("chat", "native_chat", chunk("eight ch"))
    assert (record.outcome, counts(record)) == ("cancelled", (HI, 2, True, 5_002))


async def test_a_native_stream_that_is_cut() -> None:
    """An event is about a token."""
    record = await generate("responses", "responses", stream(*map(event, range(10)), ending="cut"), stream=True)
    assert counts(record) == (HI, 10, True, 5_010)


async def test_a_long_stream_that_is_cut() -> None:
    """Only its end is looked at, and what went by counts as being like it."""
    pieces = [chunk("eight ch")] * 2000
    _, output, is_estimated, _ = counts(
        await generate("chat", "native_chat", stream(*pieces, ending="cut"), stream=True)
    )
    assert is_estimated
    assert 3900 <= output <= 4100
    pieces = [started(7), *[said("eight ch")] * 2000]
    tokens, output, *_ = counts(await generate("messages", "messages", stream(*pieces, ending="cut"), stream=True))
    assert tokens == 7
    assert 3900 <= output <= 4100


async def test_a_provider_that_never_tells() -> None:
    """A whole reply without usage."""
    choice = {"index": 0, "message": {"role": "assistant", "content": "eight ch"}, "finish_reason": "stop"}
    reply = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
    assert counts(await generate("chat", "chat", json_reply(reply))) == (HI, 2, True, 5_002)


async def test_what_is_told_is_no_estimate() -> None:
    """However little it is."""
    choice = {"index": 0, "message": {"role": "assistant", "content": "eight ch"}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 1, "completion_tokens": 0, "total_tokens": 1}
    reply = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage}
    assert counts(await generate("chat", "native_chat", json_reply(reply))) == (1, 0, False, 1000)


@pytest.mark.parametrize(
    ("answer", "tokens"),
    [
        (Unreachable("nobody"), 0),
        (Failed("the connection broke"), 0),
        (Busy("later"), 0),
        (TimedOut("no first byte"), HI),
        (json_reply({"error": {"message": "no"}}, 400), 0),
        (json_reply({"error": {"message": "oops"}}, 500), 0),
        (json_reply({"error": {"message": "full", "code": 429}}), 0),
    ],
    ids=["unreachable", "broken", "busy", "timed out", "refused", "failed", "refused within a reply"],
)
async def test_what_was_not_executed_costs_nothing(answer: Any, tokens: int) -> None:
    """As far as can be told: a provider that had all its time may have run it."""
    scene = Scene(tariff=TARIFF)
    scene.upstream.answer = answer
    assert (await scene.ask(PATHS["chat"], question("chat", "chat-model"))).status >= 400
    assert counts(scene.records.only) == (tokens, 0, tokens > 0, tokens * 1000)


async def test_a_whole_reply_that_is_cut() -> None:
    """It was under way, so its input is paid."""
    reply = ScriptedReply(200, {b"content-type": b"application/json"}, [b'{"id":'], "cut")
    assert counts(await generate("chat", "chat", reply)) == (HI, 0, True, 5_000)


async def test_the_second_go_is_estimated_by_itself() -> None:
    """What the first one told stays: eleven characters are three tokens, of which it told one."""
    scene = Scene(tariff=TARIFF)
    stop = (
        b'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"pause_turn"},'
        b'"usage":{"output_tokens":1}}\n\n'
    )
    end = b'event: content_block_stop\ndata: {"type":"content_block_stop","index":0}\n\n'
    over = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
    replies = [
        stream(started(50), said("Hel"), end, stop, over),
        stream(started(60), said("eight ch"), ending="open"),
    ]
    scene.upstream.answer = lambda _: replies.pop(0)
    reply = await scene.gateway.handle(
        make_call(PATHS["responses"], question("responses", "messages-model", stream=True))
    )
    assert not isinstance(reply.body, bytes)
    client = Client()
    pouring = asyncio.create_task(reply.body.pour(client))
    for _ in range(20):
        await asyncio.sleep(0)
    pouring.cancel()
    with pytest.raises(asyncio.CancelledError):
        await pouring
    first, second = scene.records.only.attempts
    assert (first.usage.total_input, first.usage.total_output, first.is_estimated) == (50, 1, False)
    assert (second.usage.total_input, second.usage.total_output, second.is_estimated) == (60, 2, True)


async def test_counting_is_free() -> None:
    """It is no answer of a model."""
    scene = Scene(tariff=TARIFF)
    scene.upstream.answer = json_reply({"input_tokens": 12})
    answer = await scene.ask("/v1/messages/count_tokens", question("messages", "messages-model"))
    assert answer.status == 200
    assert counts(scene.records.only) == (0, 0, False, 0)
