"""Previous response: each turn names the one before it, and the gateway remembers the rest, across models too."""

import asyncio
import os

from agents import Agent, Runner, set_default_openai_client, set_tracing_disabled
from openai import AsyncOpenAI

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
)


async def main() -> None:
    previous_response_id = None
    for text in ("My name is Ana.", "I live in Oslo.", "Who am I, and where do I live?"):
        result = await Runner.run(agent, text, previous_response_id=previous_response_id)
        previous_response_id = result.last_response_id
        print(f"> {text}\n{result.final_output}")


asyncio.run(main())
