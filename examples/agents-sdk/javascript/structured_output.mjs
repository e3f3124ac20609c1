// Structured output: the answer is an object of a type, not a text.
import { Agent, run, setDefaultOpenAIClient, setOpenAIAPI, setTracingDisabled } from "@openai/agents";
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

const agent = new Agent({
  name: "Extractor",
  instructions: "Extract the event.",
  model: process.env.OPENAI_MODEL ?? "gpt-5-mini",
  outputType: z.object({ name: z.string(), day: z.string(), guests: z.array(z.string()) }),
});

const result = await run(agent, "On Friday, Ana and Ben go to the Fair.");
const event = result.finalOutput;
console.log(`${event.name} / ${event.day} / ${event.guests.join(", ")}`);
