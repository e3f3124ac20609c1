"""SGLang's server.

Its Responses are young, so it is spoken to by Chat unless `SGLANG_SPEAKS` says otherwise.
"""

from trunkline.capabilities import Capabilities
from trunkline.providers.openai_format import EMBEDDINGS, make_provider

PROVIDER = make_provider(
    "sglang",
    "SGLang",
    "https://docs.sglang.ai/basic_usage/openai_api.html",
    "http://localhost:30000/v1",
    key_required=False,
    operations=EMBEDDINGS,
    capabilities=Capabilities(
        files=False,
        fields=frozenset(
            {
                "top_k",
                "min_p",
                "repetition_penalty",
                "min_tokens",
                "stop_token_ids",
                "ignore_eos",
                "regex",
                "ebnf",
                "separate_reasoning",
                "chat_template_kwargs",
            }
        ),
    ),
)
