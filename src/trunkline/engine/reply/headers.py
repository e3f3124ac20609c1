"""Which headers go back to the caller: ours, and an allow-list of the upstream's, renamed."""

from collections.abc import Mapping
from functools import lru_cache

from trunkline.call import Header
from trunkline.engine.exchange import Exchange
from trunkline.errors import TrunklineError
from trunkline.money import Nano, write_dollars

JSON: Header = (b"content-type", b"application/json")

WHOLE: tuple[Header, ...] = (JSON,)

# `no-transform` and `x-accel-buffering` keep proxies on the way from holding a stream back until it is whole.
EVENT_STREAM: tuple[Header, ...] = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache, no-transform"),
    (b"x-accel-buffering", b"no"),
)

# A stream as one JSON array, which grows.
ARRAY_STREAM: tuple[Header, ...] = (JSON, *EVENT_STREAM[1:])

_RENAMED = {
    b"x-request-id": b"x-trunkline-upstream-request-id",
    b"request-id": b"x-trunkline-upstream-request-id",
    b"openai-processing-ms": b"x-trunkline-upstream-processing-ms",
}

_REDACTED = b"[redacted]"

# Beyond it no SDK waits: one of them would ask again at once, and in vain.
_PATIENCE_SECONDS = 60.0

_LIMITS = (b"x-ratelimit-", b"anthropic-ratelimit-")


# What upstreams call a request, the commonest first; proxies on the way may add a second one.
_IDS = (b"x-request-id", b"request-id", b"x-amzn-requestid", b"x-debug-trace-id")


def tell(upstream: Mapping[bytes, bytes], secret: bytes) -> tuple[list[Header], bytes]:
    """What of an upstream's head may be told, renamed, and what it calls the request; without our credential."""
    names, ids = _choose(tuple(upstream))
    told = [(renamed, upstream[name]) for name, renamed in names]
    upstream_id = b""
    for name in ids:
        if upstream_id := upstream[name]:
            break
    # One look at all of it: hardly any says it.
    if secret and b"\n".join([upstream_id, *[value for _, value in told]]).find(secret) >= 0:
        told = [(name, value.replace(secret, _REDACTED)) for name, value in told]
        upstream_id = upstream_id.replace(secret, _REDACTED)
    return told, upstream_id


def write_headers(x: Exchange, kind: tuple[Header, ...], cost: Nano | None = None) -> list[Header]:
    """The head of a good reply, with what it has `cost` where that is known by now."""
    request_id = x.request_id.encode()
    attempts = x.attempts
    way = _write_way(x.route, attempts[-1].target, len(attempts)) if attempts else _write_way(x.route)
    headers = [(b"x-request-id", request_id), *kind, *way, *x.told, *x.levels]
    if cost is not None and attempts:
        headers.append(_write_cost(cost))
    if x.dialect == "messages":
        headers.append((b"request-id", request_id))
    if x.dropped:
        headers.append((b"x-trunkline-dropped", _ascii(",".join(x.dropped))))
    if x.emulated:
        headers.append((b"x-trunkline-emulated", _ascii(",".join(x.emulated))))
    return headers


def write_reckoning(x: Exchange, cost: Nano | None) -> list[Header]:
    """Which model has served the request, in how many attempts, and at which cost, where that has a price."""
    _, *served = _write_way(x.route, x.attempts[-1].target, len(x.attempts))
    return served if cost is None else [*served, _write_cost(cost)]


def _write_cost(cost: Nano) -> Header:
    return b"x-trunkline-cost", write_dollars(cost).encode()


@lru_cache(maxsize=1024)
def _choose(names: tuple[bytes, ...]) -> tuple[list[tuple[bytes, bytes]], list[bytes]]:
    """Which of an upstream's headers are told, and as what; which name the request. A server sends the same again and
    again."""
    chosen = [(name, _RENAMED[name]) for name in names if name in _RENAMED]
    if b"x-request-id" in names:
        # Proxies on the way add an id of their own: the one that the record keeps is told.
        chosen = [pair for pair in chosen if pair[0] != b"request-id"]
    limits = [(name, b"x-trunkline-upstream-" + _limit_name(name)) for name in names if name.startswith(_LIMITS)]
    return chosen + limits, [name for name in _IDS if name in names]


def write_error_headers(x: Exchange, error: TrunklineError, cost: Nano | None = None) -> list[Header]:
    """The head of an error reply: what a client's retry logic needs to know, truthfully, and what was paid all the
    same."""
    headers = write_headers(x, (JSON,), cost) if x.route else _bare_headers(x, cost)
    if error.should_retry is not None:
        retries = error.should_retry and (error.retry_after_seconds or 0.0) <= _PATIENCE_SECONDS
        headers.append((b"x-should-retry", b"true" if retries else b"false"))
    if error.retry_after_seconds is not None:
        millis = max(0, round(error.retry_after_seconds * 1000))
        headers.append((b"retry-after", b"%d" % -(-millis // 1000)))
        headers.append((b"retry-after-ms", b"%d" % millis))
    headers += error.headers
    return headers


def _bare_headers(x: Exchange, cost: Nano | None) -> list[Header]:
    headers = [(b"x-request-id", x.request_id.encode()), JSON, *x.levels]
    if x.attempts:
        headers += write_reckoning(x, cost)
    if x.dialect == "messages":
        headers.append((b"request-id", x.request_id.encode()))
    return headers


@lru_cache(maxsize=4096)
def _write_way(route: str, target: str = "", attempts: int = 0) -> tuple[Header, ...]:
    """How an answer was come by, and the target that was asked for it, if one was."""
    way: Header = (b"x-trunkline-route", _ascii(route))
    if not attempts:
        return (way,)
    return way, (b"x-trunkline-model", _ascii(target)), (b"x-trunkline-attempts", b"%d" % attempts)


def _limit_name(name: bytes) -> bytes:
    """`x-ratelimit-remaining-tokens` and `anthropic-ratelimit-tokens-remaining` → `ratelimit-…`."""
    return name[name.index(b"ratelimit") :]


def _ascii(text: str) -> bytes:
    """A header value: model names are the caller's words, so nothing but visible ASCII gets through."""
    return "".join(char if " " <= char <= "~" else "?" for char in text[:512]).encode()
