"""Any other endpoint of OpenAI's wire format, by its base URL.

Chat alone unless `COMPATIBLE_SPEAKS=chat,responses`. Nothing is known of it, so everything asked is sent.
"""

from trunkline.capabilities import Capabilities
from trunkline.providers.openai_format import EMBEDDINGS, make_provider
from trunkline.providers.provider import Setting

PROVIDER = make_provider(
    "compatible",
    "Any endpoint of OpenAI's format",
    "https://platform.openai.com/docs/api-reference/chat",
    None,
    key_required=False,
    operations=EMBEDDINGS,
    settings=(
        Setting(
            name="version",
            meaning="the path segment that is appended to a base URL without one: `v1` if unset, `none` for nothing",
        ),
    ),
    capabilities=Capabilities(fields=frozenset({"top_k", "min_p", "repetition_penalty"})),
)
