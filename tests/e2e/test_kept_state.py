"""What is kept, by a real gateway that is stopped and started again, as a client sees it."""

import base64
import sys
import threading
import time
from pathlib import Path
from typing import Any

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


# A gateway whose disk hangs for as long as there is a file of this name.
HANGING = """
import os, sys, time
from trunkline.cli import main
from trunkline.store.segments import Disk

flush = Disk.flush

def hang(disk, descriptor):
    while os.path.exists("hanging"):
        time.sleep(0.05)
    flush(disk, descriptor)

Disk.flush = hang
sys.exit(main())
"""


def test_a_disk_that_hangs_keeps_no_answer_back(tmp_path: Path) -> None:
    """For longer than ten seconds, whole or streamed; what it told is said not to be kept, and the next one is."""
    fakes = {"chat": make_fakes()["chat"]}
    program = [sys.executable, "-c", HANGING]
    with (
        running(fakes),
        running_gateway(tmp_path, program=program, **upstream_environment(fakes)) as gateway,
        connect(gateway) as client,
    ):
        first = client.responses.create(model=model_of("chat"), input="Hello")
        (tmp_path / "hanging").touch()
        begun = time.monotonic()
        streamed: list[Any] = []
        streaming = threading.Thread(target=lambda: streamed.extend(read_stream(client)))
        streaming.start()
        whole = client.responses.with_raw_response.create(model=model_of("chat"), input="Hello")
        streaming.join(20)
        assert time.monotonic() - begun < 12
        assert whole.headers["x-trunkline-dropped"] == "store"
        for response in (whole.parse(), streamed[-1].response):
            assert (response.output_text, response.store) == ("ok, you said: Hello", False)
        # From now on it is known, and nobody waits.
        begun = time.monotonic()
        assert client.responses.create(model=model_of("chat"), input="Hello").store is False
        assert client.responses.retrieve(first.id).output_text == "ok, you said: Hello"
        assert time.monotonic() - begun < 3
        (tmp_path / "hanging").unlink()
        ends_at = time.monotonic() + 10
        while not (kept := client.responses.create(model=model_of("chat"), input="Hello")).store:
            assert time.monotonic() < ends_at
        assert client.responses.retrieve(kept.id).output_text == "ok, you said: Hello"


def read_stream(client: OpenAI) -> list[Any]:
    return list(client.responses.create(model=model_of("chat"), input="Hello", stream=True))
