"""The whole table of fates, in each caller's own words, towards each upstream: what `docs/compatibility.md` shows.

Settings and whole fields are read from the tables that lowering applies; tools, items and the rest are written here,
and tests hold them against what lowering does. Names are those of OpenAI's description of its API (MIT) and of the
official SDKs' types.
"""

from collections.abc import Mapping

from msgspec import Struct

from trunkline.dialects.fates import CARRIED, DROPPED, EMULATED, EXTRAS, MAPPED, REFUSED, SAME, SETTINGS, Fate

UPSTREAMS = ("responses", "chat", "messages", "gemini", "bedrock", "cohere")
CALLERS = ("responses", "chat", "messages", "gemini")


class Row(Struct, frozen=True):
    """One thing that a caller may say, and its fate towards each upstream; `note` says more where a word is short."""

    name: str
    fates: Mapping[str, Fate]
    note: str = ""


def _to(fate: Fate, **others: Fate) -> dict[str, Fate]:
    """A fate towards all upstreams but `others`."""
    return {upstream: others.get(upstream, fate) for upstream in UPSTREAMS}


# --- fields -------------------------------------------------------------------------------------------------------

_STATE = "needs a store"
_TOOLS = "see the tools below"

FIELDS: dict[str, dict[str, str | tuple[Fate, str]]] = {
    "responses": {
        "background": "background",
        "background_options": "+",
        "context_management": "+",
        "conversation": (REFUSED, _STATE),
        "frequency_penalty": "frequency_penalty",
        "include": "include",
        "input": (MAPPED, "see the items below"),
        "instructions": (MAPPED, ""),
        "max_output_tokens": "max_output_tokens",
        "max_tool_calls": "max_tool_calls",
        "metadata": "metadata",
        "model": (MAPPED, "the target's own name for it"),
        "moderation": "+",
        "parallel_tool_calls": "parallel_tool_calls",
        "presence_penalty": "presence_penalty",
        "previous_response_id": (REFUSED, _STATE),
        "prompt": (REFUSED, _STATE),
        "prompt_cache_key": "prompt_cache_key",
        "prompt_cache_options": "+",
        "prompt_cache_retention": "prompt_cache_retention",
        "provider_options": (MAPPED, "merged into that provider's body"),
        "reasoning.effort": (MAPPED, "to the nearest level of the model; without any, dropped"),
        "reasoning.summary": (MAPPED, ""),
        "safety_identifier": "safety_identifier",
        "service_tier": "service_tier",
        "store": "store",
        "stream": (MAPPED, ""),
        "stream_options": "+",
        "temperature": "temperature",
        "text.format": (MAPPED, "emulated where the model cannot keep a schema"),
        "text.verbosity": "verbosity",
        "tool_choice": (MAPPED, "see the choices below"),
        "tools": (MAPPED, _TOOLS),
        "top_logprobs": "top_logprobs",
        "top_p": "top_p",
        "truncation": "truncation",
        "user": "user",
    },
    "chat": {
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
        "tools": (MAPPED, _TOOLS),
        "top_logprobs": "top_logprobs",
        "top_p": "top_p",
        "user": "user",
        "verbosity": "verbosity",
        "web_search_options": "+",
    },
    "messages": {
        "billing_policy": "+",
        "cache_control": "+",
        "compaction": "+",
        "container": "+",
        "context_management": "+",
        "diagnostics": "+",
        "fallback_credit_token": "+",
        "fallbacks": "+",
        "inference_geo": "+",
        "max_tokens": "max_output_tokens",
        "mcp_servers": "+",
        "messages": (MAPPED, "see the blocks below"),
        "metadata.user_id": "user",
        "model": (MAPPED, "the target's own name for it"),
        "output_config.effort": (MAPPED, "to the nearest level of the model; without any, dropped"),
        "output_config.format": (MAPPED, "emulated where the model cannot keep a schema"),
        "output_format": (MAPPED, "the older `output_config.format`"),
        "provider_options": (MAPPED, "merged into that provider's body"),
        "service_tier": "service_tier",
        "speed": "+",
        "stop_sequences": "stop",
        "stream": (MAPPED, ""),
        "system": (MAPPED, ""),
        "temperature": "temperature",
        "thinking": (MAPPED, "as an effort"),
        "thread": "+",
        "tool_choice": (MAPPED, "see the choices below"),
        "tools": (MAPPED, _TOOLS),
        "top_k": "top_k",
        "top_p": "top_p",
        "user_profile_id": "+",
        "workspace_id": "+",
    },
    "gemini": {
        "cachedContent": "+",
        "contents": (MAPPED, ""),
        "generationConfig.candidateCount": "n",
        "generationConfig.frequencyPenalty": "frequency_penalty",
        "generationConfig.logprobs": "top_logprobs",
        "generationConfig.maxOutputTokens": "max_output_tokens",
        "generationConfig.presencePenalty": "presence_penalty",
        "generationConfig.responseJsonSchema": (MAPPED, "emulated where the model cannot keep a schema"),
        "generationConfig.responseLogprobs": "logprobs",
        "generationConfig.responseMimeType": (MAPPED, ""),
        "generationConfig.responseModalities": (REFUSED, "but `TEXT` alone"),
        "generationConfig.responseSchema": (MAPPED, ""),
        "generationConfig.seed": "seed",
        "generationConfig.stopSequences": "stop",
        "generationConfig.temperature": "temperature",
        "generationConfig.thinkingConfig": (MAPPED, "as an effort"),
        "generationConfig.topK": "top_k",
        "generationConfig.topP": "top_p",
        "labels": "+",
        "modelArmorConfig": "+",
        "safetySettings": "+",
        "systemInstruction": (MAPPED, ""),
        "toolConfig": (MAPPED, "see the choices below"),
        "tools": (MAPPED, _TOOLS),
    },
}
"""By caller: a field and the setting that it is, or `+` for one that only its dialect knows, or a fate and a note."""

# Fields that become tools where the target has such a tool.
_AS_TOOLS = {
    "web_search_options": _to(REFUSED, responses=MAPPED, messages=MAPPED, gemini=MAPPED),
    "mcp_servers": _to(REFUSED, responses=MAPPED),
}


def field_rows(caller: str) -> list[Row]:
    """Every top-level field of a caller's request."""
    return [_field_row(caller, name, meaning) for name, meaning in sorted(FIELDS[caller].items())]


def _field_row(caller: str, name: str, meaning: str | tuple[Fate, str]) -> Row:
    if name in _AS_TOOLS:
        return Row(name, {**_AS_TOOLS[name], caller: SAME})
    note = ""
    if isinstance(meaning, tuple):
        fate, note = meaning
        fates = _to(fate)
    elif meaning == "+":
        fates = _to(EXTRAS.get(name, REFUSED))
    else:
        fates = {upstream: SETTINGS[upstream][meaning] for upstream in UPSTREAMS}
    return Row(name, {**fates, caller: SAME}, note)


# --- tools and choices --------------------------------------------------------------------------------------------

_FUNCTION = _to(MAPPED)
_CLIENT = _to(EMULATED)
_SEARCH = _to(REFUSED, responses=MAPPED, messages=MAPPED, gemini=MAPPED)
_NONE = _to(REFUSED)

TOOLS: dict[str, dict[str, dict[str, Fate]]] = {
    "responses": {
        "function": _FUNCTION,
        "custom": _CLIENT,
        "namespace": _FUNCTION,
        "tool_search": _to(EMULATED, messages=MAPPED),
        "web_search": _SEARCH,
        "web_search_2025_08_26": _SEARCH,
        "web_search_preview": _SEARCH,
        "web_search_preview_2025_03_11": _SEARCH,
        "code_interpreter": _SEARCH,
        "file_search": _NONE,
        "mcp": _NONE,
        "image_generation": _NONE,
        "programmatic_tool_calling": _NONE,
        "shell": _CLIENT,
        "local_shell": _CLIENT,
        "apply_patch": _CLIENT,
        "computer": _CLIENT,
        "computer_use_preview": _CLIENT,
    },
    "chat": {"function": _FUNCTION, "custom": _CLIENT},
    "messages": {
        "custom": _FUNCTION,
        "bash_20250124": _CLIENT,
        "text_editor_20250124": _CLIENT,
        "text_editor_20250429": _CLIENT,
        "text_editor_20250728": _CLIENT,
        "memory_20250818": _CLIENT,
        "computer_20241022": _CLIENT,
        "computer_20250124": _CLIENT,
        "computer_20251124": _CLIENT,
        "computer_toolset_20260801": _NONE,
        "browser_toolset_20260801": _NONE,
        "web_search_20250305": _SEARCH,
        "web_search_20260209": _SEARCH,
        "web_search_20260318": _SEARCH,
        "web_fetch_20250910": _NONE,
        "web_fetch_20260209": _NONE,
        "web_fetch_20260309": _NONE,
        "web_fetch_20260318": _NONE,
        "code_execution_20250522": _SEARCH,
        "code_execution_20250825": _SEARCH,
        "code_execution_20260120": _SEARCH,
        "code_execution_20260521": _SEARCH,
        "mcp_toolset": _to(REFUSED, responses=MAPPED),
        "tool_search_tool_regex_20251119": _CLIENT,
        "tool_search_tool_regex": _CLIENT,
        "tool_search_tool_bm25_20251119": _CLIENT,
        "tool_search_tool_bm25": _CLIENT,
    },
    "gemini": {
        "functionDeclarations": _FUNCTION,
        "googleSearch": _SEARCH,
        "codeExecution": _SEARCH,
        "googleSearchRetrieval": _NONE,
        "urlContext": _NONE,
        "fileSearch": _NONE,
        "computerUse": _NONE,
        "googleMaps": _NONE,
        "retrieval": _NONE,
        "enterpriseWebSearch": _NONE,
        "mcpServers": _NONE,
    },
}
"""By caller and kind of tool, towards an upstream of another dialect whose model has tools and reads pictures. A
custom tool is the target's own where its capabilities say so."""

_LIKE_ITS_TOOL = "like its tool"

CHOICES: dict[str, dict[str, tuple[dict[str, Fate], str]]] = {
    "responses": {
        "auto": (_FUNCTION, ""),
        "none": (_FUNCTION, ""),
        "required": (_FUNCTION, "refused where the model cannot be forced"),
        "function": (_FUNCTION, "refused where the model cannot be forced"),
        "custom": (_FUNCTION, "refused where the model cannot be forced"),
        "allowed_tools": (_FUNCTION, "the other tools are withheld where the target has no such choice"),
        "apply_patch": (_FUNCTION, _LIKE_ITS_TOOL),
        "shell": (_FUNCTION, _LIKE_ITS_TOOL),
        "computer": (_FUNCTION, _LIKE_ITS_TOOL),
        "computer_use": (_FUNCTION, _LIKE_ITS_TOOL),
        "computer_use_preview": (_FUNCTION, _LIKE_ITS_TOOL),
        "web_search_preview": (_SEARCH, _LIKE_ITS_TOOL),
        "web_search_preview_2025_03_11": (_SEARCH, _LIKE_ITS_TOOL),
        "code_interpreter": (_SEARCH, _LIKE_ITS_TOOL),
        "file_search": (_NONE, _LIKE_ITS_TOOL),
        "image_generation": (_NONE, _LIKE_ITS_TOOL),
        "mcp": (_NONE, _LIKE_ITS_TOOL),
        "programmatic_tool_calling": (_NONE, _LIKE_ITS_TOOL),
    },
    "chat": {
        "auto": (_FUNCTION, ""),
        "none": (_FUNCTION, ""),
        "required": (_FUNCTION, "refused where the model cannot be forced"),
        "function": (_FUNCTION, "refused where the model cannot be forced"),
        "custom": (_FUNCTION, "refused where the model cannot be forced"),
        "allowed_tools": (_FUNCTION, "the other tools are withheld where the target has no such choice"),
    },
    "messages": {
        "auto": (_FUNCTION, ""),
        "any": (_FUNCTION, "refused where the model cannot be forced"),
        "tool": (_FUNCTION, "refused where the model cannot be forced"),
        "none": (_FUNCTION, ""),
        "disable_parallel_tool_use": (_FUNCTION, "emulated where the target has no switch"),
    },
    "gemini": {
        "AUTO": (_FUNCTION, ""),
        "ANY": (_FUNCTION, "refused where the model cannot be forced"),
        "NONE": (_FUNCTION, ""),
        "VALIDATED": (_FUNCTION, "as `AUTO`"),
        "allowedFunctionNames": (_FUNCTION, "the other tools are withheld where the target has no such choice"),
    },
}

# --- what a conversation holds ------------------------------------------------------------------------------------

_CALL = _to(MAPPED)
_TOLD = _to(MAPPED)
_THOUGHT = _to(CARRIED)

ITEMS: dict[str, dict[str, tuple[dict[str, Fate], str]]] = {
    "responses": {
        "message": (_CALL, ""),
        "function_call": (_CALL, ""),
        "function_call_output": (_CALL, ""),
        "custom_tool_call": (_CALL, "as its function's where the target has no custom tools"),
        "custom_tool_call_output": (_CALL, ""),
        "reasoning": (_THOUGHT, "to the family that made it; another is given its words at most, and that is said"),
        "shell_call": (_CALL, "as its function's"),
        "shell_call_output": (_CALL, "as its function's"),
        "local_shell_call": (_CALL, "as its function's"),
        "local_shell_call_output": (_CALL, "as its function's"),
        "apply_patch_call": (_CALL, "as its function's"),
        "apply_patch_call_output": (_CALL, "as its function's"),
        "computer_call": (_CALL, "as its function's"),
        "computer_call_output": (_CALL, "as its function's"),
        "tool_search_call": (_CALL, "the caller's own as its function's; a provider's is left out"),
        "tool_search_output": (_CALL, "its tools are offered"),
        "additional_tools": (_CALL, "its tools are offered"),
        "web_search_call": (_TOLD, "told in words; carried to Anthropic where it was Anthropic's"),
        "code_interpreter_call": (_TOLD, "told in words; carried to Anthropic where it was Anthropic's"),
        "mcp_call": (_TOLD, "told in words; carried to Anthropic where it was Anthropic's"),
        "file_search_call": (_TOLD, "told in words"),
        "image_generation_call": (_TOLD, "told in words, the picture shown"),
        "mcp_list_tools": (_TOLD, "nothing that a model need be told"),
        "mcp_approval_request": (_NONE, ""),
        "mcp_approval_response": (_NONE, ""),
        "compaction": (_NONE, ""),
        "compaction_trigger": (_NONE, ""),
        "item_reference": (_NONE, _STATE),
        "program": (_NONE, ""),
        "program_output": (_NONE, ""),
    },
    "chat": {
        "developer": (_CALL, ""),
        "system": (_CALL, ""),
        "user": (_CALL, ""),
        "assistant": (_CALL, ""),
        "tool": (_CALL, ""),
        "function": (_CALL, "the older `tool`"),
        "reasoning_content": (_CALL, "where the target wants it back"),
        "reasoning_details": (_THOUGHT, "to the family that made it"),
    },
    "messages": {
        "text": (_CALL, ""),
        "image": (_CALL, "refused where the model reads none"),
        "document": (_CALL, "refused where the model reads none"),
        "search_result": (_TOLD, "told in words"),
        "thinking": (_THOUGHT, "to the family that made it; another is given its words at most, and that is said"),
        "redacted_thinking": (_THOUGHT, "to the family that made it"),
        "tool_use": (_CALL, ""),
        "tool_result": (_CALL, ""),
        "tool_reference": (_TOLD, "told in words"),
        "server_tool_use": (_TOLD, "told in words"),
        "mcp_tool_use": (_TOLD, "told in words"),
        "mcp_tool_result": (_TOLD, "told in words"),
        "web_search_tool_result": (_TOLD, "told in words"),
        "web_fetch_tool_result": (_TOLD, "told in words"),
        "code_execution_tool_result": (_TOLD, "told in words"),
        "bash_code_execution_tool_result": (_TOLD, "told in words"),
        "text_editor_code_execution_tool_result": (_TOLD, "told in words"),
        "tool_search_tool_result": (_TOLD, "nothing that a model need be told"),
        "container_upload": (_NONE, ""),
    },
    "gemini": {
        "text": (_CALL, ""),
        "inlineData": (_CALL, "refused where the model reads none"),
        "fileData": (_CALL, "refused where the model reads none"),
        "functionCall": (_CALL, ""),
        "functionResponse": (_CALL, ""),
        "thought": (_CALL, ""),
        "thoughtSignature": (_THOUGHT, "to the family that made it"),
        "executableCode": (_TOLD, "told in words"),
        "codeExecutionResult": (_TOLD, "told in words"),
    },
}
"""By caller: kinds of items, messages or blocks."""

PARTS: dict[str, dict[str, tuple[dict[str, Fate], str]]] = {
    "responses": {
        "input_text": (_CALL, ""),
        "output_text": (_CALL, ""),
        "refusal": (_CALL, ""),
        "input_image": (_CALL, "refused where the model reads none"),
        "input_file": (_CALL, "refused where the model reads none"),
        "input_audio": (_CALL, "refused where the model hears none"),
    },
    "chat": {
        "text": (_CALL, ""),
        "image_url": (_CALL, "refused where the model reads none"),
        "input_audio": (_CALL, "refused where the model hears none"),
        "file": (_CALL, "refused where the model reads none"),
        "refusal": (_CALL, ""),
    },
}

# --- what an answer holds -----------------------------------------------------------------------------------------

# Events that say what others say too, or that nobody but this API's own callers could be told.
_REST = {
    "response.code_interpreter_call_code.delta": "the whole code follows",
    "response.code_interpreter_call_code.done": "the whole code follows",
    "response.mcp_call_arguments.delta": "the whole call follows",
    "response.mcp_call_arguments.done": "the whole call follows",
    "response.image_generation_call.partial_image": "the whole picture follows",
    "response.shell_call_command.added": "the whole call follows",
    "response.shell_call_command.delta": "the whole call follows",
    "response.shell_call_command.done": "the whole call follows",
    "response.shell_call_output_content.delta": "the whole output follows",
    "response.shell_call_output_content.done": "the whole output follows",
    "response.audio.delta": "no model answers with sound here",
    "response.audio.done": "no model answers with sound here",
    "response.audio.transcript.delta": "no model answers with sound here",
    "response.audio.transcript.done": "no model answers with sound here",
}

_STEPS = [
    f"response.{kind}.{step}"
    for kind, steps in {
        "file_search_call": ("in_progress", "searching", "completed"),
        "web_search_call": ("in_progress", "searching", "completed"),
        "code_interpreter_call": ("in_progress", "interpreting", "completed"),
        "image_generation_call": ("in_progress", "generating", "completed"),
        "mcp_call": ("in_progress", "completed", "failed"),
        "mcp_list_tools": ("in_progress", "completed", "failed"),
    }.items()
    for step in steps
]

_TOLD_ON = [
    "error",
    "response.created",
    "response.in_progress",
    "response.queued",
    "response.completed",
    "response.incomplete",
    "response.failed",
    "response.output_item.added",
    "response.output_item.done",
    "response.content_part.added",
    "response.content_part.done",
    "response.output_text.delta",
    "response.output_text.done",
    "response.output_text.annotation.added",
    "response.refusal.delta",
    "response.refusal.done",
    "response.reasoning_text.delta",
    "response.reasoning_text.done",
    "response.reasoning_summary_part.added",
    "response.reasoning_summary_part.done",
    "response.reasoning_summary_text.delta",
    "response.reasoning_summary_text.done",
    "response.function_call_arguments.delta",
    "response.function_call_arguments.done",
    "response.custom_tool_call_input.delta",
    "response.custom_tool_call_input.done",
]

EVENTS: dict[str, dict[str, tuple[Fate, str]]] = {
    "responses": {
        **dict.fromkeys(_TOLD_ON, (MAPPED, "")),
        **dict.fromkeys(_STEPS, (MAPPED, "with its item, for callers that have such items")),
        **{name: (DROPPED, why) for name, why in _REST.items()},
    },
    "messages": {
        **dict.fromkeys(
            (
                "message_start",
                "message_delta",
                "message_stop",
                "content_block_start",
                "content_block_delta",
                "content_block_stop",
                "error",
                "text_delta",
                "input_json_delta",
                "citations_delta",
                "thinking_delta",
                "compaction_delta",
            ),
            (MAPPED, ""),
        ),
        "signature_delta": (CARRIED, "sealed"),
        "ping": (DROPPED, "callers have keep-alives of their own"),
    },
}
"""By upstream: its stream's events and deltas, towards callers of another dialect."""

FINISHES: dict[str, dict[str, str]] = {
    "chat": {
        "stop": "stop",
        "length": "length",
        "content_filter": "content_filter",
        "tool_calls": "stop",
        "function_call": "stop",
    },
    "responses": {"max_output_tokens": "length", "content_filter": "content_filter"},
    "messages": {
        "end_turn": "stop",
        "max_tokens": "length",
        "stop_sequence": "stop",
        "tool_use": "stop",
        "pause_turn": "paused",
        "refusal": "content_filter",
        "model_context_window_exceeded": "length",
    },
}
"""By upstream: its words for why an answer ended, and ours."""

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
TIERS = ("auto", "default", "flex", "scale", "priority", "fast", "ultrafast", "standard_only")
"""Words of settings: they go to targets that have the setting as they are, or as the nearest that the target knows."""
