"""Opaque values on loan: what a provider must get back byte for byte travels through the caller sealed.

A sealed value is `tl1.<key id>.<base64url>`: AES-256-GCM over what the carrier holds, bound by associated data to the
family of models and the account that made it and to the path of the caller it was handed to, so that it is useless to
anybody else. What the gateway itself has made (`GATEWAY`) is bound to the path alone: any model may be told of it. A
value under an unknown key, or bound to something else, is foreign: never an error of its own.
"""

import base64
import contextlib
import secrets
import zlib
from collections.abc import Callable, Iterable, Mapping

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from trunkline.items import Carrier

PREFIX = "tl1."
FOREIGN = "foreign"
"""The family of a carrier that is ours but not for this target: lowering leaves it out and says so."""

UNKNOWN_KEY = "unknown_key"
BOUND_ELSEWHERE = "bound_elsewhere"
"""The kinds of a foreign carrier."""

GATEWAY = "gateway"
"""The family of what no model has made but this gateway, for its models to read."""

# No account is called so.
_ANY_ACCOUNT = ""

_NONCE_BYTES = 12


class Sealer:
    """Seals under the newest key and opens under any it still has.

    `keys` maps key ids (short, base64url letters) to 32-byte keys; `newest` is the id to seal under.
    """

    def __init__(self, keys: Mapping[str, bytes], newest: str) -> None:
        self._ciphers = {key_id: AESGCM(key) for key_id, key in keys.items()}
        self._newest = newest

    def __repr__(self) -> str:
        return f"Sealer(newest={self._newest!r})"

    def bind(self, account: str, path: str) -> tuple[Callable[[Carrier], str], Callable[[str], Carrier | None]]:
        """The pair (seal, unseal) for one caller's path and one upstream account."""

        def seal(carrier: Carrier) -> str:
            return self._seal(carrier, _scope(_ANY_ACCOUNT if carrier.family == GATEWAY else account, path))

        def unseal(value: str) -> Carrier | None:
            return self._unseal(value, (_scope(account, path), _scope(_ANY_ACCOUNT, path)))

        return seal, unseal

    def _seal(self, carrier: Carrier, scope: bytes) -> str:
        plain = zlib.compress(msgspec.json.encode([carrier.family, carrier.kind, carrier.payload]), 1)
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = self._ciphers[self._newest].encrypt(nonce, plain, scope)
        return f"{PREFIX}{self._newest}.{base64.urlsafe_b64encode(nonce + sealed).rstrip(b'=').decode()}"

    def _unseal(self, value: str, scopes: Iterable[bytes]) -> Carrier | None:
        """What was sealed; `None` if the value was not sealed here at all; a foreign carrier if for none of the
        scopes."""
        if not value.startswith(PREFIX):
            return None
        _, _, rest = value.partition(".")
        key_id, _, text = rest.partition(".")
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            return Carrier(FOREIGN, UNKNOWN_KEY, None)
        try:
            data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
            plain = zlib.decompress(_decrypt(cipher, data, scopes))
            family, kind, payload = msgspec.json.decode(plain)
        except (InvalidTag, ValueError, zlib.error):
            return Carrier(FOREIGN, BOUND_ELSEWHERE, None)
        return Carrier(family, kind, payload)


def _decrypt(cipher: AESGCM, data: bytes, scopes: Iterable[bytes]) -> bytes:
    """What opens in one of the scopes. Raises `InvalidTag` when it opens in none."""
    for scope in scopes:
        with contextlib.suppress(InvalidTag):
            return cipher.decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], scope)
    raise InvalidTag


def _scope(account: str, path: str) -> bytes:
    return f"{account}\0{path}".encode()
