"""A request's whole way through two dialects and back, without a gateway: what every test of lowering asks."""

from collections.abc import Sequence
from typing import Any

from trunkline.capabilities import Capabilities
from trunkline.clock import CountingMint
from trunkline.dialects import anthropic, bedrock, gemini, openai_chat, openai_responses
from trunkline.dialects.dialect import UpstreamDialect
from trunkline.dialects.lowering import Lowering, lower
from trunkline.events import Event, ModelResponse
from trunkline.folding import fold, unfold
from trunkline.grammar import check
from trunkline.items import Carrier, Item, Message, Text, ToolCall

DIALECTS = {
    "responses": openai_responses.DIALECT,
    "chat": openai_chat.DIALECT,
    "messages": anthropic.DIALECT,
    "gemini": gemini.DIALECT,
}
UPSTREAMS: dict[str, UpstreamDialect] = {**DIALECTS, "bedrock": bedrock.DIALECT}

# What OpenAI's own models have beyond the permissive defaults.
OPENAI: dict[str, Any] = {"custom_tools": True}


def unseal(sealed: str) -> Carrier | None:
    """Nothing is sealed here."""
    return None


class Crossed:
    """One request made ready: the upstream's `body`, and the way back."""

    def __init__(self, body: dict[str, Any], caller: str, upstream: str, **capabilities: Any) -> None:
        known = Capabilities(**capabilities)
        asked = {"model": "m", **body}
        if caller == "messages":
            asked.setdefault("max_tokens", 100)
        self.request = DIALECTS[caller].read_request(asked, unseal)
        self.lowered, self.lowering = lower(self.request, caller, upstream, known, CountingMint())
        written = UPSTREAMS[upstream].write_request(self.lowered, known)
        self.body = written.body
        self.dropped = [*self.lowering.dropped, *written.dropped]
        self.emulated = self.lowering.emulated

    def answer(self, *items: Item, **fields: Any) -> ModelResponse:
        """The answer with these items as the caller gets it; the same whether it came event by event or at once."""
        return restore(self.lowering, list(unfold(ModelResponse(items=list(items), **fields))))


def restore(lowering: Lowering, events: Sequence[Event]) -> ModelResponse:
    """The events restored, streamed and whole."""
    back = lowering.restore()
    streamed = check(shown for event in events for shown in back([event]))
    whole = fold(check(lowering.restore()(list(events))))
    folded = fold(streamed)
    assert [plain(item) for item in folded.items] == [plain(item) for item in whole.items]
    assert (folded.finish, type(folded.error)) == (whole.finish, type(whole.error))
    return folded


def plain(item: Item) -> Any:
    """An item without the ids that each run makes anew."""
    value = getattr(item, "value", None)
    if isinstance(value, dict):
        return {name: member for name, member in value.items() if name not in ("id", "call_id", "tool_use_id")}
    return item


def say(text: str, role: Any = "assistant") -> Message:
    return Message(role=role, parts=[Text(text=text)], status="completed")


def call(name: str, arguments: str, call_id: str = "call_1", **fields: Any) -> ToolCall:
    return ToolCall(call_id=call_id, name=name, arguments=arguments, status="completed", **fields)


def user(text: str = "hello") -> dict[str, Any]:
    return {"role": "user", "content": text}
