"""Compaction: a session whose older turns are summed up by the model once they grow; the gateway does it for any model.

The SDK wants the name of an OpenAI model here: alias one on the gateway (`TRUNKLINE_ALIASES='gpt-*=…'`).
"""

import asyncio
import os

from agents import (
    Agent,
    OpenAIResponsesCompactionSession,
    Runner,
    SQLiteSession,
    set_default_openai_client,
    set_tracing_disabled,
)
from openai import AsyncOpenAI

client = AsyncOpenAI(
    base_url=os.environ.get("OPENAI_BASE_URL", "http://localhost:8080/v1"),
    api_key=os.environ["OPENAI_API_KEY"],
)
set_default_openai_client(client, use_for_tracing=False)
set_tracing_disabled(True)

model = os.environ.get("OPENAI_MODEL", "gpt-5-mini")
agent = Agent(name="Assistant", instructions="Answer in one short sentence.", model=model)


async def main() -> None:
    session = OpenAIResponsesCompactionSession(
        session_id="three-turns",
        underlying_session=SQLiteSession("three-turns"),
        model=model,
        # Unless told otherwise, when there are ten answers and calls.
        should_trigger_compaction=lambda context: len(context["compaction_candidate_items"]) >= 2,
    )
    for text in ("My name is Ana.", "I live in Oslo.", "Who am I, and where do I live?"):
        await Runner.run(agent, text, session=session)
        kinds = [item.get("type", "message") for item in await session.get_items()]
        print(f"> {text}\n{', '.join(kinds)}")


asyncio.run(main())
