"""What is kept, by a real gateway that is stopped and started again, as a client sees it."""

import base64
from pathlib import Path

import openai
import pytest
from openai import OpenAI

from real_gateway import KEY, Gateway, make_fakes, model_of, running, running_gateway, upstream_environment

pytestmark = pytest.mark.slow


def connect(gateway: Gateway) -> OpenAI:
    return OpenAI(base_url=gateway.base_url, api_key=KEY, timeout=20)


def secret(letter: str) -> str:
    return base64.urlsafe_b64encode(letter.encode() * 32).decode().rstrip("=")


def test_what_was_sealed_under_a_lost_secret_says_so(tmp_path: Path) -> None:
    """And no client asks again for what only the operator can mend."""
    fakes = {"chat": make_fakes()["chat"]}
    with running(fakes):
        settings = {**upstream_environment(fakes), "TRUNKLINE_STORE_ENCRYPT": "true"}
        with running_gateway(tmp_path, **settings, TRUNKLINE_SECRET=secret("a")) as gateway, connect(gateway) as client:
            kept = client.responses.create(model=model_of("chat"), input="Hello")
        with running_gateway(tmp_path, **settings, TRUNKLINE_SECRET=secret("b")) as gateway, connect(gateway) as client:
            for _ in range(2):
                with pytest.raises(openai.InternalServerError, match="TRUNKLINE_SECRET_PREVIOUS") as raised:
                    client.responses.retrieve(kept.id)
                assert raised.value.status_code == 503
                assert raised.value.response.headers["x-should-retry"] == "false"
                assert "retry-after" not in raised.value.response.headers
        former = {"TRUNKLINE_SECRET": secret("b"), "TRUNKLINE_SECRET_PREVIOUS": secret("a")}
        with running_gateway(tmp_path, **settings, **former) as gateway, connect(gateway) as client:
            assert client.responses.retrieve(kept.id).output_text == "ok, you said: Hello"
