"""Perplexity's Agent API, which speaks Responses.

Its older Chat API (Sonar, no tools) was shut down on 27 September 2026; a proxy that still has it is reached with
`PERPLEXITY_SPEAKS=chat`. Models are named `perplexity/sonar`, `openai/…`, or by a preset.
"""

from trunkline.capabilities import Capabilities
from trunkline.providers.openai_format import EMBEDDINGS, make_provider

PROVIDER = make_provider(
    "perplexity",
    "Perplexity",
    "https://docs.perplexity.ai/docs/agent-api/openai-compatibility",
    "https://api.perplexity.ai/v1",
    speaks=("responses",),
    operations=EMBEDDINGS,
    capabilities=Capabilities(
        audio=False,
        reasoning_field=None,
        fields=frozenset({"preset", "models", "max_steps", "language_preference"}),
    ),
)
