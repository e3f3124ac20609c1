"""Together AI.

Chat and embeddings. The list of models is a bare array. Its names have a slash of their own.
"""

from trunkline.capabilities import Capabilities
from trunkline.providers.openai_format import EMBEDDINGS, make_provider

PROVIDER = make_provider(
    "together",
    "Together AI",
    "https://docs.together.ai/docs/inference/openai-compatibility",
    "https://api.together.ai/v1",
    operations=EMBEDDINGS,
    capabilities=Capabilities(
        reasoning_field="reasoning",
        files=False,
        fields=frozenset({"top_k", "min_p", "repetition_penalty", "safety_model", "context_length_exceeded_behavior"}),
    ),
)
