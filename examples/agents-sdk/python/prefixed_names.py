"""Prefixed names: without these two modes the Python SDK refuses names like anthropic/… before it sends anything."""

import asyncio
import os

from agents import Agent, MultiProvider, RunConfig, Runner, set_tracing_disabled
from openai import AsyncOpenAI

client = AsyncOpenAI(
    base_url=os.environ.get("OPENAI_BASE_URL", "http://localhost:8080/v1"),
    api_key=os.environ["OPENAI_API_KEY"],
)
set_tracing_disabled(True)

# The gateway resolves the names, so both modes say: pass them on as they are.
gateway = MultiProvider(openai_client=client, unknown_prefix_mode="model_id", openai_prefix_mode="model_id")

agent = Agent(
    name="Assistant",
    instructions="Answer in one short sentence.",
    model=os.environ.get("OPENAI_MODEL", "anthropic/claude-sonnet-5"),
)


async def main() -> None:
    result = await Runner.run(agent, "Say hello to the gateway.", run_config=RunConfig(model_provider=gateway))
    print(result.final_output)


asyncio.run(main())
