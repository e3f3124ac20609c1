"""Servers of the Model Context Protocol that a provider calls by itself: OpenAI's tool ↔ Anthropic's toolset and
server.

Sources: https://platform.openai.com/docs/guides/tools-remote-mcp;
https://docs.anthropic.com/en/docs/agents-and-tools/mcp-connector.
"""

from typing import Any

from trunkline.dialects.lowering.outcome import Notes
from trunkline.dialects.shapes import lenient_list, lenient_object, lenient_text
from trunkline.errors import UnknownParameter, Unsupported
from trunkline.items import OtherTool
from trunkline.request import ModelRequest

TOOLSET = "mcp_toolset"

_WISHES = frozenset(
    "type server_label server_url authorization headers allowed_tools require_approval server_description"
    " defer_loading".split()
)
_SERVER = frozenset({"type", "name", "url", "authorization_token", "tool_configuration"})
_ELSEWHERE = ("connector_id", "tunnel_id")
_BEARER = "bearer "


def _cannot(path: str, why: str) -> Unsupported:
    return Unsupported(f"`{path}` {why} with this model", code="unsupported_tool", param=path)


# --- OpenAI's for Anthropic -----------------------------------------------------------------------------------------


def write_toolset(value: dict[str, Any], path: str, notes: Notes) -> OtherTool:
    """The toolset of a server. Its server stands apart: `write_server`."""
    for name, wish in value.items():
        if name in _ELSEWHERE and wish:
            raise _cannot(f"{path}.{name}", "cannot be used: a `server_url` is possible")
        if name not in _WISHES and wish not in (None, [], {}):
            raise UnknownParameter(f"`{path}.{name}` is not a known parameter", param=f"{path}.{name}")
    allowed = _read_allowed(value.get("allowed_tools"), path)
    if not _asks_nobody(value.get("require_approval"), allowed):
        raise _cannot(f"{path}.require_approval", "cannot be anything but `never`")
    if value.get("server_description"):
        notes.drop(f"{path}.server_description")
    toolset: dict[str, Any] = {"type": TOOLSET, "mcp_server_name": lenient_text(value.get("server_label"))}
    default = {"enabled": False} if allowed is not None else {}
    waits = {"defer_loading": True} if value.get("defer_loading") is True else {}
    if default or waits:
        toolset["default_config"] = {**default, **waits}
    if allowed is not None:
        toolset["configs"] = {name: {"enabled": True, **waits} for name in allowed}
    return OtherTool(dialect="messages", type=TOOLSET, value=toolset)


def write_server(value: dict[str, Any], path: str) -> dict[str, Any]:
    """The server, for `mcp_servers`."""
    url = lenient_text(value.get("server_url"))
    if not url:
        raise _cannot(f"{path}.server_url", "cannot be left out")
    server = {"type": "url", "name": lenient_text(value.get("server_label")), "url": url}
    told = _read_bearer(value.get("headers"), path)
    token = lenient_text(value.get("authorization")) or told
    return {**server, "authorization_token": token} if token else server


def _read_bearer(headers: Any, path: str) -> str:
    """The token in the one header that Anthropic sends as well."""
    given = {name.lower(): content for name, content in lenient_object(headers).items()}
    told = lenient_text(given.pop("authorization", ""))
    if given or (told and not told.lower().startswith(_BEARER)):
        raise _cannot(f"{path}.headers", "can hold a bearer token as `authorization` alone")
    return told[len(_BEARER) :].strip()


def _read_allowed(value: Any, path: str) -> list[str] | None:
    """The names of the tools that may be called, or `None` for all of them."""
    if value is None:
        return None
    wishes = value if isinstance(value, dict) else {"tool_names": value}
    if wishes.get("read_only") is not None:
        raise _cannot(f"{path}.allowed_tools.read_only", "cannot be used: name the tools")
    return [name for name in lenient_list(wishes.get("tool_names")) if isinstance(name, str)]


def _asks_nobody(approval: Any, allowed: list[str] | None) -> bool:
    """Whether every tool that may be called needs nobody's leave. OpenAI asks for leave where nothing is said."""
    if not isinstance(approval, dict):
        return bool(approval == "never")
    never = lenient_list(lenient_object(approval.get("never")).get("tool_names"))
    return allowed is not None and set(allowed) <= set(never)


# --- Anthropic's for OpenAI -----------------------------------------------------------------------------------------


def write_mcp(value: dict[str, Any], path: str, request: ModelRequest) -> OtherTool:
    """A toolset, with the server that it names, as the one tool that it is at OpenAI."""
    name = lenient_text(value.get("mcp_server_name"))
    servers = lenient_list(request.extras.get("messages", {}).get("mcp_servers"))
    server = next((each for each in map(lenient_object, servers) if each.get("name") == name), None)
    if server is None:
        raise _cannot(f"{path}.mcp_server_name", "names a server that is not among `mcp_servers`: impossible")
    for member, said in server.items():
        if member not in _SERVER and said is not None:
            raise UnknownParameter(f"`mcp_servers.{member}` is not a known parameter", param=f"mcp_servers.{member}")
    older = lenient_object(server.get("tool_configuration"))
    if older.get("enabled") is False:
        raise _cannot("mcp_servers.tool_configuration.enabled", "cannot be false: leave the server out, which works")
    allowed = older.get("allowed_tools")
    members = {
        "server_label": name,
        "server_url": server.get("url"),
        "authorization": server.get("authorization_token"),
        "allowed_tools": _enabled(value, path) or (allowed if isinstance(allowed, list) else None),
        "require_approval": "never",
    }
    known = {name: member for name, member in members.items() if member is not None}
    return OtherTool(dialect="responses", type="mcp", value={"type": "mcp", **known})


def _enabled(value: dict[str, Any], path: str) -> list[str] | None:
    """The names that a toolset switches on, or `None` for all of them."""
    configs = {name: lenient_object(config) for name, config in lenient_object(value.get("configs")).items()}
    by_default = lenient_object(value.get("default_config")).get("enabled") is not False
    if not by_default:
        return [name for name, config in configs.items() if config.get("enabled") is True]
    if any(config.get("enabled") is False for config in configs.values()):
        raise _cannot(f"{path}.configs", "can switch tools on, but not single ones off,")
    return None
