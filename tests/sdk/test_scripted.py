"""The scripted provider as a user runs it: the test server in a process of its own, the gateway before it."""

import subprocess
import sys
from collections.abc import Iterator

import openai
import pytest
from openai import OpenAI

from real_gateway import KEY, plain_environment, running_gateway

pytestmark = pytest.mark.slow

SCRIPTS = """
busy: {status: 429, headers: {retry-after: "1"}, error: {message: Slow down.}, times: 1}
torn: {split: 1, crlf: true}
"""


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenAI]:
    folder = tmp_path_factory.mktemp("scripted")
    scripts = folder / "scripts.yaml"
    scripts.write_text(SCRIPTS)
    command = [sys.executable, "-m", "trunkline.upstream.fake", "--scripts", str(scripts)]
    with subprocess.Popen(command, env=plain_environment(), stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            name, _, url = server.stdout.readline().strip().partition("=")
            with running_gateway(folder, **{name: url}) as gateway, OpenAI(base_url=gateway.base_url, api_key=KEY) as c:
                yield c
        finally:
            # Not by SIGINT, which what runs in the background of a shell does not hear.
            server.terminate()


def test_plain(client: OpenAI) -> None:
    """Its model answers by the name under the provider's."""
    assert client.responses.create(model="scripted/scripted-model", input="Reply with exactly ok.").output_text == "ok"


def test_torn(client: OpenAI) -> None:
    """A script tears a stream, and it arrives whole."""
    with client.responses.stream(model="scripted/torn", input="Hello there") as stream:
        assert stream.get_final_response().output_text == "ok, you said: Hello there"


def test_busy(client: OpenAI) -> None:
    """A script fails once, and the SDK's own retry goes through."""
    with pytest.raises(openai.RateLimitError):
        client.with_options(max_retries=0).responses.create(model="scripted/busy", input="x")
    assert client.responses.create(model="scripted/busy", input="x").output_text == "ok, you said: x"
