"""Models: one for an agent, the SDK's default for an agent without one, and one for a whole run."""

import asyncio
import os

from agents import Agent, RunConfig, Runner, set_default_openai_client, set_tracing_disabled
from openai import AsyncOpenAI

client = AsyncOpenAI(
    base_url=os.environ.get("OPENAI_BASE_URL", "http://localhost:8080/v1"),
    api_key=os.environ["OPENAI_API_KEY"],
)
set_default_openai_client(client, use_for_tracing=False)
set_tracing_disabled(True)

model = os.environ.get("OPENAI_MODEL", "gpt-5-mini")

own = Agent(name="Own", instructions="Answer in one short sentence.", model=model)
# OPENAI_DEFAULT_MODEL, or what the SDK was made with: alias that name on the gateway, or set the variable.
none = Agent(name="None", instructions="Answer in one short sentence.")


async def main() -> None:
    print("own:", (await Runner.run(own, "Say hello.")).final_output)
    print("none:", (await Runner.run(none, "Say hello.")).final_output)
    # In Python a run's model goes before its agents' own ones.
    print("run:", (await Runner.run(none, "Say hello.", run_config=RunConfig(model=model))).final_output)


asyncio.run(main())
