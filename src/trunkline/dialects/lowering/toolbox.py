"""The tools of a request, one by one, as tools that the target has: and what each became.

A tool that the target lacks becomes a function whose calls the way back restores; namespaces are flattened; names are
made fit. What can be neither is refused by its place.
"""

from functools import partial
from typing import Any, TypeVar

from msgspec.structs import replace

from trunkline.capabilities import Capabilities
from trunkline.clock import Mint
from trunkline.dialects.anthropic.schema import fits
from trunkline.dialects.lowering import client_tools, hosted, mcp
from trunkline.dialects.lowering.anthropic_tools import as_function, unsaid
from trunkline.dialects.lowering.extras import lower_extras
from trunkline.dialects.lowering.found import describe_deferred
from trunkline.dialects.lowering.freeform import stand_in
from trunkline.dialects.lowering.outcome import Notes
from trunkline.dialects.lowering.tool_names import Key, ToolNames
from trunkline.dialects.lowering.way_back import Origin
from trunkline.dialects.openai_responses.tools import is_strict_schema, read_tool
from trunkline.dialects.shapes import lenient_object, lenient_text, read_object
from trunkline.errors import Unsupported
from trunkline.items import CustomTool, FunctionTool, OtherTool, Tool
from trunkline.request import ModelRequest

Own = TypeVar("Own", FunctionTool, CustomTool)

# Anthropic takes twenty strict tools in a request; what nobody asked for must not break that.
_MOST_STRICT = 20


class Toolbox:
    """The lowered `tools`, and where each of the caller's went. `hosted` says that the target runs some by itself."""

    def __init__(
        self, request: ModelRequest, caller: str, upstream: str, capabilities: Capabilities, mint: Mint, notes: Notes
    ) -> None:
        self.tools: list[Tool] = []
        self.origins: dict[str, Origin] = {}
        self.names = ToolNames(capabilities.tool_name_length, are_words=upstream == "gemini")
        # Deferred tools as the caller defined them: those that the target finds, and those that it is told at once.
        self.deferred: dict[str, dict[str, Any]] = {}
        self.found: dict[str, dict[str, Any]] = {}
        self.include: list[str] = []
        # Servers that toolsets speak of, which Anthropic is told beside the tools.
        self.servers: list[dict[str, Any]] = []
        self.kinds = {tool.type for tool in request.tools if isinstance(tool, OtherTool)}
        self.hosted = False
        self._request = request
        self._caller = caller
        self._upstream = upstream
        self._capabilities = capabilities
        self._mint = mint
        self._notes = notes
        self._strict = 0
        searches = [tool for tool in request.tools if isinstance(tool, OtherTool) and tool.type == "tool_search"]
        self._client_search = any(tool.value.get("execution") == "client" for tool in searches)
        self._server_search = bool(searches) and not self._client_search

    # --- adding -------------------------------------------------------------------------------------------------

    def add_all(self, tools: list[Tool]) -> None:
        """Add the request's own tools."""
        for number, tool in enumerate(tools):
            self.add(tool, f"tools[{number}]")

    def add_found(self, value: Any, path: str) -> None:
        """Tools that stand in the history: given later, or found by a search. Known ones are passed over."""
        for number, tool in enumerate(value if isinstance(value, list) else []):
            place = f"{path}.tools[{number}]"
            found = read_tool(read_object(tool, place))
            if isinstance(found, OtherTool) and found.type != "namespace" and found.type in self.kinds:
                continue
            self.add(found, place, is_found=True)

    def add(self, tool: Tool, path: str, *, is_found: bool = False) -> None:
        match tool:
            case FunctionTool():
                self._check_functions(path, "function")
                self._add_function(self._without_extras(tool, path), (tool.name, None), path, is_found, tool)
            case CustomTool():
                self._add_custom(self._without_extras(tool, path), (tool.name, None), path, is_found)
            case OtherTool(type="namespace") if tool.dialect != self._upstream:
                self._add_namespace(tool, path, is_found)
            case OtherTool():
                self._add_offered(tool, path)

    def _check_functions(self, path: str, kind: str) -> None:
        if self._capabilities.tools == "none":
            raise _lacks(path, kind)

    def _without_extras(self, tool: Own, path: str) -> Own:
        """What the caller's dialect adds to a tool gets its fate; deferral is the one that is mapped."""
        extras = tool.extras
        if not extras or self._upstream in extras:
            return tool
        lower_extras(extras, self._upstream, path, self._notes, is_answer=False)
        if extras.get("gemini", {}).get("response"):
            # In a declaration it is a schema; in a result, where it is told, the result itself.
            self._notes.drop("response")
        return tool

    # --- functions ----------------------------------------------------------------------------------------------

    def _add_function(self, tool: FunctionTool, key: Key, path: str, is_found: bool, given: Tool) -> None:
        if self._is_waiting(tool, key, is_found):
            return
        name = self._name(key, path, is_found)
        if name is None:
            return
        is_deferred = self._is_deferred(given)
        if is_deferred and self._server_search and not is_found:
            if self._upstream == "messages":
                tool = replace(tool, extras={**tool.extras, "messages": {"defer_loading": True}})
                self.deferred[name] = describe_deferred(given, key[1])
            elif self._upstream != "responses":
                self.found[name] = describe_deferred(given, key[1])
        self.tools.append(self._default_strict(tool if tool.name == name else replace(tool, name=name)))
        if is_deferred and self._caller == "responses" and key[1] is None:
            # OpenAI calls a tool that had to be found in a namespace of its own name, and its SDKs know it only so.
            key = (key[0], key[0])
            self.names.add(key, name)
        if key != (name, None):
            self.origins[name] = Origin(name=key[0], namespace=key[1])

    def _is_waiting(self, tool: FunctionTool | CustomTool, key: Key, is_found: bool) -> bool:
        """Whether a tool is not shown until the caller's own search has found it."""
        return not is_found and self._client_search and self._is_deferred(tool) and self._upstream != "responses"

    def _is_deferred(self, tool: Tool) -> bool:
        extras = {} if isinstance(tool, OtherTool) else tool.extras
        return any(lenient_object(extras.get(name)).get("defer_loading") is True for name in ("responses", "messages"))

    def _name(self, key: Key, path: str, is_found: bool) -> str | None:
        """The name that the target is told; `None` for a tool that was found, and is known already."""
        if is_found and (known := self.names.get(key)) is not None:
            self.found.pop(known, None)
            return None
        return self.names.give(key, path)

    def _default_strict(self, tool: FunctionTool) -> FunctionTool:
        """Responses are strict unless they say not, if the schema is fit for it; the others are not."""
        if self._caller != "responses" or self._upstream == "responses" or tool.strict is not None:
            return tool
        if not self._capabilities.strict_tools or not tool.parameters:
            return tool
        is_fit = (
            tool.parameters.get("type") == "object"
            and is_strict_schema(tool.parameters)
            and (self._upstream not in ("messages", "bedrock") or fits(tool.parameters))
        )
        if not is_fit or self._strict >= _MOST_STRICT:
            self._notes.drop("tools.strict")
            return replace(tool, strict=False)
        self._strict += 1
        return replace(tool, strict=True)

    # --- custom tools -------------------------------------------------------------------------------------------

    def _add_custom(self, tool: CustomTool, key: Key, path: str, is_found: bool) -> None:
        if self._is_waiting(tool, key, is_found):
            return
        if self._capabilities.custom_tools:
            name = self._name(key, path, is_found)
            if name is not None:
                self.tools.append(tool if tool.name == name else replace(tool, name=name))
                if key != (name, None):
                    self.origins[name] = Origin(name=key[0], namespace=key[1])
            return
        self._check_functions(path, "custom")
        name = self._name(key, path, is_found)
        if name is None:
            return
        self._notes.emulate(path)
        self.tools.append(stand_in(tool, name))
        self.origins[name] = Origin(kind="custom", name=key[0], namespace=key[1])

    # --- namespaces ---------------------------------------------------------------------------------------------

    def _add_namespace(self, tool: OtherTool, path: str, is_found: bool) -> None:
        namespace = read_object(tool.value, path)
        title = namespace.need_text("name")
        about = namespace.text("description")
        children = list(namespace.each("tools"))
        namespace.any("type")
        namespace.close()
        for child in children:
            inner = read_tool(child)
            if isinstance(inner, OtherTool):
                raise _lacks(child.path, inner.type)
            if about:
                # Told once: the functions of a namespace stand together.
                inner = replace(
                    inner, description="\n\n".join(filter(None, (inner.description, f"({title}: {about})")))
                )
                about = None
            key = (inner.name, title)
            if isinstance(inner, CustomTool):
                self._add_custom(self._without_extras(inner, child.path), key, child.path, is_found)
            else:
                self._check_functions(child.path, "function")
                inner = self._without_extras(inner, child.path)
                self._add_function(inner, key, child.path, is_found, inner)

    # --- tools of one dialect -----------------------------------------------------------------------------------

    def _add_offered(self, tool: OtherTool, path: str) -> None:
        """A tool that the target may lack. One of an agent's usual set is left out then: nobody has asked for it."""
        try:
            self._add_other(tool, path)
        except Unsupported:
            if not _comes_unasked(self._request):
                raise
            self._notes.drop(path)

    def _add_other(self, tool: OtherTool, path: str) -> None:
        runs_tools = self._capabilities.tools == "native"
        if runs_tools and tool.dialect == self._upstream:
            self._append_hosted(tool, tool, path)
        elif (
            runs_tools
            and (mapped := hosted.map_tool(tool, self._upstream, path, self._request, self._notes)) is not None
        ):
            self._append_hosted(mapped, tool, path)
            if mapped.type == mcp.TOOLSET:
                self.servers.append(mcp.write_server(tool.value, path))
            self.include += [name for name in hosted.uses(mapped) if name not in self.include]
            self.hosted = True
        elif tool.type.startswith("tool_search"):
            self._add_search(tool, path)
        elif not self._add_client_tool(tool, path):
            raise _lacks(path, tool.type)

    def _append_hosted(self, tool: OtherTool, given: OtherTool, path: str) -> None:
        """A tool that the target runs, known by its type and by the name that the caller has for it, if it has one."""
        self.tools.append(tool)
        lowered = hosted.name_of(tool) or tool.type
        self.names.add((given.type, None), lowered)
        if name := lenient_text(given.value.get("name")):
            self.names.add((name, None), lowered)
        self.names.reserve(lowered, path)

    def _add_search(self, tool: OtherTool, path: str) -> None:
        """A search among deferred tools: the target's own, the caller's as a function, or none, with all tools told."""
        if tool.dialect == "responses" and self._client_search:
            self._check_functions(path, tool.type)
            self._add_client_search(tool, path)
        elif tool.dialect == "responses" and self._upstream == "messages":
            value = {"type": hosted.TOOL_SEARCH, "name": "tool_search_tool_regex"}
            self.tools.append(OtherTool(dialect="messages", type=hosted.TOOL_SEARCH, value=value))
            self.hosted = True
        else:
            self._notes.emulate(path)

    def _add_client_search(self, tool: OtherTool, path: str) -> None:
        name = self.names.give(("tool_search", None), path)
        self._notes.emulate(path)
        description = lenient_text(tool.value.get("description")) or "Search for tools that are not shown yet."
        parameters = lenient_object(tool.value.get("parameters")) or _SEARCH
        self.tools.append(FunctionTool(name=name, description=description, parameters=parameters))
        self.origins[name] = Origin(
            kind="item", name="tool_search", relabel=partial(client_tools.draw_search, self._mint)
        )

    def _add_client_tool(self, tool: OtherTool, path: str) -> bool:
        if tool.dialect == "messages":
            function = as_function(tool)
            relabel = None
            if function is not None:
                lower_extras(unsaid(tool), self._upstream, path, self._notes, is_answer=False)
        else:
            known = client_tools.OPENAI.get(tool.type) if tool.dialect == "responses" else None
            if known is None or _runs_elsewhere(tool):
                return False
            lower_extras(client_tools.unsaid(tool), self._upstream, path, self._notes, is_answer=False)
            function = known.function(tool)
            relabel = partial(known.relabel, self._mint)
        if function is None or self._capabilities.tools == "none":
            return False
        if tool.type.startswith("computer") and not self._capabilities.images:
            return False
        name = self.names.give((function.name, None), path)
        self.names.add((tool.type, None), name)
        self._notes.emulate(path)
        self.tools.append(replace(function, name=name))
        if relabel is not None:
            self.origins[name] = Origin(kind="item", name=function.name, relabel=relabel)
        return True


_SEARCH: dict[str, Any] = {"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]}


def _runs_elsewhere(tool: OtherTool) -> bool:
    """Whether a shell is OpenAI's own container rather than the caller's machine."""
    environment = lenient_object(tool.value.get("environment"))
    return tool.type == "shell" and environment.get("type") not in (None, "local")


def _comes_unasked(request: ModelRequest) -> bool:
    """Whether these are the tools of Codex, which gives the same to every model: known by what it says of itself."""
    said = lenient_object(request.extras.get("responses", {}).get("client_metadata"))
    return any(name.startswith("x-codex-") for name in said)


def _lacks(path: str, kind: str) -> Unsupported:
    return Unsupported(
        f"`{path}` is of type `{kind}`, which this model does not have: leave it out or name another model",
        code="unsupported_tool",
        param=path,
    )
