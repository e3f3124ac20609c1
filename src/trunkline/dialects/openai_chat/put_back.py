"""Thought that a Chat client dropped, put back into the messages that are passed on to where it came from."""

from typing import Any

import msgspec
from msgspec import Raw

from trunkline.capabilities import Capabilities
from trunkline.dialects.openai_chat.reasoning import write_reasoning
from trunkline.dialects.recall import Recall, Thought
from trunkline.dialects.shapes import lenient_list, lenient_object, lenient_text

_CALLS = b'"tool_calls"'

# How a client shows that it kept what it got.
_SPELLINGS = ("reasoning_content", "reasoning", "reasoning_details", "thinking_blocks")


def put_back(members: dict[str, Raw], capabilities: Capabilities, recall: Recall) -> None:
    """Complete, in place, the assistant's messages that hold calls and none of the thought before them."""
    raw = members.get("messages")
    if raw is None or _CALLS not in bytes(raw):
        return
    try:
        messages = msgspec.json.decode(raw, type=list[Raw])
    except msgspec.MsgspecError:
        return  # not a list: the upstream will say so in its own words
    completed = [_complete(message, capabilities, recall) for message in messages]
    if any(now is not before for now, before in zip(completed, messages, strict=True)):
        members["messages"] = Raw(msgspec.json.encode(completed))


def _complete(raw: Raw, capabilities: Capabilities, recall: Recall) -> Raw:
    if _CALLS not in bytes(raw):
        return raw
    try:
        message = msgspec.json.decode(raw, type=dict[str, Any])
    except msgspec.MsgspecError:
        return raw
    found: list[tuple[dict[str, Any], Thought]] = []
    for call in lenient_list(message.get("tool_calls")):
        thought = recall(lenient_text(lenient_object(call).get("id")))
        if thought is not None:
            found.append((call, thought))
    if message.get("role") != "assistant" or not found:
        return raw
    written = write_reasoning([step for _, thought in found for step in thought.steps], capabilities.reasoning_field)
    # Whoever kept the text alone lacks what cannot be made of it.
    lacks_details = "reasoning_details" in written and not message.get("reasoning_details")
    if lacks_details or not any(message.get(name) for name in _SPELLINGS):
        message |= written
    for call, thought in found:
        carrier = thought.carrier
        if carrier is not None and carrier.kind == "extra_content" and not call.get("extra_content"):
            call["extra_content"] = carrier.payload
    return Raw(msgspec.json.encode(message))
