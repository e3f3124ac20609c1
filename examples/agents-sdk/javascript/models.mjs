// Models: one for an agent, the SDK's default for an agent without one, and a default for a Runner.
import { Agent, run, Runner, setDefaultOpenAIClient, setOpenAIAPI, setTracingDisabled } from "@openai/agents";
import OpenAI from "openai";

setDefaultOpenAIClient(
  new OpenAI({
    baseURL: process.env.OPENAI_BASE_URL ?? "http://localhost:8080/v1",
    apiKey: process.env.OPENAI_API_KEY,
  }),
);
setOpenAIAPI("responses");
setTracingDisabled(true);

const model = process.env.OPENAI_MODEL ?? "gpt-5-mini";

const own = new Agent({ name: "Own", instructions: "Answer in one short sentence.", model });
// OPENAI_DEFAULT_MODEL, or what the SDK was made with: alias that name on the gateway, or set the variable.
const none = new Agent({ name: "None", instructions: "Answer in one short sentence." });
// In JavaScript an agent's own model goes before its Runner's.
const runner = new Runner({ model });

console.log("own:", (await run(own, "Say hello.")).finalOutput);
console.log("none:", (await run(none, "Say hello.")).finalOutput);
console.log("runner:", (await runner.run(none, "Say hello.")).finalOutput);
