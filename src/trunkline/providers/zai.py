"""Z.ai, the home of the GLM models.

Chat and embeddings below `/api/paas/v4`. Thinking is switched by `thinking: {"type": …}` and told as
`reasoning_content`; `response_format` knows `json_object`, no schema; `tool_choice` is `auto` alone.
"""

from trunkline.capabilities import Capabilities
from trunkline.providers.openai_format import EMBEDDINGS, make_provider

PROVIDER = make_provider(
    "zai",
    "Z.ai",
    "https://docs.z.ai/api-reference/introduction",
    "https://api.z.ai/api/paas/v4",
    version="/api/paas/v4",
    operations=EMBEDDINGS,
    capabilities=Capabilities(
        json_schema="json_object",
        parallel_switch=False,
        strict_tools=False,
        effort=False,
        audio=False,
        fields=frozenset({"thinking", "do_sample", "tool_stream", "request_id", "user_id"}),
    ),
)
