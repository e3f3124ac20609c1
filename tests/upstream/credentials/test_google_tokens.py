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
from token_server import Opened, TokenServer

from trunkline.clock import FakeClock
from trunkline.errors import ConfigError, Denied, Failed
from trunkline.providers.account import make_account
from trunkline.providers.directory import load_provider
from trunkline.upstream.credentials.find import find_sources
from trunkline.upstream.credentials.google import WELL_KNOWN, Machine, read_key_file, read_source

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


def make(members: dict[str, Any] = SERVICE) -> tuple[Opened, TokenServer, FakeClock]:
    server, clock = TokenServer(), FakeClock()
    return Opened(server, clock, read_source(members)), server, clock


def decode(part: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


async def test_a_service_account_signs_for_its_token() -> None:
    """RS256, by its own key, for the address that the file names."""
    tokens, server, clock = make()
    assert await tokens.lines() == b"authorization: Bearer token1\r\n"
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
    await tokens.lines()
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
    asking = [asyncio.create_task(tokens.lines()) for _ in range(5)]
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
    await tokens.lines()
    clock.advance(3000)
    assert await tokens.lines() == b"authorization: Bearer token1\r\n"
    assert len(server.requests) == 1
    clock.advance(400)
    assert await tokens.lines() == b"authorization: Bearer token1\r\n"
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert await tokens.lines() == b"authorization: Bearer token2\r\n"
    assert len(server.requests) == 2
    await tokens.close()


async def test_an_old_token_serves_while_no_new_one_comes() -> None:
    """The next try waits a while; once it has run out, the error is told."""
    tokens, server, clock = make()
    await tokens.lines()
    server.status, server.answer = 500, {"error": "internal"}
    clock.advance(3500)
    for _ in range(3):
        assert await tokens.lines() == b"authorization: Bearer token1\r\n"
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert len(server.requests) == 2
    clock.advance(200)
    with pytest.raises(Failed):
        await tokens.lines()
    server.status, server.answer = 200, None
    assert await tokens.lines() == b"authorization: Bearer token4\r\n"
    await tokens.close()


async def test_refused_credentials_are_ours_to_mend() -> None:
    """Never the caller's: what Google says of them is for the log."""
    tokens, server, _ = make()
    server.status, server.answer = 400, {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}
    with pytest.raises(Denied) as caught:
        await tokens.lines()
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
        await tokens.lines()
    await tokens.close()


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("not json", "not JSON"),
        ("[]", "no JSON object"),
        ("{}", "none of `service_account`"),
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
    found = find_sources([gemini, vertex])
    assert set(found) == {"vertex"}
    assert "PRIVATE KEY" not in repr(found)


@pytest.mark.parametrize("has_login", [True, False])
def test_without_a_file_the_login_or_the_machine_is_asked(
    has_login: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What `gcloud` keeps comes first."""
    monkeypatch.setenv("HOME", str(tmp_path))
    if has_login:
        path = Path(WELL_KNOWN).expanduser()
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(USER))
    vertex = make_account(load_provider("vertex"), settings={"project": "p"})
    assert isinstance(find_sources([vertex])["vertex"], Machine) is not has_login


async def test_a_machine_of_googles_is_asked_for_its_own() -> None:
    """With the header that shows that nobody was led there."""
    server = TokenServer()
    tokens = Opened(server, FakeClock(), Machine("metadata.google.internal"))
    assert await tokens.lines() == b"authorization: Bearer token1\r\n"
    [request] = server.nearby
    assert request.head == (
        b"GET /computeMetadata/v1/instance/service-accounts/default/token HTTP/1.1\r\n"
        b"host: metadata.google.internal\r\naccept-encoding: identity\r\nMetadata-Flavor: Google\r\n"
    )
    await tokens.close()


IMPERSONATION = "https://iam.test/v1/projects/-/serviceAccounts/me@p.test:generateAccessToken"
POOL = "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q"


def federate(source: dict[str, Any], **members: Any) -> dict[str, Any]:
    return {
        "type": "external_account",
        "audience": POOL,
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": "https://sts.test/v1/token",
        "credential_source": source,
        **members,
    }


async def test_a_federated_identity_is_exchanged(tmp_path: Path) -> None:
    """What the other cloud says is read anew each time: it is kept fresh there."""
    path = tmp_path / "token"
    path.write_text("first.jwt\n")
    tokens, server, clock = make(federate({"file": str(path)}))
    await tokens.lines()
    path.write_text("second.jwt")
    clock.advance(4000)
    await tokens.lines()
    asked = [parse_qs(request.body.decode()) for request in server.requests]
    assert [each.pop("subject_token") for each in asked] == [["first.jwt"], ["second.jwt"]]
    assert asked[0] == {
        "grant_type": ["urn:ietf:params:oauth:grant-type:token-exchange"],
        "audience": [POOL],
        "scope": ["https://www.googleapis.com/auth/cloud-platform"],
        "requested_token_type": ["urn:ietf:params:oauth:token-type:access_token"],
        "subject_token_type": ["urn:ietf:params:oauth:token-type:jwt"],
    }
    path.unlink()
    clock.advance(4000)
    with pytest.raises(Denied):
        await tokens.lines()
    await tokens.close()


async def test_a_federated_identity_stands_for_a_service_account() -> None:
    """Its statement may be a member of what a URL answers."""
    form = {"type": "json", "subject_token_field_name": "id_token"}
    source = {"url": "http://169.254.169.254/identity", "headers": {"Metadata": "true"}, "format": form}
    tokens, server, clock = make(federate(source, service_account_impersonation_url=IMPERSONATION))
    server.answers = [
        {"id_token": "the.jwt"},
        {"access_token": "federated", "expires_in": 3600},
        {"accessToken": "impersonated", "expireTime": "2023-11-14T22:43:20Z"},
    ]
    assert await tokens.lines() == b"authorization: Bearer impersonated\r\n"
    assert b"Metadata: true\r\n" in server.nearby[0].head
    assert parse_qs(server.requests[0].body.decode())["subject_token"] == ["the.jwt"]
    last = server.requests[1]
    assert last.head.startswith(b"POST /v1/projects/-/serviceAccounts/me@p.test:generateAccessToken HTTP/1.1\r\n")
    assert b"authorization: Bearer federated\r\n" in last.head
    assert json.loads(last.body)["scope"] == ["https://www.googleapis.com/auth/cloud-platform"]
    # Half an hour from the clock's beginning.
    clock.advance(1790)
    assert len(server.requests) == 2
    await tokens.close()


async def test_a_person_stands_for_a_service_account() -> None:
    """As `gcloud auth application-default login --impersonate-service-account` writes it down."""
    members = {"type": "impersonated_service_account", "source_credentials": USER}
    tokens, server, _ = make({**members, "service_account_impersonation_url": IMPERSONATION})
    server.answers = [{"access_token": "own", "expires_in": 3600}, {"accessToken": "lent"}]
    assert await tokens.lines() == b"authorization: Bearer lent\r\n"
    await tokens.close()
