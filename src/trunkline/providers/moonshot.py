"""Moonshot AI, the home of the Kimi models.

Serves Responses too. Thinking is switched by `thinking: {"type": …}` and told as `reasoning_content`, which has to be
sent back while tools are at work. Thinking models take no temperature but their own.
"""

from trunkline.capabilities import Capabilities
from trunkline.providers.openai_format import make_provider

PROVIDER = make_provider(
    "moonshot",
    "Moonshot AI",
    "https://platform.moonshot.ai/docs/api/chat",
    "https://api.moonshot.ai/v1",
    speaks=("chat", "responses"),
    capabilities=Capabilities(
        message_names=True,
        effort=False,
        parallel_switch=False,
        files=False,
        audio=False,
        image_urls=False,
        fields=frozenset({"thinking", "prompt_cache_key", "safety_identifier"}),
    ),
)
