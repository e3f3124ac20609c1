"""Every setting that is not a provider's: its names, its default, how its text is read, what it means."""

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from trunkline.config import values
from trunkline.config.known_by import read_header_list


class Setting(Struct, frozen=True, kw_only=True):
    """One setting. `yaml` is its dotted place in the file, empty where it has none; `default` is for readers of the
    reference, and empty where there is none. `secret` may be a test, where only some texts are."""

    environment: str
    yaml: str
    read: Callable[[str], Any]
    meaning: str
    default: str = ""
    secret: bool | Callable[[str], bool] = False

    def hides(self, text: str) -> bool:
        """Whether this text must neither be shown nor stand in the file."""
        return self.secret(text) if callable(self.secret) else self.secret


SETTINGS = (
    Setting(
        environment="TRUNKLINE_CONFIG",
        yaml="",
        read=values.read_path,
        default="`./trunkline.yaml` if there",
        meaning="the one YAML file",
    ),
    Setting(
        environment="TRUNKLINE_DATA_DIR",
        yaml="data_dir",
        read=values.read_path,
        default="`$XDG_DATA_HOME/trunkline`, else `~/.local/share/trunkline`; `make run` says `./.trunkline`",
        meaning="everything that trunkline writes, readable by its owner alone",
    ),
    Setting(
        environment="TRUNKLINE_DATABASE_URL",
        yaml="database_url",
        read=values.read_database_url,
        default="`sqlite:///<data_dir>/trunkline.db`",
        meaning="where state is kept: an SQLite file, or `postgresql://…` (`trunkline[postgres]`), which several replicas"
        " may share; these need TRUNKLINE_SECRET and TRUNKLINE_MASTER_KEY to be set",
        secret=values.has_password,
    ),
    Setting(
        environment="TRUNKLINE_REDIS_URL",
        yaml="redis_url",
        read=values.read_redis_url,
        meaning="a Redis or Valkey, in which replicas count limits and budgets together (`trunkline[redis]`):"
        " `redis://host:6379`, `rediss://…`, `unix:///path`; without one each process counts for itself",
        secret=values.has_password,
    ),
    Setting(
        environment="TRUNKLINE_REDIS_AWAY",
        yaml="redis_away",
        read=values.read_redis_away,
        default="refuse",
        meaning="while it is away each process keeps rate limits for itself; `refuse` answers 503 to calls on a budget,"
        " `alone` keeps budgets so as well, which may then be overdrawn",
    ),
    Setting(
        environment="TRUNKLINE_STORE_RETENTION_DAYS",
        yaml="store.retention_days",
        read=values.read_days,
        default="30",
        meaning="how long responses and chat completions are kept, from the time they were made; conversations stay until"
        " they are deleted, and their items can be found by their ids for as long again",
    ),
    Setting(
        environment="TRUNKLINE_STORE_ENCRYPT",
        yaml="store.encrypt",
        read=values.read_bool,
        default="false",
        meaning="whether bodies in the database, the journal and files are sealed under a key of the root secret;"
        " `trunkline store reencrypt` does so with what is there already",
    ),
    Setting(
        environment="TRUNKLINE_BLOBS_URL",
        yaml="blobs_url",
        read=values.read_text,
        default="`files/` in the data folder",
        meaning="where contents of files lie instead: `s3://bucket/prefix`, which the variables of AWS's own tools lead to",
    ),
    Setting(
        environment="TRUNKLINE_INLINE_FILE_LIMIT",
        yaml="inline_file_limit",
        read=values.read_size,
        default="4MB",
        meaning="the largest file that goes with each request which names it; a larger one is copied to a provider that keeps"
        " files, once",
    ),
    Setting(
        environment="TRUNKLINE_MASTER_KEY",
        yaml="master_key",
        read=values.read_key,
        default="generated at the first start",
        meaning="the operator's key, which callers send as `Authorization: Bearer …` or `x-api-key`",
        secret=True,
    ),
    Setting(
        environment="TRUNKLINE_SECRET",
        yaml="secret",
        read=values.read_secret,
        default="generated into `<data_dir>/keyring`",
        meaning="the one root secret: at least 32 bytes, base64url",
        secret=True,
    ),
    Setting(
        environment="TRUNKLINE_SECRET_PREVIOUS",
        yaml="secret_previous",
        read=values.read_secrets,
        meaning="earlier root secrets, comma list: what they sealed is still read",
        secret=True,
    ),
    Setting(
        environment="PORT",
        yaml="server.port",
        read=values.read_port,
        default="8080",
        meaning="where to listen; 0 takes any free port",
    ),
    Setting(
        environment="TRUNKLINE_HOST",
        yaml="server.host",
        read=values.read_text,
        default="`localhost`",
        meaning="`localhost` listens on 127.0.0.1 and, where there is one, ::1; `0.0.0.0` on every address",
    ),
    Setting(
        environment="TRUNKLINE_ADMIN_PORT",
        yaml="server.admin_port",
        read=values.read_port,
        default="none: on the same port as everything else",
        meaning="where `/admin/…` and `/metrics` are served, and nowhere else then",
    ),
    Setting(
        environment="TRUNKLINE_ADMIN_HOST",
        yaml="server.admin_host",
        read=values.read_text,
        default="`localhost`",
        meaning="the address of that port, as `TRUNKLINE_HOST` for the other one",
    ),
    Setting(
        environment="BASE_PATH",
        yaml="server.base_path",
        read=values.read_base_path,
        default="`/`",
        meaning="prefix of every route",
    ),
    Setting(
        environment="TRUNKLINE_TRUSTED_PROXIES",
        yaml="server.trusted_proxies",
        read=values.read_networks,
        meaning="comma list of addresses and networks (`10.0.0.0/8`) of proxies before the gateway: only what comes from"
        " them has its caller's address in `X-Forwarded-For`, the last there that is none of these",
    ),
    Setting(
        environment="TRUNKLINE_BODY_LIMIT",
        yaml="server.body_limit",
        read=values.read_size,
        default="32MB",
        meaning="the largest request body, as it is sent and as it is unpacked",
    ),
    Setting(
        environment="TRUNKLINE_UPLOAD_LIMIT",
        yaml="server.upload_limit",
        read=values.read_size,
        default="512MB",
        meaning="the largest upload of a file, as it is sent",
    ),
    Setting(
        environment="TRUNKLINE_DRAIN_SECONDS",
        yaml="server.drain_seconds",
        read=values.read_seconds,
        default="30",
        meaning="how long streams may finish after SIGTERM, before an error event ends them",
    ),
    Setting(
        environment="TRUNKLINE_TLS_CERT",
        yaml="server.tls_cert",
        read=values.read_file,
        meaning="serve https with this certificate chain (PEM)",
    ),
    Setting(
        environment="TRUNKLINE_TLS_KEY",
        yaml="server.tls_key",
        read=values.read_file,
        meaning="the certificate's private key (PEM)",
    ),
    Setting(
        environment="TRUNKLINE_CONNECT_SECONDS",
        yaml="timeouts.connect",
        read=values.read_seconds,
        default="10",
        meaning="how long a connection to a provider may take to come about",
    ),
    Setting(
        environment="TRUNKLINE_FIRST_BYTE_SECONDS",
        yaml="timeouts.first_byte",
        read=values.read_seconds,
        default="300",
        meaning="how long a provider may take to begin its reply",
    ),
    Setting(
        environment="TRUNKLINE_IDLE_SECONDS",
        yaml="timeouts.idle",
        read=values.read_seconds,
        default="300",
        meaning="how long a provider may be silent within a reply",
    ),
    Setting(
        environment="TRUNKLINE_TOTAL_SECONDS",
        yaml="timeouts.total",
        read=values.read_seconds,
        default="3600",
        meaning="how long a whole exchange with a provider may take",
    ),
    Setting(
        environment="TRUNKLINE_FETCH",
        yaml="fetch.enabled",
        read=values.read_bool,
        default="true",
        meaning="whether URLs of pictures and files are fetched for providers that cannot do it themselves",
    ),
    Setting(
        environment="TRUNKLINE_FETCH_HOSTS",
        yaml="fetch.hosts",
        read=values.read_host_list,
        meaning="comma list of hosts (`cdn.example`, `*.cdn.example`, `files.internal:8443`) that may be fetched from"
        " although they are private; behind an outbound proxy, the only ones that are fetched from",
    ),
    Setting(
        environment="TRUNKLINE_FETCH_LIMIT",
        yaml="fetch.limit",
        read=values.read_size,
        default="20MB",
        meaning="the largest picture or file that is fetched",
    ),
    Setting(
        environment="TRUNKLINE_FETCH_TOTAL",
        yaml="fetch.total",
        read=values.read_size,
        default="50MB",
        meaning="how much is fetched for one request, of 64 URLs at most",
    ),
    Setting(
        environment="TRUNKLINE_FETCH_SECONDS",
        yaml="fetch.seconds",
        read=values.read_seconds,
        default="20",
        meaning="how long one URL may take, redirects included",
    ),
    Setting(
        environment="TRUNKLINE_SESSION_HEADERS",
        yaml="sessions.headers",
        read=read_header_list,
        meaning="comma list of headers that name the session of a request, looked at before those that clients are known"
        " to send ([sessions](audit.md#sessions))",
    ),
    Setting(
        environment="TRUNKLINE_SESSION_GUESS",
        yaml="sessions.guess",
        read=values.read_bool,
        default="true",
        meaning="whether requests that name no session are put together by how their conversation begins",
    ),
    Setting(
        environment="TRUNKLINE_LABEL_HEADERS",
        yaml="labels.headers",
        read=values.read_text,
        meaning="`header=label,…`: headers that label a request (`x-team=team`); in YAML a mapping"
        " ([labels](audit.md#labels))",
    ),
    Setting(
        environment="TRUNKLINE_USAGE_RETENTION_DAYS",
        yaml="usage.retention_days",
        read=values.read_days,
        default="400",
        meaning="how long it is known what requests used and cost, and for whom",
    ),
    Setting(
        environment="TRUNKLINE_USAGE_BACKLOG",
        yaml="usage.backlog",
        read=values.read_size,
        default="1GB",
        meaning="how much of that may wait in `ledger/` in the data folder while the database is away, about half a kilobyte"
        " a request: when it is full nothing is begun that costs money ([the ledger](ledger.md))",
    ),
    Setting(
        environment="TRUNKLINE_AUDIT_RETENTION_DAYS",
        yaml="audit.retention_days",
        read=values.read_days,
        default="30",
        meaning="how long the audit knows what a request was besides what it cost, bodies included",
    ),
    Setting(
        environment="TRUNKLINE_AUDIT_BODIES",
        yaml="audit.bodies",
        read=values.read_bool,
        default="false",
        meaning="whether the audit keeps what was said: the request, what went upstream, and the reply, redacted and cut;"
        " sealed where `store.encrypt` is on ([bodies](audit.md#bodies)). In YAML `audit.redact` lists regular expressions"
        " of what else is taken out",
    ),
    Setting(
        environment="TRUNKLINE_AUDIT_BODY_LIMIT",
        yaml="audit.body_limit",
        read=values.read_size,
        default="64KB",
        meaning="how much of each body is kept",
    ),
    Setting(
        environment="TRUNKLINE_AUDIT_HEADERS",
        yaml="audit.headers",
        read=read_header_list,
        meaning="comma list of request headers that are kept with bodies, beside those that say how a client asks",
    ),
    Setting(
        environment="TRUNKLINE_LOG",
        yaml="log.format",
        read=values.read_log_format,
        default="`text` on a terminal, else `json`",
        meaning="one line a request",
    ),
    Setting(
        environment="TRUNKLINE_STRICT",
        yaml="strict",
        read=values.read_bool,
        default="false",
        meaning="a request of which something would be left out is refused; what the SDKs send unasked is excepted",
    ),
    Setting(
        environment="TRUNKLINE_ALIASES",
        yaml="aliases",
        read=values.read_text,
        meaning="`name=target,…`: a name may end in `*` (`gpt-*=anthropic/claude-sonnet-5`); in YAML a mapping",
    ),
    Setting(
        environment="TRUNKLINE_OUTPUT_LIMIT",
        yaml="output_limit",
        read=values.read_count,
        default="16384",
        meaning="how many tokens a model may write for a request without a limit that a budget pays for, where it is not"
        " known how many it can write",
    ),
)

# For tests alone; whoever runs them has it set.
IGNORED = ("TRUNKLINE_TEST_DATA",)

PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
