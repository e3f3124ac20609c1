"""A picture that a model made, on the Chat wire: `images` beside the text, as OpenRouter and others have it.

Source: https://openrouter.ai/docs/features/multimodal/image-generation.
"""

from typing import Any

from trunkline.dialects.drawn import find_drawn, make_drawn
from trunkline.dialects.shapes import lenient_object, lenient_text
from trunkline.items import Item, OtherItem


def write_image(item: Item | None, number: int) -> dict[str, Any] | None:
    """The picture that an item is, as the entry of this number; `None` for every other item."""
    drawn = find_drawn(item)
    return None if drawn is None else {"type": "image_url", "image_url": {"url": drawn.url}, "index": number}


def read_image(entry: Any) -> OtherItem:
    """The picture in an entry. One that is somewhere else is nobody's but Chat's."""
    url = lenient_text(lenient_object(lenient_object(entry).get("image_url")).get("url"))
    head, comma, data = url.partition(",")
    if not comma or not head.startswith("data:image/") or not head.endswith(";base64"):
        return OtherItem(dialect="chat", type="images", value={"type": "images", "image": entry})
    return make_drawn(data, head.removeprefix("data:image/").partition(";")[0])
