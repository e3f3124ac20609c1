"""Fireworks AI.

Serves Responses too, and stores them unless told not to. Models are named `accounts/fireworks/models/…`.
"""

from trunkline.capabilities import Capabilities
from trunkline.providers.openai_format import EMBEDDINGS, make_provider

PROVIDER = make_provider(
    "fireworks",
    "Fireworks AI",
    "https://docs.fireworks.ai/tools-sdks/openai-compatibility",
    "https://api.fireworks.ai/inference/v1",
    speaks=("chat", "responses"),
    operations=EMBEDDINGS,
    capabilities=Capabilities(
        files=False,
        fields=frozenset(
            {
                "top_k",
                "min_p",
                "repetition_penalty",
                "context_length_exceeded_behavior",
                "prompt_truncate_len",
                "prompt_cache_key",
            }
        ),
    ),
)
