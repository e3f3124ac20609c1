"""What another provider's search found, for callers of Messages: what is opaque in its first page is the search itself.

Callers send it back as they got it. Its maker has the search back then; anybody else is told in words what was looked
for and found, since nobody's content but its own would be taken by Anthropic.
Source: https://docs.anthropic.com/en/docs/agents-and-tools/tool-use/web-search-tool
"""

from typing import Any

from trunkline.dialects.dialect import Seal, Unseal
from trunkline.dialects.seal import PREFIX
from trunkline.dialects.shapes import lenient_list, lenient_object, lenient_text
from trunkline.items import Carrier, Item, Message, OtherItem, Text

RESULT = "web_search_tool_result"
SEARCH = "web_search_call"
_OPAQUE = "encrypted_content"


def seal_found(block: dict[str, Any], seal: Seal) -> dict[str, Any]:
    """A block of an answer, with what it carries sealed; the very block where it carries nothing."""
    content = block.get("content")
    if block.get("type") != RESULT or not isinstance(content, list):
        return block
    return {**block, "content": [_seal_page(page, seal) for page in content]}


def _seal_page(page: dict[str, Any], seal: Seal) -> dict[str, Any]:
    carrier = page.get(_OPAQUE)
    return {**page, _OPAQUE: seal(carrier)} if isinstance(carrier, Carrier) else page


def is_ours(block: dict[str, Any]) -> bool:
    """Whether a block that a caller sends back holds what was sealed here."""
    return block.get("type") == RESULT and _sealed(block).startswith(PREFIX)


def _sealed(block: dict[str, Any]) -> str:
    return lenient_text(lenient_object(next(iter(lenient_list(block.get("content"))), None)).get(_OPAQUE))


def read_found(block: dict[str, Any], use: dict[str, Any], unseal: Unseal) -> Item:
    """The search that a block of ours and its use stand for: its maker's own, or words for a model that is not."""
    carrier = unseal(_sealed(block))
    if carrier is not None and carrier.kind == SEARCH and isinstance(carrier.payload, dict):
        return OtherItem(
            dialect=carrier.family,
            type=SEARCH,
            value=carrier.payload,
            id=lenient_text(carrier.payload.get("id")) or None,
        )
    return Message(role="assistant", parts=[Text(text=tell_found(block, use))])


def tell_found(block: dict[str, Any], use: dict[str, Any]) -> str:
    """What was searched for and found, told in words."""
    pages = [lenient_object(page) for page in lenient_list(block.get("content"))]
    query = lenient_text(lenient_object(use.get("input")).get("query"))
    lines = [f"- {lenient_text(page.get('title'))}: {lenient_text(page.get('url'))}" for page in pages]
    return "\n".join([f"(I searched the web: {query})", *lines])
