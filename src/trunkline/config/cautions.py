"""What a configuration is cautioned about, or refused for: sentences about what does not go together."""

import fnmatch
import socket
from collections.abc import Iterable, Mapping

from trunkline.config.accounts import Accounts, Entry
from trunkline.config.config import Config, ServerConfig
from trunkline.config.sources import Environment, resolve
from trunkline.errors import ConfigError
from trunkline.money import Known
from trunkline.providers.account import read_base_url
from trunkline.providers.directory import provider_names

_LOOPBACK = ("localhost", "::1")


def refuse_strangers(server: ServerConfig) -> None:
    """Raises `ConfigError` where others than this machine would be served without a key."""
    for host in (server.host, server.admin_host):
        if host not in _LOOPBACK and not host.startswith("127."):
            raise ConfigError(f"without a key only this machine may be served, not `{host}`: leave --no-auth out")


def refuse_ourselves(environment: Environment, entries: Iterable[Entry], host: str, port: int) -> None:
    """Raises `ConfigError` when a base URL is our own listener: a client's variable, left over in the same shell."""
    suspects = {value.name: value for entry in entries if (value := entry.values.get("base_url")) is not None}
    for variable in environment.names():
        if variable.endswith("_BASE_URL") and variable.split("_")[0].lower() in provider_names():
            value = environment.get(variable)
            if value is not None:
                suspects[variable] = value
    for value in suspects.values():
        if _leads_here(resolve(value, environment), host, port):
            raise ConfigError(
                f"`{value.name}` ({value.source}) leads to this gateway itself, on port {port}: it is what clients"
                " use to reach it. Unset it where the gateway is started, or give it the provider's own address"
            )


def _leads_here(url: str, host: str, port: int) -> bool:
    try:
        origin, _ = read_base_url(url)
    except ConfigError:
        return False
    return port != 0 and origin.port == port and _is_here(origin.host, host)


def _is_here(name: str, host: str) -> bool:
    name = name.lower().rstrip(".")
    ours = {"localhost", "::1", "0.0.0.0", "::", host.lower(), socket.gethostname().lower()}  # noqa: S104  # not bound
    return name in ours or name.startswith("127.") or name.endswith(".localhost")


def stray_aliases(aliases: Mapping[str, str], found: Accounts, local: bool) -> list[str]:
    """Aliases whose target names a provider that is not configured."""
    served = {account.name for account in found.accounts} | ({"local"} if local else set())
    strays = []
    for name, target in aliases.items():
        prefix, slash, _ = target.partition("/")
        if slash and served and prefix not in served and not any(a.provider.name == prefix for a in found.accounts):
            strays.append(
                f"the alias `{name}` points to `{target}`, but `{prefix}` is not configured: it"
                " works only while another provider lists that whole name"
            )
    return strays


def stray_prices(prices: Mapping[str, Known], found: Accounts) -> list[str]:
    """Prices of an account that is not configured."""
    served = [account.name for account in found.accounts]
    return [
        f"`prices.{name}` is of no account that is configured"
        for name in prices
        if not any(fnmatch.fnmatchcase(account, name.partition("/")[0]) for account in served)
    ]


def lonely_budgets(config: Config) -> tuple[str, ...]:
    """Replicas on one database would each grant the whole of a budget."""
    if not config.budgets or config.redis_url or config.database_url.startswith("sqlite:"):
        return ()
    note = (
        "each gateway counts budgets for itself, and where several share this database grants the whole of them: set"
        " TRUNKLINE_REDIS_URL"
    )
    return (note,)


def refuse_made_up_secrets(config: Config) -> None:
    """Replicas on one database would each make up their own."""
    if config.database_url.startswith("sqlite:"):
        return
    missing = [
        name
        for name, is_missing in (
            ("TRUNKLINE_SECRET", config.secret is None),
            ("TRUNKLINE_MASTER_KEY", config.auth and config.master_key is None),
        )
        if is_missing
    ]
    if missing:
        raise ConfigError(
            f"with PostgreSQL {' and '.join(missing)} must be set, the same for every replica: each would make up its own"
        )
