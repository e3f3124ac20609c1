"""Many runs on a few conversations at once: nothing is lost, nothing is doubled."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import openai
import pytest
from openai import AsyncOpenAI

from real_gateway import KEY, KINDS, Gateway, model_of

pytestmark = pytest.mark.slow

RUNS = 200
CONVERSATIONS = 50
WITHIN_SECONDS = 120


@pytest.fixture
async def client(gateway: Gateway) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=gateway.base_url, api_key=KEY, max_retries=0) as client:
        yield client


async def test_two_hundred_runs_on_fifty_conversations(client: AsyncOpenAI) -> None:
    """Who finds a conversation taken is told so, and comes again; in the end each run's turn is there once and whole."""
    conversations = [(await client.conversations.create()).id for _ in range(CONVERSATIONS)]
    kinds = list(KINDS)
    refused = Counter[tuple[str | None, str | None]]()

    async def run(number: int) -> None:
        while True:
            try:
                await client.responses.create(
                    model=model_of(kinds[number % len(kinds)]),
                    input=f"run {number}",
                    conversation=conversations[number % CONVERSATIONS],
                )
            except openai.BadRequestError as error:
                refused[error.code, error.param] += 1
                await asyncio.sleep(0.02)
            else:
                return

    async with asyncio.timeout(WITHIN_SECONDS):
        await asyncio.gather(*(run(number) for number in range(RUNS)))
    assert set(refused) == {("conversation_locked", "conversation")}
    for place, id in enumerate(conversations):
        items = [item async for item in client.conversations.items.list(id, order="asc")]
        texts = [item.content[0].text for item in items if item.type == "message"]  # type: ignore[union-attr]
        asked, answered = texts[::2], texts[1::2]
        assert sorted(asked) == sorted(f"run {number}" for number in range(place, RUNS, CONVERSATIONS))
        for turn, (question, answer) in enumerate(zip(asked, answered, strict=True), 1):
            assert answer == f"ok, you said: {question}" + (f" (turn {turn})" if turn > 1 else "")
        assert len({item.id for item in items}) == len(items) == 2 * RUNS // CONVERSATIONS
