"""MiniMax.

Serves Responses too. On Chat most models put their thinking into the text between `<think>` tags unless
`reasoning_split` is sent; ids of calls look like `chatcmpl-tool-…`.
"""

from trunkline.capabilities import Capabilities
from trunkline.providers.openai_format import make_provider

PROVIDER = make_provider(
    "minimax",
    "MiniMax",
    "https://platform.minimax.io/docs/api-reference/text-openai-api",
    "https://api.minimax.io/v1",
    speaks=("chat", "responses"),
    capabilities=Capabilities(
        max_tokens_field="max_completion_tokens",
        effort=False,
        strict_tools=False,
        files=False,
        audio=False,
        fields=frozenset({"thinking", "reasoning_split", "mask_sensitive_info"}),
    ),
)
