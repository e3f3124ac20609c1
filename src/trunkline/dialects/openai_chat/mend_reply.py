"""An unfaithful provider's whole reply for a Chat caller, straightened; members that nobody knows here are kept."""

from typing import Any

import msgspec

from trunkline.dialects.dialect import JsonReply, TeeOptions
from trunkline.dialects.openai_chat.calls import make_call_id, read_arguments
from trunkline.dialects.openai_chat.errors import find_error, read_error_object
from trunkline.dialects.openai_chat.finish import read_finish, write_finish
from trunkline.dialects.openai_chat.gather import gather_stream
from trunkline.dialects.openai_chat.reasoning import give_reasoning
from trunkline.dialects.openai_chat.reply import is_stream
from trunkline.dialects.openai_chat.usage import find_usage, read_usage, straighten_usage
from trunkline.dialects.shapes import decode_json, lenient_int, lenient_list, lenient_object, lenient_text
from trunkline.errors import Garbled, UpstreamError
from trunkline.usage import NO_USAGE

_PLAIN = TeeOptions()


def mend_reply(body: bytes, options: TeeOptions = _PLAIN) -> JsonReply:
    """A straight `chat.completion`; a stream that came although JSON was asked for is gathered into one."""
    try:
        reply = gather_stream(body) if is_stream(body) else decode_json(body)
    except UpstreamError as error:
        return JsonReply(body=body, usage=NO_USAGE, error=error)
    found = find_error(reply)
    if found is not None:
        return JsonReply(body=body, usage=NO_USAGE, error=read_error_object(found))
    if type(reply) is not dict or not lenient_list(reply.get("choices")):
        return JsonReply(body=body, usage=NO_USAGE, error=Garbled("the upstream's reply is not a chat completion"))
    return _mend(reply, body, options)


def _mend(reply: dict[str, Any], body: bytes, options: TeeOptions) -> JsonReply:
    usage = find_usage(reply.get("usage"), reply.get("x_groq"))
    if usage is not None:
        reply["usage"] = straighten_usage(usage)
    reply["object"] = "chat.completion"
    reply["id"] = lenient_text(reply.get("id")) or "chatcmpl-0"
    reply["model"] = lenient_text(reply.get("model")) or options.model
    reply["created"] = lenient_int(reply.get("created")) or options.created
    choices = [choice for choice in reply["choices"] if type(choice) is dict]
    incomplete = False
    for number, choice in enumerate(choices):
        choice.setdefault("index", number)
        choice.setdefault("logprobs", None)
        finish = read_finish(lenient_text(choice.get("finish_reason")) or "stop")
        if isinstance(finish, UpstreamError):
            found = find_error({"error": choice.get("error")})
            return JsonReply(body=b"", usage=NO_USAGE, error=read_error_object(found) if found is not None else finish)
        choice["message"] = _mend_message(lenient_object(choice.get("message")), f"{reply['id']}_{number}")
        has_calls = bool(choice["message"].get("tool_calls"))
        choice["finish_reason"] = write_finish(finish, has_calls)
        if choice["finish_reason"] == "stop" and choice["message"].get("function_call"):
            choice["finish_reason"] = "function_call"
        incomplete |= finish in ("length", "content_filter")
    reply["choices"] = choices
    counted = read_usage(usage, reply.get("service_tier"), body) if usage is not None else NO_USAGE
    return JsonReply(body=msgspec.json.encode(reply), usage=counted, incomplete=incomplete)


def _mend_message(message: dict[str, Any], reply_id: str) -> dict[str, Any]:
    give_reasoning(message)
    message["role"] = "assistant"
    message.setdefault("content", None)
    message.setdefault("refusal", None)
    if "tool_calls" in message:
        calls = [call for call in lenient_list(message["tool_calls"]) if type(call) is dict]
        seen: set[str] = set()
        message["tool_calls"] = [_mend_call(call, number, reply_id, seen) for number, call in enumerate(calls)]
        if not calls:
            del message["tool_calls"]
    return message


def _mend_call(call: dict[str, Any], number: int, reply_id: str, seen: set[str]) -> dict[str, Any]:
    call_id = lenient_text(call.get("id"))
    if not call_id or call_id in seen:
        call_id = make_call_id(reply_id, number)
    seen.add(call_id)
    if type(call.get("custom")) is dict:
        return {**call, "id": call_id, "type": "custom"}
    function = lenient_object(call.get("function"))
    arguments = read_arguments(function.get("arguments"))
    if arguments in ("", "null"):
        arguments = "{}"
    function = {**function, "name": lenient_text(function.get("name")), "arguments": arguments}
    rest = {name: value for name, value in call.items() if name != "index"}
    return {**rest, "id": call_id, "type": "function", "function": function}
