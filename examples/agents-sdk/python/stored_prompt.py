"""A stored prompt with a variable, which a function may choose when the agent runs. The prompt owns the model.

Make the prompt first, and run this with the id that is printed:

    trunkline prompts create --name poem --model gpt-5-mini --instructions 'Write a poem in {{poem_style}}'
"""

import argparse
import asyncio
import os
import random

from agents import (
    Agent,
    GenerateDynamicPromptData,
    Prompt,
    Runner,
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


def choose(data: GenerateDynamicPromptData) -> Prompt:
    """The prompt of this run, with a style for whoever asks."""
    prompt_id: str = data.context.context
    style = random.choice(["limerick", "haiku", "ballad"])
    print(f"style: {style}")
    return {"id": prompt_id, "version": "1", "variables": {"poem_style": style}}


async def main(prompt_id: str, is_dynamic: bool) -> None:
    static: Prompt = {"id": prompt_id, "version": "1", "variables": {"poem_style": "limerick"}}
    agent = Agent[str](name="Poet", prompt=choose if is_dynamic else static)
    result = await Runner.run(agent, "Tell me about recursion.", context=prompt_id)
    print(result.final_output)


parser = argparse.ArgumentParser()
parser.add_argument("--prompt-id", required=True, help="what `trunkline prompts create` printed")
parser.add_argument("--dynamic", action="store_true", help="have a function choose the style")
options = parser.parse_args()
asyncio.run(main(options.prompt_id, options.dynamic))
