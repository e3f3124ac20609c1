"""Recorded answers with hosted tools, as callers of another API see them: in the grammar, with nothing foreign in it."""

from pathlib import Path
from typing import Any

import pytest
from crossings import DIALECTS, Crossed, restore, user

from trunkline.dialects.dialect import ReplyContext
from trunkline.events import Event
from trunkline.items import OtherItem, Reasoning

FROM_RESPONSES = Crossed(
    {"input": "x", "tools": [{"type": "web_search"}, {"type": "code_interpreter", "container": {"type": "auto"}}]},
    "responses",
    "messages",
)
FROM_MESSAGES = Crossed(
    {"messages": [user()], "tools": [{"type": "web_search_20250305", "name": "web_search"}]}, "messages", "responses"
)


def read(path: Path, upstream: str) -> list[Event]:
    """A recording's events: one JSON value a line, as the wire had them."""
    reader = DIALECTS[upstream].reader()
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line]
    events = [event for line in lines for event in reader.feed(b"data: " + line.encode() + b"\n\n")]
    return [*events, *reader.end()]


def recordings(folder: Path) -> list[Path]:
    found = sorted(folder.glob("*.chunks.txt"))
    assert found
    return found


def test_t67_anthropics_recordings_are_openais_items(test_data: Path) -> None:
    """Every hosted call is one of OpenAI's, and each has what must come back beside it."""
    kinds: set[str] = set()
    for path in recordings(test_data / "recorded" / "anthropic"):
        response = restore(FROM_RESPONSES.lowering, read(path, "messages"))
        hosted = [item for item in response.items if isinstance(item, OtherItem)]
        assert all(item.dialect == "responses" for item in hosted), path.name
        beside = [item for item in response.items if isinstance(item, Reasoning) and item.carrier]
        finished = [item for item in hosted if item.value["status"] in ("completed", "failed")]
        assert len([item for item in beside if item.carrier and item.carrier.kind == "blocks"]) <= len(finished)
        kinds |= {item.type for item in hosted}
    assert {"web_search_call", "code_interpreter_call", "tool_search_call", "tool_search_output"} <= kinds


def test_t68_openais_recordings_are_anthropics_blocks(test_data: Path) -> None:
    """Every hosted call is a use and its result."""
    kinds: set[str] = set()
    for path in recordings(test_data / "recorded" / "responses"):
        response = restore(FROM_MESSAGES.lowering, read(path, "responses"))
        blocks = [item for item in response.items if isinstance(item, OtherItem)]
        assert all(item.dialect == "messages" for item in blocks), path.name
        uses = {item.value["id"] for item in blocks if "id" in item.value}
        results = {item.value["tool_use_id"] for item in blocks if "tool_use_id" in item.value}
        assert uses == results
        kinds |= {item.type for item in blocks}
    assert {"server_tool_use", "web_search_tool_result", "mcp_tool_use", "mcp_tool_result"} <= kinds


@pytest.mark.parametrize(("upstream", "folder"), [("messages", "anthropic"), ("responses", "responses")])
def test_t67_the_other_apis_writer_takes_them_all(test_data: Path, upstream: str, folder: str) -> None:
    """Streamed to the caller, to the end."""
    asked, caller = (FROM_RESPONSES, "responses") if upstream == "messages" else (FROM_MESSAGES, "messages")
    for path in recordings(test_data / "recorded" / folder):
        writer = DIALECTS[caller].writer(_context(asked))
        back = asked.lowering.restore()
        written = b"".join(writer.write(back([event])) for event in read(path, upstream))
        assert written.endswith(b"\n\n")


def _context(asked: Crossed) -> ReplyContext:
    def mint(prefix: str) -> str:
        return f"{prefix}1"

    def seal(carrier: Any) -> str:
        return "sealed"

    return ReplyContext(request=asked.request, model="m", created_at=0, mint=mint, seal=seal)
