"""Whether, from where and how much is fetched for callers, as the operator says."""

import pytest

from trunkline.config.config import Config
from trunkline.config.load import load_config
from trunkline.config.sources import Environment
from trunkline.config.yaml_file import parse_yaml
from trunkline.errors import ConfigError
from trunkline.ports import FetchLimits


def load(yaml: str | None = None, **variables: str) -> Config:
    document = None if yaml is None else parse_yaml(yaml, "trunkline.yaml")
    return load_config(Environment({"HOME": "/home/me", **variables}), document)


def test_the_defaults() -> None:
    """The public internet, within bounds."""
    fetch = load().fetch
    assert fetch.enabled
    assert fetch.hosts.entries == ()
    assert fetch.limits == FetchLimits(20_000_000, 50_000_000, 64, 20.0)


def test_by_environment() -> None:
    """Each has its variable."""
    fetch = load(
        TRUNKLINE_FETCH="off",
        TRUNKLINE_FETCH_HOSTS="cdn.example, *.files.internal:8443",
        TRUNKLINE_FETCH_LIMIT="5MB",
        TRUNKLINE_FETCH_TOTAL="6MB",
        TRUNKLINE_FETCH_SECONDS="7",
    ).fetch
    assert not fetch.enabled
    assert fetch.hosts.covers("cdn.example", 443)
    assert fetch.hosts.covers("a.files.internal", 8443)
    assert fetch.limits == FetchLimits(5_000_000, 6_000_000, 64, 7.0)


def test_by_file() -> None:
    """Hosts as a list."""
    fetch = load(
        "fetch: {enabled: false, hosts: [cdn.example, files.internal], limit: 1MB, total: 2MB, seconds: 3}"
    ).fetch
    assert not fetch.enabled
    assert [name for name, _ in fetch.hosts.entries] == ["cdn.example", "files.internal"]
    assert fetch.limits == FetchLimits(1_000_000, 2_000_000, 64, 3.0)


@pytest.mark.parametrize("text", ["https://cdn.example", "*", "cdn.example/x"])
def test_what_is_no_host(text: str) -> None:
    """Stops the start, and shows how hosts are written."""
    with pytest.raises(ConfigError, match=r"TRUNKLINE_FETCH_HOSTS.*hosts like"):
        load(TRUNKLINE_FETCH_HOSTS=text)
