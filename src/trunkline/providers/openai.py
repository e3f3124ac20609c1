"""OpenAI's own API: Responses, Chat and embeddings.

Limits: o-series and gpt-5 models take no `max_tokens` on Chat, only `max_completion_tokens`; some models (`*-codex`,
`*-pro`) are served on Responses alone. Both dialects are OpenAI's own, so their streams are passed on untouched.
"""

from trunkline.providers.openai_format import EMBEDDINGS, OWN_MODELS, make_provider
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
    capabilities=OWN_MODELS,
    rank=1,
    example="gpt-5-mini",
)
