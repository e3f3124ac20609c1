"""What becomes of what a Chat Completions caller may say, towards each upstream. Names are those of OpenAI's
description of its API (MIT)."""

from trunkline.dialects.compatibility.table import (
    CARRIED_BY_ALL,
    EMULATED_BY_ALL,
    MAPPED_BY_ALL,
    SEE_TOOLS,
    CallerTable,
    FieldFate,
    Noted,
)
from trunkline.dialects.fates import MAPPED, Fate

_FIELDS: dict[str, FieldFate] = {
    "audio": "+",
    "frequency_penalty": "frequency_penalty",
    "function_call": (MAPPED, "the older `tool_choice`"),
    "functions": (MAPPED, "the older `tools`"),
    "logit_bias": "logit_bias",
    "logprobs": "logprobs",
    "max_completion_tokens": "max_output_tokens",
    "max_tokens": "max_output_tokens",
    "messages": (MAPPED, "see the messages below"),
    "metadata": "metadata",
    "modalities": "+",
    "model": (MAPPED, "the target's own name for it"),
    "moderation": "+",
    "n": "n",
    "parallel_tool_calls": "parallel_tool_calls",
    "prediction": "+",
    "presence_penalty": "presence_penalty",
    "prompt_cache_key": "prompt_cache_key",
    "prompt_cache_options": "+",
    "prompt_cache_retention": "prompt_cache_retention",
    "provider_options": (MAPPED, "merged into that provider's body"),
    "reasoning_effort": (MAPPED, "to the nearest level of the model; without any, dropped"),
    "response_format": (MAPPED, "emulated where the model cannot keep a schema"),
    "safety_identifier": "safety_identifier",
    "seed": "seed",
    "service_tier": "service_tier",
    "stop": "stop",
    "store": "store",
    "stream": (MAPPED, ""),
    "stream_options": "+",
    "temperature": "temperature",
    "tool_choice": (MAPPED, "see the choices below"),
    "tools": (MAPPED, SEE_TOOLS),
    "top_logprobs": "top_logprobs",
    "top_p": "top_p",
    "user": "user",
    "verbosity": "verbosity",
    "web_search_options": "+",
}

_TOOLS: dict[str, dict[str, Fate]] = {"function": MAPPED_BY_ALL, "custom": EMULATED_BY_ALL}

_CHOICES: dict[str, Noted] = {
    "auto": (MAPPED_BY_ALL, ""),
    "none": (MAPPED_BY_ALL, ""),
    "required": (MAPPED_BY_ALL, "refused where the model cannot be forced"),
    "function": (MAPPED_BY_ALL, "refused where the model cannot be forced"),
    "custom": (MAPPED_BY_ALL, "refused where the model cannot be forced"),
    "allowed_tools": (MAPPED_BY_ALL, "the other tools are withheld where the target has no such choice"),
}

_ITEMS: dict[str, Noted] = {
    "developer": (MAPPED_BY_ALL, ""),
    "system": (MAPPED_BY_ALL, ""),
    "user": (MAPPED_BY_ALL, ""),
    "assistant": (MAPPED_BY_ALL, ""),
    "tool": (MAPPED_BY_ALL, ""),
    "function": (MAPPED_BY_ALL, "the older `tool`"),
    "reasoning_content": (MAPPED_BY_ALL, "where the target wants it back"),
    "reasoning_details": (CARRIED_BY_ALL, "to the family that made it"),
}

_PARTS: dict[str, Noted] = {
    "text": (MAPPED_BY_ALL, ""),
    "image_url": (MAPPED_BY_ALL, "refused where the model reads none"),
    "input_audio": (MAPPED_BY_ALL, "refused where the model hears none"),
    "file": (MAPPED_BY_ALL, "refused where the model reads none"),
    "refusal": (MAPPED_BY_ALL, ""),
}

TABLE = CallerTable(fields=_FIELDS, tools=_TOOLS, choices=_CHOICES, items=_ITEMS, parts=_PARTS)
