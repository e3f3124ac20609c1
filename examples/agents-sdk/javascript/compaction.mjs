// Compaction: a session whose older turns are summed up by the model once they grow; the gateway does it for any model.
// The SDK wants the name of an OpenAI model here: alias one on the gateway (`TRUNKLINE_ALIASES='gpt-*=…'`).
import {
  Agent,
  MemorySession,
  OpenAIResponsesCompactionSession,
  run,
  setDefaultOpenAIClient,
  setOpenAIAPI,
  setTracingDisabled,
} from "@openai/agents";
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
const agent = new Agent({ name: "Assistant", instructions: "Answer in one short sentence.", model });

const session = new OpenAIResponsesCompactionSession({
  underlyingSession: new MemorySession(),
  model,
  // Unless told otherwise, when there are ten answers and calls.
  shouldTriggerCompaction: ({ compactionCandidateItems }) => compactionCandidateItems.length >= 2,
});
for (const text of ["My name is Ana.", "I live in Oslo.", "Who am I, and where do I live?"]) {
  await run(agent, text, { session });
  const kinds = (await session.getItems()).map((item) => item.type ?? "message");
  console.log(`> ${text}\n${kinds.join(", ")}`);
}
