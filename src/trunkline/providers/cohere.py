"""Cohere's v2 chat, with its citations and plans.

Limits: JSON schemas only without tools; a certain tool is forced by offering no other; `top_p` from 0.01 to 0.99,
penalties from 0 to 1; pictures by URL or data, for models that see; no files. Its compatibility endpoint lacks
citations and is not used.
"""

from collections.abc import Mapping

import msgspec

from trunkline.capabilities import Capabilities
from trunkline.errors import Garbled
from trunkline.providers.provider import Provider

_VERSIONS = ("/compatibility/v1", "/v1", "/v2")


def read_models(body: bytes) -> list[str]:
    """The names of a `GET /v1/models` reply, `{"models": [{"name": …}]}`. Raises `Garbled` for anything else."""
    try:
        decoded = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Garbled("the list of models is not JSON") from None
    entries = decoded.get("models") if isinstance(decoded, dict) else None
    if not isinstance(entries, list):
        raise Garbled("the list of models is no list")
    names = (entry.get("name") for entry in entries if isinstance(entry, dict))
    return [name for name in names if isinstance(name, str) and name]


def adapt(provider: Provider, base_url: str | None, settings: Mapping[str, str]) -> tuple[Provider, str | None]:
    """A base URL without the version that it may have: chat and list have one each."""
    if base_url is None:
        return provider, None
    base_url = base_url.strip().rstrip("/")
    found = next((version for version in _VERSIONS if base_url.endswith(version)), "")
    return provider, base_url.removesuffix(found)


PROVIDER = Provider(
    name="cohere",
    title="Cohere",
    docs="https://docs.cohere.com/reference/chat",
    base_url="https://api.cohere.com",
    version="",
    also={"api_key": ("CO_API_KEY",)},
    adapt=adapt,
    speaks=("cohere",),
    paths={"cohere": "/v2/chat", "models": "/v1/models?endpoint=chat&page_size=1000"},
    read_models=read_models,
    capabilities=Capabilities(
        parallel_switch=False, json_schema_with_tools=False, files=False, audio=False, fields=frozenset({"safety_mode"})
    ),
    example="command-a-03-2025",
)
