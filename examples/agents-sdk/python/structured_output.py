"""Structured output: the answer is an object of a type, not a text."""

import asyncio
import os

from agents import Agent, Runner, set_default_openai_client, set_tracing_disabled
from openai import AsyncOpenAI
from pydantic import BaseModel

client = AsyncOpenAI(
    base_url=os.environ.get("OPENAI_BASE_URL", "http://localhost:8080/v1"),
    api_key=os.environ["OPENAI_API_KEY"],
)
set_default_openai_client(client, use_for_tracing=False)
set_tracing_disabled(True)


class Event(BaseModel):
    name: str
    day: str
    guests: list[str]


agent = Agent(
    name="Extractor",
    instructions="Extract the event.",
    model=os.environ.get("OPENAI_MODEL", "gpt-5-mini"),
    output_type=Event,
)


async def main() -> None:
    result = await Runner.run(agent, "On Friday, Ana and Ben go to the Fair.")
    event = result.final_output_as(Event)
    print(f"{event.name} / {event.day} / {', '.join(event.guests)}")


asyncio.run(main())
