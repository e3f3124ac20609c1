"""One set of requests from every caller towards every upstream, as golden bodies: read them when they change.

T-33, T-35, T-37, T-38, T-55, T-57 and T-64 are in them, and asked by name in the dialects' own tests.
"""

from collections.abc import Callable
from typing import Any

import pytest
from crossings import DIALECTS, OPENAI, unseal

from trunkline.capabilities import Capabilities
from trunkline.clock import CountingMint
from trunkline.dialects import bedrock, cohere
from trunkline.dialects.lowering import lower
from trunkline.errors import CallerError

# Each upstream as its most usual provider has it; `openai` is Chat with all that OpenAI has.
TARGETS: dict[str, tuple[str, Capabilities]] = {
    "responses": ("responses", Capabilities(**OPENAI)),
    "openai": ("chat", Capabilities(**OPENAI, developer_role=True, reasoning_field=None)),
    "chat": ("chat", Capabilities()),
    "messages": ("messages", Capabilities(thinking="manual", max_output_tokens=32000)),
    "gemini": ("gemini", Capabilities(parallel_switch=False)),
    "bedrock": ("bedrock", Capabilities(thinking="manual", max_output_tokens=32000, parallel_switch=False)),
    "cohere": ("cohere", Capabilities(parallel_switch=False, json_schema_with_tools=False)),
}

UPSTREAMS = {**DIALECTS, "bedrock": bedrock.DIALECT, "cohere": cohere.DIALECT}

SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "unit": {"type": ["string", "null"], "enum": ["C", "F", None]}},
    "required": ["city", "unit"],
    "additionalProperties": False,
}
PICTURE = "iVBORw0KGgo="

CASES: dict[str, dict[str, dict[str, Any]]] = {
    "loop": {
        "responses": {
            "instructions": "Be brief.",
            "input": [
                {"role": "user", "content": "Weather in Zug and Bern?"},
                {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Two calls."}]},
                {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Let me look."}]},
                {"type": "function_call", "call_id": "c1", "name": "weather", "arguments": '{"city":"Zug"}'},
                {"type": "function_call", "call_id": "c2", "name": "weather", "arguments": '{"city":"Bern"}'},
                {"type": "function_call_output", "call_id": "c2", "output": "rain"},
                {"type": "function_call_output", "call_id": "c1", "output": "sun"},
                {"role": "user", "content": "And?"},
            ],
            "tools": [{"type": "function", "name": "weather", "parameters": SCHEMA}],
        },
        "chat": {
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "Weather in Zug and Bern?"},
                {
                    "role": "assistant",
                    "content": "Let me look.",
                    "reasoning_content": "Two calls.",
                    "tool_calls": [
                        {
                            "id": "c1",
                            "type": "function",
                            "function": {"name": "weather", "arguments": '{"city":"Zug"}'},
                        },
                        {
                            "id": "c2",
                            "type": "function",
                            "function": {"name": "weather", "arguments": '{"city":"Bern"}'},
                        },
                    ],
                },
                {"role": "tool", "tool_call_id": "c2", "content": "rain"},
                {"role": "tool", "tool_call_id": "c1", "content": "sun"},
                {"role": "user", "content": "And?"},
            ],
            "tools": [{"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}],
        },
        "messages": {
            "system": "Be brief.",
            "max_tokens": 1000,
            "messages": [
                {"role": "user", "content": "Weather in Zug and Bern?"},
                {
                    "role": "assistant",
                    "content": [
                        {"type": "thinking", "thinking": "Two calls.", "signature": ""},
                        {"type": "text", "text": "Let me look."},
                        {"type": "tool_use", "id": "c1", "name": "weather", "input": {"city": "Zug"}},
                        {"type": "tool_use", "id": "c2", "name": "weather", "input": {"city": "Bern"}},
                    ],
                },
                {
                    "role": "user",
                    "content": [
                        {"type": "tool_result", "tool_use_id": "c1", "content": "sun"},
                        {"type": "tool_result", "tool_use_id": "c2", "content": "rain", "is_error": True},
                        {"type": "text", "text": "And?"},
                    ],
                },
            ],
            "tools": [{"name": "weather", "input_schema": SCHEMA}],
        },
        "gemini": {
            "systemInstruction": {"parts": [{"text": "Be brief."}]},
            "contents": [
                {"role": "user", "parts": [{"text": "Weather in Zug?"}]},
                {
                    "role": "model",
                    "parts": [
                        {"text": "Let me look."},
                        {"functionCall": {"id": "c1", "name": "weather", "args": {"city": "Zug"}}},
                    ],
                },
                {
                    "role": "user",
                    "parts": [{"functionResponse": {"id": "c1", "name": "weather", "response": {"output": "sun"}}}],
                },
            ],
            "tools": [{"functionDeclarations": [{"name": "weather", "parametersJsonSchema": SCHEMA}]}],
        },
    },
    "tools": {
        "responses": {
            "input": "Go.",
            "tools": [
                {"type": "function", "name": "plain"},
                {
                    "type": "custom",
                    "name": "patch",
                    "format": {"type": "grammar", "syntax": "regex", "definition": "a+"},
                },
                {
                    "type": "namespace",
                    "name": "crm",
                    "description": "Customers",
                    "tools": [{"type": "function", "name": "get", "parameters": SCHEMA}],
                },
                {"type": "shell"},
            ],
            "tool_choice": {
                "type": "allowed_tools",
                "mode": "required",
                "tools": [{"type": "function", "name": "plain"}, {"type": "custom", "name": "patch"}],
            },
            "parallel_tool_calls": False,
        },
        "chat": {
            "messages": [{"role": "user", "content": "Go."}],
            "tools": [
                {"type": "function", "function": {"name": "plain"}},
                {
                    "type": "custom",
                    "custom": {
                        "name": "patch",
                        "format": {"type": "grammar", "grammar": {"syntax": "regex", "definition": "a+"}},
                    },
                },
            ],
            "tool_choice": {"type": "custom", "custom": {"name": "patch"}},
            "parallel_tool_calls": False,
        },
        "messages": {
            "messages": [{"role": "user", "content": "Go."}],
            "max_tokens": 1000,
            "tools": [
                {"name": "plain", "input_schema": {"type": "object"}},
                {"type": "bash_20250124", "name": "bash"},
                {"type": "text_editor_20250728", "name": "str_replace_based_edit_tool"},
            ],
            "tool_choice": {"type": "any", "disable_parallel_tool_use": True},
        },
    },
    "format": {
        "responses": {
            "input": "Where?",
            "text": {"format": {"type": "json_schema", "name": "place", "schema": SCHEMA, "strict": True}},
        },
        "chat": {
            "messages": [{"role": "user", "content": "Where?"}],
            "response_format": {"type": "json_schema", "json_schema": {"name": "place", "schema": SCHEMA}},
        },
        "messages": {
            "messages": [{"role": "user", "content": "Where?"}],
            "max_tokens": 1000,
            "output_config": {"format": {"type": "json_schema", "schema": SCHEMA}},
        },
        "gemini": {
            "contents": [{"role": "user", "parts": [{"text": "Where?"}]}],
            "generationConfig": {"responseMimeType": "application/json", "responseJsonSchema": SCHEMA},
        },
    },
    "search": {
        "responses": {
            "input": "News?",
            "tools": [{"type": "web_search"}],
            "max_tool_calls": 2,
            "include": ["web_search_call.action.sources"],
        },
        "messages": {
            "messages": [{"role": "user", "content": "News?"}],
            "max_tokens": 1000,
            "tools": [{"type": "web_search_20250305", "name": "web_search"}],
        },
        "chat": {"messages": [{"role": "user", "content": "News?"}], "web_search_options": {}},
        "gemini": {"contents": [{"role": "user", "parts": [{"text": "News?"}]}], "tools": [{"googleSearch": {}}]},
    },
    "settings": {
        "responses": {
            "input": "Hi.",
            "max_output_tokens": 2000,
            "temperature": 0.5,
            "top_p": 0.9,
            "reasoning": {"effort": "low", "summary": "auto"},
            "text": {"verbosity": "low"},
            "metadata": {"a": "b"},
            "user": "u",
            "service_tier": "auto",
            "store": False,
        },
        "chat": {
            "messages": [{"role": "user", "content": "Hi."}],
            "max_completion_tokens": 2000,
            "temperature": 0.5,
            "seed": 7,
            "frequency_penalty": 0.1,
            "reasoning_effort": "low",
            "user": "u",
            "n": 1,
        },
        "messages": {
            "messages": [{"role": "user", "content": "Hi."}],
            "max_tokens": 2000,
            "temperature": 0.5,
            "top_k": 5,
            "metadata": {"user_id": "u"},
            "output_config": {"effort": "low"},
        },
        "gemini": {
            "contents": [{"role": "user", "parts": [{"text": "Hi."}]}],
            "generationConfig": {"maxOutputTokens": 2000, "temperature": 0.5, "topK": 5, "seed": 7},
        },
    },
    "picture": {
        "responses": {
            "input": [
                {
                    "role": "user",
                    "content": [
                        {"type": "input_text", "text": "What?"},
                        {"type": "input_image", "image_url": f"data:image/png;base64,{PICTURE}"},
                    ],
                },
                {"type": "function_call", "call_id": "c1", "name": "look", "arguments": "{}"},
                {
                    "type": "function_call_output",
                    "call_id": "c1",
                    "output": [
                        {"type": "input_text", "text": "seen"},
                        {"type": "input_image", "image_url": f"data:image/png;base64,{PICTURE}"},
                    ],
                },
            ],
        },
        "messages": {
            "max_tokens": 1000,
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "What?"},
                        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PICTURE}},
                    ],
                }
            ],
        },
        "chat": {
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "What?"},
                        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PICTURE}"}},
                    ],
                }
            ]
        },
    },
}

PAIRS = [
    (case, caller, target)
    for case, bodies in CASES.items()
    for caller in bodies
    for target, (upstream, _) in TARGETS.items()
    if upstream != caller
]


def cross(body: dict[str, Any], caller: str, target: str) -> dict[str, Any]:
    """The upstream's body and what is said of it, or the refusal."""
    upstream, capabilities = TARGETS[target]
    try:
        request = DIALECTS[caller].read_request({"model": "m", **body}, unseal)
        lowered, lowering = lower(request, caller, upstream, capabilities, CountingMint())
        written = UPSTREAMS[upstream].write_request(lowered, capabilities)
    except CallerError as error:
        return {"refused": {"code": error.code, "param": error.param, "message": error.message}}
    said = {
        "dropped": [*lowering.dropped, *written.dropped],
        "emulated": lowering.emulated,
    }
    return {"body": written.body, **{name: names for name, names in said.items() if names}}


@pytest.mark.parametrize(("case", "caller", "target"), PAIRS)
def test_golden_request(case: str, caller: str, target: str, golden: Callable[[str, Any], None]) -> None:
    """What is sent, whole."""
    golden(f"{case}.{caller}-{target}", cross(CASES[case][caller], caller, target))
