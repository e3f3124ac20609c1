"""About how many tokens an answer had come to when it was cut, by the bytes that had passed: for answers that never
told.

Whatever the dialect, text stands in JSON strings under a few names.
"""

import math
import re

import msgspec

from trunkline.dialects.estimate import estimate_text

_TEXTS = re.compile(
    rb'"(?:text|delta|content|refusal|reasoning|reasoning_content|thinking|arguments|partial_json|input)"\s*:\s*'
    rb'("(?:[^"\\]|\\.)*+")'
)


def estimate_said(data: bytes, more_bytes: int = 0) -> int:
    """Tokens of the text in an answer's bytes, of which so many more have passed that are like these."""
    texts = (_decode(match[1]) for match in _TEXTS.finditer(data))
    tokens = sum(map(estimate_text, texts))
    return math.ceil(tokens * (1 + more_bytes / len(data))) if data else 0


def _decode(text: bytes) -> str:
    try:
        return msgspec.json.decode(text, type=str)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return text[1:-1].decode("utf-8", "replace")
