"""Anthropic's Messages API.

Limits: no embeddings. `max_tokens` is required, so a default per model is sent when the caller set none. What a model
takes of thinking and sampling depends on its version: rows of the catalogue. The list of models comes in pages; one of
a thousand holds them all.
"""

from collections.abc import Sequence

from trunkline.call import Header
from trunkline.capabilities import Capabilities
from trunkline.providers.openai_format import read_models
from trunkline.providers.provider import PATHS, Provider


def authorize(api_key: str) -> Sequence[Header]:
    """`x-api-key`."""
    return ((b"x-api-key", api_key.encode()),) if api_key else ()


PROVIDER = Provider(
    name="anthropic",
    title="Anthropic",
    docs="https://docs.anthropic.com/en/api/messages",
    base_url="https://api.anthropic.com/v1",
    authorize=authorize,
    speaks=("messages",),
    faithful=frozenset({"messages"}),
    operations=frozenset({"count_tokens", "files", "files:upload"}),
    paths={**PATHS, "models": "/models?limit=1000"},
    headers=((b"anthropic-version", b"2023-06-01"),),
    caller_headers=(b"anthropic-beta",),
    # `{"data": [{"id": …}]}`, as OpenAI's.
    read_models=read_models,
    capabilities=Capabilities(cache_marks=True, fields=frozenset({"top_k"})),
    rank=2,
    example="claude-sonnet-4-5",
)
