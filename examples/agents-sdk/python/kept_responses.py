"""Kept responses: the plain client counts a request, reads a response and its input back, and compacts a conversation."""

import asyncio
import os

from openai import AsyncOpenAI

model = os.environ.get("OPENAI_MODEL", "gpt-5-mini")


async def main() -> None:
    async with AsyncOpenAI(
        base_url=os.environ.get("OPENAI_BASE_URL", "http://localhost:8080/v1"),
        api_key=os.environ["OPENAI_API_KEY"],
    ) as client:
        counted = await client.responses.input_tokens.count(model=model, input="My name is Ana.")
        print(f"{counted.input_tokens} tokens")

        first = await client.responses.create(model=model, input="My name is Ana.")
        second = await client.responses.create(model=model, input="Who am I?", previous_response_id=first.id)
        found = await client.responses.retrieve(second.id)
        print(found.output_text)
        async for item in client.responses.input_items.list(second.id, order="asc"):
            print(f"{item.role}: {item.content[0].text}")

        compacted = await client.responses.compact(model=model, previous_response_id=second.id)
        print(", ".join(item.type for item in compacted.output))
        # The client's types know answers alone here, and warn of the user's own messages.
        history = [item.model_dump(exclude_unset=True, warnings=False) for item in compacted.output]
        third = await client.responses.create(model=model, input=[*history, {"role": "user", "content": "And?"}])
        print(third.status)

        await client.responses.delete(second.id)


asyncio.run(main())
