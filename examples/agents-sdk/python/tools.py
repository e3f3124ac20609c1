"""Tools: two functions, called in parallel, with a line for each call."""

import asyncio
import os

from agents import Agent, Runner, function_tool, set_default_openai_client, set_tracing_disabled
from openai import AsyncOpenAI

client = AsyncOpenAI(
    base_url=os.environ.get("OPENAI_BASE_URL", "http://localhost:8080/v1"),
    api_key=os.environ["OPENAI_API_KEY"],
)
set_default_openai_client(client, use_for_tracing=False)
set_tracing_disabled(True)


@function_tool
def get_weather(city: str) -> str:
    """The weather in a city."""
    print(f"get_weather({city})")
    return f"sunny in {city}"


@function_tool
def get_time(city: str) -> str:
    """The local time in a city."""
    print(f"get_time({city})")
    return f"noon in {city}"


agent = Agent(
    name="Assistant",
    instructions="Use the tools, then answer in one short sentence.",
    model=os.environ.get("OPENAI_MODEL", "gpt-5-mini"),
    tools=[get_weather, get_time],
)


async def main() -> None:
    result = await Runner.run(agent, "What are the weather and the time in Oslo?")
    print(result.final_output)


asyncio.run(main())
