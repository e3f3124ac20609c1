"""Items that the gateway puts before a model's answer: in front of a Responses stream or reply, as part of it.

In a stream they come whole, behind the events that announce the response; the places and numbers of everything after
them are shifted. What they have cost is added to the usage that the response tells.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Raw, Struct, field

from trunkline.dialects.around import Around
from trunkline.dialects.dialect import JsonReply, Passage
from trunkline.dialects.openai_responses.errors import write_event
from trunkline.dialects.openai_responses.usage import read_usage, write_usage
from trunkline.dialects.shapes import UNREADABLE
from trunkline.dialects.sse import walk
from trunkline.errors import TrunklineError
from trunkline.usage import NO_USAGE, Usage

_BEGINNINGS = frozenset({"response.created", "response.queued", "response.in_progress"})
_ENDS = frozenset({"response.completed", "response.incomplete", "response.failed", "response.cancelled"})

# What is put in front is a compaction, which has an event of its own.
_COMPACTING = "response.compaction.compacting"
_PHASES = ("response.output_item.added", _COMPACTING, "response.output_item.done")


_decode_members = msgspec.json.Decoder(dict[str, Raw]).decode
_decode_any = msgspec.json.Decoder().decode


class Preface(Struct, frozen=True, kw_only=True):
    """What is put in front: items as callers get them, and what making them has cost."""

    items: list[dict[str, Any]] = field(default_factory=list)
    usage: Usage = NO_USAGE


NO_PREFACE = Preface()


class Prefaced(Around):
    """A passage around a caller's stream of whole events."""

    __slots__ = ("_next_number", "_preface", "_shift")

    def __init__(self, inner: Passage, preface: Preface) -> None:
        super().__init__(inner)
        self._preface = preface
        self._next_number = 0
        # How many events have been put in; `None` while there is nothing to put them behind.
        self._shift: int | None = None

    @property
    def usage(self) -> Usage:
        return self._inner.usage + self._preface.usage

    def change(self, out: bytes) -> bytes:
        return b"".join(event for body in walk(out) for event in self._change(body)) if out else out

    def _change(self, body: bytes) -> Iterator[bytes]:
        """One event as it is told, behind the items if they have not been told yet."""
        try:
            members = _decode_members(body)
            type_ = _decode_any(members["type"])
        except (*UNREADABLE, KeyError):
            yield b"data: %b\n\n" % body
            return
        # A stream that begins with an error has no answer to put anything before.
        if self._shift is None and type_ not in _BEGINNINGS and (self._next_number or type_ != "error"):
            self._shift = len(_PHASES) * len(self._preface.items)
            yield from self._write_items()
        number = _read_number(members.get("sequence_number"), self._next_number)
        self._next_number = number + 1
        if self._shift is not None:
            number += self._shift
            if (index := members.get("output_index")) is not None:
                members["output_index"] = _encode(_read_number(index, 0) + len(self._preface.items))
        if type_ in _ENDS and "response" in members and self._shift is not None:
            members["response"] = Raw(_change_response(members["response"], self._preface))
        yield write_event({**members, "type": type_, "sequence_number": number})

    def _write_items(self) -> Iterator[bytes]:
        number = self._next_number
        for index, item in enumerate(self._preface.items):
            for type_ in _PHASES:
                told = {"item_id": item["id"]} if type_ == _COMPACTING else {"item": item}
                yield write_event({"type": type_, "sequence_number": number, "output_index": index, **told})
                number += 1


def preface_reply(reply: JsonReply, preface: Preface) -> JsonReply:
    """A whole reply with the items in front of its output."""
    if reply.error is not None:
        return reply
    body = _change_response(reply.body, preface)
    return msgspec.structs.replace(reply, body=body, usage=reply.usage + preface.usage)


def preface_stream(reply: JsonReply, preface: Preface) -> JsonReply:
    """Put items before a stream that has come whole."""
    if reply.error is not None:
        return reply
    passage = Prefaced(_Whole(reply.usage), preface)
    return msgspec.structs.replace(reply, body=passage.feed(reply.body), usage=passage.usage)


class _Whole:
    """A passage around bytes that have come whole."""

    has_content = True
    incomplete = False
    error: TrunklineError | None = None

    def __init__(self, usage: Usage) -> None:
        self.usage = usage

    def feed(self, data: bytes) -> bytes:
        return data

    def end(self) -> bytes:
        return b""

    def fail(self, error: TrunklineError) -> bytes:
        return b""

    def is_finished(self) -> bool:
        return True

    def estimate(self) -> int | None:
        return None


def _change_response(body: bytes | Raw, preface: Preface) -> bytes:
    """A response object with the items in front, and with their cost."""
    try:
        members = _decode_members(body)
        output = msgspec.json.decode(members.get("output", b"[]"), type=list[Raw])
        usage = _decode_any(members.get("usage", b"null"))
    except UNREADABLE:
        return bytes(body)
    members["output"] = _encode([*preface.items, *output])
    members["usage"] = _encode(_add_usage(usage, preface.usage))
    return msgspec.json.encode(members)


def _add_usage(told: Any, usage: Usage) -> Mapping[str, Any]:
    """What the response tells of its cost, more by this; members that only its maker knows stay."""
    others = told if type(told) is dict else {}
    return {**others, **write_usage(read_usage(told) + usage)}


def _read_number(raw: Raw | None, default: int) -> int:
    value = default if raw is None else _decode_any(raw)
    return value if type(value) is int else default


def _encode(value: Any) -> Raw:
    return Raw(msgspec.json.encode(value))
