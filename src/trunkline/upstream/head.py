"""What the head of a reply says, and what it may not say.

Pure: knows headers and their limits, not connections.
"""

import httptools

from trunkline.upstream.decoding import Decoder, DecodingError, find_decoder

# Nginx and most servers stop at 8 to 32 KiB.
MAX_HEAD_BYTES = 65_536

# Counted by different names: repeats of one name cost nothing, and the bytes have a limit of their own.
MAX_HEADERS = 200


class Nonsense(Exception):
    """The peer does not speak HTTP/1.1 as it should; the text is safe to show."""


def check_size(headers: dict[bytes, bytes]) -> None:
    if len(headers) > MAX_HEADERS:
        raise Nonsense(f"sent more than {MAX_HEADERS} headers")
    if sum([len(name) + len(value) for name, value in headers.items()]) > MAX_HEAD_BYTES:
        raise Nonsense(f"sent a head of more than {MAX_HEAD_BYTES} bytes")


def check_coding(transfer_encoding: bytes) -> None:
    if transfer_encoding.lower() != b"chunked":
        raise Nonsense("used a transfer encoding other than chunked")


def read_idle_seconds(keep_alive: bytes, otherwise: float) -> float:
    """How long a `Keep-Alive` header lets a connection idle: a second less than the server says, or half when it says
    one or two, so that the server does not close first. `otherwise` when it names no time."""
    for parameter in keep_alive.split(b","):
        name, _, number = parameter.strip().partition(b"=")
        if name.lower() == b"timeout" and number.isdigit() and len(number) < 8:
            return max(float(number) - 1, float(number) / 2)
    return otherwise


def take_decoder(headers: dict[bytes, bytes]) -> Decoder | None:
    """The decoder for a body, whose encoding and encoded length then leave the headers. Raises `DecodingError`."""
    decoder = find_decoder(headers[b"content-encoding"])
    if decoder is not None:
        del headers[b"content-encoding"]
        headers.pop(b"content-length", None)
    return decoder


def describe_trouble(trouble: Exception | None) -> str:
    """What a peer did wrong; `None` is a head or trailer without end.

    The parser's own words may quote what it read, so only ours are used: those that we raised in its callbacks.
    """
    if trouble is None:
        return f"sent a head or trailer of more than {MAX_HEAD_BYTES} bytes"
    if isinstance(trouble.__context__, Nonsense | DecodingError):
        return str(trouble.__context__)
    if isinstance(trouble, httptools.HttpParserUpgrade):
        return "switched to a protocol that was not asked for"
    return "sent a reply that is not HTTP/1.1"
