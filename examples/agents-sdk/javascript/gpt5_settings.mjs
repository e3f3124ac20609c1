// Settings of the GPT-5 family: reasoning effort and verbosity, which the gateway maps or reports where it cannot.
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
  modelSettings: { reasoning: { effort: "low" }, text: { verbosity: "low" } },
});

const result = await run(agent, "Say hello to the gateway.");
console.log(result.finalOutput);
console.log(`${result.state.usage.totalTokens} tokens`);
