"""What is paid for is read alike on every way through: teed, mended and translated, whole and streamed."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from trunkline.dialects import anthropic, bedrock, cohere, gemini, openai_chat, openai_responses
from trunkline.dialects.dialect import Dialect, TeeOptions, UpstreamDialect
from trunkline.events import ResponseEnded, ResponseFailed, UsageReported
from trunkline.folding import fold, unfold
from trunkline.usage import Usage


def sse(*events: Any) -> bytes:
    """Events as they come over the wire."""
    return b"".join(
        b"event: %b\ndata: %b\n\n" % (event["type"].encode(), json.dumps(event).encode())
        if "type" in event
        else b"data: %b\n\n" % json.dumps(event).encode()
        for event in events
    )


CHAT_USAGE = {
    "prompt_tokens": 100,
    "completion_tokens": 50,
    "total_tokens": 150,
    "prompt_tokens_details": {"cached_tokens": 10, "audio_tokens": 40, "image_tokens": 5},
    "completion_tokens_details": {"reasoning_tokens": 7, "audio_tokens": 30},
    "cost": 0.000123,
}
CHAT = {"id": "c", "object": "chat.completion", "model": "m", "created": 1, "service_tier": "priority"}
CHAT_WHOLE = {
    **CHAT,
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
    "usage": CHAT_USAGE,
}
CHAT_CHUNK = {**CHAT, "object": "chat.completion.chunk"}
CHAT_STREAM = (
    sse(
        {
            **CHAT_CHUNK,
            "choices": [{"index": 0, "delta": {"role": "assistant", "content": "Hi"}, "finish_reason": None}],
        },
        {**CHAT_CHUNK, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
        {**CHAT_CHUNK, "choices": [], "usage": CHAT_USAGE},
    )
    + b"data: [DONE]\n\n"
)
CHAT_READ = Usage(
    input_tokens=45,
    cached_input_tokens=10,
    audio_input_tokens=40,
    image_input_tokens=5,
    output_tokens=13,
    reasoning_tokens=7,
    audio_output_tokens=30,
    tier="priority",
    told_cost=123_000,
)

MESSAGES_USAGE = {
    "input_tokens": 100,
    "cache_read_input_tokens": 20,
    "cache_creation_input_tokens": 30,
    "cache_creation": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20},
    "service_tier": "batch",
    "server_tool_use": {"web_search_requests": 2},
    "iterations": [
        {"type": "message", "input_tokens": 100},
        {"type": "compaction", "input_tokens": 7, "output_tokens": 3},
    ],
}
MESSAGE = {"id": "m", "type": "message", "role": "assistant", "model": "c", "stop_sequence": None}
MESSAGES_WHOLE = {
    **MESSAGE,
    "content": [{"type": "text", "text": "Hi"}],
    "stop_reason": "end_turn",
    "usage": {**MESSAGES_USAGE, "output_tokens": 9},
}
MESSAGES_STREAM = sse(
    {
        "type": "message_start",
        "message": {**MESSAGE, "content": [], "stop_reason": None, "usage": {**MESSAGES_USAGE, "output_tokens": 1}},
    },
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hi"}},
    {"type": "content_block_stop", "index": 0},
    {
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn", "stop_sequence": None},
        "usage": {**MESSAGES_USAGE, "output_tokens": 9},
    },
    {"type": "message_stop"},
)
MESSAGES_READ = Usage(
    input_tokens=107,
    cached_input_tokens=20,
    cache_write_tokens=10,
    cache_write_1h_tokens=20,
    output_tokens=12,
    web_searches=2,
    tier="batch",
)

SEARCH = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "q"}}
OPENED = {"type": "web_search_call", "id": "ws_2", "status": "completed", "action": {"type": "open_page", "url": "u"}}
RAN = [
    {"type": "code_interpreter_call", "id": f"ci_{n}", "status": "completed", "code": "1", "container_id": "cntr_1"}
    for n in (1, 2)
]
FOUND = {"type": "file_search_call", "id": "fs_1", "status": "completed", "queries": ["q"], "results": None}
SAID = {
    "type": "message",
    "id": "msg_1",
    "role": "assistant",
    "status": "completed",
    "content": [{"type": "output_text", "text": "Hi", "annotations": []}],
}
RESPONSE = {
    "id": "resp_1",
    "object": "response",
    "model": "m",
    "status": "completed",
    "created_at": 1,
    "service_tier": "flex",
    "output": [SEARCH, OPENED, *RAN, FOUND, SAID],
    "usage": {
        "input_tokens": 100,
        "input_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 10},
        "output_tokens": 20,
        "output_tokens_details": {"reasoning_tokens": 5},
        "total_tokens": 120,
        "cost_in_usd_ticks": 1_000_005,
    },
}
RESPONSES_STREAM = sse(
    {"type": "response.created", "sequence_number": 0, "response": {**RESPONSE, "output": [], "usage": None}},
    {"type": "response.completed", "sequence_number": 1, "response": RESPONSE},
)
RESPONSES_READ = Usage(
    input_tokens=30,
    cached_input_tokens=60,
    cache_write_tokens=10,
    output_tokens=15,
    reasoning_tokens=5,
    web_searches=1,
    code_sessions=1,
    file_searches=1,
    tier="flex",
    told_cost=100_000,
)

GEMINI_WHOLE = {
    "candidates": [
        {
            "content": {"role": "model", "parts": [{"text": "Hi"}]},
            "finishReason": "STOP",
            "index": 0,
            "groundingMetadata": {"webSearchQueries": ["one", "two"]},
        }
    ],
    "usageMetadata": {
        "promptTokenCount": 100,
        "cachedContentTokenCount": 50,
        "candidatesTokenCount": 40,
        "thoughtsTokenCount": 6,
        "totalTokenCount": 146,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 40}, {"modality": "AUDIO", "tokenCount": 60}],
        "cacheTokensDetails": [{"modality": "AUDIO", "tokenCount": 35}, {"modality": "TEXT", "tokenCount": 15}],
        "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 30}, {"modality": "TEXT", "tokenCount": 10}],
        "trafficType": "ON_DEMAND_PRIORITY",
    },
    "modelVersion": "gemini",
    "responseId": "g",
}
GEMINI_READ = Usage(
    input_tokens=25,
    cached_input_tokens=15,
    audio_input_tokens=25,
    cached_audio_tokens=35,
    output_tokens=10,
    reasoning_tokens=6,
    image_output_tokens=30,
    web_searches=2,
    tier="priority",
)

CONVERSE_WHOLE = {
    "output": {"message": {"role": "assistant", "content": [{"text": "Hi"}]}},
    "stopReason": "end_turn",
    "usage": {
        "inputTokens": 10,
        "outputTokens": 4,
        "cacheReadInputTokens": 3,
        "cacheWriteInputTokens": 9,
        "cacheDetails": [{"ttl": "1h", "inputTokens": 6}, {"ttl": "5m", "inputTokens": 3}],
    },
    "serviceTier": {"type": "flex"},
}
CONVERSE_READ = Usage(10, 3, 3, 4, cache_write_1h_tokens=6, tier="flex")

COHERE_WHOLE = {
    "id": "c",
    "message": {"role": "assistant", "content": [{"type": "text", "text": "Hi"}]},
    "finish_reason": "COMPLETE",
    "usage": {
        "billed_units": {"input_tokens": 12, "output_tokens": 7},
        "tokens": {"input_tokens": 507, "output_tokens": 10},
        "cached_tokens": 448,
    },
}
COHERE_STREAM = sse(
    {"type": "message-start", "id": "c"},
    {"type": "content-start", "index": 0, "delta": {"message": {"content": {"type": "text", "text": "Hi"}}}},
    {"type": "content-end", "index": 0},
    {"type": "message-end", "delta": {"finish_reason": "COMPLETE", "usage": COHERE_WHOLE["usage"]}},
)
COHERE_READ = Usage(59, 448, 0, 10)

WHOLE: list[tuple[UpstreamDialect, Any, Usage]] = [
    (openai_chat.DIALECT, CHAT_WHOLE, CHAT_READ),
    (anthropic.DIALECT, MESSAGES_WHOLE, MESSAGES_READ),
    (openai_responses.DIALECT, RESPONSE, RESPONSES_READ),
    (gemini.DIALECT, GEMINI_WHOLE, GEMINI_READ),
    (bedrock.DIALECT, CONVERSE_WHOLE, CONVERSE_READ),
    (cohere.DIALECT, COHERE_WHOLE, COHERE_READ),
]
STREAMED: list[tuple[Dialect, bytes, Usage]] = [
    (openai_chat.DIALECT, CHAT_STREAM, CHAT_READ),
    (anthropic.DIALECT, MESSAGES_STREAM, MESSAGES_READ),
    (openai_responses.DIALECT, RESPONSES_STREAM, RESPONSES_READ),
    (gemini.DIALECT, sse(GEMINI_WHOLE), GEMINI_READ),
]


@pytest.mark.parametrize(("dialect", "reply", "usage"), WHOLE, ids=[row[0].name for row in WHOLE])
def test_a_whole_reply(dialect: UpstreamDialect, reply: Any, usage: Usage) -> None:
    """Read to be translated, passed on as it is, or straightened."""
    body = json.dumps(reply).encode()
    assert dialect.read_reply(body).usage == usage
    if isinstance(dialect, Dialect):
        assert dialect.tee_reply(body).usage == usage
        assert dialect.mend_reply(body, TeeOptions()).usage == usage


def blow_up(value: Any) -> Any:
    """The same with counts that nothing comes to."""
    if isinstance(value, dict):
        return {name: blow_up(each) for name, each in value.items()}
    if isinstance(value, list):
        return [blow_up(each) for each in value]
    return 2**63 - 1 if type(value) is int and value > 1 else value


@pytest.mark.parametrize(("dialect", "reply", "usage"), WHOLE, ids=[row[0].name for row in WHOLE])
def test_more_than_can_be_is_not_counted(dialect: UpstreamDialect, reply: Any, usage: Usage) -> None:
    """One provider's mistake must not use up a budget, nor grow beyond what sums can hold."""
    plain = {"prompt_tokens": 2, "completion_tokens": 2, "total_tokens": 4, "input_tokens": 2, "output_tokens": 2}
    for counted in (reply, {**reply, "usage": plain} if "usage" in reply else reply):
        body = json.dumps(blow_up(counted)).encode()
        read = [dialect.read_reply(body).usage]
        if isinstance(dialect, Dialect):
            read += [dialect.tee_reply(body).usage, dialect.mend_reply(body, TeeOptions()).usage]
        assert all(each.total + each.web_searches + each.file_searches < 10 for each in read)


@pytest.mark.parametrize("size", [3, 100_000])
@pytest.mark.parametrize(("dialect", "stream", "usage"), STREAMED, ids=[row[0].name for row in STREAMED])
def test_a_stream(dialect: Dialect, stream: bytes, usage: Usage, size: int) -> None:
    """In pieces of any size."""
    pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
    reader = dialect.reader()
    events = [event for piece in pieces for event in reader.feed(piece)]
    if not any(isinstance(event, ResponseEnded | ResponseFailed) for event in events):
        events += reader.end()
    assert [event.usage for event in events if isinstance(event, UsageReported)] == [usage]
    makers: list[Callable[[TeeOptions], Any]] = [dialect.tee, dialect.mend]
    for make in makers:
        for cut_usage in (False, True):
            passage = make(TeeOptions(cut_usage=cut_usage))
            for piece in pieces:
                passage.feed(piece)
            passage.end()
            assert passage.usage == usage


@pytest.mark.parametrize("is_stream", [False, True])
def test_what_is_billed_instead_of_what_is_counted(is_stream: bool) -> None:
    """Stands beside what callers are told: it has buckets of its own, and is in no sum of tokens."""
    events = cohere.DIALECT.reader().feed(COHERE_STREAM)
    response = fold(events) if is_stream else cohere.DIALECT.read_reply(json.dumps(COHERE_WHOLE).encode())
    assert response.usage == COHERE_READ
    assert response.spent == replace(COHERE_READ, billed_input_tokens=12, billed_output_tokens=7)
    assert (response.spent.total_input, response.spent.total_output) == (507, 10)
    assert fold(list(unfold(response))) == response


def test_an_ordinary_reply_tells_its_tier() -> None:
    """On the fast way of each dialect."""
    chat = {**CHAT_WHOLE, "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}}
    assert openai_chat.DIALECT.tee_reply(json.dumps(chat).encode()).usage == Usage(1, 0, 0, 2, tier="priority")
    response = {**RESPONSE, "output": [SAID], "usage": {"input_tokens": 1, "output_tokens": 2}}
    assert openai_responses.DIALECT.tee_reply(json.dumps(response).encode()).usage == Usage(1, 0, 0, 2, tier="flex")
    message = {**MESSAGES_WHOLE, "usage": {"input_tokens": 1, "output_tokens": 2, "service_tier": "standard"}}
    assert anthropic.DIALECT.tee_reply(json.dumps(message).encode()).usage == Usage(1, 0, 0, 2, tier="standard")


def test_searches_that_the_provider_counts() -> None:
    """They win over the items of the answer."""
    counted = {**RESPONSE, "tool_usage": {"web_search": {"num_requests": 4}}}
    assert openai_responses.DIALECT.read_reply(json.dumps(counted).encode()).usage.web_searches == 4
    usage = {"input_tokens": 1, "server_side_tool_usage_details": {"web_search_calls": 2, "x_search_calls": 1}}
    served = {**RESPONSE, "usage": usage}
    assert openai_responses.DIALECT.tee_reply(json.dumps(served).encode()).usage.web_searches == 3
