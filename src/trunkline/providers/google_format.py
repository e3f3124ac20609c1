"""What the providers of Google's wire format share: the paths of their models, how their lists read, what the models
take."""

from collections.abc import Mapping

import msgspec

from trunkline.capabilities import Capabilities
from trunkline.dialects.gemini.media import OWN_URLS
from trunkline.errors import Garbled
from trunkline.providers.provider import STREAM

OWN_MODELS = Capabilities(
    parallel_switch=False,
    image_urls=False,
    file_urls=False,
    own_urls=OWN_URLS,
    fields=frozenset({"top_k"}),
)
"""What Google's own models take, on either of its services."""


def write_paths(prefix: str = "") -> Mapping[str, str]:
    """The paths of a model's actions below a base URL. Streams are asked for as events."""
    model = prefix + "/models/{model}"
    return {
        "gemini": f"{model}:generateContent",
        "gemini" + STREAM: f"{model}:streamGenerateContent?alt=sse",
        "gemini:count": f"{model}:countTokens",
        "gemini:count_request": f"{model}:countTokens",
    }


def read_models(body: bytes) -> list[str]:
    """The names of a `GET /models` reply, `{"models": [{"name": "models/…"}]}`, without their prefix.

    Raises `Garbled` for anything else. Entries without a name are passed over.
    """
    try:
        decoded = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Garbled("the list of models is not JSON") from None
    # A list of nothing has no members at all.
    entries = decoded.get("models", None if decoded else []) if isinstance(decoded, dict) else None
    if not isinstance(entries, list):
        raise Garbled("the list of models is no list")
    names = [entry.get("name") for entry in entries if isinstance(entry, dict)]
    return [name.removeprefix("models/") for name in names if isinstance(name, str) and name]
