"""Who is it, and on which path? Decided from the headers alone, before the route means anything."""

from collections.abc import Mapping
from urllib.parse import parse_qs

from msgspec.structs import replace

from trunkline.call import Call
from trunkline.engine.caller.failures import Failures
from trunkline.engine.routes import speaks_google
from trunkline.errors import Forbidden, Loop, TrunklineError, Unauthenticated
from trunkline.paths import is_within, read_path
from trunkline.ports import Keys
from trunkline.principal import Principal

HOP = b"x-trunkline-hop"
PATH = b"x-trunkline-path"

# Enough for every path in use; a caller who invents paths must not fill the memory.
_MOST_NARROWED = 4096


class Door:
    """Lets callers in by their keys; `failures` keeps those waiting whose keys are wrong."""

    def __init__(self, keys: Keys, failures: Failures) -> None:
        self._keys = keys
        self._failures = failures
        self._narrowed: dict[tuple[str, bytes], tuple[Principal, Principal]] = {}

    def find(self, call: Call) -> Principal | None:
        """The caller, on the path that it has chosen; `None` for a wrong key, which is to be refused.

        Raises `InvalidRequest` for what is no path, `Forbidden` for one that is not below the key's own.
        """
        headers = call.headers
        principal = self._keys.find(_present(call) or b"")
        return self._narrow(principal, headers[PATH]) if principal is not None and PATH in headers else principal

    async def refuse(self, call: Call) -> Principal:
        """Raises `Unauthenticated` for no key at once, for a wrong one in its time; `RateLimited` where too many wait."""
        error = _tell_unknown(call)
        raise error if _present(call) is None else await self._failures.slow_down(call.peer, error)

    def open_now(self, call: Call) -> Principal:
        """The caller, for a face that must know before there is a request, and cannot wait for a refusal."""
        principal = self.find(call)
        if principal is None:
            error = _tell_unknown(call)
            raise error if _present(call) is None else self._failures.answer_now(call.peer, error)
        return principal

    def _narrow(self, principal: Principal, raw: bytes) -> Principal:
        """The caller on a path below its key's own. The same each time: others look whether they know it."""
        name = principal.key_id, raw
        known = self._narrowed.get(name)
        if known is not None and known[0] is principal:
            return known[1]
        narrowed = _choose_path(principal, raw)
        if len(self._narrowed) >= _MOST_NARROWED:
            self._narrowed.clear()
        self._narrowed[name] = principal, narrowed
        return narrowed


def _choose_path(principal: Principal, raw: bytes) -> Principal:
    name = PATH.decode()
    path = read_path(raw.decode("latin-1"), name)
    if not is_within(path, principal.path):
        raise Forbidden(
            f"`{name}` is `{path}`, but this key is for `{principal.path}` and what is below it",
            code="path_out_of_scope",
            param=name,
        )
    return principal if path == principal.path else replace(principal, path=path)


def _present(call: Call) -> bytes | None:
    """The key as it was sent. Callers of Google's routes present it in ways of their own."""
    if speaks_google(call):
        return present_google_key(call.headers, call.query) or present_key(call.headers)
    return present_key(call.headers)


def _tell_unknown(call: Call) -> TrunklineError:
    if _present(call) is None:
        return Unauthenticated("no API key: send yours as `Authorization: Bearer …` or `x-api-key`")
    return Unauthenticated("this API key is not known here: check the key, and that it is this gateway's own")


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
