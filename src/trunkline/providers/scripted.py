"""A server whose replies and faults are scripted, for tests of this gateway and of what is built on it.

It is reached at its base URL like any other and speaks all three dialects as they are written in their descriptions.
"""

from trunkline.capabilities import Capabilities
from trunkline.providers.openai_format import make_provider

PROVIDER = make_provider(
    "scripted",
    "A scripted server for tests",
    "https://platform.openai.com/docs/api-reference",
    None,
    key_required=False,
    speaks=("chat", "responses", "messages"),
    operations=frozenset({"embeddings", "count_tokens", "responses:count", "responses:compact"}),
    capabilities=Capabilities(custom_tools=True, message_names=True),
)
