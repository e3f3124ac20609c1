// Previous response: each turn names the one before it, and the gateway remembers the rest, across models too.
import { Agent, run, setDefaultOpenAIClient, setOpenAIAPI, setTracingDisabled } from "@openai/agents";
import OpenAI from "openai";

setDefaultOpenAIClient(
  new OpenAI({
    baseURL: process.env.OPENAI_BASE_URL ?? "http://localhost:8080/v1",
    apiKey: process.env.OPENAI_API_KEY,
  }),
);
setOpenAIAPI("responses");
setTracingDisabled(true);

const agent = new Agent({
  name: "Assistant",
  instructions: "Answer in one short sentence.",
  model: process.env.OPENAI_MODEL ?? "gpt-5-mini",
});

let previousResponseId;
for (const text of ["My name is Ana.", "I live in Oslo.", "Who am I, and where do I live?"]) {
  const result = await run(agent, text, { previousResponseId });
  previousResponseId = result.lastResponseId;
  console.log(`> ${text}\n${result.finalOutput}`);
}
