"""A picture that a model made, on the Chat wire: `images` beside the text, as OpenRouter and others have it.

Source: https://openrouter.ai/docs/features/multimodal/image-generation.
"""

from typing import Any

from trunkline.dialects.shapes import lenient_text
from trunkline.items import Item, OtherItem


def write_image(item: Item | None, number: int) -> dict[str, Any] | None:
    """The picture that an item is, as the entry of this number; `None` for every other item."""
    if not isinstance(item, OtherItem) or item.type != "image_generation_call":
        return None
    data = lenient_text(item.value.get("result"))
    if not data:
        return None
    kind = lenient_text(item.value.get("output_format")) or "png"
    return {"type": "image_url", "image_url": {"url": f"data:image/{kind};base64,{data}"}, "index": number}
