"""Vertex through a real gateway: a token fetched by a signed statement opens it, once for many calls."""

import http.server
import json
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from real_gateway import KEY, Gateway, running, running_gateway
from trunkline.upstream.fake.server import FakeServer

pytestmark = pytest.mark.slow

TOKEN = "ya29.a-token-of-the-tests"


class Tokens(http.server.ThreadingHTTPServer):
    """Google's token endpoint, as far as it is needed."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[dict[str, list[str]]] = []


class Handler(http.server.BaseHTTPRequestHandler):
    server: Tokens

    def do_POST(self) -> None:
        self.server.asked.append(parse_qs(self.rfile.read(int(self.headers["content-length"])).decode()))
        body = json.dumps({"access_token": TOKEN, "expires_in": 3599, "token_type": "Bearer"}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: a test's output is its own."""


@pytest.fixture
def tokens() -> Iterator[Tokens]:
    server = Tokens()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    thread.join(10)
    server.server_close()


@pytest.fixture
def gateway(tmp_path: Path, tokens: Tokens) -> Iterator[Gateway]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    address = f"http://127.0.0.1:{tokens.server_address[1]}/token"
    account = {"type": "service_account", "client_email": "me@p.test", "private_key": pem, "token_uri": address}
    (tmp_path / "key.json").write_text(json.dumps(account))
    fake = FakeServer(key=TOKEN, speaks={"gemini"}, models=["gemini-2.5-flash"])
    with (
        running({"vertex": fake}),
        running_gateway(
            tmp_path,
            VERTEX_PROJECT="my-project",
            VERTEX_LOCATION="europe-west4",
            VERTEX_BASE_URL=fake.base_url,
            GOOGLE_APPLICATION_CREDENTIALS=str(tmp_path / "key.json"),
        ) as gateway,
    ):
        gateway.fakes = {"vertex": fake}
        yield gateway


def test_a_token_opens_vertex(gateway: Gateway, tokens: Tokens) -> None:
    """Translated and teed, whole and streamed; the path names project, place and model."""
    chat = {"model": "vertex/gemini-2.5-flash", "messages": [{"role": "user", "content": "Reply with exactly ok."}]}
    reply = ask(gateway, "/v1/chat/completions", chat)
    assert reply["choices"][0]["message"]["content"] == "ok"
    native = {"contents": [{"role": "user", "parts": [{"text": "Reply with exactly ok."}]}]}
    reply = ask(gateway, "/v1beta/models/vertex%2Fgemini-2.5-flash:streamGenerateContent", native)
    assert "ok" in "".join(part.get("text", "") for each in reply for part in each["candidates"][0]["content"]["parts"])
    asked = [received.path for received in gateway.fakes["vertex"].stage.received]
    place = "/v1/projects/my-project/locations/europe-west4/publishers/google/models/gemini-2.5-flash"
    assert asked == [f"{place}:generateContent", f"{place}:streamGenerateContent?alt=sse"]
    assert len(tokens.asked) == 1


def ask(gateway: Gateway, path: str, body: object):
    headers = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}
    request = urllib.request.Request(gateway.url + path, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=10) as reply:
        return json.load(reply)
