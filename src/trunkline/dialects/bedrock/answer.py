"""What the events of one Converse answer add up to; streams and whole replies take the same way."""

from collections.abc import Mapping
from typing import Any

from trunkline.dialects.bedrock.blocks import CallBlock, Delta, OtherBlock, ThoughtBlock
from trunkline.dialects.bedrock.citations import read_citation
from trunkline.dialects.blocks import BlockAnswer, TextBlock
from trunkline.dialects.shapes import lenient_int, lenient_list, lenient_object, lenient_text
from trunkline.errors import Failed
from trunkline.events import Finish
from trunkline.usage import Usage, read_tier

_FINISHES: Mapping[str, Finish] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
}
"""`stopReason` → our word. One that is not here is a plain stop, but for the two that are failures."""

_MALFORMED = frozenset({"malformed_model_output", "malformed_tool_use"})


class Answer(BlockAnswer[Delta]):
    """What the events of one answer add up to; fed by the stream or by a whole reply. The wire names no model."""

    __slots__ = ("_usage",)

    def __init__(self) -> None:
        super().__init__()
        self._usage: Usage | None = None

    def open(self, number: int, block: dict[str, Any]) -> None:
        """A block that says at its start what it is."""
        self.begin()
        self.stop(number)
        call = lenient_object(block.get("toolUse"))
        if "toolUse" in block and call.get("type") is None:
            self.put(number, CallBlock(self.place(), call, self.out))
        else:
            self.put(number, OtherBlock(self.place(), block, self.out))

    def add(self, number: int, delta: Delta) -> None:
        """A piece of a block, which text and thought begin with."""
        if not self.is_open(number):
            self._open_unsaid(number, delta)
        super().add(number, delta)

    def _open_unsaid(self, number: int, delta: Delta) -> None:
        self.begin()
        if delta.reasoningContent is not None:
            self.put(number, ThoughtBlock(self.place(), self.out))
        elif delta.text is not None or delta.citation is not None:
            self.put(number, TextBlock(self.place_text, read_citation))

    def stop_for(self, reason: str, fields: Any) -> None:
        """Why the model stopped; `fields` are the members of its own reply that were asked for."""
        self.finish = _FINISHES.get(reason, "stop")
        if reason in _MALFORMED:
            self.failure = Failed("the model's answer is malformed", detail=reason)
        if reason == "stop_sequence":
            self.stop_sequence = lenient_text(lenient_object(fields).get("stop_sequence"))

    def count(self, usage: Any, tier: Any) -> None:
        """Token counts. Cached tokens stand beside the input, so the buckets copy straight across."""
        counts = lenient_object(usage)
        written = lenient_int(counts.get("cacheWriteInputTokens"))
        details = [lenient_object(detail) for detail in lenient_list(counts.get("cacheDetails"))]
        hour = sum(lenient_int(detail.get("inputTokens")) for detail in details if detail.get("ttl") == "1h")
        hour = min(hour, written)
        self._usage = Usage(
            input_tokens=lenient_int(counts.get("inputTokens")),
            cached_input_tokens=lenient_int(counts.get("cacheReadInputTokens")),
            cache_write_tokens=written - hour,
            output_tokens=lenient_int(counts.get("outputTokens")),
            cache_write_1h_tokens=hour,
            tier=read_tier(lenient_object(tier).get("type")),
        )

    def read_usage(self) -> Usage | None:
        return self._usage

    def end_if_whole(self) -> None:
        """The proper end, once both have come that end a stream, in whichever order."""
        if self.finish is not None and self._usage is not None:
            self.end()
