// Only a key: the SDK makes its own client, which takes its address from OPENAI_BASE_URL.
import { Agent, run, setDefaultOpenAIKey, setTracingDisabled } from "@openai/agents";

process.env.OPENAI_BASE_URL ??= "http://localhost:8080/v1";
setDefaultOpenAIKey(process.env.OPENAI_API_KEY);
setTracingDisabled(true);

const agent = new Agent({
  name: "Assistant",
  instructions: "Answer in one short sentence.",
  model: process.env.OPENAI_MODEL ?? "gpt-5-mini",
});

const result = await run(agent, "Say hello to the gateway.");
console.log(result.finalOutput);
