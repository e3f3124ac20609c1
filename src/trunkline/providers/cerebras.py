"""Cerebras.

Chat alone, text only. Penalties and `logit_bias` are refused. Reasoning is `reasoning`.
"""

from trunkline.capabilities import Capabilities
from trunkline.providers.openai_format import make_provider

PROVIDER = make_provider(
    "cerebras",
    "Cerebras",
    "https://inference-docs.cerebras.ai/resources/openai",
    "https://api.cerebras.ai/v1",
    capabilities=Capabilities(
        max_tokens_field="max_completion_tokens",
        reasoning_field="reasoning",
        images=False,
        files=False,
        audio=False,
        fields=frozenset({"reasoning_format", "clear_thinking", "disable_reasoning"}),
    ),
)
