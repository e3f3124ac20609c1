"""A picture that a model made, on the Chat wire: `images` beside the text, as OpenRouter and others have it.

Source: https://openrouter.ai/docs/features/multimodal/image-generation.
"""

from typing import Any

from trunkline.dialects.drawn import find_drawn
from trunkline.items import Item


def write_image(item: Item | None, number: int) -> dict[str, Any] | None:
    """The picture that an item is, as the entry of this number; `None` for every other item."""
    drawn = find_drawn(item)
    return None if drawn is None else {"type": "image_url", "image_url": {"url": drawn.url}, "index": number}
