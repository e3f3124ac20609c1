"""NVIDIA's hosted models, and NIM containers by their own base URL.

Chat and embeddings. What a model takes differs from one to the next; names have a slash of their own.
"""

from trunkline.capabilities import Capabilities
from trunkline.providers.openai_format import EMBEDDINGS, make_provider

PROVIDER = make_provider(
    "nvidia",
    "NVIDIA",
    "https://docs.api.nvidia.com/nim/reference/llm-apis",
    "https://integrate.api.nvidia.com/v1",
    operations=EMBEDDINGS,
    capabilities=Capabilities(
        files=False,
        audio=False,
        fields=frozenset({"top_k", "min_p", "repetition_penalty", "nvext", "chat_template_kwargs"}),
    ),
)
