"""Which tool may or must be called, in the terms of a target: forced, narrowed, one at a time.

A narrowed choice is told where the target understands it; elsewhere the other tools are withheld. Either way a call
of a tool that was not allowed is not shown to the caller.
"""

from msgspec.structs import replace

from trunkline.capabilities import Capabilities
from trunkline.dialects.lowering import hosted
from trunkline.dialects.lowering.mcp import TOOLSET
from trunkline.dialects.lowering.toolbox import Toolbox
from trunkline.dialects.shapes import lenient_list, lenient_object, lenient_text
from trunkline.errors import InvalidRequest, Unsupported
from trunkline.items import CustomTool, OtherTool, Tool, ToolChoice

_NAMED = ("function", "custom")

# Names that stand for the same hosted tool in a choice.
_ALIASES = {
    "web_search_preview": ("web_search_preview", "web_search"),
    "web_search_preview_2025_03_11": ("web_search_preview_2025_03_11", "web_search_preview", "web_search"),
    "web_search": ("web_search", "web_search_2025_08_26", "web_search_preview"),
    "computer": ("computer", "computer_use_preview"),
    "computer_use": ("computer", "computer_use_preview"),
    "computer_use_preview": ("computer_use_preview", "computer"),
}


class Chosen:
    """`choice` for the target, the `tools` that go with it, and the lowered names that may be called (`None`: all)."""

    def __init__(self, choice: ToolChoice | None, tools: list[Tool], only: frozenset[str] | None = None) -> None:
        self.choice = choice
        self.tools = tools
        self.only = only


def lower_choice(choice: ToolChoice | None, toolbox: Toolbox, upstream: str, capabilities: Capabilities) -> Chosen:
    """The choice, lowered. Raises for a tool that is not there, and where nothing can be forced."""
    tools = toolbox.tools
    if choice is None:
        return Chosen(None, tools)
    if choice.mode == "required" and not tools:
        raise InvalidRequest("`tool_choice` wants a tool called, but there are no `tools`", param="tool_choice")
    if choice.mode in ("required", "tool") and not capabilities.forced_tools:
        raise Unsupported(
            "`tool_choice` cannot force a tool with this model: leave it at 'auto' or name another model",
            param="tool_choice",
        )
    listed = _list_allowed(choice)
    if listed is not None:
        return _narrow(choice, [_find(name, kind, toolbox) for name, kind in listed], tools, upstream, capabilities)
    if choice.mode == "tool":
        return Chosen(_force(_find(choice.name, choice.kind, toolbox), tools), tools)
    if choice.mode == "none" and upstream == "bedrock":
        # It has no such word, and a history with calls needs their tools declared: a call that comes all the same is
        # kept from the caller.
        return Chosen(choice, tools, frozenset())
    return Chosen(choice, tools)


def _list_allowed(choice: ToolChoice) -> list[tuple[str | None, str]] | None:
    """The tools that a choice allows, by name and kind; `None` for a choice of another sort."""
    if choice.other is not None and isinstance(choice.other.get("tools"), list):
        entries = [lenient_object(entry) for entry in lenient_list(choice.other["tools"])]
        return [(lenient_text(entry.get("name")) or None, lenient_text(entry.get("type"))) for entry in entries]
    return [(name, "function") for name in choice.allowed] or None


def _find(name: str | None, kind: str, toolbox: Toolbox) -> str:
    """The lowered name of a chosen tool."""
    if name is not None and kind in _NAMED:
        found = toolbox.names.find(name)
        if found is None:
            raise InvalidRequest(f"`tool_choice` names `{name}`, which is not among `tools`", param="tool_choice")
        return found
    for alias in _ALIASES.get(kind, (kind,)):
        found = toolbox.names.find(alias)
        if found is not None:
            return found
    raise Unsupported("`tool_choice` names a tool that this model does not have", param="tool_choice")


def _force(name: str, tools: list[Tool]) -> ToolChoice:
    tool = next(tool for tool in tools if _lowered_name(tool) == name)
    if isinstance(tool, OtherTool):
        if tool.type == TOOLSET:
            raise Unsupported("`tool_choice` cannot force a tool of an MCP server with this model", param="tool_choice")
        return ToolChoice(mode="tool", name=hosted.name_of(tool), kind=tool.type)
    return ToolChoice(mode="tool", name=name, kind="custom" if isinstance(tool, CustomTool) else "function")


def _narrow(
    choice: ToolChoice, allowed: list[str], tools: list[Tool], upstream: str, capabilities: Capabilities
) -> Chosen:
    only = frozenset(allowed)
    if TOOLSET in only and sum(_lowered_name(tool) == TOOLSET for tool in tools) > 1:
        # They cannot be told apart here, and more than was allowed must not be called.
        raise Unsupported("`tool_choice` cannot allow one MCP server of several with this model", param="tool_choice")
    is_plain = all(not isinstance(tool, OtherTool) for tool in tools if _lowered_name(tool) in only)
    if is_plain and (upstream == "responses" or (upstream == "chat" and capabilities.custom_tools)):
        return Chosen(replace(choice, allowed=allowed, other=None), tools, only)
    mode = ToolChoice(mode="required" if choice.mode == "required" else "auto")
    return Chosen(mode, [tool for tool in tools if _lowered_name(tool) in only], only)


def _lowered_name(tool: Tool) -> str:
    return (hosted.name_of(tool) or tool.type) if isinstance(tool, OtherTool) else tool.name
