"""llama.cpp's server.

Its Responses say `completed` for an answer that was cut off, so it is spoken to by Chat. `n` is 1, and a key is only
needed where the server was started with one.
"""

from trunkline.capabilities import Capabilities
from trunkline.providers.openai_format import EMBEDDINGS, make_provider

PROVIDER = make_provider(
    "llamacpp",
    "llama.cpp",
    "https://github.com/ggml-org/llama.cpp/tree/master/tools/server",
    # Its own default is the port that this gateway takes: it has to be said.
    None,
    key_required=False,
    operations=EMBEDDINGS,
    capabilities=Capabilities(
        files=False,
        # Some builds fetch by themselves, others not, and none with a guard.
        image_urls=False,
        fields=frozenset(
            {
                "top_k",
                "min_p",
                "typical_p",
                "repeat_penalty",
                "mirostat",
                "grammar",
                "cache_prompt",
                "chat_template_kwargs",
            }
        ),
    ),
)
