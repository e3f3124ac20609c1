"""Official clients on a budget that is spent: each asks once, and finds out why."""

import json
import urllib.request
from collections.abc import Iterator

import anthropic
import openai
import pytest
from google import genai
from google.genai import errors as google_errors

from real_gateway import KEY, Gateway, make_fakes, model_of, running, running_gateway, upstream_environment

pytestmark = pytest.mark.slow

CONFIGURATION = 'budgets: [{name: spent, dollars: "0", per: month, owner: Ana}]\nprices: {"compatible/*": {input: "1", output: "1"}}\n'

MODEL = model_of("chat")


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("budgets")
    (folder / "trunkline.yaml").write_text(CONFIGURATION)
    fakes = make_fakes()
    with running(fakes), running_gateway(folder, **upstream_environment(fakes)) as gateway:
        yield gateway


def count_requests(gateway: Gateway) -> int:
    """How often a model was asked for so far."""
    request = urllib.request.Request(
        f"{gateway.url}/admin/v1/usage/summary", headers={"authorization": f"Bearer {KEY}"}
    )
    with urllib.request.urlopen(request, timeout=30) as reply:
        data = json.load(reply)["data"]
    return int(data[0]["requests"]) if data else 0


def ask_openai(gateway: Gateway) -> None:
    client = openai.OpenAI(base_url=gateway.base_url, api_key=KEY)
    with pytest.raises(openai.RateLimitError, match="`spent` of Ana") as raised:
        client.responses.create(model=MODEL, input="Hi?")
    assert raised.value.code == "budget_exceeded"


def ask_anthropic(gateway: Gateway) -> None:
    client = anthropic.Anthropic(base_url=gateway.url, api_key=KEY)
    with pytest.raises(anthropic.RateLimitError, match="`spent` of Ana"):
        client.messages.create(model=MODEL, max_tokens=10, messages=[{"role": "user", "content": "Hi?"}])


def ask_google(gateway: Gateway) -> None:
    client = genai.Client(api_key=KEY, http_options={"base_url": gateway.url})
    with pytest.raises(google_errors.ClientError, match="`spent` of Ana") as raised:
        client.models.generate_content(model=MODEL, contents="Hi?")
    assert raised.value.status == "RESOURCE_EXHAUSTED"


@pytest.mark.parametrize("ask", [ask_openai, ask_anthropic, ask_google])
def test_a_client_asks_once(gateway: Gateway, ask) -> None:  # type: ignore[no-untyped-def]
    """None of them tries in vain, and the message names the budget."""
    before = count_requests(gateway)
    ask(gateway)
    assert count_requests(gateway) == before + 1
