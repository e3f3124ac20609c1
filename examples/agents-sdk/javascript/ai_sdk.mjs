// The AI SDK's model behind an agent: its OpenAI provider pointed at the gateway.
import { createOpenAI } from "@ai-sdk/openai";
import { Agent, run, setTracingDisabled, tool } from "@openai/agents";
import { aisdk } from "@openai/agents-extensions/ai-sdk";
import { z } from "zod";

setTracingDisabled(true);

const openai = createOpenAI({
  baseURL: process.env.OPENAI_BASE_URL ?? "http://localhost:8080/v1",
  apiKey: process.env.OPENAI_API_KEY,
});

const getWeather = tool({
  name: "get_weather",
  description: "The weather in a city.",
  parameters: z.object({ city: z.string() }),
  execute: async ({ city }) => `sunny in ${city}`,
});

const agent = new Agent({
  name: "Assistant",
  instructions: "Use the tool, then answer in one short sentence.",
  model: aisdk(openai(process.env.OPENAI_MODEL ?? "gpt-5-mini")),
  tools: [getWeather],
});

const result = await run(agent, "What is the weather in Oslo?");
console.log(result.finalOutput);
