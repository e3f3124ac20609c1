"""What becomes of what an upstream's answer holds, and why it ended, towards callers of another dialect."""

from trunkline.dialects.fates import CARRIED, DROPPED, MAPPED, Fate
from trunkline.dialects.gemini.usage import FAILURES
from trunkline.dialects.gemini.usage import FINISHES as GEMINI_FINISHES

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
    "gemini": {**GEMINI_FINISHES, **dict.fromkeys(FAILURES, "an error")},
}
"""By upstream: its words for why an answer ended, and ours."""
