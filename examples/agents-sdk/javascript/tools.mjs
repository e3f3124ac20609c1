// Tools: two functions, called in parallel, with a line for each call.
import { Agent, run, setDefaultOpenAIClient, setOpenAIAPI, setTracingDisabled, tool } from "@openai/agents";
import OpenAI from "openai";
import { z } from "zod";

setDefaultOpenAIClient(
  new OpenAI({
    baseURL: process.env.OPENAI_BASE_URL ?? "http://localhost:8080/v1",
    apiKey: process.env.OPENAI_API_KEY,
  }),
);
setOpenAIAPI("responses");
setTracingDisabled(true);

const getWeather = tool({
  name: "get_weather",
  description: "The weather in a city.",
  parameters: z.object({ city: z.string() }),
  execute: async ({ city }) => {
    console.log(`get_weather(${city})`);
    return `sunny in ${city}`;
  },
});

const getTime = tool({
  name: "get_time",
  description: "The local time in a city.",
  parameters: z.object({ city: z.string() }),
  execute: async ({ city }) => {
    console.log(`get_time(${city})`);
    return `noon in ${city}`;
  },
});

const agent = new Agent({
  name: "Assistant",
  instructions: "Use the tools, then answer in one short sentence.",
  model: process.env.OPENAI_MODEL ?? "gpt-5-mini",
  tools: [getWeather, getTime],
});

const result = await run(agent, "What are the weather and the time in Oslo?");
console.log(result.finalOutput);
