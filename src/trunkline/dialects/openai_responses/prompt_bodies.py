"""What a version of a prompt may hold: checked when it is made, so that using it fails for its variables alone."""

import difflib
from typing import Any

import msgspec

from trunkline.dialects.openai_responses.prompts import check_variable, is_message, texts_of
from trunkline.dialects.openai_responses.request import read_request
from trunkline.dialects.placeholders import find_bad_placeholder, is_name
from trunkline.dialects.shapes import Fields, missing, wrong_type
from trunkline.errors import InvalidRequest, TooLarge, UnknownParameter

MEMBERS = (
    "model",
    "instructions",
    "input",
    "variables",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "max_tool_calls",
    "text",
    "reasoning",
    "temperature",
    "top_p",
    "top_logprobs",
    "frequency_penalty",
    "presence_penalty",
    "max_output_tokens",
    "truncation",
    "metadata",
    "service_tier",
    "prompt_cache_key",
    "prompt_cache_retention",
    "provider_options",
)
"""What a prompt can say for a request."""

_OF_A_REQUEST = (
    "stream",
    "store",
    "background",
    # Some SDKs always send it, so a prompt's own would never be heard.
    "include",
    "previous_response_id",
    "conversation",
    "prompt",
    "user",
    "safety_identifier",
)

# Room for pictures within it; every request that names the prompt pays for each byte.
_MOST_BYTES = 4_000_000
_MODEL_LIMIT = 512


def read_prompt_body(value: Any) -> bytes:
    """A version's body as it is kept: JSON without what is null. Raises `InvalidRequest` with the path in the body."""
    if type(value) is not dict:
        raise wrong_type("body", "an object", value)
    body = {name: member for name, member in value.items() if member is not None}
    for name in body:
        _check_name(name)
    variables = body.pop("variables", None)
    _check_request(body)
    _check_messages(body.get("input"))
    _check_placeholders(body)
    _check_variables(variables)
    written = msgspec.json.encode(body if variables is None else {**body, "variables": variables})
    if len(written) > _MOST_BYTES:
        raise TooLarge(f"a prompt's version may have {_MOST_BYTES:,} bytes, and this one has {len(written):,}")
    return written


def _check_name(name: str) -> None:
    if name in MEMBERS:
        return
    if name in _OF_A_REQUEST:
        raise UnknownParameter(f"`{name}` is said by each request, never by its prompt: leave it out", param=name)
    near = difflib.get_close_matches(name, MEMBERS, n=1)
    mend = f"did you mean `{near[0]}`?" if near else f"it holds {', '.join(MEMBERS)}"
    raise UnknownParameter(f"`{name[:64]}` is no member of a prompt: {mend}", param=name[:64])


def _check_request(body: dict[str, Any]) -> None:
    """Whatever is wrong in it would be wrong in a request."""
    model = body.get("model", "any")
    if type(model) is not str or not model.strip() or len(model) > _MODEL_LIMIT:
        raise InvalidRequest(f"`model` must be a name of at most {_MODEL_LIMIT} characters", param="model")
    if not body.get("instructions") and not body.get("input"):
        raise missing("instructions", "a string, unless there is an `input`")
    read_request({"input": "", **body, "model": model}, lambda _: None)


def _check_messages(value: Any) -> None:
    for number, item in enumerate(value if isinstance(value, list) else ()):
        if not is_message(item):
            raise InvalidRequest(
                f"`input[{number}]` must be a message: a prompt holds no calls and refers to no items",
                param=f"input[{number}]",
            )


def _check_placeholders(body: dict[str, Any]) -> None:
    value = body.get("input", "")
    items = enumerate(value) if isinstance(value, list) else ()
    texts = [("instructions", body.get("instructions", "")), ("input", value if isinstance(value, str) else "")]
    texts += [(f"input[{number}].content", text) for number, item in items for text in texts_of(item)]
    for place, text in texts:
        bad = find_bad_placeholder(text)
        if bad is not None:
            raise InvalidRequest(
                f"`{place}` holds `{bad[:64]}`, whose name is none: names have up to 64 letters, digits, `_` and `-`",
                param=place,
                code="invalid_value",
            )


def _check_variables(variables: Any) -> None:
    declared = Fields({"variables": variables}).object("variables") or {}
    for name, declaration in declared.items():
        place = f"variables.{name[:64]}"
        if not is_name(name):
            raise InvalidRequest(f"`{place}` is no name: names have up to 64 letters, digits, `_` and `-`", param=place)
        if declaration is None:
            continue
        if type(declaration) is not dict:
            raise wrong_type(place, 'an object like {"default": "…"}', declaration)
        fields = Fields(declaration, place)
        if (default := fields.any("default")) is not None:
            check_variable(default, fields.at("default"))
        for unknown in fields.rest():
            raise UnknownParameter(
                f"`{fields.at(unknown[:64])}` is not known: a variable has a `default` or nothing",
                param=fields.at(unknown[:64]),
            )
