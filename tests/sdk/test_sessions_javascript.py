"""Sessions of the Agents SDK for JavaScript that the gateway keeps: the SDK's own, on every kind of upstream."""

import json

import pytest

from real_gateway import Gateway, model_of, run_javascript

pytestmark = pytest.mark.slow

PROGRAM = """
import {
  Agent, OpenAIConversationsSession, run, setDefaultOpenAIClient, setOpenAIAPI, setTracingDisabled, tool,
} from "@openai/agents";
import OpenAI from "openai";
import { z } from "zod";

const client = new OpenAI({ maxRetries: 0 });
setDefaultOpenAIClient(client);
setOpenAIAPI("responses");
setTracingDisabled(true);

const model = process.env.OPENAI_MODEL;
const weather = tool({
  name: "get_weather",
  description: "weather",
  parameters: z.object({ city: z.string() }),
  execute: async ({ city }) => `sunny in ${city}`,
});
const agent = new Agent({
  name: "Assistant",
  model,
  tools: [weather],
  modelSettings: { reasoning: { effort: "high", summary: "auto" } },
});

const session = new OpenAIConversationsSession();
const said = { answers: [] };
for (const city of ["Oslo", "Rome"]) {
  said.answers.push((await run(agent, `The weather in ${city}?`, { session })).finalOutput);
}
const items = await session.getItems();
said.calls = items.filter((item) => item.type === "function_call").length;
said.results = items.filter((item) => item.type === "function_call_result").length;
said.newest = (await session.getItems(1)).length;
await session.popItem();
said.left = items.length - (await session.getItems()).length;
const id = await session.getSessionId();
await session.clearSession();
said.gone = await client.conversations.retrieve(id).then(() => 200, (error) => error.status);

const conversation = await client.conversations.create();
said.named = [];
for (const city of ["Oslo", "Rome"]) {
  const result = await run(agent, `The weather in ${city}?`, { conversationId: conversation.id });
  said.named.push(result.finalOutput);
}
said.users = 0;
for await (const item of client.conversations.items.list(conversation.id)) {
  if (item.role === "user") said.users += 1;
}

said.chained = [];
let previousResponseId;
for (const city of ["Oslo", "Rome"]) {
  const result = await run(agent, `The weather in ${city}?`, { previousResponseId });
  previousResponseId = result.lastResponseId;
  said.chained.push(result.finalOutput);
}
console.log(JSON.stringify(said));
"""

ANSWERS = ["The tools say: sunny in Oslo.", "The tools say: sunny in Rome."]


def test_sessions(gateway: Gateway, kind: str) -> None:
    """A conversation as a session, a conversation that a run names, and a chain: calls and results in each."""
    said = json.loads(run_javascript(PROGRAM, gateway.environment | {"OPENAI_MODEL": model_of(kind)}))
    assert said == {
        "answers": ANSWERS,
        "calls": 2,
        "results": 2,
        "newest": 1,
        "left": 1,
        "gone": 404,
        "named": ANSWERS,
        "users": 2,
        "chained": ANSWERS,
    }
