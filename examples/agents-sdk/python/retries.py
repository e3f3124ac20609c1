"""Retries: four attempts with backoff, where the gateway says a retry is safe, or the network or a status asks for one."""

import asyncio
import os

from agents import (
    Agent,
    ModelRetrySettings,
    ModelSettings,
    RunConfig,
    Runner,
    retry_policies,
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

retry = ModelRetrySettings(
    max_retries=3,
    backoff={"initial_delay": 0.25, "multiplier": 2.0, "jitter": True},
    policy=retry_policies.any(
        retry_policies.provider_suggested(),
        retry_policies.retry_after(),
        retry_policies.network_error(),
        retry_policies.http_status([408, 409, 429, 500, 502, 503, 504]),
    ),
)

agent = Agent(
    name="Assistant",
    instructions="Answer in one short sentence.",
    model=os.environ.get("OPENAI_MODEL", "gpt-5-mini"),
    # A part of its own, merged with the run's; where both speak, the run wins (in JavaScript, the agent).
    model_settings=ModelSettings(retry=ModelRetrySettings(backoff={"max_delay": 2.0})),
)


async def main() -> None:
    run = RunConfig(model_settings=ModelSettings(retry=retry))
    result = await Runner.run(agent, "Say hello to the gateway.", run_config=run)
    print(result.final_output)


asyncio.run(main())
