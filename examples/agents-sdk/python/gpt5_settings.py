"""Settings of the GPT-5 family: reasoning effort and verbosity, which the gateway maps or reports where it cannot."""

import asyncio
import os

from agents import Agent, ModelSettings, Runner, set_default_openai_client, set_tracing_disabled
from openai import AsyncOpenAI
from openai.types.shared import Reasoning

client = AsyncOpenAI(
    base_url=os.environ.get("OPENAI_BASE_URL", "http://localhost:8080/v1"),
    api_key=os.environ["OPENAI_API_KEY"],
)
set_default_openai_client(client, use_for_tracing=False)
set_tracing_disabled(True)

agent = Agent(
    name="Assistant",
    instructions="Answer in one short sentence.",
    model=os.environ.get("OPENAI_MODEL", "gpt-5-mini"),
    model_settings=ModelSettings(reasoning=Reasoning(effort="low"), verbosity="low"),
)


async def main() -> None:
    result = await Runner.run(agent, "Say hello to the gateway.")
    print(result.final_output)
    print(f"{result.context_wrapper.usage.total_tokens} tokens")


asyncio.run(main())
