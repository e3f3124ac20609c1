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
    """Everything a gateway is started with.

    `log_format` is `None` where it depends on whether standard error is a terminal. `master_key` is `None` where one
    has to be generated (unless `auth` is off), `secret` likewise. `accounts` are in the order in which a name that
    several list is looked for; the embedded model is not among them, `local` says that it is wanted. `proxies` are the
    proxy variables as they were. `uncached` are the aliases for which no cache points are set, `emulating` those with
    settings that are told in words. `forwarded_prompts` are prompts at a provider that anybody may use, each with its
    model. `keys`, `limits`, `budgets` and `prices` are those that the file declares. `counts_budgets_alone`: while
    Redis is away. `encrypts` says whether what is kept is sealed at rest. `session_headers` name the session of a
    request, `guesses_sessions` says whether one that names none is put to others that begin like it; `label_headers`
    are labels, by the headers they stand in. `notes` are sentences about what is set but not served.
    """

    data_dir: Path
    server: ServerConfig
    timeouts: Timeouts
    accounts: tuple[Account, ...]
    aliases: Mapping[str, str]
    proxies: Mapping[str, str]
    uncached: frozenset[str] = frozenset()
    emulating: Mapping[str, frozenset[str]] = field(default_factory=dict)
    forwarded_prompts: Mapping[str, str] = field(default_factory=dict)
    keys: tuple[KeptKey, ...] = ()
    limits: tuple[LimitRule, ...] = ()
    budgets: tuple[Budget, ...] = ()
    prices: Mapping[str, Known] = field(default_factory=dict)
    output_limit_tokens: int = 16_384
    fetch: FetchConfig = field(default_factory=FetchConfig)
    retention: Retention = field(default_factory=Retention)
    encrypts: bool = False
    usage: UsageConfig = field(default_factory=UsageConfig)
    audit: AuditConfig = field(default_factory=AuditConfig)
    session_headers: tuple[bytes, ...] = ()
    guesses_sessions: bool = True
    label_headers: Mapping[bytes, str] = field(default_factory=dict)
    blobs_url: str = ""
    inline_file_bytes: int = 4_000_000
    log_format: str | None = None
    strict: bool = False
    auth: bool = True
    local: bool = False
    notes: tuple[str, ...] = ()
    shown: tuple[Shown, ...] = ()
    counts_budgets_alone: bool = False
    database_url: str = field(default="", repr=False)
    redis_url: str = field(default="", repr=False)
    master_key: str | None = field(default=None, repr=False)
    secret: bytes | None = field(default=None, repr=False)
    previous_secrets: tuple[bytes, ...] = field(default=(), repr=False)
