"""What an upstream answers with, read generously: finished and unfinished items as the Responses wire has them."""

from typing import Any

from trunkline.dialects.openai_responses.parts import DIALECT_NAME
from trunkline.dialects.shapes import lenient_list, lenient_object, lenient_text
from trunkline.events import Finish, PartKind
from trunkline.items import Item, Message, OtherItem, Reasoning, Status, ToolCall

PART_KINDS: dict[str, PartKind] = {
    "output_text": "text",
    "refusal": "refusal",
    "reasoning_text": "reasoning",
    "summary_text": "summary",
}

WholePart = tuple[int, PartKind, dict[str, Any]]
"""A finished part: its number on the wire, its kind, its body."""


def read_skeleton(body: dict[str, Any]) -> Item:
    """An item as it opens, empty."""
    item_id = lenient_text(body.get("id")) or None
    match body.get("type"):
        case "message":
            phase = lenient_text(body.get("phase")) or None
            return Message(role="assistant", parts=[], id=item_id, status="in_progress", phase=phase)
        case "reasoning":
            return Reasoning(id=item_id, status="in_progress")
        case "function_call" | "custom_tool_call" as type_:
            return ToolCall(
                kind="function" if type_ == "function_call" else "custom",
                call_id=lenient_text(body.get("call_id")) or item_id or "",
                name=lenient_text(body.get("name")),
                arguments="",
                namespace=lenient_text(body.get("namespace")) or None,
                id=item_id,
                status="in_progress",
            )
        case _:
            return read_other(body)


def read_other(body: dict[str, Any]) -> OtherItem:
    """An item that the vocabulary has no shape for, whole."""
    item_id = lenient_text(body.get("id")) or None
    return OtherItem(dialect=DIALECT_NAME, type=lenient_text(body.get("type")), value=body, id=item_id)


def read_status(body: dict[str, Any]) -> Status:
    """A finished item's status; most kinds of items have none, and a finished one is complete unless it says not."""
    return "incomplete" if body.get("status") in ("incomplete", "failed", "in_progress") else "completed"


def read_parts(body: dict[str, Any]) -> list[WholePart]:
    """The parts of a finished message or of finished reasoning, in order."""
    return [
        (number, kind, part)
        for name in ("summary", "content")
        for number, value in enumerate(lenient_list(body.get(name)))
        if (kind := PART_KINDS.get(lenient_text((part := lenient_object(value)).get("type")))) is not None
    ]


def read_logprobs(value: Any) -> list[dict[str, Any]] | None:
    """Log probabilities in this wire's own shape, or `None`."""
    return [entry for entry in lenient_list(value) if type(entry) is dict] or None


def read_finish(response: dict[str, Any]) -> Finish:
    """Why a response that has not failed is over."""
    status = response.get("status")
    if status == "incomplete":
        reason = lenient_object(response.get("incomplete_details")).get("reason")
        # Whatever else cuts an answer off is a limit of some sort.
        return "content_filter" if reason == "content_filter" else "length"
    return "paused" if status in ("queued", "in_progress") else "stop"
