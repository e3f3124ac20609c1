"""Why a model stopped, in the words of many vendors."""

from trunkline.errors import Failed, UpstreamError
from trunkline.events import Finish

_FINISHES: dict[str, Finish] = {
    "length": "length",
    "max_tokens": "length",
    "max_output_tokens": "length",
    "max_length": "length",
    # Mistral: the model's window, not the caller's limit.
    "model_length": "length",
    "content_filter": "content_filter",
    "content_filtered": "content_filter",
    "safety": "content_filter",
    "recitation": "content_filter",
    "blocklist": "content_filter",
    "prohibited_content": "content_filter",
    "refusal": "content_filter",
    # Z.ai
    "sensitive": "content_filter",
}

_FAILURES: dict[str, str] = {
    "error": "the provider ended the answer with an error",
    # DeepSeek
    "insufficient_system_resource": "the provider ran out of capacity in mid-answer",
    # Z.ai
    "network_error": "the provider's network failed in mid-answer",
    # vLLM and SGLang, when the request is cancelled on their side.
    "abort": "the provider aborted the answer",
    "malformed_function_call": "the model made a malformed tool call",
    "unexpected_tool_call": "the model called a tool that it was not given",
    "too_many_tool_calls": "the model made too many tool calls",
}


def read_finish(word: str) -> Finish | UpstreamError:
    """What a `finish_reason` means. A word that nobody knows is a stop: the model ended by itself."""
    word = word.lower()
    failure = _FAILURES.get(word)
    if failure is not None:
        return Failed(failure)
    return _FINISHES.get(word, "stop")


def is_cut(word: str) -> bool:
    """Whether a `finish_reason` says that a limit or a filter cut the answer."""
    return read_finish(word) in ("length", "content_filter")


def write_finish(finish: Finish, has_calls: bool) -> str:
    """The `finish_reason` for a caller: a stop with calls is `tool_calls`, and only that."""
    if finish in ("stop", "paused"):
        return "tool_calls" if has_calls else "stop"
    return finish
