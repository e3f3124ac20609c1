"""The embedded model: a small language model that this gateway starts as a child process and speaks Chat to.

It takes 2,048 tokens of text and serves no embeddings. Its runtime passes over `tools`, so calls are emulated by a
JSON grammar. Nothing is paid for it. It is switched on by `--local`, not by a key or address.
"""

from trunkline.capabilities import Capabilities
from trunkline.providers.openai_format import make_provider

PROVIDER = make_provider(
    "local",
    "The embedded model",
    "https://huggingface.co/HuggingFaceTB/SmolLM2-135M-Instruct",
    None,
    key_required=False,
    embedded=True,
    is_free=True,
    capabilities=Capabilities(
        tools="emulated",
        parallel_switch=False,
        reasoning_field=None,
        effort=False,
        images=False,
        files=False,
        audio=False,
        fields=frozenset({"top_k", "min_p", "repeat_penalty", "grammar"}),
    ),
)
