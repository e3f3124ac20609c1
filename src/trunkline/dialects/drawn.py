"""Pictures that a model made: an item in OpenAI's words, whoever the model is."""

from typing import NamedTuple

from trunkline.dialects.shapes import lenient_text
from trunkline.items import Item, OtherItem

DRAWN = "image_generation_call"


class Drawn(NamedTuple):
    """A picture in base64."""

    media_type: str
    data: str

    @property
    def url(self) -> str:
        return f"data:{self.media_type};base64,{self.data}"


def make_drawn(data: str, format: str) -> OtherItem:
    """The item that a picture is; `format` is `png` and the like."""
    value = {"type": DRAWN, "status": "completed", "result": data, "output_format": format}
    return OtherItem(dialect="responses", type=DRAWN, value=value)


def find_drawn(item: Item | None) -> Drawn | None:
    """The picture that an item is; `None` for every other item."""
    if not isinstance(item, OtherItem) or item.type != DRAWN:
        return None
    data = lenient_text(item.value.get("result"))
    return Drawn(f"image/{lenient_text(item.value.get('output_format')) or 'png'}", data) if data else None
