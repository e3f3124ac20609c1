"""Where a URL that a caller supplies may lead: which schemes, hosts, ports and addresses. Pure; opens nothing.

The rule is the address and not the name, so whoever connects must ask after the name has been resolved, and connect to
the very address that was allowed. The tables stand here and not in `ipaddress`, whose idea of a global address has
changed between versions. Source: the IANA special-purpose address registries (IPv4 and IPv6), 2025-10.
"""

import ipaddress
import re
import socket
from collections.abc import Iterable, Sequence
from urllib.parse import quote, urlsplit

from msgspec import Struct

from trunkline.errors import InvalidRequest

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Longer than any signed URL in use; browsers and servers take about as much.
_MAX_URL = 16_384
_DEFAULT_PORTS = {"http": 80, "https": 443}
# Below 1024 are the services of machines (mail, directories, databases of old), which a request may be forged for.
_FIRST_FREE_PORT = 1024
_HOST = re.compile(r"[a-z0-9._-]{1,253}|[0-9a-f:.]{2,45}")


def _networks(text: str) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    return tuple(ipaddress.ip_network(network) for network in text.split())


# Everything that is not the public internet.
_CLOSED_V4 = _networks(
    "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24"
    " 192.31.196.0/24 192.52.193.0/24 192.88.99.0/24 192.168.0.0/16 192.175.48.0/24 198.18.0.0/15 198.51.100.0/24"
    " 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4"
)
# Only 2000::/3 is given out. So loopback, IPv4-mapped and -compatible addresses, NAT64 (64:ff9b::/96, 64:ff9b:1::/48),
# unique local, link-local, site-local and multicast ones are closed without a row.
_OPEN_V6 = ipaddress.ip_network("2000::/3")
# Teredo and its neighbours, documentation, 6to4: within, an IPv4 address may hide.
_CLOSED_V6 = _networks("2001::/23 2001:db8::/32 2002::/16 2620:4f:8000::/48 3fff::/20")
# What an operator may open by name: private networks and this machine.
_PRIVATE = _networks("10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 172.16.0.0/12 192.168.0.0/16 ::1/128 fc00::/7")
# Clouds hand out their machines' credentials here. Never open, whatever the operator lists: a listed name may be led
# there. (AWS's and everybody's 169.254.169.254 is link-local already.)
_METADATA = _networks("100.100.100.200/32 168.63.129.16/32 fd00:ec2::/32 fd20:ce::/32")
# ISATAP: an IPv4 address behind this, in any network.
_ISATAP = (b"\x00\x00\x5e\xfe", b"\x02\x00\x5e\xfe")


def is_public(address: Address) -> bool:
    """Whether an address belongs to the public internet and hides no other."""
    if _is_in(address, _METADATA):
        return False
    if isinstance(address, ipaddress.IPv4Address):
        return not _is_in(address, _CLOSED_V4)
    return address in _OPEN_V6 and not _is_in(address, _CLOSED_V6) and address.packed[8:12] not in _ISATAP


def is_private(address: Address) -> bool:
    """Whether an operator may open it: a private network's or this machine's, and no cloud's metadata."""
    return _is_in(address, _PRIVATE) and not _is_in(address, _METADATA)


def names_closed(host: str) -> bool:
    """Whether a host is by its spelling alone no part of the public internet: this machine, or such an address."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return not is_public(ipaddress.ip_address(host))
    except ValueError:
        pass
    try:
        # As systems read numbers: `2130706433`, `0x7f.1`.
        return not is_public(ipaddress.IPv4Address(socket.inet_aton(host)))
    except OSError:
        return False


def _is_in(address: Address, networks: Iterable[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    return any(address in network for network in networks)


class Hosts(Struct, frozen=True):
    """The hosts that an operator lists: `name`, `*.name` for those below it, an address; `:port` narrows it to one.

    Behind a proxy, which resolves names by itself, only they are fetched from; straight, they may be private.
    """

    entries: tuple[tuple[str, int], ...] = ()

    def covers(self, host: str, port: int) -> bool:
        return any(
            wanted in (0, port) and (host == name or (name.startswith("*.") and host.endswith(name[1:])))
            for name, wanted in self.entries
        )

    def names_port(self, host: str, port: int) -> bool:
        """Whether an entry opens this very port."""
        return any(wanted == port and self.covers(host, port) for _, wanted in self.entries)


NO_HOSTS = Hosts()


def read_hosts(entries: Sequence[str]) -> Hosts:
    """Hosts as they are typed. Raises `ValueError` for what is no host."""
    return Hosts(tuple(_read_entry(entry.strip().lower()) for entry in entries))


def _read_entry(entry: str) -> tuple[str, int]:
    host, port = entry, 0
    if entry.startswith("[") or entry.count(":") == 1:
        host, _, digits = entry.rpartition(":") if not entry.endswith("]") else (entry, "", "0")
        if not digits.isdecimal() or int(digits) > 65_535:
            raise ValueError("should be hosts like cdn.example, *.cdn.example or files.internal:8443")
        port = int(digits)
    host = host.strip("[]").rstrip(".")
    if not _HOST.fullmatch(host.removeprefix("*.")):
        raise ValueError("should be hosts like cdn.example, *.cdn.example or files.internal:8443")
    return host, port


class Place(Struct, frozen=True):
    """A URL taken apart. `host` is in ASCII and lower case, `path` what stands in the request line."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """The `host` header: without the port where it is the usual one."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


def read_place(url: str, hosts: Hosts = NO_HOSTS) -> Place:
    """Where a URL leads. Raises `InvalidRequest` for a scheme, port or spelling that is not followed."""
    if len(url) > _MAX_URL:
        raise InvalidRequest(f"the URL is longer than {_MAX_URL} characters")
    if any(char <= " " or char in "\\\x7f" for char in url):
        raise InvalidRequest("the URL holds spaces or control characters, which must be percent-encoded")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        host = host.rstrip(".").encode("idna").decode() if not host.isascii() else host.rstrip(".")
    except (ValueError, UnicodeError):
        raise InvalidRequest("the URL is malformed") from None
    if parts.scheme not in _DEFAULT_PORTS:
        raise InvalidRequest("only `https:` and `http:` URLs are followed")
    if parts.username is not None or parts.password is not None:
        raise InvalidRequest("the URL holds a user name or password, which is not sent on")
    if not _HOST.fullmatch(host):
        raise InvalidRequest("the URL names no host")
    port = _DEFAULT_PORTS[parts.scheme] if port is None else port
    if port not in _DEFAULT_PORTS.values() and port < _FIRST_FREE_PORT and not hosts.names_port(host, port):
        raise InvalidRequest("the URL names a port that is not used for files: 80, 443 and those from 1024 on are")
    path = quote(parts.path or "/", safe="/%!$&'()*+,;=:@~-._")
    query = f"?{quote(parts.query, safe='/%!$&()*+,;=:@~-._?[]|')}" if parts.query else ""
    return Place(parts.scheme, host, port, path + query)
