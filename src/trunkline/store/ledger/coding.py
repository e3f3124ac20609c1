"""Records as bytes: by position, with the names of what stands where said once a file.

A record is made for every request, so its names are left out of it. A file that another version has written is read by
its own names: what is not known any more is left out, what that version did not know is empty.
"""

from collections.abc import Callable, Mapping, Sequence
from types import GenericAlias
from typing import Any

import msgspec
from msgspec import NODEFAULT, Struct
from msgspec.structs import FieldInfo, astuple, fields

from trunkline.records import Attempt, Record

_LARGEST = 2**63 - 1
# Everything that a record says of itself is bounded far below this; were it not, it must go into a file all the same.
_MOST_BYTES = 1024 * 1024
_CUT_CHARACTERS = 4096


class Names(Struct, frozen=True):
    """What stands where in a record, and in each of its attempts."""

    record: tuple[str, ...]
    attempt: tuple[str, ...]


NAMES = Names(Record.__struct_fields__, Attempt.__struct_fields__)

_ATTEMPTS = NAMES.record.index("attempts")
# What an attempt could have cost elsewhere is of no use once it is over.
_TARIFF = NAMES.attempt.index("tariff")

_encode = msgspec.msgpack.Encoder().encode


def encode_record(record: Record) -> bytes:
    """A record as bytes, whatever is in it."""
    values: list[Any] = [*astuple(record)]
    values[_ATTEMPTS] = [_without_tariff(attempt) for attempt in record.attempts]
    try:
        encoded = _encode(values)
    except (UnicodeEncodeError, OverflowError):
        return encode_record(clean(record))
    return encoded if len(encoded) <= _MOST_BYTES else _encode(clean(values, _CUT_CHARACTERS))


def _without_tariff(attempt: Attempt) -> list[Any]:
    values: list[Any] = [*astuple(attempt)]
    values[_TARIFF] = None
    return values


# --- the way back ---------------------------------------------------------------------------------------------------


def _types(type: type[Struct], **others: Any) -> Any:
    return tuple(others.get(field.name, field.type) for field in fields(type))


_ATTEMPT = GenericAlias(tuple, _types(Attempt, tariff=None))
_RECORD = GenericAlias(tuple, _types(Record, attempts=GenericAlias(list, _ATTEMPT)))
_decode: Callable[[bytes], Sequence[Any]] = msgspec.msgpack.Decoder(_RECORD).decode


def make_decoder(names: Names) -> Callable[[bytes], Record]:
    """What reads the records of a file that has these names."""
    if names == NAMES:
        return _decode_own
    return lambda data: _decode_foreign(data, names)


def _decode_own(data: bytes) -> Record:
    values = [*_decode(data)]
    values[_ATTEMPTS] = [Attempt(*each) for each in values[_ATTEMPTS]]
    return Record(*values)


def _decode_foreign(data: bytes, names: Names) -> Record:
    values = _fill(Record, names.record, msgspec.msgpack.decode(data))
    values["attempts"] = [_fill(Attempt, names.attempt, each) for each in values["attempts"]]
    return msgspec.convert(values, Record)


def _fill(type: type[Struct], names: Sequence[str], values: Sequence[Any]) -> dict[str, Any]:
    """What is known of these values, and something empty for what is not there."""
    there = dict(zip(names, values, strict=False))
    empty = {field.name: _empty(field) for field in fields(type) if field.required and field.name not in there}
    return empty | {name: value for name, value in there.items() if name in type.__struct_fields__}


def _empty(field: FieldInfo) -> Any:
    value: Any
    for value in (None, "", 0, False, [], {}):
        try:
            msgspec.convert(value, field.type)
        except msgspec.ValidationError:
            continue
        return value
    return NODEFAULT


# --- what cannot be written -----------------------------------------------------------------------------------------


def clean(value: Any, most: int | None = None) -> Any:
    """The same without what no database takes: halves of surrogate pairs, the character 0, numbers beyond 64 bits.

    Texts are cut to so many characters, and bytes that are longer left out.
    """
    if isinstance(value, str):
        return value[:most].encode("utf-8", "replace").decode().replace("\0", "?")
    if isinstance(value, bytes):
        return value if most is None or len(value) <= most else b""
    if isinstance(value, int) and not isinstance(value, bool):
        return max(-_LARGEST, min(value, _LARGEST))
    if isinstance(value, Struct):
        return type(value)(*(clean(getattr(value, name), most) for name in value.__struct_fields__))
    if isinstance(value, Mapping):
        return {clean(name, most): clean(member, most) for name, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [clean(member, most) for member in value]
    return value
