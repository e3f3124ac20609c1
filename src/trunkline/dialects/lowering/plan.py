"""What lowering makes of all of a request but its conversation: done once for all requests that say the same."""

from collections.abc import Callable, Iterator

from msgspec.structs import replace

from trunkline.capabilities import Capabilities
from trunkline.clock import Mint
from trunkline.dialects import emulation
from trunkline.dialects.fates import HAS_SEARCH, caller_name
from trunkline.dialects.lowering import hosted
from trunkline.dialects.lowering.choices import Chosen, lower_choice
from trunkline.dialects.lowering.formats import lower_format
from trunkline.dialects.lowering.found import SearchReader
from trunkline.dialects.lowering.history import History, check_pairs, gather_tools
from trunkline.dialects.lowering.names import fit_call_ids
from trunkline.dialects.lowering.outcome import Lowering, Notes, Restore
from trunkline.dialects.lowering.served import BlocksToItems, ItemsToBlocks
from trunkline.dialects.lowering.settings import (
    check_extras,
    check_include,
    check_unknown,
    lower_effort,
    lower_settings,
    refuse_state,
    tell_verbosity,
)
from trunkline.dialects.lowering.toolbox import Toolbox
from trunkline.dialects.lowering.way_back import CallReader, Origin, Recount, WayBack
from trunkline.items import Item, OtherTool, ToolCall
from trunkline.request import ModelRequest


class Plan:
    """The lowered head of a request, which `lower` puts a conversation to, and another one with each call.

    Of the request's own items it looks only for tools that they hold.
    """

    def __init__(
        self, request: ModelRequest, caller: str, upstream: str, capabilities: Capabilities, mint: Mint
    ) -> None:
        notes = self._notes = Notes()
        refuse_state(request)
        check_unknown(request, capabilities)
        check_include(request, upstream)
        request = _take_uses(_add_chat_search(request, caller, upstream), upstream, notes)
        request = tell_verbosity(request, caller, upstream, capabilities, notes)
        toolbox = Toolbox(request, caller, upstream, capabilities, mint, notes)
        toolbox.add_all(request.tools)
        gather_tools(request.items, toolbox)
        told = _told_by_tools(toolbox)
        check_extras(request, caller, upstream, notes, told)
        settings = lower_settings(request.settings, caller, upstream, capabilities, notes, told)
        if toolbox.servers:
            request = replace(request, extras={**request.extras, "messages": {"mcp_servers": toolbox.servers}})
        if toolbox.include:
            settings = replace(settings, include=[*(settings.include or ()), *toolbox.include])
        # What is said after that of the history.
        notes = self._later = Notes()
        request = lower_effort(replace(request, settings=settings), caller, capabilities, upstream, notes)
        chosen = lower_choice(request.tool_choice, toolbox, upstream, capabilities)
        request, answer = lower_format(request, chosen, caller, upstream, capabilities, notes)
        origins = toolbox.origins
        if answer is not None:
            origins = {**origins, answer: Origin(kind="answer", name=answer)}
        self._way_back = WayBack(
            origins=origins,
            only=chosen.only,
            serial=_is_serial(request, chosen, caller, capabilities, notes),
            hides_text=answer is not None,
            mint=mint,
        )
        self._head = replace(_without_switch(request, capabilities), tools=chosen.tools, tool_choice=chosen.choice)
        self._toolbox = toolbox
        self._has_stages = any(_stages(toolbox, self._way_back, caller, upstream, mint))
        self._caller = caller
        self._upstream = upstream
        self._capabilities = capabilities
        self._mint = mint

    @property
    def is_fixed(self) -> bool:
        """Whether all but the items is the same whatever they are."""
        return self._capabilities.tools != "emulated" or not self._head.tools

    def lower(self, items: list[Item]) -> tuple[ModelRequest, Lowering]:
        """The lowered request with this conversation. Raises `Unsupported` and `InvalidRequest`."""
        capabilities = self._capabilities
        notes = self._notes.copy()
        items = History(self._toolbox, self._upstream, capabilities, notes).lower(items)
        check_pairs(items, self._caller)
        if self._has_stages:
            taken = frozenset(item.call_id for item in items if isinstance(item, ToolCall))
            way_back = replace(self._way_back, taken=taken)
            notes.stages += _stages(self._toolbox, way_back, self._caller, self._upstream, self._mint)
        notes.add(self._later)
        request = replace(self._head, items=fit_call_ids(items, capabilities))
        return _emulate_tools(request, capabilities, self._mint, notes), notes.close(lambda: Recount().read)


_SEARCH_OPTIONS = "web_search_options"


def _add_chat_search(request: ModelRequest, caller: str, upstream: str) -> ModelRequest:
    """Chat asks for a web search by a field of its own; elsewhere it is a tool."""
    options = request.extras.get("chat", {}).get(_SEARCH_OPTIONS)
    if caller != "chat" or upstream not in HAS_SEARCH or not isinstance(options, dict):
        return request
    wishes = hosted.flatten_location({"type": "web_search", **options})
    search = OtherTool(dialect="responses", type="web_search", value=wishes)
    rest = {name: value for name, value in request.extras["chat"].items() if name != _SEARCH_OPTIONS}
    return replace(request, tools=[*request.tools, search], extras={**request.extras, "chat": rest})


def _told_by_tools(toolbox: Toolbox) -> frozenset[str]:
    """The settings and fields that have gone into tools of the target's own."""
    hosted = [tool.value for tool in toolbox.tools if isinstance(tool, OtherTool)] if toolbox.hosted else []
    told = {"max_tool_calls"} if any("max_uses" in value for value in hosted) else set()
    return frozenset(told | ({"mcp_servers"} if any("server_label" in value for value in hosted) else set()))


def _take_uses(request: ModelRequest, upstream: str, notes: Notes) -> ModelRequest:
    """How often Anthropic's callers let a search be used: a setting of OpenAI's, nothing elsewhere."""
    limits = {
        f"tools[{number}].max_uses": uses
        for number, tool in enumerate(request.tools)
        if isinstance(tool, OtherTool)
        and tool.dialect == "messages"
        and type(uses := tool.value.get("max_uses")) is int
    }
    if not limits or upstream == "messages":
        return request
    if upstream != "responses":
        for name in limits:
            notes.drop(name)
        return request
    return replace(request, settings=replace(request.settings, max_tool_calls=sum(limits.values())))


def _is_serial(request: ModelRequest, chosen: Chosen, caller: str, capabilities: Capabilities, notes: Notes) -> bool:
    """Whether the way back must keep the first call alone: the target has no switch for it."""
    is_serial = (
        request.settings.parallel_tool_calls is False and not capabilities.parallel_switch and bool(chosen.tools)
    )
    if is_serial:
        notes.emulate(caller_name(caller, "parallel_tool_calls"))
    return is_serial


def _without_switch(request: ModelRequest, capabilities: Capabilities) -> ModelRequest:
    if request.settings.parallel_tool_calls is None or capabilities.parallel_switch:
        return request
    return replace(request, settings=replace(request.settings, parallel_tool_calls=None))


def _stages(
    toolbox: Toolbox, way_back: WayBack, caller: str, upstream: str, mint: Mint
) -> Iterator[Callable[[], Restore]]:
    """What comes before the answer's own judge: hosted tools, then calls."""
    if toolbox.hosted and upstream == "messages":
        yield lambda: BlocksToItems(mint, toolbox.deferred).read
    if toolbox.hosted and caller == "messages":
        yield lambda: ItemsToBlocks(mint).read
    if toolbox.found and caller == "responses":
        yield lambda: SearchReader(mint, toolbox.found).read
    if way_back.origins or way_back.only is not None or way_back.serial:
        yield lambda: CallReader(way_back).read


def _emulate_tools(request: ModelRequest, capabilities: Capabilities, mint: Mint, notes: Notes) -> ModelRequest:
    if capabilities.tools != "emulated" or not request.tools:
        return request
    request, restore = emulation.lower_tools(request, mint)
    notes.emulate("tools")
    notes.stages.insert(0, restore)
    return request
