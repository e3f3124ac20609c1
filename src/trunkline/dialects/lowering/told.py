"""What hosted tools did in earlier turns, for the target of this one: the very blocks, or words.

Anthropic has its own blocks back; every other model is told what was done and what came of it.
"""

from typing import Any

import msgspec

from trunkline.dialects.drawn import DRAWN, find_drawn
from trunkline.dialects.shapes import lenient_list, lenient_object, lenient_text
from trunkline.items import Carrier, Image, Item, Message, OtherItem, Part, Text

_SHOWN_BY_BLOCKS = frozenset(
    {
        "web_search_call",
        "code_interpreter_call",
        "mcp_call",
        "tool_search_call",
        "tool_search_output",
        # Google's words for the same.
        "executableCode",
        "codeExecutionResult",
    }
)
_SILENT = frozenset({"mcp_list_tools", "tool_search_call", "tool_search_output"})


def is_shown_by_blocks(item: OtherItem) -> bool:
    """Whether the blocks beside it, when they go back to Anthropic, say all that the item says."""
    return item.type in _SHOWN_BY_BLOCKS


def restore_blocks(carrier: Carrier) -> list[Item]:
    """The blocks of Anthropic's server tools as the items that they were."""
    blocks = carrier.payload if isinstance(carrier.payload, list) else []
    return [
        OtherItem(dialect="messages", type=lenient_text(block.get("type")), value=block)
        for block in blocks
        if isinstance(block, dict)
    ]


def tell(item: OtherItem) -> list[Item] | None:
    """What a hosted tool did, in words that every model understands; `None` for an item that is no such thing."""
    if item.dialect == "responses" and item.type in _SILENT:
        return []
    tellers = {"responses": _tell_openai, "messages": _tell_anthropic, "gemini": _tell_google}
    told = tellers[item.dialect](item) if item.dialect in tellers else None
    if told is None:
        return None
    words: list[Item] = [Message(role="assistant", parts=[Text(text=told)])] if told else []
    if (drawn := find_drawn(item)) is not None:
        # Only users send pictures.
        parts: list[Part] = [Text(text="(This is the picture that was made.)"), Image(url=drawn.url)]
        words.append(Message(role="user", parts=parts))
    return words


def _tell_openai(item: OtherItem) -> str | None:
    value = item.value
    action = lenient_object(value.get("action"))
    match item.type:
        case "web_search_call":
            what = lenient_text(action.get("query")) or lenient_text(action.get("url"))
            return f"(I searched the web: {what})"
        case "file_search_call":
            found = [lenient_object(each) for each in lenient_list(value.get("results"))]
            texts = "\n".join(f"{each.get('filename')}: {each.get('text')}" for each in found)
            queries = ", ".join(str(query) for query in lenient_list(value.get("queries")))
            return f"(I searched the files: {queries})\n{texts}".rstrip()
        case "code_interpreter_call":
            outputs = [lenient_object(each) for each in lenient_list(value.get("outputs"))]
            logs = "".join(lenient_text(each.get("logs")) for each in outputs)
            return f"(I ran code:\n{lenient_text(value.get('code'))}\nIt gave:\n{logs})"
        case "mcp_call":
            given = f"{value.get('name')} of {value.get('server_label')} with {value.get('arguments')}"
            came = value.get("output") if value.get("error") is None else msgspec.json.encode(value["error"]).decode()
            return f"(I called {given}. It gave:\n{came})"
        case _:
            return "(I made a picture.)" if item.type == DRAWN else None


def _tell_anthropic(item: OtherItem) -> str | None:
    value = item.value
    match item.type:
        case "server_tool_use" | "mcp_tool_use":
            return f"(I used {value.get('name')}: {msgspec.json.encode(value.get('input')).decode()})"
        case "web_search_tool_result":
            found = [lenient_object(each) for each in lenient_list(value.get("content"))]
            return "\n".join(f"- {each.get('title')}: {each.get('url')}" for each in found) or "(nothing was found)"
        case "tool_search_tool_result":
            return ""
        case kind if kind.endswith("_tool_result"):
            came = "It failed" if value.get("is_error") else "It gave"
            return f"({came}: {msgspec.json.encode(value.get('content')).decode()})"
        case _:
            return None


def _encode(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _tell_google(item: OtherItem) -> str | None:
    code, result = lenient_object(item.value.get("executableCode")), item.value.get("codeExecutionResult")
    use, came = item.value.get("toolCall"), item.value.get("toolResponse")
    if use is not None:
        return f"(I used {lenient_object(use).get('toolType')}: {_encode(lenient_object(use).get('args'))})"
    if came is not None:
        return f"(It gave: {_encode(lenient_object(came).get('response'))})"
    if code:
        return f"(I ran code:\n{lenient_text(code.get('code'))})"
    if result is not None:
        told = lenient_object(result)
        came = "It gave" if told.get("outcome") in (None, "OUTCOME_OK") else "It failed"
        return f"({came}:\n{lenient_text(told.get('output'))})"
    return None
