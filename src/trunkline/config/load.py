"""Everything that is set → one `Config`, or one sentence that says what to type instead."""

import os
from collections.abc import Mapping, Set
from dataclasses import replace
from pathlib import Path

from trunkline.config.accounts import read_accounts, show_accounts
from trunkline.config.aliases import check_aliases, read_alias_list, read_alias_mapping, read_emulating, read_uncached
from trunkline.config.budgets import read_budgets
from trunkline.config.cautions import (
    lonely_budgets,
    refuse_made_up_secrets,
    refuse_ourselves,
    refuse_strangers,
    stray_aliases,
    stray_prices,
)
from trunkline.config.config import AuditConfig, Config, FetchConfig, ServerConfig, Shown, UsageConfig
from trunkline.config.document import Document
from trunkline.config.keys import read_keys
from trunkline.config.known_by import read_label_list, read_label_mapping, read_patterns
from trunkline.config.limits import read_limits
from trunkline.config.prices import describe_price, read_prices
from trunkline.config.prompts import read_forwarded
from trunkline.config.settings import PROXY_VARIABLES
from trunkline.config.sources import Environment, resolve
from trunkline.config.store_paths import read_store_paths
from trunkline.config.taking import Settings
from trunkline.errors import ConfigError
from trunkline.money import Known
from trunkline.ports import DEFAULT_TIMEOUTS, FetchLimits, Timeouts
from trunkline.state.budgets import Budget
from trunkline.state.keys import KeptKey
from trunkline.state.limits import LimitRule
from trunkline.state.retention import Retention, read_rules

_DEFAULT_FILE = Path("trunkline.yaml")


def process_environment() -> Mapping[str, str]:
    """The environment of this process: the one place where it is read."""
    return os.environ


def find_file(environment: Environment) -> Path | None:
    """The YAML file to read, or `None`. Raises `ConfigError` when one is named that is not there."""
    value = environment.get("TRUNKLINE_CONFIG")
    if value is None:
        return _DEFAULT_FILE if _DEFAULT_FILE.is_file() else None
    path = Path(resolve(value, environment)).expanduser()
    if not path.is_file():
        raise ConfigError(f"`{value.name}` ({value.source}) names {path}, which is not a file")
    return path


def load_config(
    environment: Environment,
    document: Document | None = None,
    *,
    auth: bool = True,
    local: bool = False,
    serves: bool = True,
) -> Config:
    """The whole configuration. Raises `ConfigError` with the first thing that is wrong, and how to mend it.

    Where nothing is to be served with it, what a client's shell says of this gateway is no mistake.
    """
    settings = Settings(environment, document)
    server, timeouts = _read_server(settings), _read_timeouts(settings)
    if not auth:
        refuse_strangers(server)
    found = read_accounts(environment, settings.section("providers"), timeouts)
    if serves:
        refuse_ourselves(environment, found.entries, server.host, server.port)
    aliases = _read_aliases(settings)
    prices = _read_prices(settings)
    data_dir = settings.take("TRUNKLINE_DATA_DIR", None) or _default_data_dir(environment)
    config = Config(
        data_dir=data_dir,
        redis_url=settings.take("TRUNKLINE_REDIS_URL", ""),
        counts_budgets_alone=settings.take("TRUNKLINE_REDIS_AWAY", False),
        database_url=settings.take("TRUNKLINE_DATABASE_URL", f"sqlite:///{data_dir / 'trunkline.db'}"),
        retention=_read_retention(settings),
        encrypts=settings.take("TRUNKLINE_STORE_ENCRYPT", False),
        server=server,
        timeouts=timeouts,
        accounts=found.accounts,
        aliases=aliases,
        uncached=_read_uncached(settings),
        emulating=_read_emulating(settings),
        forwarded_prompts=_read_forwarded(settings),
        keys=_read_keys(settings),
        limits=_read_limits(settings),
        budgets=_read_budgets(settings),
        prices=prices,
        output_limit_tokens=settings.take("TRUNKLINE_OUTPUT_LIMIT", 16_384),
        proxies=_read_proxies(environment),
        fetch=_read_fetch(settings),
        usage=_read_usage(settings),
        audit=_read_audit(settings),
        session_headers=settings.take("TRUNKLINE_SESSION_HEADERS", ()),
        guesses_sessions=settings.take("TRUNKLINE_SESSION_GUESS", True),
        label_headers=_read_label_headers(settings),
        blobs_url=settings.take("TRUNKLINE_BLOBS_URL", ""),
        inline_file_bytes=settings.take("TRUNKLINE_INLINE_FILE_LIMIT", 4_000_000),
        log_format=settings.take("TRUNKLINE_LOG", None),
        strict=settings.take("TRUNKLINE_STRICT", False),
        auth=auth,
        local=local,
        master_key=settings.take("TRUNKLINE_MASTER_KEY", None),
        secret=settings.take("TRUNKLINE_SECRET", None),
        previous_secrets=settings.take("TRUNKLINE_SECRET_PREVIOUS", ()),
        notes=(*found.notes, *stray_aliases(aliases, found, local), *stray_prices(prices, found)),
        shown=(*settings.shown, *show_accounts(found, environment)),
    )
    refuse_made_up_secrets(config)
    return replace(config, notes=(*config.notes, *lonely_budgets(config)))


# --- the parts --------------------------------------------------------------------------------------------------


def _read_server(settings: Settings) -> ServerConfig:
    default = ServerConfig()
    server = ServerConfig(
        host=settings.take("TRUNKLINE_HOST", default.host),
        port=settings.take("PORT", default.port),
        admin_host=settings.take("TRUNKLINE_ADMIN_HOST", default.admin_host),
        admin_port=settings.take("TRUNKLINE_ADMIN_PORT", None),
        base_path=settings.take("BASE_PATH", default.base_path),
        trusted_proxies=settings.take("TRUNKLINE_TRUSTED_PROXIES", default.trusted_proxies),
        body_limit_bytes=settings.take("TRUNKLINE_BODY_LIMIT", default.body_limit_bytes),
        upload_limit_bytes=settings.take("TRUNKLINE_UPLOAD_LIMIT", default.upload_limit_bytes),
        drain_seconds=settings.take("TRUNKLINE_DRAIN_SECONDS", default.drain_seconds),
        tls_cert=settings.take("TRUNKLINE_TLS_CERT", None),
        tls_key=settings.take("TRUNKLINE_TLS_KEY", None),
    )
    if (server.tls_cert is None) != (server.tls_key is None):
        raise ConfigError("https needs both TRUNKLINE_TLS_CERT and TRUNKLINE_TLS_KEY: one of them is missing")
    return server


def _read_timeouts(settings: Settings) -> Timeouts:
    default = DEFAULT_TIMEOUTS
    return Timeouts(
        connect=settings.take("TRUNKLINE_CONNECT_SECONDS", default.connect),
        first_byte=settings.take("TRUNKLINE_FIRST_BYTE_SECONDS", default.first_byte),
        idle=settings.take("TRUNKLINE_IDLE_SECONDS", default.idle),
        total=settings.take("TRUNKLINE_TOTAL_SECONDS", default.total),
    )


def _read_fetch(settings: Settings) -> FetchConfig:
    default = FetchConfig()
    limits = default.limits
    return FetchConfig(
        enabled=settings.take("TRUNKLINE_FETCH", default.enabled),
        hosts=settings.take("TRUNKLINE_FETCH_HOSTS", default.hosts),
        limits=FetchLimits(
            url_bytes=settings.take("TRUNKLINE_FETCH_LIMIT", limits.url_bytes),
            request_bytes=settings.take("TRUNKLINE_FETCH_TOTAL", limits.request_bytes),
            urls=limits.urls,
            seconds=settings.take("TRUNKLINE_FETCH_SECONDS", limits.seconds),
        ),
    )


def _read_aliases(settings: Settings) -> dict[str, str]:
    """What the file says, and over it what the environment says."""
    aliases: dict[str, str] = {}
    if (section := settings.section("aliases")) is not None:
        aliases.update(read_alias_mapping(*section))
        settings.show("aliases", section, aliases)
    value = settings.environment.get("TRUNKLINE_ALIASES")
    if value is not None:
        aliases.update(read_alias_list(value))
        settings.shown.append(Shown(value.name, value.text, value.source))
    check_aliases(aliases)
    return aliases


def _read_uncached(settings: Settings) -> frozenset[str]:
    """The uncached aliases of the file that the environment does not point elsewhere."""
    section = settings.section("aliases")
    return frozenset() if section is None else read_uncached(*section) - _read_redirected(settings.environment)


def _read_emulating(settings: Settings) -> dict[str, frozenset[str]]:
    section = settings.section("aliases")
    if section is None:
        return {}
    redirected = _read_redirected(settings.environment)
    return {name: words for name, words in read_emulating(*section).items() if name not in redirected}


def _read_redirected(environment: Environment) -> Set[str]:
    """The aliases that the environment points elsewhere than the file."""
    value = environment.get("TRUNKLINE_ALIASES")
    return frozenset() if value is None else read_alias_list(value).keys()


def _read_forwarded(settings: Settings) -> dict[str, str]:
    if (section := settings.section("prompts.forward")) is None:
        return {}
    forwarded = read_forwarded(*section)
    settings.show("prompts.forward", section, forwarded)
    return forwarded


def _read_keys(settings: Settings) -> tuple[KeptKey, ...]:
    if (section := settings.section("keys")) is None:
        return ()
    keys = read_keys(*section, settings.environment)
    settings.shown.extend(Shown(f"keys.{key.name}", key.path, key.declared_in) for key in keys)
    return keys


def _read_limits(settings: Settings) -> tuple[LimitRule, ...]:
    if (section := settings.section("limits")) is None:
        return ()
    rules = read_limits(*section)
    settings.show("limits", section, {rule.id: rule.description for rule in rules})
    return rules


def _read_budgets(settings: Settings) -> tuple[Budget, ...]:
    if (section := settings.section("budgets")) is None:
        return ()
    budgets = read_budgets(*section, settings.environment)
    settings.show("budgets", section, {budget.name: budget.description for budget in budgets})
    return budgets


def _read_prices(settings: Settings) -> dict[str, Known]:
    if (section := settings.section("prices")) is None:
        return {}
    prices = read_prices(*section)
    settings.show("prices", section, {name: describe_price(known) for name, known in prices.items()})
    return prices


def _read_usage(settings: Settings) -> UsageConfig:
    default = UsageConfig()
    return UsageConfig(
        retention_days=settings.take("TRUNKLINE_USAGE_RETENTION_DAYS", default.retention_days),
        backlog_bytes=settings.take("TRUNKLINE_USAGE_BACKLOG", default.backlog_bytes),
    )


def _read_audit(settings: Settings) -> AuditConfig:
    default, section = AuditConfig(), settings.section("audit.redact")
    return AuditConfig(
        retention_days=settings.take("TRUNKLINE_AUDIT_RETENTION_DAYS", default.retention_days),
        bodies=settings.take("TRUNKLINE_AUDIT_BODIES", default.bodies),
        body_limit_bytes=settings.take("TRUNKLINE_AUDIT_BODY_LIMIT", default.body_limit_bytes),
        headers=settings.take("TRUNKLINE_AUDIT_HEADERS", default.headers),
        redact=() if section is None else read_patterns(*section),
    )


def _read_label_headers(settings: Settings) -> dict[bytes, str]:
    """What the file says, and over it what the environment says."""
    labels: dict[bytes, str] = {}
    if (section := settings.section("labels.headers")) is not None:
        labels = read_label_mapping(*section)
        settings.show("labels.headers", section, {name.decode(): label for name, label in labels.items()})
    value = settings.environment.get("TRUNKLINE_LABEL_HEADERS")
    if value is not None:
        labels |= read_label_list(value)
        settings.shown.append(Shown(value.name, value.text, value.source))
    return labels


def _read_retention(settings: Settings) -> Retention:
    days = settings.take("TRUNKLINE_STORE_RETENTION_DAYS", Retention().days)
    if (section := settings.section("store.paths")) is None:
        return Retention(days)
    paths = read_store_paths(*section)
    settings.show("store.paths", section, paths)
    return Retention(days, read_rules(paths))


def _read_proxies(environment: Environment) -> dict[str, str]:
    """The proxy variables in both spellings, as the client reads them."""
    names = [*PROXY_VARIABLES, *(name.lower() for name in PROXY_VARIABLES)]
    return {name: value.text for name in names if (value := environment.get(name)) is not None}


def _default_data_dir(environment: Environment) -> Path:
    data_home = environment.get("XDG_DATA_HOME")
    if data_home is not None and Path(data_home.text).is_absolute():
        return Path(data_home.text) / "trunkline"
    try:
        return Path.home() / ".local" / "share" / "trunkline"
    except RuntimeError:
        raise ConfigError("there is no home directory to keep data in: set TRUNKLINE_DATA_DIR") from None
