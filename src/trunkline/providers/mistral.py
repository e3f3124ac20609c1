"""Mistral.

Chat alone. Call ids are exactly nine letters or digits; no `developer` role, no message names; content may come as an
array of parts, thinking among them. `stream_options` is unknown: usage comes with the last chunk unasked. The seed is
`random_seed`.
"""

from trunkline.capabilities import Capabilities
from trunkline.providers.openai_format import EMBEDDINGS, make_provider

PROVIDER = make_provider(
    "mistral",
    "Mistral",
    "https://docs.mistral.ai/api",
    "https://api.mistral.ai/v1",
    operations=EMBEDDINGS,
    capabilities=Capabilities(
        call_id_digits=9,
        stream_options=False,
        reasoning_field=None,
        effort=False,
        fields=frozenset({"random_seed", "safe_prompt", "prompt_mode", "prediction"}),
    ),
    example="mistral-small-latest",
)
