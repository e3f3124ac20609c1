"""Google's Gemini API.

Limits: signatures of thought are bound to the model that made them, and Gemini 3 refuses calls without one. There is
no switch for parallel calls. Of remote addresses it resolves Google's own alone. Embeddings are served by its
OpenAI-compatible routes. The list of models comes in pages; one of a thousand holds them all.
"""

from collections.abc import Sequence

from trunkline.call import Header
from trunkline.providers.google_format import OWN_MODELS, read_models, write_paths
from trunkline.providers.provider import Provider


def authorize(api_key: str) -> Sequence[Header]:
    """`x-goog-api-key`."""
    return ((b"x-goog-api-key", api_key.encode()),) if api_key else ()


PROVIDER = Provider(
    name="gemini",
    title="Gemini",
    docs="https://ai.google.dev/api/generate-content",
    base_url="https://generativelanguage.googleapis.com/v1beta",
    version="/v1beta",
    also={"api_key": ("GOOGLE_API_KEY",)},
    authorize=authorize,
    speaks=("gemini",),
    faithful=frozenset({"gemini"}),
    operations=frozenset({"embeddings", "gemini:count", "gemini:count_request", "files", "files:upload"}),
    paths={
        **write_paths(),
        "embeddings": "/openai/embeddings",
        "files": "/files",
        "files:upload": "/upload{base}/files",
        "models": "/models?pageSize=1000",
    },
    read_models=read_models,
    capabilities=OWN_MODELS,
    rank=3,
    example="gemini-2.5-flash",
)
