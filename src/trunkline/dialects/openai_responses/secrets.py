"""What must never be kept of a response: the credentials that a request's tools came with, where a reply echoes
them."""

import msgspec
from msgspec import Raw

# Members of a tool that open somebody's door. Source:
# https://platform.openai.com/docs/guides/tools-connectors-mcp#authentication
_SECRET = ("authorization", "headers")

_decode_members = msgspec.json.Decoder(dict[str, Raw]).decode
_decode_tools = msgspec.json.Decoder(list[dict[str, Raw]]).decode


def without_secrets(response: bytes) -> bytes:
    """The response object without its tools' credentials; the very bytes where there are none."""
    if all(response.find(b'"%b"' % name.encode()) < 0 for name in _SECRET):
        return response
    try:
        members = _decode_members(response)
        tools = _decode_tools(members.get("tools", b"[]"))
    except msgspec.MsgspecError:
        return response  # no object with a list of tools, so no tools
    kept = [{name: value for name, value in tool.items() if name not in _SECRET} for tool in tools]
    return response if kept == tools else msgspec.json.encode({**members, "tools": kept})
