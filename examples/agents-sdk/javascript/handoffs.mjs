// Handoffs: a triage agent hands over to another agent, which uses a third one as a tool.
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

const model = process.env.OPENAI_MODEL ?? "gpt-5-mini";

const translator = new Agent({
  name: "Translator",
  instructions: "Translate what you are given to Norwegian.",
  model,
});
const billing = new Agent({
  name: "Billing",
  instructions: "Answer questions on bills. Translate your answer with the tool.",
  model,
  tools: [translator.asTool({ toolName: "translate", toolDescription: "Translate a text to Norwegian." })],
});
const sales = new Agent({ name: "Sales", instructions: "Answer questions on prices.", model });
const triage = Agent.create({
  name: "Triage",
  instructions: "Hand over to the agent whose subject it is.",
  model,
  handoffs: [billing, sales],
});

const result = await run(triage, "I have a question on billing: was my invoice paid?");
console.log(`${result.lastAgent.name}: ${result.finalOutput}`);
