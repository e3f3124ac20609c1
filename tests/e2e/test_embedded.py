"""A real language model behind the gateway, through every API, and what becomes of its process."""

import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from agents import Agent, ModelSettings, OpenAIProvider, RunConfig, Runner, function_tool, set_tracing_disabled
from anthropic import AsyncAnthropic
from openai import AsyncOpenAI

from real_gateway import JAVASCRIPT, KEY, Gateway, find_node, run_javascript, run_program, running_gateway

pytestmark = pytest.mark.slow

MODEL = "smollm2-135m"
SYSTEM = "You are a helpful assistant. Answer in one short sentence."
QUESTION = "What is the capital of France?"
CHAT: list[Any] = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": QUESTION}]

# A model of this size, beside other tests.
SECONDS = 120


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with running_gateway(tmp_path_factory.mktemp("embedded"), "--local") as gateway:
        yield gateway


@pytest.fixture
async def client(gateway: Gateway) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=gateway.base_url, api_key=KEY, max_retries=0, timeout=SECONDS) as client:
        yield client


@pytest.fixture
async def messages_client(gateway: Gateway) -> AsyncIterator[AsyncAnthropic]:
    async with AsyncAnthropic(base_url=gateway.url, api_key=KEY, max_retries=0, timeout=SECONDS) as client:
        yield client


def check_tokens(input_tokens: int, output_tokens: int, text: str) -> None:
    """True counts: more than a word has, and no more than there are letters."""
    assert input_tokens > len(QUESTION.split())
    assert 0 < output_tokens <= max(len(text), 1) + 1


async def test_responses(client: AsyncOpenAI) -> None:
    """It answers a response with a right sentence and true counts."""
    response = await client.responses.create(model=MODEL, instructions=SYSTEM, input=QUESTION, temperature=0)
    assert "Paris" in response.output_text
    assert response.usage is not None
    check_tokens(response.usage.input_tokens, response.usage.output_tokens, response.output_text)


async def test_responses_stream(client: AsyncOpenAI) -> None:
    """Streamed, the text comes in pieces."""
    asked: dict[str, Any] = {"model": MODEL, "instructions": SYSTEM, "input": QUESTION, "temperature": 0}
    async with client.responses.stream(**asked) as stream:
        types = [event.type async for event in stream]
        response = await stream.get_final_response()
    assert types.count("response.output_text.delta") > 3
    assert "Paris" in response.output_text
    assert response.usage is not None
    check_tokens(response.usage.input_tokens, response.usage.output_tokens, response.output_text)


async def test_chat(client: AsyncOpenAI) -> None:
    """It answers a chat completion."""
    completion = await client.chat.completions.create(model=MODEL, messages=CHAT, temperature=0)
    text = completion.choices[0].message.content or ""
    assert "Paris" in text
    assert completion.usage is not None
    check_tokens(completion.usage.prompt_tokens, completion.usage.completion_tokens, text)


async def test_chat_stream(client: AsyncOpenAI) -> None:
    """Streamed, a chat completion ends with its usage."""
    stream = await client.chat.completions.create(
        model=MODEL, messages=CHAT, temperature=0, stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert "Paris" in text
    usage = chunks[-1].usage
    assert usage is not None
    check_tokens(usage.prompt_tokens, usage.completion_tokens, text)


# The SDK's typed parameters have no temperature any more.
MESSAGE: dict[str, Any] = {
    "model": MODEL,
    "max_tokens": 64,
    "system": SYSTEM,
    "messages": [{"role": "user", "content": QUESTION}],
    "extra_body": {"temperature": 0},
}


async def test_messages(messages_client: AsyncAnthropic) -> None:
    """It answers a message; what its cache held counts apart on this API."""
    message = await messages_client.messages.create(**MESSAGE)
    text = "".join(block.text for block in message.content if block.type == "text")
    assert "Paris" in text
    usage = message.usage
    check_tokens(usage.input_tokens + (usage.cache_read_input_tokens or 0), usage.output_tokens, text)


async def test_messages_stream(messages_client: AsyncAnthropic) -> None:
    """Streamed, a message is put together by the SDK."""
    async with messages_client.messages.stream(**MESSAGE) as stream:
        pieces = [piece async for piece in stream.text_stream]
        message = await stream.get_final_message()
    assert len(pieces) > 3
    assert "Paris" in "".join(pieces)
    usage = message.usage
    check_tokens(usage.input_tokens + (usage.cache_read_input_tokens or 0), usage.output_tokens, "".join(pieces))


async def test_prefixed_name(client: AsyncOpenAI) -> None:
    """It answers to its name with the provider before it too."""
    response = await client.responses.create(model=f"local/{MODEL}", input="Say hi.", max_output_tokens=16)
    assert response.output_text


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
async def test_tool_loop(client: AsyncOpenAI, streamed: bool) -> None:
    """An Agents SDK agent calls its function, and gets an answer after its result."""
    set_tracing_disabled(True)
    called = []

    @function_tool
    def get_weather(city: str) -> str:
        """The weather in a city."""
        called.append(city)
        return f"It is sunny in {city}."

    # So small a model, left to chance, now and then talks on until it is cut.
    settings = ModelSettings(temperature=0)
    agent = Agent(name="Assistant", instructions="Be brief.", model=MODEL, model_settings=settings, tools=[get_weather])
    run_config = RunConfig(model_provider=OpenAIProvider(openai_client=client))
    if streamed:
        streaming = Runner.run_streamed(agent, "What is the weather in Paris?", run_config=run_config)
        async for _ in streaming.stream_events():
            pass
        answer = streaming.final_output
    else:
        answer = (await Runner.run(agent, "What is the weather in Paris?", run_config=run_config)).final_output
    assert len(called) >= 1
    assert answer


@pytest.mark.parametrize("program", ["hello", "streaming", "chat_completions", "default_key", "gpt5_settings"])
def test_javascript_example(gateway: Gateway, program: str) -> None:
    """A plain example answers with what the model says."""
    command = [find_node(), str(JAVASCRIPT / "javascript" / f"{program}.mjs")]
    assert run_program(command, gateway.environment | {"OPENAI_MODEL": MODEL}, seconds=SECONDS).strip()


@pytest.mark.parametrize("program", ["hello", "streaming", "session"])
def test_python_example(gateway: Gateway, program: str) -> None:
    """A plain example answers with what the model says."""

    command = [sys.executable, str(JAVASCRIPT / "python" / f"{program}.py")]
    assert run_program(command, gateway.environment | {"OPENAI_MODEL": MODEL}, seconds=SECONDS).strip()


def test_javascript_tool_loop(gateway: Gateway) -> None:
    """A JavaScript agent calls its function, and gets an answer after its result."""
    source = """
    import { Agent, run, setTracingDisabled, tool } from "@openai/agents";
    import { z } from "zod";
    setTracingDisabled(true);
    const called = [];
    const getWeather = tool({
      name: "get_weather", description: "The weather in a city.", parameters: z.object({ city: z.string() }),
      execute: async ({ city }) => { called.push(city); return `It is sunny in ${city}.`; },
    });
    const agent = new Agent({ name: "A", instructions: "Be brief.", model: "smollm2-135m", tools: [getWeather],
      modelSettings: { temperature: 0 } });
    const result = await run(agent, "What is the weather in Paris?");
    console.log(JSON.stringify({ called, answer: result.finalOutput }));
    """
    said = json.loads(run_javascript(source, gateway.environment))
    assert said["called"]
    assert said["answer"]


def children_of(pid: int) -> list[int]:
    """The processes whose parent this is, where the system tells."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            # The name in the second field may hold spaces and brackets: what follows is counted from its end.
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError):
            continue
        if parent == pid:
            found.append(int(folder.name))
    return found


def is_alive(pid: int) -> bool:
    """Whether a process runs: one that has ended and waits to be noticed does not."""
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at /proc")
@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_child_ends(tmp_path: Path, end: signal.Signals) -> None:
    """The model's process ends with the gateway, however that ends."""
    with running_gateway(tmp_path, "--local") as gateway:
        children = children_of(gateway.process.pid)
        assert children
        os.kill(gateway.process.pid, end)
        gateway.process.wait(10)
        ends_at = time.monotonic() + 10
        while any(is_alive(child) for child in children) and time.monotonic() < ends_at:
            time.sleep(0.05)
        assert [child for child in children if is_alive(child)] == []
