"""Pictures that a model made, for callers of Messages: a block as they send pictures themselves.

Anthropic's own models make none, so its answers have no such block; its request has. Clients send it back as it is.
"""

from hashlib import blake2b
from typing import Any

from trunkline.dialects.shapes import Fields, lenient_text
from trunkline.items import OtherItem

_MADE = "image_generation_call"


def write_drawn(item: OtherItem) -> dict[str, Any] | None:
    """The block of a picture; `None` for every other item."""
    data = lenient_text(item.value.get("result")) if item.type == _MADE else ""
    if not data:
        return None
    kind = lenient_text(item.value.get("output_format")) or "png"
    return {"type": "image", "source": {"type": "base64", "media_type": f"image/{kind}", "data": data}}


def read_drawn(block: Fields) -> OtherItem | None:
    """The picture that a model's own turn shows; `None` for one that stands elsewhere than in the block."""
    source = block.need_fields("source")
    if source.text("type") != "base64":
        return None
    data = source.need_text("data")
    # It had one, and needs one again where it came from.
    item_id = f"ig_{blake2b(data.encode(), digest_size=24).hexdigest()}"
    kind = (source.text("media_type") or "").partition("/")[2] or "png"
    value = {"id": item_id, "type": _MADE, "status": "completed", "result": data, "output_format": kind}
    return OtherItem(dialect="responses", type=_MADE, value=value, id=item_id)
