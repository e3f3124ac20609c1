"""What was said in a request, made fit to be kept: redacted, cut, and a stream folded into what it made."""

from collections.abc import Collection, Mapping
from typing import Any, assert_never

import msgspec

from trunkline.dialects.dialect import UpstreamDialect
from trunkline.dialects.redaction import Redaction
from trunkline.evidence import Evidence, KeptBody, KeptEvidence, SentBody
from trunkline.folding import fold
from trunkline.items import Item, Message, OtherItem, Reasoning, Refusal, ToolCall, ToolOutput

KEPT_HEADERS = frozenset(
    b"user-agent content-type accept openai-beta anthropic-version anthropic-beta idempotency-key traceparent"
    b" x-trunkline-path x-trunkline-labels x-trunkline-strict x-stainless-lang x-stainless-package-version"
    b" x-stainless-runtime x-stainless-retry-count".split()
)
"""Headers of a client that say how it asked, and nothing of who it is."""

_HEADER_CHARACTERS = 1024
_STREAMS = (b"data:", b"event:", b":")


class Evident:
    """Makes evidence ready. `headers` are kept besides; `dialects` are those that callers speak."""

    def __init__(
        self, redaction: Redaction, dialects: Mapping[str, UpstreamDialect], headers: Collection[bytes] = ()
    ) -> None:
        self._redaction = redaction
        self._dialects = dialects
        self._headers = KEPT_HEADERS.union(headers)

    def make(self, evidence: Evidence) -> KeptEvidence:
        """Takes some milliseconds a megabyte: not for the event loop."""
        return KeptEvidence(
            {
                name.decode("latin-1"): self._redaction.clean_text(value.decode("utf-8", "replace"))[
                    :_HEADER_CHARACTERS
                ]
                for name, value in evidence.headers.items()
                if name in self._headers
            },
            self._body(evidence.request, len(evidence.request)),
            [
                SentBody(target, None if body == evidence.request else self._body(body, len(body)))
                for target, body in evidence.sent
            ],
            self._reply(evidence),
        )

    def _body(self, body: bytes, size_bytes: int) -> KeptBody:
        text, is_cut = self._redaction.clean(body)
        return KeptBody(text, size_bytes, is_cut or len(body) < size_bytes)

    def _reply(self, evidence: Evidence) -> KeptBody:
        said = b"".join(evidence.reply)
        if not said.startswith(_STREAMS):
            return self._body(said, evidence.reply_bytes)
        reader = self._dialects[evidence.dialect].reader()
        response = fold([*reader.feed(said), *reader.end()])
        if not response.items:
            return self._body(said, evidence.reply_bytes)
        text, is_cut = self._redaction.clean(msgspec.json.encode([_tell(item) for item in response.items]))
        return KeptBody(text, evidence.reply_bytes, is_cut or len(said) < evidence.reply_bytes, is_folded=True)


def _tell(item: Item) -> dict[str, Any]:
    """An item of an answer in a few words."""
    match item:
        case Message():
            said = [part.refusal if isinstance(part, Refusal) else getattr(part, "text", "") for part in item.parts]
            return {"type": "message", "role": item.role, "text": "".join(said)}
        case Reasoning():
            return {"type": "reasoning", "text": "\n\n".join([*item.summary, *item.content])}
        case ToolCall():
            return {"type": "call", "call_id": item.call_id, "name": item.name, "arguments": item.arguments}
        case ToolOutput():
            return {"type": "output", "call_id": item.call_id}
        case OtherItem():
            return item.value
        case _:
            assert_never(item)
