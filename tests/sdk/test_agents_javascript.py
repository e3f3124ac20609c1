"""The Agents SDK for JavaScript through the gateway: two function tools in parallel, on every kind of upstream."""

import json

import pytest

from real_gateway import Gateway, model_of, run_javascript

pytestmark = pytest.mark.slow

PROGRAM = """
import { Agent, run, setDefaultOpenAIClient, setOpenAIAPI, setTracingDisabled, tool } from "@openai/agents";
import OpenAI from "openai";
import { z } from "zod";

setDefaultOpenAIClient(new OpenAI({ maxRetries: 0 }));
setTracingDisabled(true);

const make = (name, word) => tool({
  name, description: name, parameters: z.object({ city: z.string() }), execute: async ({ city }) => `${word} in ${city}`,
});
const agent = new Agent({
  name: "Assistant", model: process.env.OPENAI_MODEL, tools: [make("get_weather", "sunny"), make("get_time", "noon")],
});
const both = "What are the weather and the time in Oslo?";

const said = {};
for (const api of ["responses", "chat_completions"]) {
  setOpenAIAPI(api);
  const whole = await run(agent, both);
  const stream = await run(agent, both, { stream: true });
  const pieces = [];
  for await (const piece of stream.toTextStream()) pieces.push(piece);
  await stream.completed;
  said[api] = {
    whole: whole.finalOutput,
    streamed: stream.finalOutput,
    pieces,
    tokens: whole.state.usage.totalTokens,
    streamedTokens: stream.state.usage.totalTokens,
    calls: whole.newItems.filter((item) => item.type === "tool_call_item").map((item) => item.rawItem.callId),
  };
}
console.log(JSON.stringify(said));
"""

ANSWER = "The tools say: sunny in Oslo; noon in Oslo."


def test_tools(gateway: Gateway, kind: str) -> None:
    """Both tools are called and answered, over either API, streamed like whole."""
    said = json.loads(run_javascript(PROGRAM, gateway.environment | {"OPENAI_MODEL": model_of(kind)}))
    for api in ("responses", "chat_completions"):
        run = said[api]
        assert run["whole"] == run["streamed"] == "".join(run["pieces"]) == ANSWER
        assert len(run["pieces"]) > 1
        assert run["tokens"] == run["streamedTokens"] > 0
        assert len(set(run["calls"])) == 2
