"""Items and settings, the bodies that are written of them, and the blocks that should be in these."""

from typing import Any

from trunkline.capabilities import Capabilities
from trunkline.dialects.anthropic import DIALECT
from trunkline.dialects.dialect import Written
from trunkline.items import (
    FunctionTool,
    Item,
    Message,
    Part,
    Text,
    ToolCall,
)
from trunkline.request import ModelRequest

ADAPTIVE = Capabilities(max_output_tokens=64_000, sampling=False)
MANUAL = Capabilities(max_output_tokens=64_000, thinking="manual")
NEITHER = Capabilities(max_output_tokens=4096, thinking="none")
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL = FunctionTool(name="f", parameters=SCHEMA)


def say(role: Any, *parts: Part | str) -> Message:
    return Message(role=role, parts=[Text(text=part) if isinstance(part, str) else part for part in parts])


def write(*items: Item, capabilities: Capabilities = ADAPTIVE, **members: Any) -> Written:
    request = ModelRequest(model="claude", items=[*items] or [say("user", "Hi")], **members)
    return DIALECT.write_request(request, capabilities)


def messages(*items: Item) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = write(*items).body["messages"]
    return found


def user(*blocks: dict[str, Any] | str) -> dict[str, Any]:
    return {"role": "user", "content": [_block(block) for block in blocks]}


def assistant(*blocks: dict[str, Any] | str) -> dict[str, Any]:
    return {"role": "assistant", "content": [_block(block) for block in blocks]}


def _block(block: dict[str, Any] | str) -> dict[str, Any]:
    return {"type": "text", "text": block} if isinstance(block, str) else block


def use(id: str, name: str = "f", **input: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": id, "name": name, "input": input}


def result(id: str, content: Any = None, **members: Any) -> dict[str, Any]:
    told = {} if content is None else {"content": content}
    return {"type": "tool_result", "tool_use_id": id, **told, **members}


def call(id: str, arguments: str = "{}") -> ToolCall:
    return ToolCall(call_id=id, name="f", arguments=arguments)


HI = say("user", "Hi")
