"""Session: three turns that share a history, kept on this side and sent again with each turn."""

import asyncio
import os

from agents import Agent, Runner, SQLiteSession, set_default_openai_client, set_tracing_disabled
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
    # In memory; a second argument names a file.
    session = SQLiteSession("three-turns")
    for text in ("My name is Ana.", "I live in Oslo.", "Who am I, and where do I live?"):
        result = await Runner.run(agent, text, session=session)
        print(f"> {text}\n{result.final_output}")
    print(f"{len(await session.get_items())} items in the session")
    session.close()


asyncio.run(main())
