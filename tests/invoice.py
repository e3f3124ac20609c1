"""Twenty-odd requests to eight providers, each with the bytes of its answer and its price worked out by hand.

A dollar for a million tokens is a thousand nano-dollars a token; so a model at `input: "0.25"` takes 250 for each.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from scripted_gateway import ScriptedReply, json_reply, stream
from trunkline.errors import Unreachable
from trunkline.ports import UpstreamRequest

PRICES = """
prices:
  "openai/gpt-5-mini":
    input: "0.25"
    output: "2"
    cached_input: "0.025"
    flex: {input: "0.125", output: "1", cached_input: "0.0125"}
    priority: {input: "0.45", output: "3.6", cached_input: "0.045"}
    web_search: "0.01"
    file_search: "0.0025"
    code_session: "0.03"
  "openai/gpt-5.4":
    input: "2.5"
    output: "15"
    cached_input: "0.25"
    above_272000: {input: "5", output: "22.5", cached_input: "0.5"}
  "openai/gpt-audio": {input: "2.5", output: "10", audio_input: "32", audio_output: "64"}
  "openai/text-embedding-3-small": {input: "0.02", output: "0"}
  "anthropic/claude-*":
    input: "3"
    output: "15"
    cached_input: "0.3"
    cache_write: "3.75"
    cache_write_1h: "6"
    web_search: "0.01"
    batch: {input: "1.5", output: "7.5"}
    above_200000: {input: "6", output: "22.5", cached_input: "0.6"}
  "gemini/gemini-2.5-pro":
    input: "1.25"
    output: "10"
    cached_input: "0.125"
    above_200000: {input: "2.5", output: "15", cached_input: "0.25"}
  "gemini/gemini-3-flash":
    input: "0.5"
    output: "3"
    cached_input: "0.05"
    audio_input: "1"
    cached_audio: "0.1"
    web_search: "0.014"
  "cohere/*": {input: "2.5", output: "10", cached_input: "1"}
  "bedrock/*": {input: "3", output: "15", cached_input: "0.3", cache_write: "3.75", cache_write_1h: "6"}
"""

FREE = 0
Reply = ScriptedReply | Exception | Callable[[UpstreamRequest], ScriptedReply]


@dataclass
class Line:
    """One request of the invoice: `nano` is what it costs, `None` where nobody knows; `attempts` what each of its attempts
    costs, where that is more than one. `leaves`: the client goes away when the answer's beginning has come."""

    about: str
    path: str
    body: dict[str, Any]
    reply: Callable[[], Reply]
    nano: int | None
    source: str = "declared"
    attempts: tuple[int, ...] = ()
    outcome: str = "ok"
    status: int = 200
    is_estimated: bool = False
    leaves: bool = False
    headers: dict[str, str] = field(default_factory=dict)


def sse(*events: Any) -> bytes:
    """Events as they come over the wire, named where they have a type."""
    named = [b"event: %b\n" % event["type"].encode() if "type" in event else b"" for event in events]
    return b"".join(
        name + b"data: %b\n\n" % msgspec.json.encode(event) for name, event in zip(named, events, strict=True)
    )


# --- what callers send ----------------------------------------------------------------------------------------------


def chat(model: str, **members: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": "Hi?"}], **members}


def messages(model: str, **members: Any) -> dict[str, Any]:
    return {**chat(model, **members), "max_tokens": 100}


def responses(model: str, **members: Any) -> dict[str, Any]:
    return {"model": model, "input": "Hi?", **members}


def contents() -> dict[str, Any]:
    return {"contents": [{"role": "user", "parts": [{"text": "Hi?"}]}]}


# --- what providers answer ------------------------------------------------------------------------------------------


def chat_reply(usage: dict[str, Any], **members: Any) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", "content": "Hello."}, "finish_reason": "stop"}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [choice],
        "usage": usage,
        **members,
    }


def chat_stream(usage: dict[str, Any] | None, *texts: str, **members: Any) -> bytes:
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m", **members}
    pieces = [{"index": 0, "delta": {"role": "assistant", "content": text}, "finish_reason": None} for text in texts]
    said = sse(*({**head, "choices": [piece]} for piece in pieces))
    if usage is None:
        return said
    end = {"index": 0, "delta": {}, "finish_reason": "stop"}
    return said + sse({**head, "choices": [end]}, {**head, "choices": [], "usage": usage}) + b"data: [DONE]\n\n"


def response(usage: dict[str, Any], *output: dict[str, Any], **members: Any) -> dict[str, Any]:
    text = {"type": "output_text", "text": "Hello.", "annotations": []}
    said = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [text]}
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "status": "completed",
        "model": "m",
        "output": [*output, said],
        "usage": usage,
        **members,
    }


def response_stream(whole: dict[str, Any]) -> bytes:
    begun = {**whole, "status": "in_progress", "output": [], "usage": None}
    return sse(
        {"type": "response.created", "sequence_number": 0, "response": begun},
        {"type": "response.completed", "sequence_number": 1, "response": whole},
    )


def message(usage: dict[str, Any], stop_reason: str | None = "end_turn", text: str = "Hello.") -> dict[str, Any]:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-4-5",
        "content": [{"type": "text", "text": text}] if text else [],
        "stop_reason": stop_reason,
        "stop_sequence": None,
        "usage": usage,
    }


def message_begun(usage: dict[str, Any], *texts: str) -> bytes:
    return sse(
        {"type": "message_start", "message": message({**usage, "output_tokens": 1}, None, "")},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        *({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}} for text in texts),
    )


def message_stream(usage: dict[str, Any], output: int) -> bytes:
    return message_begun(usage, "Hello.") + sse(
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn", "stop_sequence": None},
            "usage": {**usage, "output_tokens": output},
        },
        {"type": "message_stop"},
    )


def candidate(usage: dict[str, Any], **members: Any) -> dict[str, Any]:
    said = {"content": {"role": "model", "parts": [{"text": "Hello."}]}, "finishReason": "STOP", "index": 0, **members}
    return {"candidates": [said], "usageMetadata": usage, "modelVersion": "m", "responseId": "g"}


COHERE_USAGE = {
    "billed_units": {"input_tokens": 12, "output_tokens": 7},
    "tokens": {"input_tokens": 507, "output_tokens": 10},
    "cached_tokens": 448,
}
"""Cohere's own words around the prompt are counted, and not billed."""


def cohere_reply() -> dict[str, Any]:
    said = {"role": "assistant", "content": [{"type": "text", "text": "Hello."}]}
    return {"id": "c", "message": said, "finish_reason": "COMPLETE", "usage": COHERE_USAGE}


def cohere_stream() -> bytes:
    return sse(
        {"type": "message-start", "id": "c"},
        {"type": "content-start", "index": 0, "delta": {"message": {"content": {"type": "text", "text": "Hello."}}}},
        {"type": "content-end", "index": 0},
        {"type": "message-end", "delta": {"finish_reason": "COMPLETE", "usage": COHERE_USAGE}},
    )


def one_after_the_other(*replies: dict[str, Any]) -> Callable[[UpstreamRequest], ScriptedReply]:
    waiting = list(replies)
    return lambda _: json_reply(waiting.pop(0))


SEARCHED = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "q"}}
OPENED = {"type": "web_search_call", "id": "ws_2", "status": "completed", "action": {"type": "open_page", "url": "u"}}
RAN = {"type": "code_interpreter_call", "id": "ci_1", "status": "completed", "code": "1", "container_id": "cntr_1"}
FOUND = {"type": "file_search_call", "id": "fs_1", "status": "completed", "queries": ["q"], "results": None}

CHAT, RESPONSES, MESSAGES = "/v1/chat/completions", "/v1/responses", "/v1/messages"
GEMINI = "/v1beta/models/gemini/{}:{}"

# --- the invoice ----------------------------------------------------------------------------------------------------

LINES = (
    Line(
        "1,200 in of which 200 cached, 300 out of which 120 thought",
        CHAT,
        chat("openai/gpt-5-mini"),
        lambda: json_reply(
            chat_reply(
                {
                    "prompt_tokens": 1200,
                    "completion_tokens": 300,
                    "total_tokens": 1500,
                    "prompt_tokens_details": {"cached_tokens": 200, "audio_tokens": 0},
                    "completion_tokens_details": {"reasoning_tokens": 120},
                },
                service_tier="default",
            )
        ),
        1000 * 250 + 200 * 25 + (180 + 120) * 2000,
    ),
    Line(
        "streamed at the priority tier, to a caller who did not ask for usage",
        CHAT,
        chat("openai/gpt-5-mini", stream=True),
        lambda: stream(
            chat_stream(
                {"prompt_tokens": 500, "completion_tokens": 100, "total_tokens": 600}, "Hello.", service_tier="priority"
            )
        ),
        500 * 450 + 100 * 3600,
    ),
    Line(
        "at the flex tier; half a nano-dollar is rounded to the even side: 132,012.5",
        RESPONSES,
        responses("openai/gpt-5-mini"),
        lambda: json_reply(
            response(
                {"input_tokens": 1001, "input_tokens_details": {"cached_tokens": 1}, "output_tokens": 7},
                service_tier="flex",
            )
        ),
        (1000 * 1250 + 1 * 125 + 7 * 10000 - 5) // 10,
    ),
    Line(
        "one search (a page opened costs nothing), one container that ran twice, one search in files",
        RESPONSES,
        responses("openai/gpt-5-mini", stream=True),
        lambda: stream(
            response_stream(
                response({"input_tokens": 4000, "output_tokens": 500}, SEARCHED, OPENED, RAN, {**RAN, "id": "ci_2"}, FOUND)
            )
        ),
        4000 * 250 + 500 * 2000 + 10_000_000 + 30_000_000 + 2_500_000,
    ),
    Line(
        "a question and an answer of sound and text",
        CHAT,
        chat("openai/gpt-audio"),
        lambda: json_reply(
            chat_reply(
                {
                    "prompt_tokens": 150,
                    "completion_tokens": 220,
                    "total_tokens": 370,
                    "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 100},
                    "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 180},
                }
            )
        ),
        50 * 2500 + 100 * 32_000 + 40 * 10_000 + 180 * 64_000,
    ),
    Line(
        "more in than the usual price is for, so all of it costs more",
        RESPONSES,
        responses("openai/gpt-5.4"),
        lambda: json_reply(
            response({"input_tokens": 300_000, "input_tokens_details": {"cached_tokens": 100_000}, "output_tokens": 1000})
        ),
        200_000 * 5000 + 100_000 * 500 + 1000 * 22_500,
    ),
    Line(
        "just as much as the usual price is for",
        RESPONSES,
        responses("openai/gpt-5.4", stream=True),
        lambda: stream(response_stream(response({"input_tokens": 272_000, "output_tokens": 10}))),
        272_000 * 2500 + 10 * 15_000,
    ),
    Line(
        "an embedding",
        "/v1/embeddings",
        {"model": "openai/text-embedding-3-small", "input": "Hi?"},
        lambda: json_reply(
            {
                "object": "list",
                "model": "text-embedding-3-small",
                "data": [{"object": "embedding", "index": 0, "embedding": [0.1]}],
                "usage": {"prompt_tokens": 37, "total_tokens": 37},
            }
        ),
        37 * 20,
    ),
    Line(
        "read from a cache, written to one for five minutes and for an hour",
        MESSAGES,
        messages("anthropic/claude-sonnet-4-5"),
        lambda: json_reply(
            message(
                {
                    "input_tokens": 10,
                    "cache_read_input_tokens": 4000,
                    "cache_creation_input_tokens": 5000,
                    "cache_creation": {"ephemeral_5m_input_tokens": 2000, "ephemeral_1h_input_tokens": 3000},
                    "output_tokens": 50,
                    "service_tier": "standard",
                }
            )
        ),
        10 * 3000 + 4000 * 300 + 2000 * 3750 + 3000 * 6000 + 50 * 15_000,
    ),
    Line(
        "two searches, streamed",
        MESSAGES,
        messages("anthropic/claude-sonnet-4-5", stream=True),
        lambda: stream(
            message_stream({"input_tokens": 3000, "server_tool_use": {"web_search_requests": 2}}, 400)
        ),
        3000 * 3000 + 400 * 15_000 + 2 * 10_000_000,
    ),
    Line(
        "in a batch",
        MESSAGES,
        messages("anthropic/claude-sonnet-4-5"),
        lambda: json_reply(message({"input_tokens": 1000, "output_tokens": 100, "service_tier": "batch"})),
        1000 * 1500 + 100 * 7500,
    ),
    Line(
        "cached tokens count for the size as well",
        MESSAGES,
        messages("anthropic/claude-sonnet-4-5", stream=True),
        lambda: stream(message_stream({"input_tokens": 150_000, "cache_read_input_tokens": 60_000}, 10)),
        150_000 * 6000 + 60_000 * 600 + 10 * 22_500,
    ),
    Line(
        "translated, with thought that is counted apart",
        RESPONSES,
        responses("anthropic/claude-sonnet-4-5", stream=True),
        lambda: stream(
            message_stream(
                {
                    "input_tokens": 100,
                    "cache_read_input_tokens": 900,
                    "output_tokens_details": {"thinking_tokens": 40},
                },
                70,
            )
        ),
        100 * 3000 + 900 * 300 + (30 + 40) * 15_000,
    ),
    Line(
        "sound of which a part was cached, thought, and two searches",
        GEMINI.format("gemini-3-flash", "generateContent"),
        contents(),
        lambda: json_reply(
            candidate(
                {
                    "promptTokenCount": 1000,
                    "cachedContentTokenCount": 200,
                    "candidatesTokenCount": 100,
                    "thoughtsTokenCount": 50,
                    "totalTokenCount": 1150,
                    "promptTokensDetails": [
                        {"modality": "TEXT", "tokenCount": 400},
                        {"modality": "AUDIO", "tokenCount": 600},
                    ],
                    "cacheTokensDetails": [{"modality": "AUDIO", "tokenCount": 200}],
                },
                groundingMetadata={"webSearchQueries": ["one", "two"]},
            )
        ),
        400 * 500 + 400 * 1000 + 200 * 100 + (100 + 50) * 3000 + 2 * 14_000_000,
    ),
    Line(
        "a large input, streamed",
        GEMINI.format("gemini-2.5-pro", "streamGenerateContent?alt=sse"),
        contents(),
        lambda: stream(
            sse(
                candidate(
                    {
                        "promptTokenCount": 250_000,
                        "cachedContentTokenCount": 50_000,
                        "candidatesTokenCount": 100,
                        "thoughtsTokenCount": 400,
                        "totalTokenCount": 250_500,
                    }
                )
            )
        ),
        200_000 * 2500 + 50_000 * 250 + (100 + 400) * 15_000,
    ),
    Line(
        "Claude on Bedrock, translated",
        MESSAGES,
        messages("bedrock/claude"),
        lambda: json_reply(
            {
                "output": {"message": {"role": "assistant", "content": [{"text": "Hello."}]}},
                "stopReason": "end_turn",
                "usage": {
                    "inputTokens": 100,
                    "outputTokens": 40,
                    "cacheReadInputTokens": 1000,
                    "cacheWriteInputTokens": 300,
                    "cacheDetails": [{"ttl": "1h", "inputTokens": 100}, {"ttl": "5m", "inputTokens": 200}],
                },
            }
        ),
        100 * 3000 + 1000 * 300 + 200 * 3750 + 100 * 6000 + 40 * 15_000,
    ),
    Line(
        "OpenRouter says what it charged: $0.00014675",
        CHAT,
        chat("openrouter/some/model", stream=True),
        lambda: stream(
            chat_stream(
                {"prompt_tokens": 14, "completion_tokens": 9, "total_tokens": 23, "cost": 0.00014675, "is_byok": False},
                "Hello.",
            )
        ),
        146_750,
        source="told",
    ),
    Line(
        "xAI says it in ticks, of which ten thousand million are a dollar",
        CHAT,
        chat("xai/grok-4"),
        lambda: json_reply(
            chat_reply(
                {
                    "prompt_tokens": 12,
                    "completion_tokens": 1,
                    "total_tokens": 241,
                    "prompt_tokens_details": {"text_tokens": 12, "audio_tokens": 0, "image_tokens": 0, "cached_tokens": 2},
                    "completion_tokens_details": {"reasoning_tokens": 228},
                    "cost_in_usd_ticks": 1_176_505,
                }
            )
        ),
        117_650,
        source="told",
    ),
    Line(
        "a model without a price",
        CHAT,
        chat("groq/nobody-knows"),
        lambda: json_reply(chat_reply({"prompt_tokens": 5, "completion_tokens": 5, "total_tokens": 10})),
        None,
        source="",
    ),
    Line(
        "refused by the provider",
        CHAT,
        chat("openai/gpt-5-mini"),
        lambda: json_reply({"error": {"message": "Slow down.", "type": "rate_limit"}}, 429),
        FREE,
        source="",
        outcome="error",
        status=429,
    ),
    Line(
        "nobody there",
        CHAT,
        chat("openai/gpt-5-mini", stream=True),
        lambda: Unreachable("no connection"),
        FREE,
        source="",
        outcome="error",
        status=503,
    ),
    Line(
        "an answer that paused: two attempts, each with its price",
        RESPONSES,
        responses("anthropic/claude-sonnet-4-5"),
        lambda: one_after_the_other(
            message({"input_tokens": 1000, "output_tokens": 20}, "pause_turn", "Hel"),
            message({"input_tokens": 1100, "output_tokens": 30}, "end_turn", "lo."),
        ),
        1000 * 3000 + 20 * 15_000 + 1100 * 3000 + 30 * 15_000,
        attempts=(1000 * 3000 + 20 * 15_000, 1100 * 3000 + 30 * 15_000),
    ),
    Line(
        "the client left: what went in is known, of what came out forty characters, which are ten tokens",
        MESSAGES,
        messages("anthropic/claude-sonnet-4-5", stream=True),
        lambda: stream(
            message_begun({"input_tokens": 1200, "cache_read_input_tokens": 800}, "twenty characters it", " is, and twenty more"),
            ending="open",
        ),
        1200 * 3000 + 800 * 300 + 10 * 15_000,
        outcome="cancelled",
        is_estimated=True,
        leaves=True,
    ),
    Line(
        "cut before it told: five tokens for a message of `Hi?`, and five for twenty characters",
        CHAT,
        chat("openai/gpt-5-mini", stream=True),
        lambda: stream(chat_stream(None, "twenty", " characters it"), ending="cut"),
        5 * 250 + 5 * 2000,
        outcome="error",
        is_estimated=True,
    ),
    Line(
        "Cohere bills less than it counts: 12 of 507 in, of which 448 cached, and 7 of 10 out",
        CHAT,
        chat("cohere/command-a"),
        lambda: json_reply(cohere_reply()),
        12 * 2500 + 7 * 10_000,
    ),
    Line(
        "the same, streamed",
        RESPONSES,
        responses("cohere/command-a", stream=True),
        lambda: stream(cohere_stream()),
        12 * 2500 + 7 * 10_000,
    ),
)  # fmt: skip
