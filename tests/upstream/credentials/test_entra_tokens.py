"""Tokens of Microsoft Entra: of an application, and of a machine."""

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from token_server import Opened, TokenServer

from trunkline.clock import FakeClock
from trunkline.errors import Denied
from trunkline.providers.account import make_account
from trunkline.providers.directory import load_provider
from trunkline.upstream.credentials.find import find_sources

APPLICATION = {"tenant_id": "t-1", "client_id": "c-1"}


def make(settings: dict[str, str]) -> tuple[Opened, TokenServer, FakeClock]:
    account = make_account(load_provider("azure"), base_url="https://r.openai.azure.com", settings=settings)
    server, clock = TokenServer(), FakeClock()
    return Opened(server, clock, find_sources([account])["azure"]), server, clock


async def test_an_application_shows_its_secret() -> None:
    """To its tenant, for Azure's models alone."""
    tokens, server, _ = make({**APPLICATION, "client_secret": "s-1"})
    assert await tokens.lines() == b"authorization: Bearer token1\r\n"
    [request] = server.requests
    assert request.origin.host == "login.microsoftonline.com"
    assert request.head.startswith(b"POST /t-1/oauth2/v2.0/token HTTP/1.1\r\n")
    assert parse_qs(request.body.decode()) == {
        "grant_type": ["client_credentials"],
        "client_id": ["c-1"],
        "scope": ["https://cognitiveservices.azure.com/.default"],
        "client_secret": ["s-1"],
    }
    await tokens.close()


async def test_a_federated_application_hands_in_what_is_said_of_it(tmp_path: Path) -> None:
    """As the file says it now: a cluster keeps that fresh."""
    path = tmp_path / "token"
    path.write_text("first")
    tokens, server, clock = make({**APPLICATION, "federated_token_file": str(path)})
    await tokens.lines()
    path.write_text("second")
    clock.advance(3600)
    await tokens.lines()
    asked = [parse_qs(request.body.decode()) for request in server.requests]
    assert [each["client_assertion"] for each in asked] == [["first"], ["second"]]
    assert asked[0]["client_assertion_type"] == ["urn:ietf:params:oauth:client-assertion-type:jwt-bearer"]
    await tokens.close()


async def test_a_machine_of_azures_is_asked_for_its_own() -> None:
    """It writes its numbers as text."""
    tokens, server, clock = make({"managed_identity": "true", "client_id": "c-1"})
    server.answer = {"access_token": "own", "expires_in": "86399", "token_type": "Bearer"}
    assert await tokens.lines() == b"authorization: Bearer own\r\n"
    clock.advance(80_000)
    await tokens.lines()
    [request] = server.nearby
    line, *headers = request.head.decode().splitlines()
    url = urlsplit(line.split()[1])
    assert (request.origin.host, url.path) == ("169.254.169.254", "/metadata/identity/oauth2/token")
    assert parse_qs(url.query) == {
        "api-version": ["2018-02-01"],
        "resource": ["https://cognitiveservices.azure.com"],
        "client_id": ["c-1"],
    }
    assert "Metadata: true" in headers
    await tokens.close()


async def test_app_service_is_asked_in_its_own_way() -> None:
    """It says until when a token holds, not how long."""
    place = {"identity_endpoint": "http://127.0.0.1:41741/msi/token", "identity_header": "h-1"}
    tokens, server, clock = make({"managed_identity": "true", **place})
    server.answer = {"access_token": "own", "expires_on": str(clock.now_micros() // 1_000_000 + 600)}
    await tokens.lines()
    clock.advance(601)
    await tokens.lines()
    assert len(server.nearby) == 2
    assert b"GET /msi/token?api-version=2019-08-01&resource=" in server.nearby[0].head
    assert b"X-IDENTITY-HEADER: h-1\r\n" in server.nearby[0].head
    await tokens.close()


async def test_a_refusal_is_ours_to_mend() -> None:
    """Never the caller's."""
    tokens, server, _ = make({**APPLICATION, "client_secret": "s-1"})
    server.status, server.answer = 401, {"error": "invalid_client", "error_description": "AADSTS7000215"}
    with pytest.raises(Denied) as caught:
        await tokens.lines()
    assert "AADSTS7000215" in caught.value.detail
    assert "s-1" not in repr(caught.value)
    await tokens.close()


def test_a_key_needs_no_token() -> None:
    """Whatever else is set."""
    account = make_account(
        load_provider("azure"), base_url="https://r.openai.azure.com", api_key="0123456789", settings=APPLICATION
    )
    assert find_sources([account]) == {}
    assert b"api-key: 0123456789\r\n" in account.head("chat")
