"""A whole Anthropic reply passed on byte for byte, with its counts and errors read in passing."""

from typing import Any, Literal

import msgspec

from trunkline.dialects.anthropic.errors import read_error
from trunkline.dialects.anthropic.usage import note_cost, read_finish, read_usage
from trunkline.dialects.dialect import JsonReply
from trunkline.dialects.reading import CUT
from trunkline.dialects.shapes import lenient_object
from trunkline.errors import Garbled
from trunkline.usage import MOST_COUNTED, NO_USAGE, Usage, read_tier


class _Reply(msgspec.Struct):
    """The members of a reply that are looked at."""

    usage: Any = None
    stop_reason: Any = None
    error: Any = None
    type: Any = None


class _Written(msgspec.Struct):
    ephemeral_1h_input_tokens: Literal[0] = 0


class _Served(msgspec.Struct):
    web_search_requests: Literal[0] = 0


class _Counts(msgspec.Struct):
    input_tokens: int
    output_tokens: int
    cache_read_input_tokens: int = 0
    cache_creation_input_tokens: int = 0
    cache_creation: _Written | None = None
    output_tokens_details: None = None
    server_tool_use: _Served | None = None
    service_tier: str | None = None
    speed: Literal["standard"] | None = None
    iterations: None = None
    cost: None = None


class _OrdinaryReply(msgspec.Struct):
    """A sound reply without thinking or long cache writes counted apart. Anything else is read with patience."""

    usage: _Counts
    stop_reason: Literal["end_turn", "tool_use", "stop_sequence"]
    type: Literal["message"]
    error: None = None


_decode_ordinary = msgspec.json.Decoder(_OrdinaryReply).decode
_REPLY_DECODER = msgspec.json.Decoder(_Reply)


def tee_reply(body: bytes) -> JsonReply:
    """Pass a whole reply on, with its counts read."""
    try:
        counts = _decode_ordinary(body).usage
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return _tee_odd_reply(body)
    read, written = counts.cache_read_input_tokens, counts.cache_creation_input_tokens
    if counts.input_tokens < 0 or counts.output_tokens < 0 or read < 0 or written < 0:
        return _tee_odd_reply(body)
    if counts.input_tokens + counts.output_tokens + read + written > MOST_COUNTED:
        return _tee_odd_reply(body)
    tier = read_tier(counts.service_tier)
    return JsonReply(body=body, usage=Usage(counts.input_tokens, read, written, counts.output_tokens, tier=tier))


def _tee_odd_reply(body: bytes) -> JsonReply:
    try:
        reply = _REPLY_DECODER.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        garbled = Garbled("the upstream's reply is not JSON", detail=type(error).__name__)
        return JsonReply(body=body, usage=NO_USAGE, error=garbled)
    if reply.error is not None or reply.type == "error":
        return JsonReply(body=body, usage=NO_USAGE, error=read_error(200, {}, body))
    finish = read_finish(reply.stop_reason) if isinstance(reply.stop_reason, str) else "stop"
    note_cost(reply.usage, body)
    return JsonReply(body=body, usage=read_usage(lenient_object(reply.usage)), incomplete=finish in CUT)
