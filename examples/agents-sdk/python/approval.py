"""Approval: a run stops before a tool is called, its state is saved, approved and resumed; then the same streamed."""

import asyncio
import os

from agents import Agent, Runner, RunState, function_tool, set_default_openai_client, set_tracing_disabled
from openai import AsyncOpenAI

client = AsyncOpenAI(
    base_url=os.environ.get("OPENAI_BASE_URL", "http://localhost:8080/v1"),
    api_key=os.environ["OPENAI_API_KEY"],
)
set_default_openai_client(client, use_for_tracing=False)
set_tracing_disabled(True)


@function_tool(needs_approval=True)
def delete_file(name: str) -> str:
    """Delete a file."""
    return f"{name} is deleted"


agent = Agent(
    name="Assistant",
    instructions="Use the tool, then answer in one short sentence.",
    model=os.environ.get("OPENAI_MODEL", "gpt-5-mini"),
    tools=[delete_file],
)


async def approve(saved: str) -> RunState:
    """What another process would do, hours later: load the state and approve what it waits for."""
    state = await RunState.from_string(agent, saved)
    for interruption in state.get_interruptions():
        print(f"approving {interruption.name}({interruption.arguments})")
        state.approve(interruption)
    return state


async def main() -> None:
    result = await Runner.run(agent, "Please delete the file Notes.")
    while result.interruptions:
        result = await Runner.run(agent, await approve(result.to_state().to_string()))
    print(result.final_output)

    streamed = Runner.run_streamed(agent, "Please delete the file Letters.")
    async for _ in streamed.stream_events():
        pass
    while streamed.interruptions:
        streamed = Runner.run_streamed(agent, await approve(streamed.to_state().to_string()))
        async for event in streamed.stream_events():
            if event.type == "raw_response_event" and event.data.type == "response.output_text.delta":
                print(event.data.delta, end="", flush=True)
    print()


asyncio.run(main())
