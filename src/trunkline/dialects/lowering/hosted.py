"""Tools that a provider runs by itself: one provider's as another's own, and what they did, both ways.

What has no counterpart is refused by its place in `tools`; a gateway that runs such tools itself would step in there.
Sources: https://platform.openai.com/docs/guides/tools-web-search, …/tools-code-interpreter;
https://docs.anthropic.com/en/docs/agents-and-tools/tool-use/web-search-tool, …/code-execution-tool,
…/tool-search-tool.
"""

from typing import Any

from trunkline.dialects.fates import HAS_SEARCH
from trunkline.dialects.lowering import mcp
from trunkline.dialects.lowering.outcome import Notes
from trunkline.dialects.shapes import lenient_list, lenient_object, lenient_text
from trunkline.errors import UnknownParameter, Unsupported
from trunkline.items import OtherTool
from trunkline.request import ModelRequest

_LOCATION = ("city", "region", "country", "timezone")

# The one of Anthropic's web searches that every model with a web search has.
_WEB_SEARCH = "web_search_20250305"
_CODE_EXECUTION = "code_execution_20250825"
TOOL_SEARCH = "tool_search_tool_regex_20251119"

SEARCH_SOURCES = "web_search_call.action.sources"
CODE_OUTPUTS = "code_interpreter_call.outputs"


def map_tool(tool: OtherTool, upstream: str, path: str, request: ModelRequest, notes: Notes) -> OtherTool | None:
    """The target's own tool of the same kind, or `None` where it has none. Raises `Unsupported` for a wish in it that
    the target's cannot be told."""
    asked = _as_openais(tool, path, request)
    if asked is None or not _is_mapped(asked, upstream):
        return None
    if asked.type == "mcp" and upstream == "messages":
        return mcp.write_toolset(asked.value, path, notes)
    if tool.dialect != "gemini":
        _check_known(tool.value, path)
    if tool.value.get("cache_control"):
        notes.drop("cache_control")
    if upstream == "responses":
        return asked
    is_search = asked.type.startswith("web_search")
    if upstream == "messages":
        if is_search:
            return _search_for_anthropic(asked.value, path, request, notes)
        return _code_for_anthropic(asked.value, path)
    return _search_for_google(asked.value, path, notes) if is_search else _code_for_google(asked.value, path)


def _is_mapped(asked: OtherTool, upstream: str) -> bool:
    """Whether the target has such a tool at all."""
    if upstream == "responses":
        return True
    if asked.type == "mcp":
        return upstream == "messages"
    return upstream in HAS_SEARCH and (asked.type.startswith("web_search") or asked.type == "code_interpreter")


_KNOWN = frozenset(
    "type name filters user_location search_context_size external_web_access search_content_types return_token_budget"
    " container allowed_domains blocked_domains max_uses cache_control defer_loading allowed_callers strict"
    " mcp_server_name default_config configs".split()
)


def _check_known(value: dict[str, Any], path: str) -> None:
    """A wish that nobody here has heard of must not be lost."""
    for name, wish in value.items():
        if name not in _KNOWN and wish not in (None, [], {}):
            raise UnknownParameter(f"`{path}.{name}` is not a known parameter", param=f"{path}.{name}")
    for name in lenient_object(value.get("user_location")):
        if name not in ("type", *_LOCATION):
            place = f"{path}.user_location.{name}"
            raise UnknownParameter(f"`{place}` is not a known parameter", param=place)


def _as_openais(tool: OtherTool, path: str, request: ModelRequest) -> OtherTool | None:
    """Any API's hosted tool as OpenAI's, the richest of them."""
    match tool.dialect, tool.type:
        case "responses", _:
            return tool
        case "messages", kind if kind.startswith("web_search_"):
            return _search_for_openai(tool.value, path)
        case "messages", kind if kind.startswith("code_execution_"):
            return _other("responses", "code_interpreter", container={"type": "auto"})
        case "messages", "mcp_toolset":
            return mcp.write_mcp(tool.value, path, request)
        case "gemini", "googleSearch":
            _check_bare(tool, path)
            return _other("responses", "web_search")
        case "gemini", "codeExecution":
            _check_bare(tool, path)
            return _other("responses", "code_interpreter", container={"type": "auto"})
        case _:
            return None


def _check_bare(tool: OtherTool, path: str) -> None:
    """Google's own wishes for its tools have no counterpart."""
    for name, wish in lenient_object(tool.value.get(tool.type)).items():
        if wish not in (None, [], {}):
            raise _cannot(f"{path}.{tool.type}.{name}", "cannot be used")


def _other(dialect: str, kind: str, **members: Any) -> OtherTool:
    value = {name: member for name, member in members.items() if member is not None}
    return OtherTool(dialect=dialect, type=kind, value={"type": kind, **value})


def _cannot(path: str, why: str) -> Unsupported:
    return Unsupported(f"`{path}` {why} with this model", code="unsupported_tool", param=path)


def flatten_location(value: dict[str, Any]) -> dict[str, Any]:
    """A search whose place is told as Responses has it; Chat nests it once more."""
    given = lenient_object(value.get("user_location"))
    inner = lenient_object(given.get("approximate"))
    return {**value, "user_location": {"type": "approximate", **inner}} if inner else value


def _location(value: dict[str, Any]) -> dict[str, Any] | None:
    given = lenient_object(value.get("user_location"))
    known = {name: given[name] for name in _LOCATION if given.get(name)}
    return {"type": "approximate", **known} if known else None


def _search_for_anthropic(value: dict[str, Any], path: str, request: ModelRequest, notes: Notes) -> OtherTool:
    if value.get("external_web_access") is False:
        raise _cannot(f"{path}.external_web_access", "cannot be false")
    filters = dict(lenient_object(value.get("filters")))
    allowed, blocked = filters.pop("allowed_domains", None), filters.pop("blocked_domains", None)
    if any(member is not None for member in filters.values()):
        raise _cannot(f"{path}.filters", "can hold domains alone")
    if value.get("search_context_size") not in (None, "medium"):
        notes.drop(f"{path}.search_context_size")
    return _other(
        "messages",
        _WEB_SEARCH,
        name="web_search",
        allowed_domains=allowed or None,
        blocked_domains=blocked or None,
        user_location=_location(value),
        max_uses=request.settings.max_tool_calls,
    )


def _code_for_anthropic(value: dict[str, Any], path: str) -> OtherTool:
    container = value.get("container")
    if isinstance(container, str):
        raise _cannot(f"{path}.container", "cannot be one that exists elsewhere: `auto` is possible")
    for name, wish in lenient_object(container).items():
        if wish not in (None, [], {}) and (name, wish) != ("type", "auto"):
            raise _cannot(f"{path}.container.{name}", "cannot be used")
    return _other("messages", _CODE_EXECUTION, name="code_execution")


def _search_for_google(value: dict[str, Any], path: str, notes: Notes) -> OtherTool:
    """Google's own search, which has no settings."""
    if value.get("external_web_access") is False:
        raise _cannot(f"{path}.external_web_access", "cannot be false")
    if any(lenient_object(value.get("filters")).values()):
        raise _cannot(f"{path}.filters", "cannot be used")
    if _location(value) is not None:
        raise _cannot(f"{path}.user_location", "cannot be used")
    if value.get("search_context_size") not in (None, "medium"):
        notes.drop(f"{path}.search_context_size")
    return OtherTool(dialect="gemini", type="googleSearch", value={"googleSearch": {}})


def _code_for_google(value: dict[str, Any], path: str) -> OtherTool:
    _code_for_anthropic(value, path)
    return OtherTool(dialect="gemini", type="codeExecution", value={"codeExecution": {}})


def _search_for_openai(value: dict[str, Any], path: str) -> OtherTool:
    if value.get("blocked_domains"):
        raise _cannot(f"{path}.blocked_domains", "cannot be used")
    allowed = lenient_list(value.get("allowed_domains"))
    filters = {"allowed_domains": allowed} if allowed else None
    return _other("responses", "web_search", filters=filters, user_location=_location(value))


def uses(tool: OtherTool) -> tuple[str, ...]:
    """What must be included in OpenAI's answer so that the caller's own kind of result can be made of it."""
    if tool.dialect != "responses":
        return ()
    return {"web_search": (SEARCH_SOURCES,), "code_interpreter": (CODE_OUTPUTS,)}.get(tool.type, ())


def name_of(tool: OtherTool) -> str | None:
    """The name under which Anthropic's own tools are chosen."""
    return lenient_text(tool.value.get("name")) or None if tool.dialect == "messages" else None
