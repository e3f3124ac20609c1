"""What becomes of each thing that a caller may say, towards each upstream: one stated fate, never silence.

The tables here are the truth; lowering applies them. A setting without a row towards an upstream is refused, so that
a new word in the vocabulary cannot be lost by forgetting it.
"""

from enum import Enum


class Fate(Enum):
    """The six things that can happen to what a caller says."""

    SAME = "same"
    MAPPED = "mapped"
    EMULATED = "emulated"
    CARRIED = "carried"
    DROPPED = "dropped"
    REFUSED = "refused"


SAME, MAPPED, EMULATED, CARRIED, DROPPED, REFUSED = Fate

# A fate that depends on the target: carried where `Capabilities.fields` names the field, else as written here.
# Hints and sampling knobs are left out and said; what changes the shape or the meaning of the answer is refused.

SETTINGS: dict[str, dict[str, Fate]] = {
    "responses": {
        "max_output_tokens": SAME,
        "temperature": SAME,
        "top_p": SAME,
        "top_k": DROPPED,
        "frequency_penalty": DROPPED,
        "presence_penalty": DROPPED,
        "seed": DROPPED,
        "stop": REFUSED,
        "logit_bias": DROPPED,
        "top_logprobs": SAME,
        "logprobs": MAPPED,
        "n": REFUSED,
        "parallel_tool_calls": SAME,
        "verbosity": SAME,
        "service_tier": SAME,
        "truncation": SAME,
        "store": SAME,
        "metadata": SAME,
        "user": SAME,
        "safety_identifier": SAME,
        "prompt_cache_key": SAME,
        "prompt_cache_retention": SAME,
        "max_tool_calls": SAME,
        "include": SAME,
        "background": REFUSED,
    },
    "chat": {
        "max_output_tokens": MAPPED,
        "temperature": SAME,
        "top_p": SAME,
        "top_k": DROPPED,
        "frequency_penalty": SAME,
        "presence_penalty": SAME,
        "seed": SAME,
        "stop": SAME,
        "logit_bias": SAME,
        "top_logprobs": SAME,
        "logprobs": MAPPED,
        "n": REFUSED,
        "parallel_tool_calls": SAME,
        "verbosity": DROPPED,
        "service_tier": DROPPED,
        "truncation": DROPPED,
        "store": DROPPED,
        "metadata": DROPPED,
        "user": SAME,
        "safety_identifier": DROPPED,
        "prompt_cache_key": DROPPED,
        "prompt_cache_retention": DROPPED,
        "max_tool_calls": DROPPED,
        "include": MAPPED,
        "background": REFUSED,
    },
    "messages": {
        "max_output_tokens": SAME,
        "temperature": SAME,
        "top_p": SAME,
        "top_k": SAME,
        "frequency_penalty": DROPPED,
        "presence_penalty": DROPPED,
        "seed": DROPPED,
        "stop": MAPPED,
        "logit_bias": DROPPED,
        "top_logprobs": REFUSED,
        "logprobs": REFUSED,
        "n": REFUSED,
        "parallel_tool_calls": MAPPED,
        "verbosity": DROPPED,
        "service_tier": MAPPED,
        "truncation": DROPPED,
        "store": DROPPED,
        "metadata": DROPPED,
        "user": MAPPED,
        "safety_identifier": MAPPED,
        "prompt_cache_key": DROPPED,
        "prompt_cache_retention": DROPPED,
        "max_tool_calls": DROPPED,
        "include": MAPPED,
        "background": REFUSED,
    },
    "gemini": {
        "max_output_tokens": MAPPED,
        "temperature": SAME,
        "top_p": MAPPED,
        "top_k": MAPPED,
        "frequency_penalty": MAPPED,
        "presence_penalty": MAPPED,
        "seed": SAME,
        "stop": MAPPED,
        "logit_bias": DROPPED,
        "top_logprobs": MAPPED,
        "logprobs": MAPPED,
        "n": REFUSED,
        "parallel_tool_calls": EMULATED,
        "verbosity": DROPPED,
        "service_tier": MAPPED,
        "truncation": DROPPED,
        "store": DROPPED,
        "metadata": DROPPED,
        "user": DROPPED,
        "safety_identifier": DROPPED,
        "prompt_cache_key": DROPPED,
        "prompt_cache_retention": DROPPED,
        "max_tool_calls": DROPPED,
        "include": MAPPED,
        "background": REFUSED,
    },
    "bedrock": {
        "max_output_tokens": MAPPED,
        "temperature": SAME,
        "top_p": MAPPED,
        "top_k": MAPPED,
        "frequency_penalty": DROPPED,
        "presence_penalty": DROPPED,
        "seed": DROPPED,
        "stop": MAPPED,
        "logit_bias": DROPPED,
        "top_logprobs": REFUSED,
        "logprobs": REFUSED,
        "n": REFUSED,
        "parallel_tool_calls": EMULATED,
        "verbosity": DROPPED,
        "service_tier": MAPPED,
        "truncation": DROPPED,
        "store": DROPPED,
        "metadata": MAPPED,
        "user": DROPPED,
        "safety_identifier": DROPPED,
        "prompt_cache_key": DROPPED,
        "prompt_cache_retention": DROPPED,
        "max_tool_calls": DROPPED,
        "include": MAPPED,
        "background": REFUSED,
    },
    "cohere": {
        "max_output_tokens": MAPPED,
        "temperature": SAME,
        "top_p": MAPPED,
        "top_k": MAPPED,
        "frequency_penalty": SAME,
        "presence_penalty": SAME,
        "seed": SAME,
        "stop": MAPPED,
        "logit_bias": DROPPED,
        "top_logprobs": DROPPED,
        "logprobs": SAME,
        "n": REFUSED,
        "parallel_tool_calls": EMULATED,
        "verbosity": DROPPED,
        "service_tier": DROPPED,
        "truncation": DROPPED,
        "store": DROPPED,
        "metadata": DROPPED,
        "user": DROPPED,
        "safety_identifier": DROPPED,
        "prompt_cache_key": DROPPED,
        "prompt_cache_retention": DROPPED,
        "max_tool_calls": DROPPED,
        "include": MAPPED,
        "background": REFUSED,
    },
}
"""`{upstream dialect: {setting: fate}}`; every field of `ModelSettings` has a row everywhere (a test asks)."""

IDLE_VALUES: dict[str, object] = {
    "n": 1,
    "logprobs": False,
    "top_logprobs": 0,
    "truncation": "disabled",
    "store": False,
    "background": False,
    "service_tier": "auto",
    "frequency_penalty": 0,
    "presence_penalty": 0,
    "include": [],
    "metadata": {},
    "stop": [],
    "logit_bias": {},
}
"""Values that ask for nothing: passed over without a word where the setting has no home."""

EXTRAS: dict[str, Fate] = {
    # Responses
    "stream_options": DROPPED,
    "context_management": DROPPED,
    "moderation": REFUSED,
    "prompt_cache_options": DROPPED,
    "background_options": DROPPED,
    "client_metadata": DROPPED,
    # Chat
    "modalities": REFUSED,
    "audio": REFUSED,
    "prediction": DROPPED,
    "web_search_options": REFUSED,
    # Messages
    "billing_policy": DROPPED,
    "cache_control": DROPPED,
    "compaction": REFUSED,
    "container": REFUSED,
    "diagnostics": DROPPED,
    "fallback_credit_token": DROPPED,
    "fallbacks": DROPPED,
    "inference_geo": REFUSED,
    "mcp_servers": REFUSED,
    "metadata": DROPPED,
    "output_config": REFUSED,
    "speed": DROPPED,
    "thread": REFUSED,
    "user_profile_id": DROPPED,
    "workspace_id": DROPPED,
    # Gemini
    "audioTimestamp": DROPPED,
    "cachedContent": REFUSED,
    "labels": DROPPED,
    "mediaResolution": DROPPED,
    "modelArmorConfig": REFUSED,
    "modelSelectionConfig": DROPPED,
    "responseModalities": REFUSED,
    "safetySettings": DROPPED,
    "toolConfig": DROPPED,
}
"""Top-level fields of one dialect that the vocabulary has no word for, towards another. Without a row: refused."""

IN_NODES: dict[str, Fate] = {
    # tools
    "allowed_callers": MAPPED,
    "defer_loading": MAPPED,
    "eager_input_streaming": SAME,
    "input_examples": DROPPED,
    "output_schema": DROPPED,
    "behavior": DROPPED,
    "response": SAME,
    "responseJsonSchema": DROPPED,
    # parts
    "cache_control": DROPPED,
    "citations": DROPPED,
    "context": DROPPED,
    "detail": DROPPED,
    "displayName": DROPPED,
    "audioMetadata": DROPPED,
    "audioTranscription": DROPPED,
    "documentMetadata": DROPPED,
    "mediaProcessing": DROPPED,
    "mediaResolution": DROPPED,
    "partMetadata": DROPPED,
    "scheduling": DROPPED,
    "speechMetadata": DROPPED,
    "spreadsheetMetadata": DROPPED,
    "videoMetadata": DROPPED,
    "willContinue": DROPPED,
    "mimeType": SAME,
    "prompt_cache_breakpoint": DROPPED,
    "title": DROPPED,
    # a model's own turns, sent back
    "annotations": SAME,
    "audio": DROPPED,
    "caller": SAME,
    "created_by": SAME,
    "fingerprint": DROPPED,
    "function_call": SAME,
}
"""Fields of one dialect inside tools, items and parts, towards another. Without a row: noted as left out in a model's
own turns, which clients send back with whatever was in them; refused elsewhere."""

NODE_NOTES: dict[str, str] = {
    "response": "of a result; the schema in a declaration is dropped",
    "cache_control": "mapped on parts of messages where the target's cache takes marks",
    "citations": "same on documents for Bedrock",
    "context": "same on documents for Bedrock",
    "prompt_cache_breakpoint": "mapped likewise, to `cache_control` or a `cachePoint`; the last four of a request",
}
"""What else there is to say of them."""

INCLUDED: frozenset[str] = frozenset(
    {
        "code_interpreter_call.outputs",
        "computer_call_output.output.image_url",
        "file_search_call.results",
        "message.input_image.image_url",
        "message.output_text.logprobs",
        "reasoning.encrypted_content",
        "web_search_call.action.sources",
        "web_search_call.results",
    }
)
"""What a caller may ask to have included: log probabilities are asked for, sources and outputs shown, sealed reasoning
is always given, and of the rest there is nothing in an answer that was translated."""

MEDIA_TOLD_TO: dict[str, tuple[str, ...]] = {
    "audio": ("chat", "gemini"),
    "fileData": ("gemini",),
    "images": ("chat",),
    "inlineData": ("gemini",),
    "video": (),
}
"""Media in answers, and the callers whose API has a place for them; for others they are left out, and said. What a
sound says in words is text for all, and pictures that come along are everybody's; `images` are those that are
elsewhere, `inlineData` and `fileData` what else Gemini makes, `video` what Bedrock's models do."""

SAYS_ERRORS: frozenset[str] = frozenset({"messages", "bedrock", "gemini"})
"""The dialects whose tool outputs can say that they are errors; elsewhere their text does."""

HAS_SEARCH: frozenset[str] = frozenset({"responses", "messages", "gemini"})
"""The dialects whose models can search the web by a tool of their own."""

JSON_OBJECT: frozenset[str] = frozenset({"responses", "chat", "gemini", "cohere"})
"""The dialects that can be told to answer with any JSON object."""

IDLE_EXTRAS: dict[str, object] = {"modalities": ["text"], "stream_options": {}, "responseModalities": ["TEXT"]}
"""Values of extras that ask for nothing."""

IMPLICIT: frozenset[str] = frozenset(
    {
        "reasoning_effort",
        "reasoning.effort",
        "verbosity",
        "text.verbosity",
        "store",
        "tools.strict",
        "client_metadata",
        "filename",
        "phase",
        "reasoning",
    }
)
"""Fields that the SDKs send unasked, or that APIs mean when they are left out: not to have them is reported, but is no
error under `x-trunkline-strict`."""

CALLER_NAMES: dict[str, dict[str, str]] = {
    "responses": {
        "verbosity": "text.verbosity",
        "effort": "reasoning.effort",
        "summary": "reasoning.summary",
        "text_format": "text.format",
    },
    "chat": {
        "max_output_tokens": "max_completion_tokens",
        "effort": "reasoning_effort",
        "text_format": "response_format",
    },
    "messages": {
        "max_output_tokens": "max_tokens",
        "stop": "stop_sequences",
        "user": "metadata.user_id",
        "effort": "output_config.effort",
        "summary": "thinking.display",
        "text_format": "output_config.format",
        "parallel_tool_calls": "tool_choice.disable_parallel_tool_use",
    },
    "gemini": {
        "max_output_tokens": "generationConfig.maxOutputTokens",
        "temperature": "generationConfig.temperature",
        "top_p": "generationConfig.topP",
        "top_k": "generationConfig.topK",
        "frequency_penalty": "generationConfig.frequencyPenalty",
        "presence_penalty": "generationConfig.presencePenalty",
        "seed": "generationConfig.seed",
        "stop": "generationConfig.stopSequences",
        "logprobs": "generationConfig.responseLogprobs",
        "top_logprobs": "generationConfig.logprobs",
        "n": "generationConfig.candidateCount",
        "effort": "generationConfig.thinkingConfig",
        "summary": "generationConfig.thinkingConfig.includeThoughts",
        "text_format": "generationConfig.responseJsonSchema",
        "service_tier": "serviceTier",
        "metadata": "labels",
    },
}
"""How each caller spells a word of the vocabulary; the same word where there is no row."""


def caller_name(dialect: str, word: str) -> str:
    """A vocabulary word as the caller's API spells it."""
    return CALLER_NAMES[dialect].get(word, word)
