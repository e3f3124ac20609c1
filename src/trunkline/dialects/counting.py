"""Providers that count tokens: how each is asked, given what it would be asked to answer, and where it says the number.

A counter takes a part of what a model takes, and refuses the rest. Knows bodies alone, no paths.
Sources: https://platform.openai.com/docs/api-reference/responses/input-tokens,
https://docs.anthropic.com/en/api/messages-count-tokens, https://ai.google.dev/api/tokens,
https://docs.cloud.google.com/vertex-ai/generative-ai/docs/model-reference/count-tokens,
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_CountTokens.html
"""

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass
from typing import Any

from trunkline.dialects.shapes import decode_json, lenient_object
from trunkline.errors import Garbled

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Counter:
    """One way of asking.

    `operation` is what a provider that has it declares. `takes` are the members of a request that it takes, of which
    `wrap(members, model)` makes its own body, and `said` is the member of its answer that is the number.
    """

    operation: str
    takes: Set[str]
    said: str
    wrap: Callable[[Body, str], Body] = lambda members, _: members

    def write(self, body: Body, model: str) -> Body:
        """The body that asks for the count of a request, given the request's own."""
        return self.wrap({name: value for name, value in body.items() if name in self.takes}, model)

    def read(self, answer: bytes) -> int:
        """The number. Raises `Garbled` where there is none."""
        count = lenient_object(decode_json(answer)).get(self.said)
        if type(count) is not int or count < 0:
            raise Garbled("the provider was asked to count tokens, and its answer holds no number")
        return count


_GOOGLES = frozenset({"contents", "systemInstruction", "tools"})

COUNTERS: Mapping[str, tuple[Counter, ...]] = {
    "responses": (
        Counter(
            "responses:count",
            frozenset(
                "model input previous_response_id conversation instructions tools tool_choice parallel_tool_calls text"
                " reasoning truncation personality".split()
            ),
            "input_tokens",
        ),
    ),
    "messages": (
        Counter(
            "count_tokens",
            frozenset(
                "model messages system tools tool_choice thinking output_config cache_control mcp_servers".split()
            ),
            "input_tokens",
        ),
    ),
    "gemini": (
        # The Gemini API counts contents alone, unless a whole request is wrapped; Vertex has no such wrapping.
        Counter(
            "gemini:count_request",
            _GOOGLES | {"toolConfig"},
            "totalTokens",
            lambda members, model: {"generateContentRequest": {"model": f"models/{model}", **members}},
        ),
        Counter("gemini:count", _GOOGLES, "totalTokens"),
    ),
    "bedrock": (
        Counter(
            "bedrock:count",
            frozenset({"messages", "system", "toolConfig", "additionalModelRequestFields"}),
            "inputTokens",
            lambda members, _: {"input": {"converse": members}},
        ),
    ),
}
"""By the dialect of the request that is to be counted: the first that a provider has is asked."""


def find_counter(dialect: str, operations: Set[str]) -> Counter | None:
    """The counter of a provider with these operations, for a request in one of its dialects."""
    return next((counter for counter in COUNTERS.get(dialect, ()) if counter.operation in operations), None)
