"""Which proxy a request goes through: the usual environment variables, read as curl reads them.

Pure: takes a mapping, never the process's own environment, and opens nothing.
"""

import base64
import ipaddress
from collections.abc import Mapping
from urllib.parse import unquote, urlsplit

from msgspec import Struct

from trunkline.errors import ConfigError
from trunkline.ports import Origin

_DEFAULT_PORTS = {"http": 80, "https": 443}


class Proxy(Struct, frozen=True):
    """One proxy. `authorization` is a whole header value, or empty; it is a secret and stays out of `repr`."""

    host: str
    port: int
    authorization: bytes = b""

    def __repr__(self) -> str:
        return f"Proxy({self.host}:{self.port})"


class Exemption(Struct, frozen=True):
    """One entry of `NO_PROXY`: a host and those below it, a network, or everything; `port` 0 is any port."""

    host: str = ""
    network: ipaddress.IPv4Network | ipaddress.IPv6Network | None = None
    port: int = 0
    everything: bool = False

    def covers(self, origin: Origin) -> bool:
        if self.everything:
            return True
        if self.port not in (0, origin.port):
            return False
        if self.network is not None:
            address = _read_address(origin.host)
            return address is not None and address in self.network
        host = origin.host.lower().rstrip(".")
        return host == self.host or host.endswith("." + self.host)


class Proxies(Struct, frozen=True):
    """The proxies for each scheme, and who is exempt from them."""

    http: Proxy | None = None
    https: Proxy | None = None
    exempt: tuple[Exemption, ...] = ()

    def find(self, origin: Origin) -> Proxy | None:
        """The proxy for this origin, or `None` to go straight.

        This machine itself is never behind a proxy: curl would ask for `NO_PROXY=localhost`, but a model server on
        loopback that is unreachable because a company proxy is configured helps nobody.
        """
        proxy = self.https if origin.scheme == "https" else self.http
        if proxy is None or _is_loopback(origin.host) or any(rule.covers(origin) for rule in self.exempt):
            return None
        return proxy


NO_PROXIES = Proxies()


def read_proxies(environment: Mapping[str, str]) -> Proxies:
    """`HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`; the lower-case name wins over the upper-case one.

    Raises `ConfigError`, naming the variable and never its value, which may hold a password.
    """
    everything = _read_proxy("ALL_PROXY", environment)
    return Proxies(
        http=_read_proxy("HTTP_PROXY", environment) or everything,
        https=_read_proxy("HTTPS_PROXY", environment) or everything,
        exempt=_read_exemptions(_look_up("NO_PROXY", environment)),
    )


def _look_up(name: str, environment: Mapping[str, str]) -> str:
    return (environment.get(name.lower()) or environment.get(name) or "").strip()


def _read_proxy(name: str, environment: Mapping[str, str]) -> Proxy | None:
    value = _look_up(name, environment)
    if not value:
        return None
    try:
        url = urlsplit(value if "://" in value else f"http://{value}")
        host, port = url.hostname, url.port
    except ValueError:
        raise ConfigError(f"`{name}` is not a URL like http://proxy.example:3128") from None
    if url.scheme != "http":
        raise ConfigError(f"`{name}` has a scheme that is not served: only http:// proxies are")
    if not host:
        raise ConfigError(f"`{name}` names no host: it should be like http://proxy.example:3128")
    return Proxy(host, port or 80, _write_authorization(url.username, url.password))


def _write_authorization(username: str | None, password: str | None) -> bytes:
    if username is None and password is None:
        return b""
    pair = f"{unquote(username or '')}:{unquote(password or '')}"
    return b"Basic " + base64.b64encode(pair.encode())


def _read_exemptions(value: str) -> tuple[Exemption, ...]:
    return tuple(_read_exemption(entry) for entry in value.replace(",", " ").split())


def _read_exemption(entry: str) -> Exemption:
    if entry == "*":
        return Exemption(everything=True)
    try:
        return Exemption(network=ipaddress.ip_network(entry.strip("[]"), strict=False))
    except ValueError:
        pass
    host, colon, port = entry.rpartition(":")
    if not (colon and port.isdigit()):
        host, port = entry, "0"
    host = host.strip("[]").removeprefix("*").strip(".").lower()
    address = _read_address(host)
    if address is not None:
        return Exemption(network=ipaddress.ip_network(address), port=int(port))
    return Exemption(host=host, port=int(port))


def _read_address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _is_loopback(host: str) -> bool:
    address = _read_address(host)
    return host.lower().rstrip(".") == "localhost" or (address is not None and address.is_loopback)


def write_authority(host: str, port: int) -> str:
    """`host:port`, an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def write_absolute(head: bytes, origin: Origin, proxy: Proxy) -> bytes:
    """A request's head as a proxy wants it: the whole URL in the request line, and our credentials for the proxy."""
    port = "" if origin.port == _DEFAULT_PORTS.get(origin.scheme) else f":{origin.port}"
    host = f"[{origin.host}]" if ":" in origin.host else origin.host
    absolute = head.replace(b" /", f" {origin.scheme}://{host}{port}/".encode(), 1)
    return absolute + write_credentials(proxy)


def write_credentials(proxy: Proxy) -> bytes:
    """The `proxy-authorization` line, or nothing."""
    return b"proxy-authorization: %b\r\n" % proxy.authorization if proxy.authorization else b""
