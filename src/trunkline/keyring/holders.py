"""Who holds which key: the operator, those whom the configuration names, and those whom keys were issued to.

Keys are held in memory, whole. A task of its own asks twice a second whether any has been changed, so that one that is
revoked opens nothing anywhere within a second, and no request waits for the store. While that is away the keys that are
known stay.
"""

import asyncio
import contextlib
import hmac
import logging
from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from trunkline.clock import Clock
from trunkline.errors import ConfigError, Unavailable
from trunkline.keyring import Keyring, generate_id, generate_key
from trunkline.principal import Principal
from trunkline.state.keys import KeptKey, KeptKeys, KeyHash, MadeKey, find_id, hash_key

_LOOK_EVERY_SECONDS = 0.5

_log = logging.getLogger("trunkline.keys")


class Holders:
    """Answers `ports.Keys` and `state.KeyMaker`. `kept` is `None` where no keys are issued. Nothing secret is in its
    `repr`.

    `start` once, `close` at the end; without a start it knows what it is told by `refresh`.
    """

    def __init__(self, keyring: Keyring, declared: Sequence[KeptKey], kept: KeptKeys | None, clock: Clock) -> None:
        self._keyring = keyring
        self._secrets = keyring.derive("key")
        self._kept = kept
        self._clock = clock
        self.declared = declared
        self._declared = {(hash.root, hash.digest): key for key in declared for hash in key.hashes}
        self._roots = tuple(dict.fromkeys(root for root, _ in self._declared))
        # Replaced as wholes, never edited: whoever reads them sees one state.
        self._issued: Mapping[str, KeptKey] = {}
        self._revision = 0
        # What was found to be whose key, and until when it is. A hash takes 3 µs and every request passes here; nobody
        # fills this but with keys that are right.
        self._proved: dict[bytes, tuple[Principal, int | None]] = {}
        # Keys whose hash was found under an older root secret, with the hashes that they should have.
        self._stale: dict[str, tuple[KeptKey, tuple[KeyHash, ...]]] = {}
        self._looking = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"Holders({len(self._issued)} issued, {len(self.declared)} declared)"

    # --- who is it? ---------------------------------------------------------------------------------------------

    def find(self, presented: bytes) -> Principal | None:
        """The holder of a key as it was sent."""
        found = self._proved.get(presented)
        if found is None:
            return self._prove(presented)
        principal, until = found
        if until is None or self._clock.now_micros() < until:
            return principal
        del self._proved[presented]
        return None

    def _prove(self, presented: bytes) -> Principal | None:
        principal, until = self._keyring.find(presented), None
        if principal is None:
            now = self._clock.now_micros()
            key, hash = self._find_issued(presented, now) or self._find_declared(presented) or (None, None)
            if key is None or hash is None or not key.is_live(now):
                return None
            principal = _describe(key)
            until = min((time for time in (key.expires_at_micros, hash.until_micros) if time is not None), default=None)
        self._proved[presented] = principal, until
        return principal

    def _find_issued(self, presented: bytes, now: int) -> tuple[KeptKey, KeyHash] | None:
        key = self._issued.get(find_id(presented) or "")
        if key is None:
            return None
        for hash in key.hashes:
            secret = self._secrets.get(hash.root)
            if secret is None or (hash.until_micros is not None and now >= hash.until_micros):
                continue
            if hmac.compare_digest(hash_key(secret, presented), hash.digest):
                if hash.root != self.newest and key.is_live(now):
                    self._hash_later(key, hash, presented)
                return key, hash
        return None

    def _find_declared(self, presented: bytes) -> tuple[KeptKey, KeyHash] | None:
        for root in self._roots:
            digest = hash_key(self._secrets[root], presented)
            # Which of them it is shows in the time; what that is the hash of, nobody can tell.
            key = self._declared.get((root, digest))
            if key is not None:
                return key, KeyHash(root, digest)
        return None

    # --- making keys --------------------------------------------------------------------------------------------

    @property
    def newest(self) -> str:
        """The id of the root secret in force."""
        return self._keyring.newest

    def make(self, id: str | None = None) -> MadeKey:
        """A key of a new id, or another text for an id that is there."""
        id = id or generate_id()
        text = generate_key(id)
        return MadeKey(id, text, KeyHash(self.newest, hash_key(self._secrets[self.newest], text.encode())))

    # --- keeping up ---------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Know all keys, and keep up with them.

        Raises `Unavailable`, and `ConfigError` for a declared key that cannot be told or whose name an issued one has.
        """
        for key in self.declared:
            if any(hash.root not in self._secrets for hash in key.hashes):
                raise ConfigError(
                    f"{key.declared_in}: the hash of the key `{key.name}` was made under a root secret that is not here:"
                    " set TRUNKLINE_SECRET_PREVIOUS to it, or make the key anew with `trunkline keys hash`"
                )
        if self._kept is None:
            return
        await self._look(self._kept)
        names = {key.name for key in self._issued.values()}
        for key in self.declared:
            if key.name in names:
                raise ConfigError(
                    f"{key.declared_in}: a key of the name `{key.name}` was issued already: call this one otherwise, or"
                    f" delete that one (`trunkline keys delete {key.name}`)"
                )
        self._task = asyncio.create_task(self._keep_up(self._kept), name="keys")

    async def refresh(self) -> None:
        """Know of every change that has been made by now, unless the store is away."""
        if self._kept is not None:
            with contextlib.suppress(Unavailable):
                await self._look(self._kept)

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _keep_up(self, kept: KeptKeys) -> None:
        while True:
            await asyncio.sleep(_LOOK_EVERY_SECONDS)
            try:
                await self._look(kept)
                if self._stale:
                    await self._hash_anew(kept)
            except Unavailable:
                pass  # the store says so itself
            except Exception as error:  # noqa: BLE001 - a bug must not end the looking: keys would never be revoked
                _log.error("changes of keys could not be read: %s", type(error).__name__)

    async def _look(self, kept: KeptKeys) -> None:
        async with self._looking:
            changes = await kept.changes(self._revision)
            if changes.revision == self._revision:
                return
            issued = dict(self._issued)
            if changes.revision < self._revision:
                # The database is an older one than it was.
                changes, issued = await kept.changes(0), {}
            issued |= {key.id: key for key in changes.keys}
            for id in changes.gone:
                issued.pop(id, None)
            self._issued, self._revision, self._proved = issued, changes.revision, {}

    def _hash_later(self, key: KeptKey, hash: KeyHash, presented: bytes) -> None:
        fresh = replace(hash, root=self.newest, digest=hash_key(self._secrets[self.newest], presented))
        self._stale[key.id] = key, tuple(fresh if known == hash else known for known in key.hashes)

    async def _hash_anew(self, kept: KeptKeys) -> None:
        """Replace hashes of before a rotation, behind the requests that showed the keys."""
        for id, (key, hashes) in list(self._stale.items()):
            # One that has been changed meanwhile shows at its next use whether it still waits.
            is_done = await kept.hash_anew(key, hashes)
            del self._stale[id]
            if is_done and self._issued.get(id) == key:
                self._issued = {**self._issued, id: replace(key, hashes=hashes)}


def _describe(key: KeptKey) -> Principal:
    return Principal(key.name, key.path, key.id, key.path, key.labels, key.models, frozenset(key.scopes))
