"""Accounts → who opens them, for those that no lasting key does."""

from collections.abc import Callable, Iterable, Mapping

from trunkline.errors import ConfigError
from trunkline.providers.account import Account
from trunkline.upstream.credentials import entra, google, profiles
from trunkline.upstream.credentials.grant import Source

_CLOUDS: Mapping[str, Callable[[Mapping[str, str]], Source]] = {
    "aws": profiles.find_source,
    "entra": entra.find_source,
    "google": google.find_source,
}


def find_sources(accounts: Iterable[Account]) -> dict[str, Source]:
    """`{account: its source}`. Raises `ConfigError`."""
    found = {}
    for account in accounts:
        if account.provider.token:
            try:
                found[account.name] = _CLOUDS[account.provider.cloud](account.settings)
            except ConfigError as error:
                raise ConfigError(f"`{account.name}` cannot be opened: {error}") from None
    return found
