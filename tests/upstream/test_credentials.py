"""Tokens of Google Cloud: fetched once however many ask, changed ahead of need, never asked for in vain."""

import asyncio
import base64
import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from trunkline.clock import FakeClock
from trunkline.errors import ConfigError, Denied, Failed
from trunkline.ports import UpstreamRequest
from trunkline.providers.account import make_account
from trunkline.providers.directory import load_provider
from trunkline.upstream.credentials import GoogleTokens, KeyFile, find_credentials, read_key_file

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PEM = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
SERVICE = {
    "type": "service_account",
    "client_email": "me@project.test",
    "private_key": PEM,
    "private_key_id": "kid1",
    "token_uri": "https://tokens.test/token",
}
USER = {"type": "authorized_user", "client_id": "id", "client_secret": "secret", "refresh_token": "refresh"}


class Reply:
    def __init__(self, status: int, body: bytes) -> None:
        self.status = status
        self.headers: dict[bytes, bytes] = {}
        self._body = body
        self.is_closed = False

    async def read(self, limit_bytes: int) -> bytes:
        return self._body

    def close(self) -> None:
        self.is_closed = True


class TokenServer:
    """The port `Upstream`, as far as tokens need it. Waits for `go` before it answers, where that is set."""

    def __init__(self) -> None:
        self.requests: list[UpstreamRequest] = []
        self.status = 200
        self.answer: Any = None
        self.go: asyncio.Event | None = None

    async def send(self, request: UpstreamRequest) -> Reply:
        self.requests.append(request)
        if self.go is not None:
            await self.go.wait()
        told = self.answer or {"access_token": f"token{len(self.requests)}", "expires_in": 3600}
        return Reply(self.status, json.dumps(told).encode())


def make(members: dict[str, Any] = SERVICE) -> tuple[GoogleTokens, TokenServer, FakeClock]:
    server, clock = TokenServer(), FakeClock()
    return GoogleTokens(server, clock, {"vertex": KeyFile(members)}), server, clock


def decode(part: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


async def test_a_service_account_signs_for_its_token() -> None:
    """RS256, by its own key, for the address that the file names."""
    tokens, server, clock = make()
    assert await tokens.lines("vertex") == b"authorization: Bearer token1\r\n"
    [request] = server.requests
    assert (request.origin.host, request.origin.port) == ("tokens.test", 443)
    assert request.head.startswith(b"POST /token HTTP/1.1\r\nhost: tokens.test\r\n")
    form = parse_qs(request.body.decode())
    assert form["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
    header, claims, signature = form["assertion"][0].split(".")
    assert decode(header) == {"alg": "RS256", "typ": "JWT", "kid": "kid1"}
    now = clock.now_micros() // 1_000_000
    assert decode(claims) == {
        "iss": "me@project.test",
        "scope": "https://www.googleapis.com/auth/cloud-platform",
        "aud": "https://tokens.test/token",
        "iat": now,
        "exp": now + 3600,
    }
    signed = base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4))
    KEY.public_key().verify(signed, f"{header}.{claims}".encode(), PKCS1v15(), SHA256())
    await tokens.close()


async def test_a_persons_credentials_are_renewed() -> None:
    """By the token that they hold, at Google's own address."""
    tokens, server, _ = make(USER)
    await tokens.lines("vertex")
    assert server.requests[0].origin.host == "oauth2.googleapis.com"
    assert parse_qs(server.requests[0].body.decode()) == {
        "grant_type": ["refresh_token"],
        "client_id": ["id"],
        "client_secret": ["secret"],
        "refresh_token": ["refresh"],
    }
    await tokens.close()


async def test_many_who_ask_are_one_call() -> None:
    """Also when one of them leaves."""
    tokens, server, _ = make()
    server.go = asyncio.Event()
    asking = [asyncio.create_task(tokens.lines("vertex")) for _ in range(5)]
    await asyncio.sleep(0)
    asking[0].cancel()
    server.go.set()
    got = await asyncio.gather(*asking, return_exceptions=True)
    assert got[1:] == [b"authorization: Bearer token1\r\n"] * 4
    assert len(server.requests) == 1
    await tokens.close()


async def test_a_token_is_changed_ahead_of_need() -> None:
    """Behind the back of whoever asks: the old one still serves."""
    tokens, server, clock = make()
    await tokens.lines("vertex")
    clock.advance(3000)
    assert await tokens.lines("vertex") == b"authorization: Bearer token1\r\n"
    assert len(server.requests) == 1
    clock.advance(400)
    assert await tokens.lines("vertex") == b"authorization: Bearer token1\r\n"
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert await tokens.lines("vertex") == b"authorization: Bearer token2\r\n"
    assert len(server.requests) == 2
    await tokens.close()


async def test_an_old_token_serves_while_no_new_one_comes() -> None:
    """The next try waits a while; once it has run out, the error is told."""
    tokens, server, clock = make()
    await tokens.lines("vertex")
    server.status, server.answer = 500, {"error": "internal"}
    clock.advance(3500)
    for _ in range(3):
        assert await tokens.lines("vertex") == b"authorization: Bearer token1\r\n"
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert len(server.requests) == 2
    clock.advance(200)
    with pytest.raises(Failed):
        await tokens.lines("vertex")
    server.status, server.answer = 200, None
    assert await tokens.lines("vertex") == b"authorization: Bearer token4\r\n"
    await tokens.close()


async def test_refused_credentials_are_ours_to_mend() -> None:
    """Never the caller's: what Google says of them is for the log."""
    tokens, server, _ = make()
    server.status, server.answer = 400, {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}
    with pytest.raises(Denied) as caught:
        await tokens.lines("vertex")
    assert caught.value.status == 502
    assert "JWT" not in caught.value.message
    assert "Invalid JWT Signature." in caught.value.detail
    await tokens.close()


@pytest.mark.parametrize(
    "answer", [{"access_token": "bad\r\nheader: x"}, {"access_token": 7}, {}, {"access_token": "é"}]
)
async def test_what_is_no_token_goes_into_no_header(answer: dict[str, Any]) -> None:
    """Whatever comes with status 200."""
    tokens, server, _ = make()
    server.answer = answer or {"x": 1}
    with pytest.raises(Failed):
        await tokens.lines("vertex")
    await tokens.close()


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("not json", "not JSON"),
        ("[]", "no JSON object"),
        ("{}", "neither"),
        (json.dumps({**SERVICE, "private_key": "x"}), "private_key"),
        (json.dumps({"type": "service_account"}), "client_email"),
        (json.dumps({**USER, "token_uri": "file:///x"}), "token_uri"),
        (None, "cannot be read"),
    ],
)
def test_a_bad_file_is_named(content: str | None, problem: str, tmp_path: Path) -> None:
    """At the start, without quoting it."""
    path = tmp_path / "key.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigError, match=problem) as caught:
        read_key_file(str(path))
    assert str(path) in str(caught.value)


def test_each_account_has_its_own(tmp_path: Path) -> None:
    """Only those that are opened by tokens; their secrets are shown nowhere."""
    path = tmp_path / "key.json"
    path.write_text(json.dumps(SERVICE))
    vertex = make_account(load_provider("vertex"), settings={"project": "p", "credentials": str(path)})
    gemini = make_account(load_provider("gemini"), api_key="key-0123456789")
    found = find_credentials([gemini, vertex])
    assert set(found) == {"vertex"}
    assert "PRIVATE KEY" not in repr(found)
    lost = make_account(load_provider("vertex"), settings={"project": "p"})
    with pytest.raises(ConfigError, match="VERTEX_CREDENTIALS"):
        find_credentials([lost])
