"""Events → a Gemini caller's stream: frames without a name, ended by the one that says why it finished."""

from collections.abc import Sequence
from typing import Any

import msgspec

from trunkline.dialects.dialect import ReplyContext
from trunkline.dialects.gemini.errors import write_error_event
from trunkline.dialects.gemini.logprobs import write_logprobs
from trunkline.dialects.gemini.parts import PartMaker
from trunkline.events import Event, ResponseEnded, ResponseFailed, ResponseStarted, TextAdded

_encode = msgspec.json.Encoder().encode


class Writer:
    """A `StreamWriter` for one stream."""

    __slots__ = ("_after", "_context", "_maker", "_tail")

    def __init__(self, context: ReplyContext) -> None:
        self._context = context
        self._maker = PartMaker(context.seal)
        self._tail: dict[str, Any] = {}
        self._after = b""

    def write(self, events: Sequence[Event]) -> bytes:
        out: list[bytes] = []
        maker = self._maker
        for event in events:
            kind = type(event)
            if kind is TextAdded and event.index == maker.live and event.kind == "text" and event.logprobs is None:  # type: ignore[union-attr]  # the comparison says which event it is
                maker.note_text(event.text)  # type: ignore[union-attr]  # likewise
                out.append(_TEXT + encode_text(event.text) + self._after)  # type: ignore[union-attr]  # likewise
            elif kind is ResponseStarted:
                self._start(event)  # type: ignore[arg-type]  # likewise
            elif kind is ResponseEnded:
                out.append(self._end(event))  # type: ignore[arg-type]  # likewise
            elif kind is ResponseFailed:
                out.append(write_error_event(event.error))  # type: ignore[union-attr]  # likewise
            else:
                self._take(event, out)
        return b"".join(out)

    def _start(self, event: ResponseStarted) -> None:
        self._tail = write_envelope(event, self._context)
        self._after = b'}],"role":"model"},"index":0}],' + _encode(self._tail)[1:] + b"\r\n\r\n"

    def _take(self, event: Event, out: list[bytes]) -> None:
        parts = self._maker.take(event)
        if parts:
            candidate: dict[str, Any] = {"content": {"parts": parts, "role": "model"}, "index": 0}
            if isinstance(event, TextAdded) and event.logprobs:
                candidate["logprobsResult"] = write_logprobs(event.logprobs)
            out.append(self._frame({"candidates": [candidate]}))

    def _end(self, event: ResponseEnded) -> bytes:
        parts = self._maker.flush() or [{"text": ""}]
        candidate = {"content": {"parts": parts, "role": "model"}, **self._maker.finish(event)}
        return self._frame({"candidates": [candidate], **self._maker.count()})

    def _frame(self, members: dict[str, Any]) -> bytes:
        return b"data: " + _encode({**members, **self._tail}) + b"\r\n\r\n"


_TEXT = b'data: {"candidates":[{"content":{"parts":[{"text":'


def encode_text(text: str) -> bytes:
    """A JSON string; half surrogate pairs, which UTF-8 cannot hold, become replacement characters."""
    try:
        return _encode(text)
    except UnicodeEncodeError:
        return _encode(text.encode("utf-8", "replace").decode())


def write_envelope(event: ResponseStarted, context: ReplyContext) -> dict[str, Any]:
    """What every frame says of the answer."""
    return {"modelVersion": event.model or context.model, "responseId": context.mint("resp_")}
