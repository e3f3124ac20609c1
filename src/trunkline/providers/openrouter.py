"""OpenRouter.

Responses are in beta and stateless there, so Chat is preferred. Chat streams hold comments while it looks for a
provider, and errors may come inside a 200. Reasoning is `reasoning`. Its names have a slash of their own. It takes
Anthropic's cache points on text parts.
"""

from trunkline.capabilities import Capabilities
from trunkline.providers.openai_format import EMBEDDINGS, make_provider
from trunkline.providers.provider import Setting

PROVIDER = make_provider(
    "openrouter",
    "OpenRouter",
    "https://openrouter.ai/docs/api-reference/overview",
    "https://openrouter.ai/api/v1",
    speaks=("chat", "responses"),
    operations=EMBEDDINGS,
    settings=(
        Setting(name="site_url", meaning="the site it shows as the requests' origin", header=b"http-referer"),
        Setting(name="app_name", meaning="the name it shows beside it", header=b"x-title"),
    ),
    capabilities=Capabilities(
        reasoning_field="reasoning",
        cache_marks=True,
        fields=frozenset(
            {
                "top_k",
                "top_a",
                "min_p",
                "repetition_penalty",
                "models",
                "provider",
                "plugins",
                "transforms",
                "route",
                "reasoning",
                "usage",
                "verbosity",
            }
        ),
    ),
)
