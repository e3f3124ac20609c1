"""Ollama, on this machine or another one.

Its Responses are young, so it is spoken to by Chat. Finishes with `stop` after calls, and some models send arguments
as objects: both are mended. `tool_choice` and parallel calls cannot be steered. It has a variable `OLLAMA_MODELS` of
its own (a folder), which is not taken for a list of models.
"""

from trunkline.capabilities import Capabilities
from trunkline.providers.openai_format import EMBEDDINGS, make_provider

PROVIDER = make_provider(
    "ollama",
    "Ollama",
    "https://docs.ollama.com/api/openai-compatibility",
    "http://localhost:11434/v1",
    key_required=False,
    operations=EMBEDDINGS,
    capabilities=Capabilities(
        reasoning_field="reasoning",
        parallel_switch=False,
        strict_tools=False,
        files=False,
        audio=False,
        image_urls=False,
    ),
)
