// A stored prompt with a variable, which a function may choose when the agent runs. The prompt owns the model.
//
// Make the prompt first, and run this with the id that is printed:
//
//     trunkline prompts create --name poem --model gpt-5-mini --instructions 'Write a poem in {{poem_style}}'
import { parseArgs } from "node:util";
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

const { values: options } = parseArgs({
  options: { "prompt-id": { type: "string" }, dynamic: { type: "boolean", default: false } },
});
const promptId = options["prompt-id"];
if (!promptId) throw new Error("--prompt-id is what `trunkline prompts create` printed");

// The prompt of a run, with a style for whoever asks.
function choose(runContext) {
  const style = ["limerick", "haiku", "ballad"][Math.floor(Math.random() * 3)];
  console.log(`style: ${style}`);
  return { promptId: runContext.context, version: "1", variables: { poem_style: style } };
}

const fixed = { promptId, version: "1", variables: { poem_style: "limerick" } };
const agent = new Agent({ name: "Poet", prompt: options.dynamic ? choose : fixed });
const result = await run(agent, "Tell me about recursion.", { context: promptId });
console.log(result.finalOutput);
