"""What official clients say is one session in the audit, from the first turn to the last, and can be read there."""

import json
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from typing import Any

import anthropic
import openai
import pytest
from agents import Agent, OpenAIProvider, RunConfig, Runner, SQLiteSession, function_tool, set_tracing_disabled
from google import genai

from real_gateway import KEY, Gateway, make_fakes, model_of, running, running_gateway, upstream_environment

pytestmark = pytest.mark.slow

CONFIGURATION = "store: {encrypt: true}\naudit: {bodies: true}\nlabels: {headers: {x-team: team}}\n"

MODEL = model_of("chat")


@function_tool
def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"sunny in {city}"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("audit")
    (folder / "trunkline.yaml").write_text(CONFIGURATION)
    fakes = make_fakes()
    with running(fakes), running_gateway(folder, **upstream_environment(fakes)) as gateway:
        yield gateway


def _ask(gateway: Gateway, path: str) -> Any:
    request = urllib.request.Request(f"{gateway.url}/admin/v1/audit{path}", headers={"authorization": f"Bearer {KEY}"})
    with urllib.request.urlopen(request, timeout=30) as reply:
        return json.load(reply)


def _newest(gateway: Gateway) -> list[dict[str, Any]]:
    """What was said in the session of the newest request, once it is all there."""
    for _ in range(100):
        session = _ask(gateway, "/sessions")["data"][0]["id"]
        entries: list[dict[str, Any]] = _ask(gateway, f"/sessions/{urllib.parse.quote(session, safe='')}")["data"]
        if all(entry["said"] for entry in entries):
            break
        time.sleep(0.1)
    return entries


@pytest.mark.parametrize("use_responses", [True, False])
async def test_a_run_of_the_agents_sdk_is_one_session(gateway: Gateway, use_responses: bool) -> None:
    """A call of a tool, its result, and another turn of the same conversation."""
    set_tracing_disabled(True)
    async with openai.AsyncOpenAI(base_url=gateway.base_url, api_key=KEY) as client:
        config = RunConfig(model_provider=OpenAIProvider(openai_client=client, use_responses=use_responses))
        agent = Agent(name="Assistant", instructions="Be brief.", model=MODEL, tools=[get_weather])
        session = SQLiteSession("mine")
        for text in (f"get_weather of Zug, {use_responses}", "Thanks."):
            await Runner.run(agent, text, session=session, run_config=config)
    session.close()
    entries = _newest(gateway)
    assert len(entries) >= 3
    assert "sunny in Zug" in entries[-1]["said"]["request"]["text"]
    assert all(entry["trail"]["bodies"] == "kept" for entry in entries)


def test_a_streamed_conversation_with_anthropics_client_is_one_session(gateway: Gateway) -> None:
    """Marks for the cache move on with the conversation, and what was streamed is read as text."""
    client = anthropic.Anthropic(base_url=gateway.url, api_key=KEY, default_headers={"x-team": "alpha"})
    turns: list[Any] = []
    for text in ("What is new?", "And then?"):
        turns.append(
            {"role": "user", "content": [{"type": "text", "text": text, "cache_control": {"type": "ephemeral"}}]}
        )
        with client.messages.stream(model=MODEL, max_tokens=50, system="Be kind.", messages=turns) as stream:
            answer = stream.get_final_text()
        for block in turns[-1]["content"]:
            del block["cache_control"]
        turns.append({"role": "assistant", "content": answer})
    entries = _newest(gateway)
    assert [json.loads(entry["said"]["reply"]["text"])[0]["text"] for entry in entries] == [
        "ok, you said: What is new?",
        "ok, you said: And then? (turn 2)",
    ]
    assert [entry["labels"] for entry in entries] == [{"team": "alpha"}] * 2


def test_a_chat_with_googles_client_is_one_session(gateway: Gateway) -> None:
    """It sends the whole history as well."""
    client = genai.Client(api_key=KEY, http_options={"base_url": gateway.url})
    chat = client.chats.create(model=MODEL)
    for text in ("How are you?", "Why?"):
        chat.send_message(text)
    assert len(_newest(gateway)) == 2


def test_a_chain_of_responses_is_one_session(gateway: Gateway) -> None:
    """Each goes on from the one before by its id."""
    client = openai.OpenAI(base_url=gateway.base_url, api_key=KEY)
    first = client.responses.create(model=MODEL, input="Begin.")
    second = client.responses.create(model=MODEL, input="Go on.", previous_response_id=first.id)
    client.responses.create(model=MODEL, input="And on.", previous_response_id=second.id)
    assert len(_newest(gateway)) == 3
