"""xAI.

Responses is the API it recommends, Chat the older one. Reasoning tokens are counted beside the completion's on Chat,
not inside, and reasoning text is not shown there.
"""

from trunkline.capabilities import Capabilities
from trunkline.providers.openai_format import EMBEDDINGS, make_provider

PROVIDER = make_provider(
    "xai",
    "xAI",
    "https://docs.x.ai/docs/api-reference",
    "https://api.x.ai/v1",
    speaks=("responses", "chat"),
    keeps_responses=True,
    operations=EMBEDDINGS | {"responses:compact"},
    capabilities=Capabilities(
        max_tokens_field="max_completion_tokens",
        message_names=True,
        audio=False,
        fields=frozenset({"search_parameters", "deferred"}),
    ),
    example="grok-4",
)
