"""LM Studio's local server.

Its Responses are young, so it is spoken to by Chat unless `LMSTUDIO_SPEAKS` says otherwise.
"""

from trunkline.capabilities import Capabilities
from trunkline.providers.openai_format import EMBEDDINGS, make_provider

PROVIDER = make_provider(
    "lmstudio",
    "LM Studio",
    "https://lmstudio.ai/docs/developer/openai-compat",
    "http://localhost:1234/v1",
    key_required=False,
    operations=EMBEDDINGS,
    capabilities=Capabilities(
        files=False, audio=False, image_urls=False, fields=frozenset({"top_k", "repeat_penalty"})
    ),
)
