"""Sound that a model made, on the Chat wire: `audio` beside the text.

Source: https://platform.openai.com/docs/api-reference/chat/object (`message.audio`), …/chat/streaming.
"""

from base64 import b64decode, b64encode
from typing import Any

from trunkline.dialects.dialect import ReplyContext


def draw_sound(data: str, context: ReplyContext) -> dict[str, Any]:
    """An answer's first sound. No later request can name it, so it has expired by now."""
    return {"id": context.mint("audio_"), "data": data, "expires_at": context.created_at, "transcript": ""}


def join_sounds(pieces: list[str]) -> str:
    """Join pieces of sound into one."""
    try:
        return pieces[0] if len(pieces) == 1 else b64encode(b"".join(map(b64decode, pieces))).decode()
    except ValueError:
        # What is not base64 is told as it came: whoever hears it can say more about it.
        return "".join(pieces)
