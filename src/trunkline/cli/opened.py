"""The store that a gateway of the same configuration uses, opened beside it."""

import contextlib
import os
import pwd
from collections.abc import AsyncIterator

from msgspec import Struct

from trunkline.build.storage import settle_store
from trunkline.clock import Clock, SystemClock
from trunkline.config.config import Config
from trunkline.engine.admin.witness import Witness, local_author
from trunkline.keyring import Keyring, open_keyring
from trunkline.store.acts import SqlActs
from trunkline.store.cipher import Cipher
from trunkline.store.engine import Database, open_database
from trunkline.store.migrate import migrate
from trunkline.store.open import OpenStore, open_store


class Beside(Struct, frozen=True):
    """What works while a gateway runs: the database and what opens it, and who writes down what is done to it."""

    database: Database
    cipher: Cipher
    keyring: Keyring
    acts: SqlActs
    witness: Witness
    clock: Clock


@contextlib.asynccontextmanager
async def open_beside(config: Config) -> AsyncIterator[Beside]:
    """The database alone, its tables up to date. Raises `ConfigError` or `Unavailable`."""
    keyring, clock = read_keyring(config), SystemClock()
    settings = settle_store(config, keyring)
    database = open_database(settings.database_url)
    try:
        await migrate(database)
        cipher = Cipher(settings.keys, settings.newest)
        acts = SqlActs(database, cipher, settings.act_keys, settings.data_dir)
        yield Beside(database, cipher, keyring, acts, Witness(acts, local_author(_read_user()), clock), clock)
    finally:
        await database.close()


@contextlib.asynccontextmanager
async def open_whole(config: Config) -> AsyncIterator[tuple[OpenStore, Witness]]:
    """The whole store, journal and contents of files included. Raises `ConfigError` while a gateway runs on it."""
    clock = SystemClock()
    async with open_store(settle_store(config, read_keyring(config)), clock, sweeps=False) as store:
        yield store, Witness(store.ports.acts, local_author(_read_user()), clock)


def read_keyring(config: Config) -> Keyring:
    """What opens the store. No operator's key is needed beside it, and none must be made where nobody is told it."""
    keyring, _ = open_keyring(
        config.data_dir, secret=config.secret, previous_secrets=config.previous_secrets, auth=False
    )
    return keyring


def _read_user() -> str:
    number = os.getuid()
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"
