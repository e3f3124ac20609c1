"""Pictures that a model made, for callers of Messages: a block as they send pictures themselves.

Anthropic's own models make none, so its answers have no such block; its request has. Clients send it back as it is.
"""

from hashlib import blake2b
from typing import Any

from trunkline.dialects.drawn import DRAWN, find_drawn
from trunkline.dialects.shapes import Fields
from trunkline.items import OtherItem


def write_drawn(item: OtherItem) -> dict[str, Any] | None:
    """The block of a picture; `None` for every other item."""
    drawn = find_drawn(item)
    if drawn is None:
        return None
    return {"type": "image", "source": {"type": "base64", "media_type": drawn.media_type, "data": drawn.data}}


def read_drawn(block: Fields) -> OtherItem | None:
    """The picture that a model's own turn shows; `None` for one that stands elsewhere than in the block."""
    source = block.need_fields("source")
    if source.text("type") != "base64":
        return None
    data = source.need_text("data")
    # It had one, and needs one again where it came from.
    item_id = f"ig_{blake2b(data.encode(), digest_size=24).hexdigest()}"
    kind = (source.text("media_type") or "").partition("/")[2] or "png"
    value = {"id": item_id, "type": DRAWN, "status": "completed", "result": data, "output_format": kind}
    return OtherItem(dialect="responses", type=DRAWN, value=value, id=item_id)
