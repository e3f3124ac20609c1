"""The shape of the answer on every target: its own way of keeping a schema, else a device that the caller never sees.

The devices: a function that must be called and whose arguments are the answer, or plain words; in both cases what
comes is judged at its end, so that a caller who asked for a schema gets that or an error.
"""

from typing import Any

import msgspec
from msgspec.structs import replace

from trunkline.capabilities import Capabilities
from trunkline.dialects.anthropic.schema import has_maps
from trunkline.dialects.fates import JSON_OBJECT, caller_name
from trunkline.dialects.lowering.choices import Chosen
from trunkline.dialects.lowering.json_answers import JsonAnswerReader
from trunkline.dialects.lowering.outcome import Notes
from trunkline.dialects.lowering.wrapped import WrappedAnswerReader, needs_object, wrap
from trunkline.dialects.openai_responses.tools import is_strict_schema
from trunkline.items import FunctionTool, OtherTool, ToolChoice
from trunkline.request import ModelRequest, TextFormat

_WORDS = "Answer with one JSON object and nothing else: no prose, no code fence."
_DEVICE = "Give the final answer by calling this function, once, when no other function is needed any more."
_ANSWER = "answer"


def lower_format(
    request: ModelRequest, chosen: Chosen, caller: str, upstream: str, capabilities: Capabilities, notes: Notes
) -> tuple[ModelRequest, str | None]:
    """The request with a shape that the target keeps, and the name of the answering function, if there is one."""
    format = request.text_format
    if format is None or format.type == "text":
        return request, None
    if format.type == "json_schema" and _must_wrap(format, upstream, capabilities):
        notes.emulate(caller_name(caller, "text_format"))
        wrapped = replace(request, text_format=wrap(format))
        lowered = lower_format(wrapped, chosen, caller, upstream, capabilities, notes)
        notes.stages.append(lambda: WrappedAnswerReader(is_bare=format.is_bare).read)
        return lowered
    if format.type == "json_object":
        if upstream in JSON_OBJECT and capabilities.json_schema != "none":
            return request, None
        return _ask_in_words(request, format, caller, notes), None
    if _is_kept(format, chosen, upstream, capabilities):
        return _keep(request, format, caller, upstream), None
    if _can_force(request, format, chosen, upstream, capabilities):
        return _ask_by_call(request, format, chosen, caller, notes)
    can_object = upstream in JSON_OBJECT and capabilities.json_schema == "json_object"
    asked = _ask_in_words(request, format, caller, notes)
    return (replace(asked, text_format=TextFormat(type="json_object")) if can_object else asked), None


def _is_kept(format: TextFormat, chosen: Chosen, upstream: str, capabilities: Capabilities) -> bool:
    """Whether the target has a way of its own for this schema."""
    if capabilities.json_schema != "native" or (chosen.tools and not capabilities.json_schema_with_tools):
        return False
    return upstream not in ("messages", "bedrock") or not has_maps(format.schema)


def _must_wrap(format: TextFormat, upstream: str, capabilities: Capabilities) -> bool:
    """Whether the answer has to stand in an object. OpenAI's schemas are of objects, and so are the devices'
    answers."""
    takes_all = capabilities.json_schema == "native" and upstream not in ("responses", "chat")
    return format.is_bare or (needs_object(format) and not takes_all)


def _keep(request: ModelRequest, format: TextFormat, caller: str, upstream: str) -> ModelRequest:
    """The target's own way. Callers whose API always keeps a schema get that of OpenAI too, if it is fit for it."""
    if format.strict is None and caller not in ("responses", "chat") and upstream in ("responses", "chat"):
        return replace(request, text_format=replace(format, strict=is_strict_schema(format.schema)))
    return request


def _can_force(
    request: ModelRequest, format: TextFormat, chosen: Chosen, upstream: str, capabilities: Capabilities
) -> bool:
    """Whether an answering function will do: not where thought would have to give way for it, nor beside hosted
    tools, which are no calls of the caller's."""
    if capabilities.tools != "native" or not capabilities.forced_tools:
        return False
    if capabilities.json_schema == "json_object" and not chosen.tools:
        return False
    schema = format.schema or {}
    if schema.get("type") != "object" or any(isinstance(tool, OtherTool) for tool in chosen.tools):
        return False
    thinks = request.reasoning is not None and request.reasoning.effort not in (None, "none")
    return not (thinks and upstream == "messages")


def _ask_by_call(
    request: ModelRequest, format: TextFormat, chosen: Chosen, caller: str, notes: Notes
) -> tuple[ModelRequest, str | None]:
    choice = chosen.choice or ToolChoice(mode="auto")
    if chosen.tools and choice.mode in ("required", "tool"):
        # The caller wants a call of its own now, and no answer yet.
        return replace(request, text_format=None), None
    taken = {tool.name for tool in chosen.tools if not isinstance(tool, OtherTool)}
    name = _ANSWER
    while name in taken:
        name = f"{name}_"
    description = "\n\n".join(filter(None, (_DEVICE, format.description)))
    device = FunctionTool(name=name, description=description, parameters=format.schema, strict=format.strict)
    is_free = bool(chosen.tools) and choice.mode == "auto"
    chosen.choice = ToolChoice(mode="required") if is_free else ToolChoice(mode="tool", name=name)
    chosen.tools = [*chosen.tools, device]
    notes.emulate(caller_name(caller, "text_format"))
    notes.stages.append(lambda: JsonAnswerReader(format.schema).read)
    return replace(request, text_format=None), name


def _ask_in_words(request: ModelRequest, format: TextFormat, caller: str, notes: Notes) -> ModelRequest:
    words = _WORDS
    if format.schema is not None:
        words += f" It must be valid against this JSON schema:\n{_encode(format.schema)}"
    notes.emulate(caller_name(caller, "text_format"))
    schema = format.schema
    notes.stages.append(lambda: JsonAnswerReader(schema).read)
    instructions = "\n\n".join(filter(None, (request.instructions, words)))
    return replace(request, instructions=instructions, text_format=None)


def _encode(schema: dict[str, Any]) -> str:
    return msgspec.json.encode(schema).decode()
