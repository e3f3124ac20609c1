"""Who is calling, where proxies stand in between: those that are trusted are believed, nobody else."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

# Callers behind a proxy come again and again.
_REMEMBERED = 4_096


class TrustedProxies:
    """The networks of the proxies that are trusted; none unless they are named."""

    def __init__(self, networks: Sequence[Network] = ()) -> None:
        self._networks = networks
        self._callers: dict[tuple[str, bytes], str] = {}

    def trusts(self, peer: str) -> bool:
        """Whether a connection comes from one of them. Asked once a connection."""
        address = _read(peer)
        return address is not None and self._has(address)

    def find_caller(self, peer: str, forwarded: bytes) -> str:
        """The caller behind a trusted `peer`, by its `X-Forwarded-For`: the last address there that is none of ours."""
        known = self._callers.get((peer, forwarded))
        if known is None:
            known = self._find(peer, forwarded)
            if len(self._callers) >= _REMEMBERED:
                self._callers.clear()
            self._callers[peer, forwarded] = known
        return known

    def _find(self, peer: str, forwarded: bytes) -> str:
        nearest = peer
        for part in reversed(forwarded.decode("latin-1").split(",")):
            address = _read(part.strip())
            if address is None:
                break  # whatever stands before it may be anybody's word
            nearest = str(address)
            if not self._has(address):
                break
        return nearest

    def _has(self, address: Address) -> bool:
        return any(address in network for network in self._networks)


def _read(text: str) -> Address | None:
    """An address, as proxies write it: with or without a port. `None` for anything else."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
