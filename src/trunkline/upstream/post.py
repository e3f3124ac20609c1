"""Telling somebody outside what has happened here, without being led into our own network by whoever gave the
address."""

from trunkline.errors import InvalidRequest
from trunkline.upstream.fetch import Fetcher
from trunkline.upstream.proxy import NO_PROXIES, Proxies
from trunkline.upstream.reach import NO_HOSTS, Hosts, names_closed, read_place


class Poster:
    """Posts JSON. `hosts` are those that the operator has opened to everybody's URLs."""

    def __init__(self, *, proxies: Proxies = NO_PROXIES, hosts: Hosts = NO_HOSTS) -> None:
        self._proxies = proxies
        self._hosts = hosts

    async def post(self, url: str, body: bytes, headers: bytes, seconds: float, *, is_trusted: bool) -> int:
        """The status of the answer; a redirect is not followed. `is_trusted`: the operator's own URL, which may be
        private.

        Raises `InvalidRequest` for what could not be sent.
        """
        hosts = _open_up(url) if is_trusted else self._hosts
        lines = b"content-type: application/json\r\n" + headers
        return await Fetcher(proxies=self._proxies, hosts=hosts).post(url, body, lines, seconds)


def check_url(url: str, hosts: Hosts = NO_HOSTS) -> None:
    """Raises `InvalidRequest` for a URL that is never posted to for those who may not open a network: what can be told
    of it before its name is looked up."""
    place = read_place(url, hosts)
    if names_closed(place.host) and not hosts.covers(place.host, place.port):
        raise InvalidRequest("the URL leads to no public address; `TRUNKLINE_FETCH_HOSTS` opens others")


def _open_up(url: str) -> Hosts:
    try:
        place = read_place(url, Hosts())
    except InvalidRequest:
        return NO_HOSTS
    return Hosts(((place.host, place.port),))
