"""Who is it? Decided from the headers alone, before the path means anything."""

from collections.abc import Mapping
from urllib.parse import parse_qs

from trunkline.errors import Loop, Unauthenticated
from trunkline.ports import Keys
from trunkline.principal import Principal

HOP = b"x-trunkline-hop"


def open_door(headers: Mapping[bytes, bytes], keys: Keys, google_query: bytes | None = None) -> Principal:
    """The caller, by its key. Raises `Unauthenticated`.

    `google_query` is the query of a call on Google's routes, whose callers present a key in ways of their own.
    """
    presented = present_key(headers)
    if google_query is not None:
        presented = present_google_key(headers, google_query) or presented
    principal = keys.find(presented or b"")
    if principal is not None:
        return principal
    if presented is None:
        raise Unauthenticated("no API key: send yours as `Authorization: Bearer …` or `x-api-key`")
    raise Unauthenticated("this API key is not known here: check the key, and that it is this gateway's own")


def present_key(headers: Mapping[bytes, bytes]) -> bytes | None:
    """The key as it was sent; `Authorization` wins over `x-api-key`."""
    authorization = headers.get(b"authorization")
    if authorization is not None:
        if authorization.startswith(b"Bearer "):
            return authorization[7:].strip()
        scheme, _, key = authorization.partition(b" ")
        return key.strip() if scheme.lower() == b"bearer" else None
    return headers.get(b"x-api-key")


def present_google_key(headers: Mapping[bytes, bytes], query: bytes) -> bytes | None:
    """The key in `x-goog-api-key`, else in `?key=`; it goes nowhere from here."""
    header = headers.get(b"x-goog-api-key")
    if header is not None:
        return header
    return next(iter(parse_qs(query).get(b"key", ())), None)


def count_hop(hops: bytes, instance: bytes) -> bytes:
    """The `x-trunkline-hop` to send on. Raises `Loop` when this very gateway is on the list already."""
    if instance in [hop.strip() for hop in hops.split(b",")]:
        raise Loop("this request has passed this gateway before: a provider's base URL leads back here")
    return b"%b,%b" % (hops[-1024:], instance)
