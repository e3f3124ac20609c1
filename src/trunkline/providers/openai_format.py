"""What the providers of OpenAI's wire format share: how their list of models reads, their usual shape, what OpenAI's
own take."""

from typing import Any

import msgspec

from trunkline.capabilities import Capabilities
from trunkline.errors import Garbled
from trunkline.providers.provider import Provider

EMBEDDINGS = frozenset({"embeddings"})

OWN_MODELS = Capabilities(
    developer_role=True,
    custom_tools=True,
    message_names=True,
    max_tokens_field="max_completion_tokens",
    reasoning_field=None,
    fields=frozenset(
        {
            "max_tool_calls",
            "metadata",
            "prompt_cache_key",
            "prompt_cache_retention",
            "safety_identifier",
            "service_tier",
            "store",
            "verbosity",
        }
    ),
)
"""What OpenAI's own models take, whoever serves them."""


def read_models(body: bytes) -> list[str]:
    """The ids of a `GET /models` reply: `{"data": [{"id": …}]}`, or the bare list that some send.

    Raises `Garbled` for anything else. Entries without an id are passed over.
    """
    try:
        decoded = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Garbled("the list of models is not JSON") from None
    entries = decoded.get("data") if isinstance(decoded, dict) else decoded
    if not isinstance(entries, list):
        raise Garbled("the list of models is no list")
    return [entry["id"] for entry in entries if _has_id(entry)]


def _has_id(entry: Any) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("id"), str) and bool(entry["id"])


def make_provider(name: str, title: str, docs: str, base_url: str | None, **differences: Any) -> Provider:
    """A provider that is OpenAI's wire format but for the differences named.

    Its Chat streams are taken as unfaithful, so that they are mended as they pass: nearly all need it somewhere.
    """
    return Provider(
        **{
            "name": name,
            "title": title,
            "docs": docs,
            "base_url": base_url,
            "read_models": read_models,
            "capabilities": Capabilities(),
            **differences,
        }
    )
