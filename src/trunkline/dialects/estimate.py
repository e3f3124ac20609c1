"""How many tokens a request is, about: by classes of characters, without any tokenizer.

Good to some ten per cent on prose, and never zero. Costs about a microsecond a kilobyte of ASCII, so a long
conversation can be estimated in passing. Knows no dialect.
"""

import math
import re
from typing import Any, assert_never

import msgspec

from trunkline.items import (
    Audio,
    CustomTool,
    File,
    FunctionTool,
    Image,
    Item,
    Message,
    OtherItem,
    OtherPart,
    OtherTool,
    Part,
    Reasoning,
    Refusal,
    Text,
    Tool,
    ToolCall,
    ToolOutput,
)
from trunkline.request import ModelRequest

CHARACTERS_PER_TOKEN = 4.0
"""Of plain English."""

_CJK_PER_TOKEN = 1.6
_OTHER_PER_TOKEN = 2.5
_TOOL_BYTES_PER_TOKEN = 3.5
_TOKENS_PER_MESSAGE = 4.0
_TOKENS_PER_TOOL = 4.0

# A picture without a stated size: about what a megapixel costs with the usual providers.
_IMAGE_TOKENS = 1500.0
_SMALL_IMAGE_TOKENS = 85.0
# A page of PDF is 1,500 to 3,000 tokens and some 50 KB; base64 adds a third.
_FILE_CHARACTERS_PER_TOKEN = 30.0
# Not sent along, so its size is unknown: a few pages.
_LINKED_FILE_TOKENS = 5000.0
# 16 kHz mono is 32 KB a second, of which providers make 10 to 25 tokens.
_AUDIO_CHARACTERS_PER_TOKEN = 2500.0

_CJK = re.compile("[\u1100-\u11ff\u2e80-\ua4cf\uac00-\ud7ff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]+")


def estimate_text(text: str) -> float:
    """Tokens of a text: four ASCII characters each, 1.6 of Chinese, Japanese or Korean, 2.5 of any other script."""
    if text.isascii():
        return len(text) / CHARACTERS_PER_TOKEN
    ascii_count = len(text.encode("ascii", "ignore"))
    cjk_count = len(text) - len(_CJK.sub("", text))
    other_count = len(text) - ascii_count - cjk_count
    return ascii_count / CHARACTERS_PER_TOKEN + cjk_count / _CJK_PER_TOKEN + other_count / _OTHER_PER_TOKEN


def estimate_file(size_bytes: int) -> int:
    """Tokens of a file that a request does not hold itself."""
    return math.ceil(size_bytes * 4 / 3 / _FILE_CHARACTERS_PER_TOKEN)


def estimate_input(request: ModelRequest) -> int:
    """Tokens that the request puts into the model, at least 1."""
    total = _TOKENS_PER_MESSAGE + estimate_text(request.instructions) if request.instructions else 0.0
    total += sum(estimate_item(item) for item in request.items)
    total += sum(_TOKENS_PER_TOOL + _estimate_tool(tool) for tool in request.tools)
    if request.text_format is not None and request.text_format.schema is not None:
        total += _estimate_schema(request.text_format.schema)
    return max(1, math.ceil(total))


def estimate_item(item: Item) -> float:
    """Tokens of one item of a conversation."""
    match item:
        case Message():
            return _TOKENS_PER_MESSAGE + sum(_estimate_part(part) for part in item.parts)
        case Reasoning():
            return sum(estimate_text(text) for text in (*item.summary, *item.content))
        case ToolCall():
            return _TOKENS_PER_MESSAGE + estimate_text(item.name) + estimate_text(item.arguments)
        case ToolOutput():
            output = item.output
            parts = [Text(text=output)] if isinstance(output, str) else output
            return _TOKENS_PER_MESSAGE + sum(_estimate_part(part) for part in parts)
        case OtherItem():
            return _TOKENS_PER_MESSAGE + _estimate_schema(item.value)
        case _:
            assert_never(item)


def _estimate_part(part: Part) -> float:
    match part:
        case Text():
            return estimate_text(part.text)
        case Refusal():
            return estimate_text(part.refusal)
        case Image():
            return _SMALL_IMAGE_TOKENS if part.detail == "low" else _IMAGE_TOKENS
        case File():
            return len(part.data) / _FILE_CHARACTERS_PER_TOKEN if part.data is not None else _LINKED_FILE_TOKENS
        case Audio():
            return len(part.data) / _AUDIO_CHARACTERS_PER_TOKEN
        case OtherPart():
            return _estimate_schema(part.value)
        case _:
            assert_never(part)


def _estimate_tool(tool: Tool) -> float:
    match tool:
        case FunctionTool():
            words = len(tool.name) + len((tool.description or "").encode("utf-8", "replace"))
            return words / _TOOL_BYTES_PER_TOKEN + _estimate_schema(tool.parameters or {})
        case CustomTool():
            words = len(tool.name) + len((tool.description or "").encode("utf-8", "replace"))
            return words / _TOOL_BYTES_PER_TOKEN + _estimate_schema(tool.format or {})
        case OtherTool():
            return _estimate_schema(tool.value)
        case _:
            assert_never(tool)


def _estimate_schema(value: dict[str, Any]) -> float:
    try:
        return len(msgspec.json.encode(value)) / _TOOL_BYTES_PER_TOKEN
    except (UnicodeEncodeError, RecursionError):
        return len(repr(value)) / _TOOL_BYTES_PER_TOKEN
