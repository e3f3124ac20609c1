"""Conversation: a session that the gateway keeps, for any model, and that another program can go on with by its id."""

import asyncio
import os

from agents import Agent, OpenAIConversationsSession, Runner, set_default_openai_client, set_tracing_disabled
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
    session = OpenAIConversationsSession()
    for text in ("My name is Ana.", "I live in Oslo."):
        result = await Runner.run(agent, text, session=session)
        print(f"> {text}\n{result.final_output}")

    again = OpenAIConversationsSession(conversation_id=session.session_id)
    question = "Who am I, and where do I live?"
    result = await Runner.run(agent, question, session=again)
    print(f"> {question}\n{result.final_output}")
    print(f"{len(await again.get_items())} items in the conversation")
    await again.clear_session()


asyncio.run(main())
