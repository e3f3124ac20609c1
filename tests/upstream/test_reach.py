"""Which addresses, hosts and spellings of a URL a caller may lead the gateway to."""

import ipaddress

import pytest

from trunkline.errors import InvalidRequest
from trunkline.upstream.reach import is_private, is_public, read_hosts, read_place


@pytest.mark.parametrize("address", ["8.8.8.8", "151.101.1.69", "172.32.0.1", "2606:4700::1111", "2a00:1450:4001::1"])
def test_public_addresses_are_open(address: str) -> None:
    """The public internet, next to the edges of private networks too."""
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "address",
    [
        # This machine, this network, nobody.
        "127.0.0.1", "127.8.8.8", "0.0.0.0", "0.1.2.3", "::1", "::",
        # Private networks, carriers' ones, benchmarks.
        "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "198.18.0.1", "198.19.255.255",
        "fc00::1", "fd12:3456::1", "fec0::1",
        # Link-local ones, among them every cloud's metadata, and metadata elsewhere.
        "169.254.169.254", "169.254.170.2", "fe80::1", "fd00:ec2::254", "fd20:ce::254", "100.100.100.200",
        "168.63.129.16", "192.0.0.192",
        # Multicast, broadcast, reserved, documentation.
        "224.0.0.1", "239.255.255.250", "255.255.255.255", "240.0.0.1", "ff02::1", "192.0.2.1", "198.51.100.1",
        "203.0.113.1", "2001:db8::1", "3fff::1", "100::1", "4000::1", "5f00::1",
        # An IPv4 address in an IPv6 one: mapped, compatible, translated, NAT64, 6to4, Teredo, ISATAP.
        "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "::ffff:0:127.0.0.1", "64:ff9b::7f00:1",
        "64:ff9b::808:808", "64:ff9b:1::a00:1", "2002:7f00:1::", "2002:808:808::1", "2001:0:7f00:1::1",
        "2606:4700::5efe:7f00:1", "2606:4700::200:5efe:7f00:1",
    ],
)  # fmt: skip
def test_everything_else_is_closed(address: str) -> None:
    """Whatever the address, and in whatever an IPv4 address is wrapped."""
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "192.168.0.9", "100.64.3.4", "::1", "fd12::1"])
def test_private_addresses_can_be_opened_by_name(address: str) -> None:
    """By an operator who lists the host."""
    assert is_private(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "address",
    ["169.254.169.254", "fe80::1", "fd00:ec2::254", "fd20:ce::254", "100.100.100.200", "168.63.129.16", "0.0.0.0",
     "224.0.0.1", "::ffff:127.0.0.1", "64:ff9b::7f00:1"],
)  # fmt: skip
def test_metadata_cannot_be_opened(address: str) -> None:
    """A listed name may be led there by whoever answers for it."""
    assert not is_private(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    ("url", "authority", "path"),
    [
        ("https://Cdn.Example/a.png", "cdn.example", "/a.png"),
        ("https://cdn.example.:443/a b".replace(" ", "%20"), "cdn.example", "/a%20b"),
        ("http://cdn.example", "cdn.example", "/"),
        ("http://cdn.example:8080/?a=1&b=%2F#part", "cdn.example:8080", "/?a=1&b=%2F"),
        ("https://cdn.example:80/x", "cdn.example:80", "/x"),
        ("https://bücher.example/ü.png", "xn--bcher-kva.example", "/%C3%BC.png"),
        ("https://[2606:4700::1111]/x", "[2606:4700::1111]", "/x"),
        ("https://cdn.example/a?sig=a+b/c=='", "cdn.example", "/a?sig=a+b/c==%27"),
    ],
)
def test_where_a_url_leads(url: str, authority: str, path: str) -> None:
    """The host that is asked, and the path it is asked for."""
    place = read_place(url)
    assert (place.authority, place.path) == (authority, path)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("ftp://cdn.example/x", "only"),
        ("file:///etc/passwd", "only"),
        ("gopher://127.0.0.1:6379/_SET", "only"),
        ("//cdn.example/x", "only"),
        ("https://", "no host"),
        ("https:///x", "no host"),
        ("https://user@cdn.example/x", "user name"),
        ("https://user:secret@cdn.example/x", "user name"),
        ("https://@cdn.example/x", "user name"),
        ("https://cdn.example:22/x", "port"),
        ("https://cdn.example:0/x", "port"),
        ("https://cdn.example:99999/x", "malformed"),
        ("https://cdn.example:x/x", "malformed"),
        ("https://[::1/x", "malformed"),
        ("https://[fe80::1%25eth0]/x", "no host"),
        ("https://cdn.example/a\r\nx-evil: 1", "control"),
        ("https://cdn.example\\@evil.example/", "control"),
        (" https://cdn.example/", "control"),
        ("https://cdn.example/" + "a" * 20_000, "longer"),
        ("https://a b/", "control"),
        ("https://xn--\ud800.example/", "malformed"),
        ("https://a%2eb/", "no host"),
    ],
)
def test_urls_that_are_not_followed(url: str, why: str) -> None:
    """Each with its own reason."""
    with pytest.raises(InvalidRequest, match=why):
        read_place(url)


def test_a_listed_port_is_open() -> None:
    """A port below 1024 that the operator names."""
    hosts = read_hosts(["files.internal:81"])
    assert read_place("http://files.internal:81/x", hosts).port == 81
    with pytest.raises(InvalidRequest, match="port"):
        read_place("http://other.internal:81/x", hosts)


@pytest.mark.parametrize(
    ("entry", "host", "port", "covered"),
    [
        ("cdn.example", "cdn.example", 443, True),
        ("CDN.example.", "cdn.example", 443, True),
        ("cdn.example", "a.cdn.example", 443, False),
        ("*.cdn.example", "a.cdn.example", 443, True),
        ("*.cdn.example", "cdn.example", 443, False),
        ("*.cdn.example", "evilcdn.example", 443, False),
        ("cdn.example:8443", "cdn.example", 8443, True),
        ("cdn.example:8443", "cdn.example", 443, False),
        ("10.0.0.1", "10.0.0.1", 80, True),
        ("[fd12::1]:8080", "fd12::1", 8080, True),
        ("[fd12::1]", "fd12::1", 80, True),
        ("fd12::1", "fd12::1", 80, True),
    ],
)
def test_lists_of_hosts(entry: str, host: str, port: int, covered: bool) -> None:
    """Names, names below a name, addresses; with a port, that port alone."""
    assert read_hosts([entry]).covers(host, port) is covered


@pytest.mark.parametrize(
    "entry", ["https://cdn.example", "cdn.example/x", "cdn.example:x", "a b", "*", "*.", "cdn:99999"]
)
def test_what_is_no_host(entry: str) -> None:
    """Said at the start, not found out at the first fetch."""
    with pytest.raises(ValueError, match="hosts like"):
        read_hosts([entry])
