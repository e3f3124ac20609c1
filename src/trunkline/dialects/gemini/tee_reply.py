"""A whole Gemini reply passed on byte for byte, with its counts and errors read in passing."""

from typing import Any

import msgspec

from trunkline.dialects.dialect import JsonReply
from trunkline.dialects.gemini.errors import read_error
from trunkline.dialects.gemini.usage import count_searches, read_finish, read_usage
from trunkline.dialects.reading import CUT
from trunkline.dialects.shapes import lenient_object, lenient_text
from trunkline.errors import Garbled
from trunkline.usage import NO_USAGE


class _Candidate(msgspec.Struct):
    finishReason: Any = None  # noqa: N815  # the wire's name
    groundingMetadata: Any = None  # noqa: N815  # the wire's name


class _Reply(msgspec.Struct):
    """The members of a reply that are looked at."""

    usageMetadata: Any = None  # noqa: N815  # the wire's name
    candidates: list[_Candidate] | None = None
    promptFeedback: Any = None  # noqa: N815  # the wire's name
    error: Any = None
    totalTokens: Any = None  # noqa: N815  # the wire's name


_REPLY_DECODER = msgspec.json.Decoder(_Reply)


def tee_reply(body: bytes) -> JsonReply:
    """Pass a whole reply on, with its counts read."""
    try:
        reply = _REPLY_DECODER.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        if body.lstrip()[:1] == b"[" and b'"error"' in body:
            return JsonReply(body=body, usage=NO_USAGE, error=read_error(200, {}, body))
        garbled = Garbled("the upstream's reply is not JSON", detail=type(error).__name__)
        return JsonReply(body=body, usage=NO_USAGE, error=garbled)
    if reply.error is not None:
        return JsonReply(body=body, usage=NO_USAGE, error=read_error(200, {}, body))
    reason = reply.candidates[0].finishReason if reply.candidates else None
    is_cut = isinstance(reason, str) and read_finish(reason) in CUT
    is_blocked = bool(lenient_text(lenient_object(reply.promptFeedback).get("blockReason")))
    searches = count_searches(reply.candidates[0].groundingMetadata) if reply.candidates else 0
    usage = read_usage(lenient_object(reply.usageMetadata), searches)
    return JsonReply(body=body, usage=usage, incomplete=is_cut or (is_blocked and not reply.candidates))
