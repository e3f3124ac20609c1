"""What a configuration comes to: frozen, whole, checked. Secrets stay out of `repr`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from msgspec import Struct

from trunkline.money import Known
from trunkline.ports import FetchLimits, Timeouts
from trunkline.providers.account import Account
from trunkline.serve.proxies import Network
from trunkline.state.budgets import Budget
from trunkline.state.keys import KeptKey
from trunkline.state.limits import LimitRule
from trunkline.state.retention import Retention
from trunkline.upstream.reach import NO_HOSTS, Hosts


class ServerConfig(Struct, frozen=True, kw_only=True):
    """Where the gateway listens, and how much it takes. Without an `admin_port` administrators are served like all."""

    host: str = "localhost"
    port: int = 8080
    admin_host: str = "localhost"
    admin_port: int | None = None
    base_path: str = "/"
    trusted_proxies: tuple[Network, ...] = ()
    body_limit_bytes: int = 32_000_000
    upload_limit_bytes: int = 512_000_000
    drain_seconds: float = 30.0
    tls_cert: Path | None = None
    tls_key: Path | None = None


class FetchConfig(Struct, frozen=True, kw_only=True):
    """Whether the gateway fetches what callers point to where a provider cannot, from where, and how much."""

    enabled: bool = True
    hosts: Hosts = NO_HOSTS
    limits: FetchLimits = FetchLimits()


class UsageConfig(Struct, frozen=True, kw_only=True):
    """How long it is known what requests used, and how much of it may wait for the database."""

    retention_days: int = 400
    backlog_bytes: int = 1_000_000_000


class AuditConfig(Struct, frozen=True, kw_only=True):
    """Whether the audit keeps bodies, how much of each and what is taken out of them; `headers` are kept with them."""

    retention_days: int = 30
    bodies: bool = False
    body_limit_bytes: int = 64_000
    headers: tuple[bytes, ...] = ()
    redact: tuple[re.Pattern[str], ...] = ()


class Shown(Struct, frozen=True):
    """One setting as `trunkline check` prints it: a secret's value reads `(set)`."""

    name: str
    value: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything a gateway is started with."""

    data_dir: Path
    server: ServerConfig
    timeouts: Timeouts
    # The proxy variables as they were.
    proxies: Mapping[str, str]

    # In the order in which a name that several list is looked for. The embedded model is not among them: `local` wants
    # it.
    accounts: tuple[Account, ...]
    local: bool = False
    aliases: Mapping[str, str]
    # Aliases without cache points, and those with settings that are told in words.
    uncached: frozenset[str] = frozenset()
    emulating: Mapping[str, frozenset[str]] = field(default_factory=dict)
    # Prompts at a provider that anybody may use, each with its model.
    forwarded_prompts: Mapping[str, str] = field(default_factory=dict)
    output_limit_tokens: int = 16_384
    strict: bool = False
    fetch: FetchConfig = field(default_factory=FetchConfig)

    # What the file declares.
    keys: tuple[KeptKey, ...] = ()
    limits: tuple[LimitRule, ...] = ()
    budgets: tuple[Budget, ...] = ()
    prices: Mapping[str, Known] = field(default_factory=dict)

    # What is kept, where, for how long, and whether it is sealed.
    database_url: str = field(default="", repr=False)
    blobs_url: str = ""
    inline_file_bytes: int = 4_000_000
    retention: Retention = field(default_factory=Retention)
    usage: UsageConfig = field(default_factory=UsageConfig)
    audit: AuditConfig = field(default_factory=AuditConfig)
    encrypts: bool = False

    # What replicas count together; whether this one counts budgets alone while that is away.
    redis_url: str = field(default="", repr=False)
    counts_budgets_alone: bool = False

    # Headers that name the session of a request, and those that label it. Whether requests that name no session are put
    # to others that begin alike.
    session_headers: tuple[bytes, ...] = ()
    guesses_sessions: bool = True
    label_headers: Mapping[bytes, str] = field(default_factory=dict)

    # `None` where it depends on whether standard error is a terminal.
    log_format: str | None = None

    # The operator's key and the root secret: `None` where one has to be made up. Without `auth` nobody is asked for a
    # key.
    auth: bool = True
    master_key: str | None = field(default=None, repr=False)
    secret: bytes | None = field(default=None, repr=False)
    previous_secrets: tuple[bytes, ...] = field(default=(), repr=False)

    # Sentences about what is set but not served, and all that is set, as `trunkline check` prints it.
    notes: tuple[str, ...] = ()
    shown: tuple[Shown, ...] = ()
