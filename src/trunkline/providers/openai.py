"""OpenAI's own API: Responses, Chat and embeddings.

Limits: o-series and gpt-5 models take no `max_tokens` on Chat, only `max_completion_tokens`; some models (`*-codex`,
`*-pro`) are served on Responses alone. Both dialects are OpenAI's own, so their streams are passed on untouched.
"""

from trunkline.capabilities import Capabilities
from trunkline.providers.openai_format import EMBEDDINGS, make_provider
from trunkline.providers.provider import Setting

PROVIDER = make_provider(
    "openai",
    "OpenAI",
    "https://platform.openai.com/docs/api-reference",
    "https://api.openai.com/v1",
    speaks=("responses", "chat"),
    keeps_responses=True,
    keeps_prompts=True,
    faithful=frozenset({"responses", "chat"}),
    operations=EMBEDDINGS | {"responses:count", "responses:compact", "files", "files:upload"},
    caller_headers=(b"openai-beta", b"openai-organization", b"openai-project"),
    settings=(
        Setting(name="organization", meaning="the organization that is billed", header=b"openai-organization"),
        Setting(name="project", meaning="the project that is billed", header=b"openai-project"),
    ),
    capabilities=Capabilities(
        developer_role=True,
        custom_tools=True,
        message_names=True,
        max_tokens_field="max_completion_tokens",
        reasoning_field=None,
        fields=frozenset(
            {
                "max_tool_calls",
                "metadata",
                "prompt_cache_key",
                "prompt_cache_retention",
                "safety_identifier",
                "service_tier",
                "store",
                "verbosity",
            }
        ),
    ),
    rank=1,
    example="gpt-5-mini",
)
