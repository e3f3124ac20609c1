"""Groq.

Responses are in beta there: no `previous_response_id`, no `store`. On Chat, reasoning comes and goes as `reasoning`,
usage hides in `x_groq` on streams, `n` is 1, and `logprobs`, `logit_bias` and message names are refused. Lists names
with a slash of their own (`openai/gpt-oss-120b`).
"""

from trunkline.capabilities import Capabilities
from trunkline.providers.openai_format import make_provider

PROVIDER = make_provider(
    "groq",
    "Groq",
    "https://console.groq.com/docs/openai",
    "https://api.groq.com/openai/v1",
    speaks=("chat", "responses"),
    capabilities=Capabilities(
        max_tokens_field="max_completion_tokens",
        reasoning_field="reasoning",
        efforts=("none", "low", "medium", "high"),
        files=False,
        audio=False,
        fields=frozenset({"reasoning_format", "include_reasoning", "service_tier"}),
    ),
    example="llama-3.3-70b-versatile",
)
