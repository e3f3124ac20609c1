"""Embeddings, on OpenAI's wire."""

import base64
import struct
from typing import Any

from trunkline.upstream.fake.model import count
from trunkline.upstream.fake.wire import Body, require

_DIMENSIONS = 8


def embed(body: Body) -> dict[str, Any]:
    """Vectors that follow from their texts alone, as numbers or as the base64 that SDKs ask for."""
    given = require(body, "input", (str, list))
    texts = [given] if isinstance(given, str) else given
    if texts and isinstance(texts[0], int):
        texts = [texts]
    dimensions = body.get("dimensions") or _DIMENSIONS
    vectors = [_vector(str(text), dimensions) for text in texts]
    is_base64 = body.get("encoding_format") == "base64"
    tokens = sum(count(str(text)) for text in texts)
    return {
        "object": "list",
        "data": [
            {"object": "embedding", "index": index, "embedding": _pack(vector) if is_base64 else vector}
            for index, vector in enumerate(vectors)
        ],
        "model": body["model"],
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }


def _vector(text: str, dimensions: int) -> list[float]:
    """Quarters and eighths, so that they survive single precision."""
    return [((sum(text.encode()) + 7 * at) % 17 - 8) / 8 for at in range(dimensions)]


def _pack(vector: list[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
