"""What a provider's own tools did, told as another's: blocks of Anthropic ↔ items of OpenAI, in answers and history.

Anthropic's blocks must come back byte for byte, so they travel, opaque, in a reasoning item beside the item that shows
them. Where they cannot go back, the history says in words what was done.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from trunkline.clock import Mint
from trunkline.dialects.openai_responses.compaction import is_block
from trunkline.dialects.shapes import lenient_list, lenient_object, lenient_text
from trunkline.events import Event, ItemEnded, ItemStarted, ResponseEnded, ResponseFailed, UsageReported
from trunkline.items import Carrier, OtherItem, Reasoning

BLOCKS = "blocks"
"""The kind of carrier that holds blocks of Anthropic's server tools: a list of them."""

_SEARCHES = ("tool_search_tool_regex", "tool_search_tool_bm25")
_CODE = ("code_execution", "bash_code_execution", "text_editor_code_execution")


# --- Anthropic's answer for an OpenAI caller ------------------------------------------------------------------------


def _draw_search(use: dict[str, Any], result: dict[str, Any]) -> dict[str, Any]:
    query = lenient_text(lenient_object(use.get("input")).get("query"))
    found = [lenient_object(each) for each in lenient_list(result.get("content"))]
    sources = [{"type": "url", "url": each["url"]} for each in found if isinstance(each.get("url"), str)]
    return {"action": {"type": "search", "query": query, "queries": [query], "sources": sources}}


def _draw_code(use: dict[str, Any], result: dict[str, Any]) -> dict[str, Any]:
    given, content = lenient_object(use.get("input")), lenient_object(result.get("content"))
    code = lenient_text(given.get("code")) or lenient_text(given.get("command"))
    if use.get("name") == "text_editor_code_execution":
        code = msgspec.json.encode(given).decode()
    logs = "".join(lenient_text(content.get(name)) for name in ("stdout", "stderr", "content", "error_code"))
    return {"code": code, "container_id": "", "outputs": [{"type": "logs", "logs": logs}] if logs else []}


def _draw_mcp(use: dict[str, Any], result: dict[str, Any]) -> dict[str, Any]:
    blocks = [lenient_object(each) for each in lenient_list(result.get("content"))]
    text = "".join(lenient_text(block.get("text")) for block in blocks)
    failed = bool(result.get("is_error"))
    return {
        "server_label": lenient_text(use.get("server_name")),
        "name": lenient_text(use.get("name")),
        "arguments": msgspec.json.encode(lenient_object(use.get("input"))).decode(),
        "output": None if failed else text,
        "error": {"type": "mcp_tool_execution_error", "content": blocks} if failed else None,
    }


class _Served:
    """One use of a server's tool that waits for its result."""

    def __init__(self, index: int, use: dict[str, Any], item: OtherItem) -> None:
        self.index = index
        self.use = use
        self.item = item


class BlocksToItems:
    """One reply of Anthropic's: its server tools' blocks as OpenAI's items, each with what must come back."""

    def __init__(self, mint: Mint, tools: dict[str, dict[str, Any]]) -> None:
        self._mint = mint
        # The deferred tools by the names that the target knows, as the caller defined them.
        self._tools = tools
        self._waiting: dict[str, _Served] = {}
        self._hidden: set[int] = set()

    def read(self, events: list[Event]) -> list[Event]:
        return [shown for event in events for shown in self._take(event)]

    def _take(self, event: Event) -> Iterator[Event]:
        match event:
            case ItemStarted(index=index, item=OtherItem(dialect="messages")):
                # It is whole, and known for what it is, at its end.
                self._hidden.add(index)
            case ItemEnded(index=index) if index in self._hidden:
                self._hidden.discard(index)
                if event.item is not None and is_block(event.item):
                    yield ItemStarted(index, event.item)
                    yield event
                elif event.item is not None:
                    yield from self._take_block(index, event.item.value)
            case UsageReported() | ResponseEnded() | ResponseFailed():
                for served in self._waiting.values():
                    # A result that never came.
                    yield ItemEnded(served.index, "incomplete", None, _with(served.item, {"status": "failed"}))
                self._waiting.clear()
                yield event
            case _:
                yield event

    def _take_block(self, index: int, block: dict[str, Any]) -> Iterator[Event]:
        kind = lenient_text(block.get("type"))
        if kind in ("server_tool_use", "mcp_tool_use"):
            use_id = lenient_text(block.get("id"))
            item = self._open(kind, lenient_text(block.get("name")))
            if item is not None and use_id not in self._waiting:
                self._waiting[use_id] = _Served(index, block, item)
                yield ItemStarted(index, item)
            return
        served = self._waiting.pop(lenient_text(block.get("tool_use_id")), None)
        if served is not None:
            yield from self._close(served, index, block)

    def _open(self, kind: str, name: str) -> OtherItem | None:
        if kind == "mcp_tool_use":
            return self._item("mcp_call", "mcp_", {})
        if name == "web_search":
            return self._item("web_search_call", "ws_", {"action": {"type": "search", "query": ""}})
        if name in _CODE:
            return self._item("code_interpreter_call", "ci_", {"code": None, "container_id": "", "outputs": None})
        if name in _SEARCHES:
            return self._item("tool_search_call", "tsc_", {"arguments": {}, "call_id": None, "execution": "server"})
        return None

    def _item(self, kind: str, prefix: str, members: dict[str, Any]) -> OtherItem:
        item_id = self._mint(prefix)
        value = {"id": item_id, "type": kind, "status": "in_progress", **members}
        return OtherItem(dialect="responses", type=kind, value=value, id=item_id)

    def _close(self, served: _Served, index: int, result: dict[str, Any]) -> Iterator[Event]:
        use, item = served.use, served.item
        failed = lenient_text(lenient_object(result.get("content")).get("type")).endswith("_error")
        match item.type:
            case "web_search_call":
                members = _draw_search(use, result)
            case "code_interpreter_call":
                members = _draw_code(use, result)
            case "mcp_call":
                members = _draw_mcp(use, result)
                failed = bool(result.get("is_error"))
            case _:
                members, failed = {"arguments": lenient_object(use.get("input"))}, False
        status = "failed" if failed else "completed"
        yield ItemEnded(served.index, "completed", None, _with(item, {**members, "status": status}))
        if item.type == "tool_search_call":
            found = self._item("tool_search_output", "tso_", {"call_id": None, "execution": "server"})
            whole = _with(found, {"status": "completed", "tools": self._find_tools(result)})
            yield ItemStarted(-index - 1, whole)
            yield ItemEnded(-index - 1, "completed", None, whole)
        yield ItemStarted(index, Reasoning(status="in_progress"))
        yield ItemEnded(index, "completed", Carrier("messages", BLOCKS, [use, result]))

    def _find_tools(self, result: dict[str, Any]) -> list[dict[str, Any]]:
        references = lenient_list(lenient_object(result.get("content")).get("tool_references"))
        names = [lenient_text(lenient_object(reference).get("tool_name")) for reference in references]
        return [self._tools[name] for name in names if name in self._tools]


def _with(item: OtherItem, members: dict[str, Any]) -> OtherItem:
    return OtherItem(dialect=item.dialect, type=item.type, value={**item.value, **members}, id=item.id)


# --- OpenAI's answer for an Anthropic caller ------------------------------------------------------------------------


class ItemsToBlocks:
    """One reply of OpenAI's: its hosted calls as the two blocks that Anthropic's server tools make."""

    def __init__(self, mint: Mint) -> None:
        self._mint = mint
        self._hidden: set[int] = set()

    def read(self, events: list[Event]) -> list[Event]:
        return [shown for event in events for shown in self._take(event)]

    def _take(self, event: Event) -> Iterator[Event]:
        match event:
            case ItemStarted(index=index, item=OtherItem(dialect="responses")):
                self._hidden.add(index)
            case ItemEnded(index=index) if index in self._hidden:
                self._hidden.discard(index)
                if event.item is not None:
                    for number, block in enumerate(self._write_blocks(event.item.value)):
                        whole = OtherItem(dialect="messages", type=block["type"], value=block)
                        place = -index - 1 if number else index
                        yield ItemStarted(place, whole)
                        yield ItemEnded(place, "completed", None, whole)
            case _:
                yield event

    def _write_blocks(self, item: dict[str, Any]) -> list[dict[str, Any]]:
        match item.get("type"):
            case "web_search_call":
                return self._write_search(item)
            case "code_interpreter_call":
                return self._write_code(item)
            case "mcp_call":
                return self._write_mcp(item)
            case _:
                # Lists of tools and the like say nothing that Anthropic's callers are told.
                return []

    def _write_search(self, item: dict[str, Any]) -> list[dict[str, Any]]:
        action = lenient_object(item.get("action"))
        query = lenient_text(action.get("query")) or lenient_text(action.get("url"))
        urls = [lenient_object(source).get("url") for source in lenient_list(action.get("sources"))]
        # A page that was opened is what was found.
        urls = [url for url in (*urls, action.get("url")) if isinstance(url, str)]
        # What must come back travels in the first page, where Anthropic's callers keep such things for it.
        carriers = [Carrier("responses", "web_search_call", item), *(Carrier("responses", "page", url) for url in urls)]
        found = [
            {"type": "web_search_result", "url": url, "title": url, "encrypted_content": carrier, "page_age": None}
            for url, carrier in zip(urls, carriers, strict=False)
        ]
        return self._pair("web_search", {"query": query}, "web_search_tool_result", found)

    def _write_code(self, item: dict[str, Any]) -> list[dict[str, Any]]:
        outputs = [lenient_object(output) for output in lenient_list(item.get("outputs"))]
        logs = "".join(lenient_text(output.get("logs")) for output in outputs)
        failed = int(item.get("status") == "failed")
        result = {"type": "code_execution_result", "stdout": logs, "stderr": "", "return_code": failed, "content": []}
        given = {"code": lenient_text(item.get("code"))}
        return self._pair("code_execution", given, "code_execution_tool_result", result)

    def _write_mcp(self, item: dict[str, Any]) -> list[dict[str, Any]]:
        use_id = self._mint("mcptoolu_")
        error = item.get("error")
        text = lenient_text(item.get("output")) or ("" if error is None else msgspec.json.encode(error).decode())
        use = {
            "type": "mcp_tool_use",
            "id": use_id,
            "name": lenient_text(item.get("name")),
            "server_name": lenient_text(item.get("server_label")),
            "input": _decode_object(lenient_text(item.get("arguments"))),
        }
        result = {
            "type": "mcp_tool_result",
            "tool_use_id": use_id,
            "is_error": error is not None,
            "content": [{"type": "text", "text": text}],
        }
        return [use, result]

    def _pair(self, name: str, given: dict[str, Any], kind: str, content: Any) -> list[dict[str, Any]]:
        use_id = self._mint("srvtoolu_")
        return [
            {"type": "server_tool_use", "id": use_id, "name": name, "input": given},
            {"type": kind, "tool_use_id": use_id, "content": content},
        ]


def _decode_object(text: str) -> dict[str, Any]:
    try:
        return lenient_object(msgspec.json.decode(text))
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return {}
