"""Bedrock through a real gateway on a machine of AWS's: its role's keys sign what is asked, its models are listed."""

import http.server
import json
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from real_gateway import KEY, Gateway, running_gateway

pytestmark = pytest.mark.slow

MODEL = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
KEYS = {"AccessKeyId": "ASIAOWN", "SecretAccessKey": "own/secret", "Token": "own-token"}

ANSWERS: dict[str, Any] = {
    "PUT /latest/api/token": "imds-token",
    "GET /latest/meta-data/iam/security-credentials/": "the-role",
    "GET /latest/meta-data/iam/security-credentials/the-role": {**KEYS, "Expiration": "2999-01-01T00:00:00Z"},
    "GET /foundation-models": {"modelSummaries": [{"modelId": "amazon.nova-pro-v1:0"}]},
    "GET /inference-profiles": {"inferenceProfileSummaries": [{"inferenceProfileId": MODEL}]},
    "POST /model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse": {
        "output": {"message": {"role": "assistant", "content": [{"text": "ok"}]}},
        "stopReason": "end_turn",
        "usage": {"inputTokens": 7, "outputTokens": 2, "totalTokens": 9},
    },
}


class Cloud(http.server.ThreadingHTTPServer):
    """The machine's own address, the list of models and the models, on one port."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: dict[str, str] = {}


class Handler(http.server.BaseHTTPRequestHandler):
    server: Cloud

    def answer(self) -> None:
        self.rfile.read(int(self.headers["content-length"] or 0))
        asked = f"{self.command} {self.path.partition('?')[0]}"
        self.server.asked[asked] = f"{self.headers['authorization']} {self.headers['x-amz-security-token']}"
        told = ANSWERS[asked]
        body = (told if isinstance(told, str) else json.dumps(told)).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        self.answer()

    def do_PUT(self) -> None:
        self.answer()

    def do_POST(self) -> None:
        self.answer()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: a test's output is its own."""


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    server = Cloud()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    thread.join(10)
    server.server_close()


@pytest.fixture
def gateway(tmp_path: Path, cloud: Cloud) -> Iterator[Gateway]:
    address = f"http://127.0.0.1:{cloud.server_address[1]}"
    with running_gateway(
        tmp_path,
        HOME=str(tmp_path),
        BEDROCK_REGION="us-east-1",
        BEDROCK_BASE_URL=address,
        BEDROCK_MODELS_URL=address,
        AWS_EC2_METADATA_SERVICE_ENDPOINT=address,
    ) as gateway:
        yield gateway


def test_a_machines_role_opens_bedrock(gateway: Gateway, cloud: Cloud) -> None:
    """By its bare name, which the list of profiles holds."""
    body = json.dumps({"model": MODEL, "messages": [{"role": "user", "content": "Reply with exactly ok."}]}).encode()
    headers = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}
    request = urllib.request.Request(gateway.url + "/v1/chat/completions", body, headers)
    with urllib.request.urlopen(request, timeout=10) as reply:
        assert json.load(reply)["choices"][0]["message"]["content"] == "ok"
    assert set(cloud.asked) == set(ANSWERS)
    for asked, opened_by in cloud.asked.items():
        if "/latest/" not in asked:
            assert "Credential=ASIAOWN/" in opened_by
            assert "/us-east-1/bedrock/aws4_request" in opened_by
            assert opened_by.endswith(" own-token")
