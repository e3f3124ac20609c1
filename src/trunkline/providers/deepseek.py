"""DeepSeek.

Chat alone. Reasoning is `reasoning_content`, and has to be sent back with the calls it led to. `response_format` knows
`json_object`, no schema. Cached tokens are told as `prompt_cache_hit_tokens`. Text only.
"""

from trunkline.capabilities import Capabilities
from trunkline.providers.openai_format import make_provider

PROVIDER = make_provider(
    "deepseek",
    "DeepSeek",
    "https://api-docs.deepseek.com/",
    "https://api.deepseek.com/v1",
    capabilities=Capabilities(
        json_schema="json_object",
        efforts=("none", "low", "medium", "high"),
        parallel_switch=False,
        strict_tools=False,
        images=False,
        files=False,
        audio=False,
        fields=frozenset({"thinking"}),
    ),
    example="deepseek-chat",
)
