"""Everything that is set → one `Config`, or one sentence that says what to type instead."""

import fnmatch
import os
from collections.abc import Mapping, Set
from dataclasses import replace
from pathlib import Path
from typing import Any

from trunkline.config.accounts import Accounts, read_accounts, refuse_ourselves, secret_names
from trunkline.config.aliases import check_aliases, read_alias_list, read_alias_mapping, read_emulating, read_uncached
from trunkline.config.budgets import read_budgets
from trunkline.config.config import AuditConfig, Config, FetchConfig, ServerConfig, Shown, UsageConfig
from trunkline.config.document import Document, Node
from trunkline.config.keys import read_keys
from trunkline.config.known_by import read_label_list, read_label_mapping, read_patterns
from trunkline.config.limits import read_limits
from trunkline.config.prices import describe_price, read_prices
from trunkline.config.prompts import read_forwarded
from trunkline.config.settings import (
    IGNORED,
    PROXY_VARIABLES,
    SETTINGS,
    Setting,
)
from trunkline.config.sources import Environment, Value, is_reference, nearest, resolve
from trunkline.config.store_paths import read_store_paths
from trunkline.errors import ConfigError
from trunkline.money import Known
from trunkline.ports import DEFAULT_TIMEOUTS, FetchLimits, Timeouts
from trunkline.state.budgets import Budget
from trunkline.state.keys import KeptKey
from trunkline.state.limits import LimitRule
from trunkline.state.retention import Retention, read_rules

_DEFAULT_FILE = Path("trunkline.yaml")
_FORWARDED = "prompts.forward"
_KEYS = "keys"
_STORE_PATHS = "store.paths"
_REDACT = "audit.redact"
_LABEL_HEADERS = "labels.headers"
_LIMITS = "limits"
_BUDGETS = "budgets"
_PRICES = "prices"
_LOOPBACK = ("localhost", "::1")


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
    refuse_unknown_variables(environment)
    nodes = _read_places(document) if document is not None else {}
    settings = Settings(environment, document, nodes)
    server, timeouts = _read_server(settings), _read_timeouts(settings)
    for host in () if auth else (server.host, server.admin_host):
        if not is_loopback(host):
            raise ConfigError(f"without a key only this machine may be served, not `{host}`: leave --no-auth out")
    found = read_accounts(environment, document, nodes.get("providers"), timeouts)
    if serves:
        refuse_ourselves(environment, found.entries, server.host, server.port)
    aliases = _read_aliases(settings, document, nodes)
    prices = _read_prices(settings, document, nodes)
    data_dir = settings.take("TRUNKLINE_DATA_DIR", None) or _default_data_dir(environment)
    config = Config(
        data_dir=data_dir,
        redis_url=settings.take("TRUNKLINE_REDIS_URL", ""),
        counts_budgets_alone=settings.take("TRUNKLINE_REDIS_AWAY", False),
        database_url=settings.take("TRUNKLINE_DATABASE_URL", f"sqlite:///{data_dir / 'trunkline.db'}"),
        retention=_read_retention(settings, document, nodes),
        encrypts=settings.take("TRUNKLINE_STORE_ENCRYPT", False),
        server=server,
        timeouts=timeouts,
        accounts=found.accounts,
        aliases=aliases,
        uncached=_read_uncached(document, nodes, environment),
        emulating=_read_emulating(document, nodes, environment),
        forwarded_prompts=_read_forwarded(settings, document, nodes),
        keys=_read_keys(settings, document, nodes),
        limits=_read_limits(settings, document, nodes),
        budgets=_read_budgets(settings, document, nodes),
        prices=prices,
        output_limit_tokens=settings.take("TRUNKLINE_OUTPUT_LIMIT", 16_384),
        proxies=_read_proxies(environment),
        fetch=_read_fetch(settings),
        usage=_read_usage(settings),
        audit=_read_audit(settings, document, nodes),
        session_headers=settings.take("TRUNKLINE_SESSION_HEADERS", ()),
        guesses_sessions=settings.take("TRUNKLINE_SESSION_GUESS", True),
        label_headers=_read_label_headers(settings, document, nodes),
        blobs_url=settings.take("TRUNKLINE_BLOBS_URL", ""),
        inline_file_bytes=settings.take("TRUNKLINE_INLINE_FILE_LIMIT", 4_000_000),
        log_format=settings.take("TRUNKLINE_LOG", None),
        strict=settings.take("TRUNKLINE_STRICT", False),
        auth=auth,
        local=local,
        master_key=settings.take("TRUNKLINE_MASTER_KEY", None),
        secret=settings.take("TRUNKLINE_SECRET", None),
        previous_secrets=settings.take("TRUNKLINE_SECRET_PREVIOUS", ()),
        notes=(*found.notes, *_stray_aliases(aliases, found, local), *_stray_prices(prices, found)),
        shown=(*settings.shown, *_show_accounts(found, environment)),
    )
    _refuse_made_up_secrets(config)
    return replace(config, notes=(*config.notes, *_lonely_budgets(config)))


class Settings:
    """The general settings, read one by one; `shown` gathers what was set and where."""

    def __init__(self, environment: Environment, document: Document | None, nodes: Mapping[str, Node]) -> None:
        self.environment = environment
        self._document = document
        self._nodes = nodes
        self.shown: list[Shown] = []

    def take(self, name: str, default: Any) -> Any:
        """A setting's value, or the default."""
        setting = next(setting for setting in SETTINGS if setting.environment == name)
        value = self.find(setting)
        if value is None:
            return default
        text = resolve(value, self.environment)
        try:
            read = setting.read(text)
        except ValueError as error:
            raise ConfigError(f"`{value.name}` ({value.source}) {error}") from None
        self.shown.append(Shown(value.name, "(set)" if setting.hides(text) else text, value.source))
        return read

    def find(self, setting: Setting) -> Value | None:
        value = self.environment.get(setting.environment)
        if value is not None or self._document is None or setting.yaml not in self._nodes:
            return value
        node = self._nodes[setting.yaml]
        text = self._document.text(node, setting.yaml)
        if not text:
            return None
        place = self._document.place(node)
        if setting.hides(text) and not is_reference(text):
            raise ConfigError(
                f"{place}: `{setting.yaml}` should not stand in the file: write `env:NAME` or `file:/path`"
            )
        return Value(text, setting.yaml, place)


# --- what is not known ------------------------------------------------------------------------------------------


def refuse_unknown_variables(environment: Environment) -> None:
    """Raises `ConfigError` for a `TRUNKLINE_*` variable that is none, naming the nearest that is one."""
    known = {setting.environment for setting in SETTINGS}
    for name in sorted(environment.names()):
        value = environment.get(name)
        if name.startswith("TRUNKLINE_") and name not in known and name not in IGNORED:
            # Kubernetes puts such variables beside a service that is called trunkline.
            if value is None or "://" in value.text or name.startswith(("TRUNKLINE_SERVICE_", "TRUNKLINE_PORT_")):
                continue
            raise ConfigError(f"`{name}` ({value.source}) is not a setting{nearest(name, known)}")


def _read_places(document: Document) -> dict[str, Node]:
    """`{dotted place: node}` for the general settings, `providers`, `aliases` and what only the file says.

    Raises `ConfigError` for others.
    """
    plain = {setting.yaml for setting in SETTINGS if setting.yaml} | {
        _FORWARDED,
        _KEYS,
        _LIMITS,
        _BUDGETS,
        _PRICES,
        _STORE_PATHS,
        _REDACT,
    }
    sections = {place.partition(".")[0] for place in plain if "." in place}
    top = {place for place in plain if "." not in place} | sections | {"providers"}
    places: dict[str, Node] = {}
    for name, node in document.mapping(document.root, "the file").items():
        if name not in top:
            raise ConfigError(f"{document.place(node)}: `{name}` is not a setting{nearest(name, top)}")
        if name not in sections:
            places[name] = node
            continue
        known = {place.partition(".")[2] for place in plain if place.startswith(name + ".")}
        for member, inner in document.mapping(node, name).items():
            path, place = f"{name}.{member}", document.place(inner)
            if member not in known:
                raise ConfigError(f"{place}: `{path}` is not a setting{nearest(member, known)}")
            places[path] = inner
    return places


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


def _read_aliases(settings: Settings, document: Document | None, nodes: Mapping[str, Node]) -> dict[str, str]:
    """Those of the file, and over them those of the environment."""
    aliases: dict[str, str] = {}
    if document is not None and "aliases" in nodes:
        aliases.update(read_alias_mapping(document, nodes["aliases"]))
        source = document.place(nodes["aliases"])
        settings.shown.extend(Shown(f"aliases.{name}", target, source) for name, target in aliases.items())
    value = settings.environment.get("TRUNKLINE_ALIASES")
    if value is not None:
        aliases.update(read_alias_list(value))
        settings.shown.append(Shown(value.name, value.text, value.source))
    check_aliases(aliases)
    return aliases


def _read_uncached(document: Document | None, nodes: Mapping[str, Node], environment: Environment) -> frozenset[str]:
    """Those of the file that the environment does not point elsewhere."""
    if document is None or "aliases" not in nodes:
        return frozenset()
    return read_uncached(document, nodes["aliases"]) - _read_redirected(environment)


def _read_emulating(
    document: Document | None, nodes: Mapping[str, Node], environment: Environment
) -> dict[str, frozenset[str]]:
    if document is None or "aliases" not in nodes:
        return {}
    redirected = _read_redirected(environment)
    found = read_emulating(document, nodes["aliases"])
    return {name: words for name, words in found.items() if name not in redirected}


def _read_redirected(environment: Environment) -> Set[str]:
    """The aliases that the environment points elsewhere than the file."""
    value = environment.get("TRUNKLINE_ALIASES")
    return frozenset() if value is None else read_alias_list(value).keys()


def _read_forwarded(settings: Settings, document: Document | None, nodes: Mapping[str, Node]) -> dict[str, str]:
    if document is None or _FORWARDED not in nodes:
        return {}
    forwarded = read_forwarded(document, nodes[_FORWARDED])
    source = document.place(nodes[_FORWARDED])
    settings.shown.extend(Shown(f"{_FORWARDED}.{id}", model, source) for id, model in forwarded.items())
    return forwarded


def _read_keys(settings: Settings, document: Document | None, nodes: Mapping[str, Node]) -> tuple[KeptKey, ...]:
    if document is None or _KEYS not in nodes:
        return ()
    keys = read_keys(document, nodes[_KEYS], settings.environment)
    settings.shown.extend(Shown(f"{_KEYS}.{key.name}", key.path, key.declared_in) for key in keys)
    return keys


def _read_limits(settings: Settings, document: Document | None, nodes: Mapping[str, Node]) -> tuple[LimitRule, ...]:
    if document is None or _LIMITS not in nodes:
        return ()
    rules = read_limits(document, nodes[_LIMITS])
    source = document.place(nodes[_LIMITS])
    settings.shown.extend(Shown(f"{_LIMITS}.{rule.id}", rule.description, source) for rule in rules)
    return rules


def _read_budgets(settings: Settings, document: Document | None, nodes: Mapping[str, Node]) -> tuple[Budget, ...]:
    if document is None or _BUDGETS not in nodes:
        return ()
    budgets = read_budgets(document, nodes[_BUDGETS], settings.environment)
    source = document.place(nodes[_BUDGETS])
    settings.shown.extend(Shown(f"{_BUDGETS}.{budget.name}", budget.description, source) for budget in budgets)
    return budgets


def _read_prices(settings: Settings, document: Document | None, nodes: Mapping[str, Node]) -> dict[str, Known]:
    if document is None or _PRICES not in nodes:
        return {}
    prices = read_prices(document, nodes[_PRICES])
    source = document.place(nodes[_PRICES])
    settings.shown.extend(Shown(f"{_PRICES}.{name}", describe_price(known), source) for name, known in prices.items())
    return prices


def _read_usage(settings: Settings) -> UsageConfig:
    default = UsageConfig()
    return UsageConfig(
        retention_days=settings.take("TRUNKLINE_USAGE_RETENTION_DAYS", default.retention_days),
        backlog_bytes=settings.take("TRUNKLINE_USAGE_BACKLOG", default.backlog_bytes),
    )


def _read_audit(settings: Settings, document: Document | None, nodes: Mapping[str, Node]) -> AuditConfig:
    default = AuditConfig()
    redact = read_patterns(document, nodes[_REDACT]) if document is not None and _REDACT in nodes else ()
    return AuditConfig(
        retention_days=settings.take("TRUNKLINE_AUDIT_RETENTION_DAYS", default.retention_days),
        bodies=settings.take("TRUNKLINE_AUDIT_BODIES", default.bodies),
        body_limit_bytes=settings.take("TRUNKLINE_AUDIT_BODY_LIMIT", default.body_limit_bytes),
        headers=settings.take("TRUNKLINE_AUDIT_HEADERS", default.headers),
        redact=redact,
    )


def _read_label_headers(settings: Settings, document: Document | None, nodes: Mapping[str, Node]) -> dict[bytes, str]:
    """Those of the file, and over them those of the environment."""
    labels: dict[bytes, str] = {}
    if document is not None and _LABEL_HEADERS in nodes:
        labels = read_label_mapping(document, nodes[_LABEL_HEADERS])
        source = document.place(nodes[_LABEL_HEADERS])
        settings.shown.extend(
            Shown(f"{_LABEL_HEADERS}.{name.decode()}", label, source) for name, label in labels.items()
        )
    value = settings.environment.get("TRUNKLINE_LABEL_HEADERS")
    if value is not None:
        labels |= read_label_list(value)
        settings.shown.append(Shown(value.name, value.text, value.source))
    return labels


def _read_retention(settings: Settings, document: Document | None, nodes: Mapping[str, Node]) -> Retention:
    days = settings.take("TRUNKLINE_STORE_RETENTION_DAYS", Retention().days)
    if document is None or _STORE_PATHS not in nodes:
        return Retention(days)
    paths = read_store_paths(document, nodes[_STORE_PATHS])
    source = document.place(nodes[_STORE_PATHS])
    settings.shown.extend(Shown(f"{_STORE_PATHS}.{pattern}", rule, source) for pattern, rule in paths.items())
    return Retention(days, read_rules(paths))


def _lonely_budgets(config: Config) -> tuple[str, ...]:
    """Replicas on one database would each grant the whole of a budget."""
    if not config.budgets or config.redis_url or config.database_url.startswith("sqlite:"):
        return ()
    note = (
        "each gateway counts budgets for itself, and where several share this database grants the whole of them: set"
        " TRUNKLINE_REDIS_URL"
    )
    return (note,)


def _refuse_made_up_secrets(config: Config) -> None:
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


def _stray_aliases(aliases: Mapping[str, str], found: Accounts, local: bool) -> list[str]:
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


def _stray_prices(prices: Mapping[str, Known], found: Accounts) -> list[str]:
    """Prices of an account that is not configured."""
    served = [account.name for account in found.accounts]
    return [
        f"`prices.{name}` is of no account that is configured"
        for name in prices
        if not any(fnmatch.fnmatchcase(account, name.partition("/")[0]) for account in served)
    ]


def _show_accounts(found: Accounts, environment: Environment) -> list[Shown]:
    return [
        Shown(
            value.name,
            "(set)" if setting in secret_names(entry.provider) else resolve(value, environment),
            value.source,
        )
        for entry in found.entries
        for setting, value in entry.values.items()
    ]


def is_loopback(host: str) -> bool:
    """Whether a listener on this host can be reached from this machine alone."""
    return host in _LOOPBACK or host.startswith("127.")
