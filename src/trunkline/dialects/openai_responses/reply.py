"""A whole Responses reply: the response object, its items, its usage. What streams and plain replies share.

Source: https://platform.openai.com/docs/api-reference/responses/object
"""

from collections.abc import Iterator
from typing import Any, assert_never

import msgspec

from trunkline.dialects.dialect import ReplyContext
from trunkline.dialects.openai_responses.body import write_text_format
from trunkline.dialects.openai_responses.compaction import carry_block, draw_compaction, is_block
from trunkline.dialects.openai_responses.errors import draw_response_error
from trunkline.dialects.openai_responses.items import carry_for_call
from trunkline.dialects.openai_responses.parts import DIALECT_NAME, without_none, write_parts
from trunkline.dialects.openai_responses.plain_reply import read_plain_reply
from trunkline.dialects.openai_responses.reader import Reader
from trunkline.dialects.openai_responses.tools import echo_tool, write_tool_choice
from trunkline.dialects.openai_responses.usage import write_usage
from trunkline.errors import Broken
from trunkline.events import Finish, ModelResponse
from trunkline.folding import fold
from trunkline.items import Carrier, Item, Message, OtherItem, Reasoning, Refusal, Status, ToolCall, ToolOutput
from trunkline.request import ModelRequest, TextFormat
from trunkline.state.ids import ITEM_PREFIXES
from trunkline.usage import NO_USAGE, Usage

ID_PREFIXES: dict[type, str] = {Message: "msg_", Reasoning: "rs_"}


# --- the response object ----------------------------------------------------------------------------------------


def draw_response(response_id: str, model: str, context: ReplyContext) -> dict[str, Any]:
    """The response object as it is at the start: in progress, every required member present, the request echoed."""
    echo = context.shown.get(DIALECT_NAME)
    if echo is None:
        echo = context.shown[DIALECT_NAME] = _echo_request(context.request)
    own = {"id": response_id, "created_at": context.created_at, "model": model or context.model}
    return {**echo, **own, **context.echo}


def _echo_request(request: ModelRequest) -> dict[str, Any]:
    """The response object as far as its request says it, each member in its place."""
    settings = request.settings
    tools = [echo for tool in request.tools if (echo := echo_tool(tool)) is not None]
    body: dict[str, Any] = {
        "id": "",
        "object": "response",
        "created_at": 0,
        "status": "in_progress",
        "background": settings.background or False,
        "completed_at": None,
        "error": None,
        "frequency_penalty": settings.frequency_penalty or 0,
        "incomplete_details": None,
        "instructions": request.instructions,
        "max_output_tokens": settings.max_output_tokens,
        "max_tool_calls": settings.max_tool_calls,
        "model": "",
        "output": [],
        "parallel_tool_calls": settings.parallel_tool_calls is not False,
        "presence_penalty": settings.presence_penalty or 0,
        "previous_response_id": request.previous_response_id,
        "prompt_cache_key": settings.prompt_cache_key,
        "prompt_cache_retention": settings.prompt_cache_retention,
        "reasoning": _echo_reasoning(request),
        "safety_identifier": settings.safety_identifier,
        "service_tier": settings.service_tier or "default",
        # A fact, not an echo: where the gateway keeps the answer it says so.
        "store": False,
        "temperature": 1.0 if settings.temperature is None else settings.temperature,
        "text": _echo_text(request),
        "tool_choice": "auto" if request.tool_choice is None else write_tool_choice(request.tool_choice, request.tools),
        "tools": msgspec.Raw(msgspec.json.encode(tools)),
        "top_logprobs": settings.top_logprobs or 0,
        "top_p": 1.0 if settings.top_p is None else settings.top_p,
        "truncation": settings.truncation or "disabled",
        "usage": None,
        "metadata": settings.metadata or {},
    }
    # Absent rather than null where the caller did not say: OpenAI's own description has no null for these.
    conversation = None if request.conversation is None else {"id": request.conversation}
    return body | without_none({"user": settings.user, "conversation": conversation, "prompt": request.prompt})


def _echo_reasoning(request: ModelRequest) -> dict[str, Any]:
    reasoning = request.reasoning
    if reasoning is None:
        return {"effort": None, "summary": None}
    return {"effort": reasoning.effort, "summary": reasoning.summary} | reasoning.extras.get(DIALECT_NAME, {})


def _echo_text(request: ModelRequest) -> dict[str, Any]:
    text = {"format": write_text_format(request.text_format or TextFormat())}
    return text | without_none({"verbosity": request.settings.verbosity})


_TIERS = {"default": "default", "standard": "default", "priority": "priority", "flex": "flex"}

_INCOMPLETE: dict[Finish, str] = {"length": "max_output_tokens", "content_filter": "content_filter"}


def end_response(body: dict[str, Any], output: list[Any], usage: Usage | None, finish: Finish) -> dict[str, Any]:
    """The response object at its end, with the full output."""
    reason = _INCOMPLETE.get(finish)
    # Whoever reads an ended response may count on its usage, of nothing where the upstream told none.
    ended = body | {"output": output, "usage": write_usage(usage or NO_USAGE)}
    if usage is not None and usage.tier in _TIERS:
        ended["service_tier"] = _TIERS[usage.tier]
    if reason is None:
        return ended | {"status": "completed", "completed_at": body["created_at"]}
    return ended | {"status": "incomplete", "incomplete_details": {"reason": reason}}


# --- items ------------------------------------------------------------------------------------------------------


def item_prefix(item: Item) -> str:
    """The prefix of ids of this kind of item."""
    if isinstance(item, ToolCall):
        return "fc_" if item.kind == "function" else "ctc_"
    if isinstance(item, OtherItem):
        return ITEM_PREFIXES.get(item.type, "item_")
    return ID_PREFIXES.get(type(item), "item_")


def draw_item(item: Item, item_id: str, status: Status, encrypted_content: str | None = None) -> dict[str, Any]:
    """An item of an answer, with its parts as far as they have come."""
    match item:
        case Message():
            parts = write_parts(item.parts, output=True)
            body = {"id": item_id, "type": "message", "status": status, "role": "assistant", "content": parts}
            return body if item.phase is None else body | {"phase": item.phase}
        case Reasoning():
            return _draw_reasoning(item, item_id, status, encrypted_content)
        case ToolCall():
            return _draw_call(item, item_id, status)
        case OtherItem():
            return item.value | {"id": item_id}
        case ToolOutput():
            raise Broken("a model does not answer with a tool's output")
        case _:
            assert_never(item)


def _draw_reasoning(item: Reasoning, item_id: str, status: Status, encrypted_content: str | None) -> dict[str, Any]:
    body: dict[str, Any] = {
        "id": item_id,
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": text} for text in item.summary],
    }
    if item.content:
        body["content"] = [{"type": "reasoning_text", "text": text} for text in item.content]
    if encrypted_content is not None:
        body["encrypted_content"] = encrypted_content
    # OpenAI sends none on finished reasoning, and refuses one that is sent back.
    if status == "incomplete":
        body["status"] = status
    return body


def _draw_call(item: ToolCall, item_id: str, status: Status) -> dict[str, Any]:
    is_function = item.kind == "function"
    body = {
        "id": item_id,
        "type": "function_call" if is_function else "custom_tool_call",
        "status": status,
        "call_id": item.call_id,
        "name": item.name,
    }
    body["arguments" if is_function else "input"] = item.arguments
    return body if item.namespace is None else body | {"namespace": item.namespace}


def whole_arguments(item: ToolCall, arguments: str, status: Status) -> str:
    """A finished call's arguments: a function called with nothing is called with no members."""
    return "{}" if not arguments and item.kind == "function" and status == "completed" else arguments


def is_shown(item: Item) -> bool:
    """Whether this wire can hold the item as it is: what only another dialect knows has no shape here."""
    return not isinstance(item, OtherItem) or item.dialect == DIALECT_NAME


def draw_block(item: OtherItem, context: ReplyContext) -> dict[str, Any]:
    """A compaction of Anthropic's own, drawn as one of ours."""
    return draw_compaction(context.mint("cmp_"), context.seal(carry_block(item)))


def explain_refusal(finish: Finish, explanation: str | None) -> Message | None:
    """A filtered answer that says why is a refusal in words, which is an answer and complete."""
    if finish != "content_filter" or not explanation:
        return None
    return Message(role="assistant", parts=[Refusal(refusal=explanation)])


# --- whole replies ----------------------------------------------------------------------------------------------


def read_reply(body: bytes) -> ModelResponse:
    """An upstream's JSON reply, by way of the events it stands for. A stream where JSON was asked for is read too.

    Raises `Garbled`, or the error that the body holds.
    """
    plain = read_plain_reply(body)
    if plain is not None:
        return plain
    reader = Reader()
    is_json = body.lstrip()[:1] in (b"{", b"[")
    response = fold(reader.read_whole(body) if is_json else reader.feed(body) + reader.end())
    if response.error is not None:
        raise response.error
    return response


def write_reply(response: ModelResponse, context: ReplyContext) -> bytes:
    """The answer as one JSON object."""
    body = draw_response(context.mint("resp_"), response.model, context)
    finish = response.finish
    items = [item for item in response.items if is_shown(item) or is_block(item)]
    if (refusal := explain_refusal(finish, response.explanation)) is not None:
        items.append(refusal)
        finish = "stop"
    output = [drawn for item in items for drawn in _draw_whole(item, context)]
    usage = response.usage if response.has_usage else None
    if response.error is not None:
        failed = {"status": "failed", "output": output, "error": draw_response_error(response.error)}
        return msgspec.json.encode(body | failed | {"usage": None if usage is None else write_usage(usage)})
    return msgspec.json.encode(end_response(body, output, usage, finish))


def _draw_whole(item: Item, context: ReplyContext) -> Iterator[dict[str, Any]]:
    if isinstance(item, OtherItem) and is_block(item):
        yield draw_block(item, context)
        return
    status: Status = getattr(item, "status", None) or "completed"
    if isinstance(item, ToolCall):
        if item.carrier is not None:
            yield draw_call_carrier(item.call_id, item.carrier, context)
        item = msgspec.structs.replace(item, arguments=whole_arguments(item, item.arguments, status))
    carrier = item.carrier if isinstance(item, Reasoning) else None
    encrypted_content = None if carrier is None else context.seal(carrier)
    own_id = item.id if isinstance(item, OtherItem) else None
    yield draw_item(item, own_id or context.mint(item_prefix(item)), status, encrypted_content)


def draw_call_carrier(call_id: str, carrier: Carrier, context: ReplyContext) -> dict[str, Any]:
    """The reasoning item in which a call's carrier travels."""
    sealed = context.seal(carry_for_call(call_id, carrier))
    return draw_item(Reasoning(), context.mint("rs_"), "completed", sealed)
