"""Only a key: the SDK makes its own client, which takes its address from OPENAI_BASE_URL."""

import asyncio
import os

from agents import Agent, Runner, set_default_openai_key, set_tracing_disabled

os.environ.setdefault("OPENAI_BASE_URL", "http://localhost:8080/v1")
set_default_openai_key(os.environ["OPENAI_API_KEY"], use_for_tracing=False)
set_tracing_disabled(True)

agent = Agent(
    name="Assistant",
    instructions="Answer in one short sentence.",
    model=os.environ.get("OPENAI_MODEL", "gpt-5-mini"),
)


async def main() -> None:
    result = await Runner.run(agent, "Say hello to the gateway.")
    print(result.final_output)


asyncio.run(main())
