"""Hugging Face's router to inference providers.

Responses are in beta there. Names have a slash of their own, and may end in `:provider` or a policy (`:fastest`).
"""

from trunkline.capabilities import Capabilities
from trunkline.providers.openai_format import make_provider

PROVIDER = make_provider(
    "huggingface",
    "Hugging Face",
    "https://huggingface.co/docs/inference-providers/index",
    "https://router.huggingface.co/v1",
    speaks=("chat", "responses"),
    capabilities=Capabilities(files=False, audio=False, fields=frozenset({"top_k", "repetition_penalty"})),
)
