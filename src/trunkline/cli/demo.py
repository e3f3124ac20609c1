"""`trunkline demo`: a real agent with a tool, through a real gateway, and what it took."""

import asyncio
import importlib.util
import json
import os
from argparse import Namespace
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from trunkline.cli.setup import EMBEDDED, example_model, load, require_provider
from trunkline.config.config import Config, ServerConfig
from trunkline.errors import ConfigError, Unavailable
from trunkline.keyring import generate_key, open_keyring
from trunkline.records import Record

if TYPE_CHECKING:
    from agents import RunResultStreaming

_WITHIN_SECONDS = 29.0
_QUESTION = "How many apples are in stock? Use the tool, then answer in one short sentence."
_INSTRUCTIONS = "You answer questions about a small shop."
_MOST_TOKENS = 400


class Gathered:
    """A `Ledger` that keeps the demo's few records."""

    is_short = False

    def __init__(self) -> None:
        self.records: list[Record] = []

    def record(self, record: Record) -> None:
        self.records.append(record)

    def check(self) -> float:
        """Says that there is room: a demo keeps few records."""
        return 0.0


def run(options: Namespace) -> int:
    if importlib.util.find_spec("agents") is None:
        raise ConfigError("the demo runs an agent of the OpenAI Agents SDK: run `pip install openai-agents`")
    config = load(options, falls_back=True)
    require_provider(config)
    model = options.model or example_model(config)
    if model is None:
        raise ConfigError("say which model to ask: trunkline demo --model NAME")
    try:
        report = asyncio.run(asyncio.wait_for(_demonstrate(config, model, quiet=options.json), _WITHIN_SECONDS))
    except TimeoutError:
        raise Unavailable(
            f"`{model}` took longer than {_WITHIN_SECONDS:.0f} s: name another one with --model"
        ) from None
    print(json.dumps(report, indent=2) if options.json else write_report(report))
    return 0


async def _demonstrate(config: Config, model: str, *, quiet: bool) -> dict[str, Any]:
    """Start a gateway on a free port, run the agent through it, and say what happened."""
    from trunkline.build.gateway import open_gateway
    from trunkline.build.servers import make_server

    key = generate_key()
    config = replace(
        config,
        server=ServerConfig(host="127.0.0.1", port=0),
        master_key=key,
        secret=os.urandom(32),
    )
    keyring, _ = open_keyring(config.data_dir, secret=config.secret, master_key=key)
    gathered = Gathered()
    started: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    async with open_gateway(config, keyring, gathered, keeps=False) as gateway:
        server = make_server(config, gateway, lambda found: started.set_result(f"http://127.0.0.1:{found[0].port}"))
        serving = asyncio.create_task(server.serve(), name="server")
        try:
            await asyncio.wait((started, serving), return_when=asyncio.FIRST_COMPLETED)
            if not started.done():
                await serving  # it has failed, and says why
            answer, tool_calls = await _run_agent(f"{started.result()}/v1", key, model, quiet=quiet)
        finally:
            server.stop()
            await asyncio.gather(serving, return_exceptions=True)
    return make_report(model, answer, tool_calls, gathered.records)


async def _run_agent(base_url: str, key: str, model: str, *, quiet: bool) -> tuple[str, list[str]]:
    """The agent's answer, printed as it comes, and the calls that its tool was asked for."""
    from agents import Agent, ModelSettings, Runner, function_tool, set_tracing_disabled
    from agents.models.openai_responses import OpenAIResponsesModel
    from openai import AsyncOpenAI

    set_tracing_disabled(True)
    calls: list[str] = []

    @function_tool
    def count_stock(product: str) -> str:
        """How many pieces of a product are in stock."""
        calls.append(product)
        return "42 apples are in stock."

    if not quiet:
        print(f"An agent with the tool `count_stock` asks `{model}`: {_QUESTION}\n")
    async with AsyncOpenAI(base_url=base_url, api_key=key) as client:
        agent = Agent(
            name="Shop",
            instructions=_INSTRUCTIONS,
            model=OpenAIResponsesModel(model=model, openai_client=client),
            tools=[count_stock],
            model_settings=ModelSettings(max_tokens=_MOST_TOKENS if model == EMBEDDED else None),
        )
        result = Runner.run_streamed(agent, _QUESTION, max_turns=4)
        await _follow(result, quiet=quiet)
        return str(result.final_output), calls


async def _follow(result: "RunResultStreaming", *, quiet: bool) -> None:
    """Print the answer as it comes, and calls when they are made."""
    async for event in result.stream_events():
        if quiet:
            continue
        if event.type == "raw_response_event" and event.data.type == "response.output_text.delta":
            print(event.data.delta, end="", flush=True)
        elif event.type == "run_item_stream_event" and event.name == "tool_called":
            print(f"  [calls count_stock {getattr(event.item.raw_item, 'arguments', '')}]", flush=True)
    if not quiet:
        print(flush=True)


def make_report(model: str, answer: str, tool_calls: list[str], records: list[Record]) -> dict[str, Any]:
    """What it took, request by request."""
    return {
        "model": model,
        "answer": answer,
        "tool_calls": tool_calls,
        "requests": [
            {
                "route": record.route,
                "outcome": record.outcome,
                "input_tokens": record.usage.input_tokens + record.usage.cached_input_tokens,
                "output_tokens": record.usage.output_tokens + record.usage.reasoning_tokens,
                "milliseconds": round(record.duration_micros / 1000),
                "first_byte_milliseconds": None
                if record.first_byte_micros is None
                else round(record.first_byte_micros / 1000),
            }
            for record in records
        ],
    }


def write_report(report: dict[str, Any]) -> str:
    """The report for a reader."""
    lines = ["", "What it took:"]
    for number, request in enumerate(report["requests"], 1):
        lines.append(
            f"  request {number}  {request['route']}  {request['input_tokens']} tokens in,"
            f" {request['output_tokens']} out, {request['milliseconds']} ms"
        )
    if not report["tool_calls"]:
        lines.append("  the tool was not called")
    return "\n".join(lines)
