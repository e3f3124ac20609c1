"""The shapes of a Chat chunk and of a Chat reply, typed as far as speed needs and no further.

Leaves are `Any`, because vendors put anything there; only the skeleton (choices, deltas, calls) is checked.
Source: https://platform.openai.com/docs/api-reference/chat/streaming
"""

from typing import Any

import msgspec
from msgspec import Struct


class FunctionDelta(Struct):
    name: Any = None
    arguments: Any = None


class CustomDelta(Struct):
    name: Any = None
    input: Any = None


class CallDelta(Struct):
    index: Any = None
    id: Any = None
    type: Any = None
    function: FunctionDelta | None = None
    custom: CustomDelta | None = None
    extra_content: Any = None


class Delta(Struct):
    content: Any = None
    refusal: Any = None
    reasoning_content: Any = None
    reasoning: Any = None
    reasoning_details: Any = None
    tool_calls: list[CallDelta] | None = None
    function_call: FunctionDelta | None = None
    annotations: Any = None
    images: Any = None
    audio: Any = None


class Choice(Struct):
    """`message` is what a whole reply has in place of `delta`; `stop_reason` is vLLM's and `matched_stop` SGLang's."""

    index: Any = 0
    delta: Delta | None = None
    message: Delta | None = None
    finish_reason: Any = None
    logprobs: Any = None
    error: Any = None
    stop_reason: Any = None
    matched_stop: Any = None


class Chunk(Struct):
    id: Any = None
    model: Any = None
    choices: list[Choice] | None = None
    usage: Any = None
    service_tier: Any = None
    x_groq: Any = None
    error: Any = None
    object: Any = None
    type: Any = None
    message: Any = None
    code: Any = None


decode_chunk = msgspec.json.Decoder(Chunk).decode
