"""Proxy settings, read as curl reads them."""

import pytest

from trunkline.errors import ConfigError
from trunkline.ports import Origin
from trunkline.upstream.proxy import NO_PROXIES, Proxy, read_proxies, write_absolute

PROXY = "http://proxy.example:3128"
API = Origin("https", "api.example.com", 443)


def test_nothing_set() -> None:
    """Without variables everything goes straight."""
    assert read_proxies({}) == NO_PROXIES
    assert read_proxies({"HTTPS_PROXY": ""}).find(API) is None


def test_each_scheme_has_its_own() -> None:
    """`HTTPS_PROXY` is for https origins alone, `HTTP_PROXY` for http, `ALL_PROXY` for the rest."""
    plain = Origin("http", "api.example.com", 80)
    proxies = read_proxies({"HTTPS_PROXY": PROXY})
    assert proxies.find(API) == Proxy("proxy.example", 3128)
    assert proxies.find(plain) is None
    both = read_proxies({"HTTPS_PROXY": PROXY, "all_proxy": "other.example"})
    assert both.find(plain) == Proxy("other.example", 80)
    assert both.find(API) == Proxy("proxy.example", 3128)


def test_lower_case_wins() -> None:
    """As in curl, `https_proxy` is asked before `HTTPS_PROXY`."""
    proxies = read_proxies({"https_proxy": "http://lower:1", "HTTPS_PROXY": "http://upper:1"})
    assert proxies.find(API) == Proxy("lower", 1)


def test_credentials_become_a_header_and_nothing_else() -> None:
    """User and password are percent-decoded for the header and appear in no `repr`."""
    proxies = read_proxies({"HTTPS_PROXY": "http://me:p%40ss@proxy.example:3128"})
    found = proxies.find(API)
    assert found is not None
    assert found.authorization == b"Basic bWU6cEBzcw=="
    assert "bWU6" not in repr(proxies)
    assert "ss" not in repr(found)


@pytest.mark.parametrize(
    "value",
    ["socks5://me:hunter2@proxy", "https://me:hunter2@proxy", "http://", "http://me:hunter2@proxy:port", "http://[::1"],
)
def test_what_cannot_be_served_is_refused(value: str) -> None:
    """The message names the variable and holds nothing of its value."""
    with pytest.raises(ConfigError, match="`HTTPS_PROXY`") as caught:
        read_proxies({"HTTPS_PROXY": value})
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("rule", "host", "exempt"),
    [
        ("example.com", "example.com", True),
        ("example.com", "api.example.com", True),
        ("example.com", "notexample.com", False),
        (".example.com", "api.example.com", True),
        (".example.com", "example.com", True),
        ("*.example.com", "api.example.com", True),
        ("EXAMPLE.com", "Api.Example.COM.", True),
        ("other.org, example.com", "api.example.com", True),
        ("other.org example.com", "api.example.com", True),
        ("other.org", "api.example.com", False),
        ("*", "api.example.com", True),
        ("example.com:443", "api.example.com", True),
        ("example.com:8443", "api.example.com", False),
        ("10.0.0.0/8", "10.1.2.3", True),
        ("10.0.0.0/8", "11.1.2.3", False),
        ("10.0.0.0/8", "api.example.com", False),
        ("192.168.1.7", "192.168.1.7", True),
        ("192.168.1.7:443", "192.168.1.7", True),
        ("fd00::/8", "fd12::1", True),
        ("[fd12::1]", "fd12::1", True),
        ("fd00::/8", "10.1.2.3", False),
        ("", "localhost", True),
        ("", "127.0.0.1", True),
        ("", "::1", True),
    ],
)
def test_exemptions(rule: str, host: str, exempt: bool) -> None:
    """`NO_PROXY` takes hosts, those below them, addresses, networks, ports and `*`; loopback needs no rule."""
    proxies = read_proxies({"HTTPS_PROXY": PROXY, "NO_PROXY": rule})
    assert (proxies.find(Origin("https", host, 443)) is None) == exempt


@pytest.mark.parametrize(
    ("host", "port", "url"),
    [
        ("api.example.com", 80, b"http://api.example.com/v1/x"),
        ("api.example.com", 8000, b"http://api.example.com:8000/v1/x"),
        ("fd12::1", 8000, b"http://[fd12::1]:8000/v1/x"),
    ],
)
def test_absolute_form(host: str, port: int, url: bytes) -> None:
    """The request line names the whole URL; our credentials for the proxy come with it."""
    head = write_absolute(b"POST /v1/x HTTP/1.1\r\nhost: a\r\n", Origin("http", host, port), Proxy("p", 1, b"Basic x"))
    assert head == b"POST " + url + b" HTTP/1.1\r\nhost: a\r\nproxy-authorization: Basic x\r\n"
