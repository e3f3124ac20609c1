"""vLLM's server.

Its Responses are young, so it is spoken to by Chat unless `VLLM_SPEAKS` says otherwise. Reasoning was called
`reasoning_content` in older versions and is `reasoning` now.
"""

from trunkline.capabilities import Capabilities
from trunkline.providers.openai_format import EMBEDDINGS, make_provider

PROVIDER = make_provider(
    "vllm",
    "vLLM",
    "https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html",
    "http://localhost:8000/v1",
    key_required=False,
    operations=EMBEDDINGS,
    capabilities=Capabilities(
        message_names=True,
        reasoning_field="reasoning",
        files=False,
        fields=frozenset(
            {
                "top_k",
                "min_p",
                "repetition_penalty",
                "length_penalty",
                "stop_token_ids",
                "ignore_eos",
                "min_tokens",
                "skip_special_tokens",
                "structured_outputs",
                "guided_json",
                "guided_regex",
                "guided_choice",
                "chat_template_kwargs",
                "priority",
            }
        ),
    ),
)
