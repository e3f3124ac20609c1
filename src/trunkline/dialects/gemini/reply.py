"""Whole Gemini replies, read and written.

Source: https://ai.google.dev/api/generate-content#generatecontentresponse.
"""

from typing import Any

import msgspec

from trunkline.dialects.dialect import ReplyContext
from trunkline.dialects.gemini.logprobs import write_logprobs
from trunkline.dialects.gemini.parts import PartMaker
from trunkline.dialects.gemini.plain_reply import read_plain_reply
from trunkline.dialects.gemini.reader import open_reader
from trunkline.dialects.gemini.writer import write_envelope
from trunkline.events import ModelResponse, ResponseEnded, ResponseStarted, TextAdded
from trunkline.folding import unfold


def read_reply(body: bytes) -> ModelResponse:
    """The answer in a reply's body, be it JSON or, from a server that streams unasked, events.

    Raises the error that the body holds, or `Garbled`.
    """
    return read_plain_reply(body) or open_reader().read(body)


def write_reply(response: ModelResponse, context: ReplyContext) -> bytes:
    """The answer as one response: what the stream adds up to."""
    maker = PartMaker(context.seal)
    parts: list[dict[str, Any]] = []
    logprobs: list[dict[str, Any]] = []
    for event in unfold(response):
        if isinstance(event, TextAdded):
            logprobs += event.logprobs or []
        for part in maker.take(event):
            _join(parts, part)
    for part in maker.flush():
        _join(parts, part)
    end = ResponseEnded(response.finish, response.stop_sequence, response.explanation)
    candidate: dict[str, Any] = {"content": {"parts": parts, "role": "model"}, **maker.finish(end)}
    if logprobs:
        candidate["logprobsResult"] = write_logprobs(logprobs)
    envelope = write_envelope(ResponseStarted(response.id, response.model), context)
    return msgspec.json.encode({"candidates": [candidate], **maker.count(), **envelope})


def _join(parts: list[dict[str, Any]], part: dict[str, Any]) -> None:
    """One step of thought is one part, whatever paragraphs it has."""
    last = parts[-1] if parts else {}
    if part.keys() == last.keys() == {"text", "thought"}:
        last["text"] += part["text"]
    elif part.keys() == {"text", "thought", "thoughtSignature"} and last.keys() == {"text", "thought"}:
        last["thoughtSignature"] = part["thoughtSignature"]
    else:
        parts.append(part)
