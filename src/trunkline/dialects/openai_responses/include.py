"""What of an item is shown only when it is asked for by `include`. It filters what is returned, never what is kept.

Items stay the bytes they were unless something is taken out. Whoever gave what is not shown gets it back all the same:
it travels sealed, in an item of its own. Source:
https://platform.openai.com/docs/api-reference/responses/get#responses-get-include
"""

from collections.abc import Callable, Container, Iterable, Sequence

import msgspec
from msgspec import Raw, Struct

from trunkline.dialects.openai_responses.stated import cut_events
from trunkline.dialects.shapes import wrong_value
from trunkline.dialects.sse import walk

Members = dict[str, Raw]

REPLAYED = frozenset(
    {"message.input_image.image_url", "computer_call_output.output.image_url", "reasoning.encrypted_content"}
)
"""What a client needs that reads a conversation in order to send it to a model."""

_NULL = Raw(b"null")
_EMPTY = Raw(b"[]")
_NO_TYPE = Raw(b'"message"')

_decode_members = msgspec.json.Decoder(Members).decode
_decode_parts = msgspec.json.Decoder(list[Members]).decode


_decode_items = msgspec.json.Decoder(list[Raw] | None).decode


class _Kind(Struct):
    type: str = "message"


_decode_kind = msgspec.json.Decoder(_Kind).decode


def read_include(values: Sequence[str]) -> frozenset[str]:
    """What is asked for. Raises `InvalidRequest` for what cannot be."""
    for number, value in enumerate(values):
        if value not in _ALLOWED:
            raise wrong_value(f"include[{number}]", value, _ALLOWED)
    return frozenset(values)


def show_items(items: Iterable[Raw], include: Container[str]) -> list[Raw]:
    """The items, without what `include` does not ask for."""
    return [show_item(item, include) for item in items]


def show_item(item: Raw, include: Container[str]) -> Raw:
    """One item, without what `include` does not ask for."""
    data = bytes(item)
    for rule in _RULES:
        if rule.mark in data and rule.name not in include and _decode_kind(item).type == rule.type:
            item = _apply(rule, item)
    return item


def show_response(response: bytes, include: Container[str]) -> bytes:
    """A response object whose output lacks what is not asked for."""
    if not any(rule.mark in response and rule.name not in include for rule in _RULES):
        return response
    members = _decode_members(response)
    output = _decode_items(members.get("output", _NULL))
    if output is None:
        return response
    members["output"] = Raw(msgspec.json.encode(show_items(output, include)))
    return msgspec.json.encode(members)


def show_events(data: bytes, include: Container[str]) -> bytes:
    """Whole events of a stream, whose items lack what is not asked for."""
    if not any(data.find(rule.mark) >= 0 for rule in _RULES):
        return data
    return b"".join([_show_event(event, include) for event in cut_events(data)])


def _show_event(event: bytes, include: Container[str]) -> bytes:
    data = next(walk(event), None)
    if data is None or not any(data.find(rule.mark) >= 0 for rule in _RULES):
        return event
    members = _decode_members(data)
    if "item" in members:
        members["item"] = show_item(members["item"], include)
    if "response" in members:
        members["response"] = Raw(show_response(bytes(members["response"]), include))
    type_ = msgspec.json.decode(members.get("type", _NO_TYPE), type=str)
    return b"event: %b\ndata: %b\n\n" % (type_.encode(), msgspec.json.encode(members))


_HOSTED = (b'"web_search', b'"code_interpreter"', b'"file_search"')


def may_hide(body: bytes) -> bool:
    """A cheap look at a request: whether an answer to it may hold what is shown only when it is asked for.

    Log probabilities are there only when they are asked for.
    """
    return any(body.find(tool) >= 0 for tool in _HOSTED)


# --- the table --------------------------------------------------------------------------------------------------


class _Rule(Struct, frozen=True):
    """`mark` are bytes without which an item has nothing to hide."""

    name: str
    type: str
    mark: bytes
    hide: Callable[[Members], None]


def _apply(rule: _Rule, item: Raw) -> Raw:
    members = _decode_members(item)
    try:
        rule.hide(members)
    except msgspec.MsgspecError:
        return item  # of a shape that nobody knows: there is nothing to find in it
    return Raw(msgspec.json.encode(members))


def _hide_results(members: Members) -> None:
    if "results" in members:
        members["results"] = _NULL


def _hide_outputs(members: Members) -> None:
    if "outputs" in members:
        members["outputs"] = _NULL


def _hide_sources(members: Members) -> None:
    action = _decode_members(members.get("action", _NULL))
    action.pop("sources", None)
    members["action"] = Raw(msgspec.json.encode(action))


def _hide_screenshot(members: Members) -> None:
    output = _decode_members(members.get("output", _NULL))
    output.pop("image_url", None)
    members["output"] = Raw(msgspec.json.encode(output))


def _hide_pictures(members: Members) -> None:
    _put_in_parts(members, "input_image", "image_url", _NULL)


def _hide_logprobs(members: Members) -> None:
    _put_in_parts(members, "output_text", "logprobs", _EMPTY)


def _put_in_parts(members: Members, type_: str, name: str, value: Raw) -> None:
    parts = _decode_parts(members.get("content", _EMPTY))
    for part in parts:
        if name in part and bytes(part.get("type", _NULL)) == b'"%b"' % type_.encode():
            part[name] = value
    members["content"] = Raw(msgspec.json.encode(parts))


_RULES = (
    _Rule("file_search_call.results", "file_search_call", b'"results"', _hide_results),
    _Rule("web_search_call.results", "web_search_call", b'"results"', _hide_results),
    _Rule("web_search_call.action.sources", "web_search_call", b'"sources"', _hide_sources),
    _Rule("message.input_image.image_url", "message", b'"image_url"', _hide_pictures),
    _Rule("computer_call_output.output.image_url", "computer_call_output", b'"image_url"', _hide_screenshot),
    _Rule("code_interpreter_call.outputs", "code_interpreter_call", b'"outputs"', _hide_outputs),
    _Rule("message.output_text.logprobs", "message", b'"logprobs"', _hide_logprobs),
)

# Encrypted reasoning is shown whether it is asked for or not: without it a thought cannot be handed back.
_ALLOWED = (*(rule.name for rule in _RULES), "reasoning.encrypted_content")
