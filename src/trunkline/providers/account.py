"""One provider as it is configured: where it is, what it is told, and which secret opens it. Opens nothing itself."""

import dataclasses
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

from msgspec.structs import replace

from trunkline import __version__
from trunkline.call import Header
from trunkline.capabilities import Capabilities
from trunkline.errors import ConfigError, ModelNotFound
from trunkline.ports import DEFAULT_TIMEOUTS, Origin, Timeouts, UpstreamRequest
from trunkline.providers.model_rules import ModelRules
from trunkline.providers.provider import DIALECTS, STREAM, Provider
from trunkline.providers.redaction import is_secret, take_out, take_out_starred

_DEFAULT_PORTS = {"http": 80, "https": 443}
_MODEL = b"{model}"
_BASE = "{base}"
_UPLOAD = "files:upload"
_VERSION_SEGMENT = re.compile(r"/v[0-9]+[a-z0-9]*(?=/|$)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A provider under one key. `name` is what stands before the slash: `openai`, `openai-eu`.

    The key and what holds it stay out of `repr`.
    """

    name: str
    provider: Provider
    base_url: str
    origin: Origin
    speaks: tuple[str, ...]
    faithful: frozenset[str]
    capabilities: Capabilities
    timeouts: Timeouts
    models: ModelRules
    settings: Mapping[str, str] = field(repr=False)
    api_key: str = field(repr=False)
    secret: bytes = field(repr=False)
    """The key, as far as it is one; empty where there is nothing to hide."""
    _heads: Mapping[str, bytes] = field(repr=False)
    _templates: frozenset[str]

    def head(self, operation: str, model: str = "", *, stream: bool = False) -> bytes:
        """Request line and headers for a dialect or operation, as `UpstreamRequest.head` wants them.

        `model` is put into a path that has a place for it, and a stream goes to a path of its own where there is one.
        """
        head = self._heads[operation]
        if operation in self._templates:
            if stream:
                head = self._heads.get(operation + STREAM, head)
            if model and not all(segment.strip(".") for segment in model.split("/")):
                # Escaped or not, servers take it for a way up to other paths.
                raise ModelNotFound(
                    f"The model `{model}` does not exist: its name holds a relative segment", param="model"
                )
            head = head.replace(_MODEL, quote(model, safe="").encode())
        return head

    def head_below(self, method: str, operation: str, rest: str, query: str = "") -> bytes:
        """Request line and headers for something below an operation's path: `head_below("GET", "responses", id)`.

        `query` is encoded already, and added to what the path has of its own.
        """
        line, _, tail = self._heads[operation].partition(b"\r\n")
        path, _, own = line.split(b" ")[1].partition(b"?")
        queries = b"&".join([part for part in (own, query.encode()) if part])
        target = b"%b/%b%b" % (path, quote(rest).encode(), b"?" + queries if queries else b"")
        return b"%b %b HTTP/1.1\r\n%b" % (method.encode(), target, tail)

    @property
    def keeps_prompts(self) -> bool:
        """Whether a request may name a prompt that is kept there. They belong to Responses."""
        return self.provider.keeps_prompts and "responses" in self.speaks

    def redact(self, text: str) -> str:
        """The text without our credentials: whole, or a key cut short and starred out as vendors quote it."""
        if not text:
            return text
        for name in (setting.name for setting in self.provider.settings if setting.secret):
            text = take_out(self.settings.get(name, ""), text)
        return take_out_starred(self.api_key, take_out(self.api_key, text))


def make_account(
    provider: Provider,
    *,
    name: str | None = None,
    base_url: str | None = None,
    api_key: str = "",
    speaks: tuple[str, ...] | None = None,
    faithful: frozenset[str] | None = None,
    models: ModelRules | None = None,
    timeouts: Timeouts = DEFAULT_TIMEOUTS,
    tls_verify: bool = True,
    settings: Mapping[str, str] | None = None,
    cache_points: bool = True,
    emulated: frozenset[str] = frozenset(),
) -> Account:
    """An account; what is `None` is the provider's own. Raises `ConfigError` for an address or key that cannot be.

    Without `cache_points` its prompt cache is asked for nothing that the caller did not ask for.
    `emulated` are settings that are told in words where its models lack them.
    """
    settings = {**{s.name: s.default for s in provider.settings if s.default}, **(settings or {})}
    if provider.adapt is not None:
        provider, base_url = provider.adapt(provider, base_url, settings)
    if provider.cloud and not provider.needs_token(api_key, settings):
        provider = dataclasses.replace(provider, cloud="")
    base_url = base_url or (provider.base_url if provider.address is None else provider.address(settings))
    if base_url is None:
        raise ConfigError(f"`{name or provider.name}` has no base URL: there is no address to assume for it")
    origin, path = read_base_url(base_url, _version_of(provider, settings), tls_verify)
    check_key(api_key)
    speaks = speaks or provider.speaks
    return Account(
        name=name or provider.name,
        provider=provider,
        base_url=f"{origin.scheme}://{_write_host(origin)}{path}",
        origin=origin,
        speaks=speaks,
        faithful=provider.faithful if faithful is None else faithful,
        capabilities=_fit_capabilities(provider.capabilities, cache_points, emulated),
        timeouts=timeouts,
        models=_fit_rules(provider, models or ModelRules()),
        settings=settings,
        api_key=api_key,
        secret=api_key.encode() if is_secret(api_key) else b"",
        _heads=_write_heads(provider, origin, path, api_key, settings),
        _templates=frozenset(
            name for name, path in provider.paths.items() if "{model}" in path or name + STREAM in provider.paths
        ),
    )


def _fit_capabilities(known: Capabilities, cache_points: bool, emulated: frozenset[str]) -> Capabilities:
    """What the provider can do, as the operator wants it used."""
    return replace(known, cache_marks=known.cache_marks and cache_points, emulated=known.emulated | emulated)


def _fit_rules(provider: Provider, rules: ModelRules) -> ModelRules:
    """A provider without a list to ask for serves what is named; whether it has others nobody can tell."""
    return rules if "models" in provider.paths or provider.lists else replace(rules, has_list=False)


def read_base_url(url: str, version: str = "/v1", tls_verify: bool = True) -> tuple[Origin, str]:
    """Where a base URL leads, and the path that operations are put behind, without a slash at its end.

    `version` is appended unless the path holds a version already. Raises `ConfigError`, without quoting the URL: it
    may hold a password.
    """
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ConfigError("is not a URL like https://api.example.com/v1") from None
    if parts.scheme not in _DEFAULT_PORTS or not host:
        raise ConfigError("is not a URL like https://api.example.com/v1")
    if parts.username or parts.password:
        raise ConfigError("holds a user name or password: put the key into the provider's API key instead")
    if parts.query or parts.fragment or not url.strip().isascii() or any(char in url.strip() for char in " \t\r\n"):
        raise ConfigError("may hold scheme, host, port and path, and nothing else")
    path = parts.path.rstrip("/")
    if not _VERSION_SEGMENT.search(path):
        path += version
    return Origin(parts.scheme, host, port or _DEFAULT_PORTS[parts.scheme], tls_verify), path


def list_requests(account: Account, now_micros: int) -> list[UpstreamRequest]:
    """What the models of an account are asked for with; a token is still to be added."""
    provider = account.provider
    if not provider.lists:
        return [UpstreamRequest(account.origin, account.head("models"), b"", account.timeouts)]
    requests = []
    for url in provider.lists:
        base, _, rest = url.rpartition("/")
        origin, path = read_base_url(base, "", account.origin.tls_verify)
        headers = _fixed_headers(provider, origin, account.api_key)
        head = f"GET {path}/{rest} HTTP/1.1\r\n".encode() + headers
        if provider.sign is not None:
            head = provider.sign(account, head, b"", now_micros)
        requests.append(UpstreamRequest(origin, head, b"", account.timeouts))
    return requests


def check_key(api_key: str) -> None:
    """Raises `ConfigError` for a key that cannot stand in a header: pasted with a line break, or with letters that
    look like others."""
    if not api_key.isascii() or not api_key.isprintable() or " " in api_key:
        raise ConfigError("holds a space, line break or non-ASCII character: copy the key again")


def _version_of(provider: Provider, settings: Mapping[str, str]) -> str:
    version = settings.get("version")
    if version is None:
        return provider.version
    return "" if version == "none" else "/" + version.strip("/")


def _write_host(origin: Origin) -> str:
    host = f"[{origin.host}]" if ":" in origin.host else origin.host
    return host if origin.port == _DEFAULT_PORTS[origin.scheme] else f"{host}:{origin.port}"


def _write_heads(
    provider: Provider, origin: Origin, path: str, api_key: str, settings: Mapping[str, str]
) -> dict[str, bytes]:
    told = ((s.header, settings[s.name].encode()) for s in provider.settings if s.header and s.name in settings)
    tail = _fixed_headers(provider, origin, api_key) + _write_lines(told)
    body = b"content-type: application/json\r\n"
    operations = {*DIALECTS, *(name + STREAM for name in DIALECTS), *provider.operations} & {*provider.paths}
    paths = {operation: _fill(provider.paths[operation], path, settings) for operation in provider.paths}
    heads = {
        # What is uploaded says itself what it is.
        name: f"POST {paths[name]} HTTP/1.1\r\n".encode() + tail + (b"" if name == _UPLOAD else body)
        for name in operations
    }
    if "models" in provider.paths:
        heads["models"] = f"GET {paths['models']} HTTP/1.1\r\n".encode() + tail
    return heads


def _fixed_headers(provider: Provider, origin: Origin, api_key: str) -> bytes:
    return _write_lines(
        (
            (b"host", _write_host(origin).encode()),
            (b"user-agent", f"trunkline/{__version__}".encode()),
            # Nothing is gained by having a stream of small events packed and unpacked.
            (b"accept-encoding", b"identity"),
            *provider.headers,
            *provider.authorize(api_key),
        )
    )


def _write_lines(headers: Iterable[Header]) -> bytes:
    return b"".join(b"%b: %b\r\n" % header for header in headers)


def _fill(path: str, base: str, settings: Mapping[str, str]) -> str:
    """A path behind or around that of the base URL, with the settings that have a place in it."""
    for name, value in settings.items():
        path = path.replace(f"{{{name}}}", quote(value, safe=""))
    return path.replace(_BASE, base) if _BASE in path else base + path
