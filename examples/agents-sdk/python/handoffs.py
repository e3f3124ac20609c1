"""Handoffs: a triage agent hands over to another agent, which uses a third one as a tool."""

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

model = os.environ.get("OPENAI_MODEL", "gpt-5-mini")

translator = Agent(name="Translator", instructions="Translate what you are given to Norwegian.", model=model)
billing = Agent(
    name="Billing",
    instructions="Answer questions on bills. Translate your answer with the tool.",
    model=model,
    tools=[translator.as_tool(tool_name="translate", tool_description="Translate a text to Norwegian.")],
)
sales = Agent(name="Sales", instructions="Answer questions on prices.", model=model)
triage = Agent(
    name="Triage",
    instructions="Hand over to the agent whose subject it is.",
    model=model,
    handoffs=[billing, sales],
)


async def main() -> None:
    result = await Runner.run(triage, "I have a question on billing: was my invoice paid?")
    print(f"{result.last_agent.name}: {result.final_output}")


asyncio.run(main())
