// Approval: a run stops before a tool is called, its state is saved, approved and resumed; then the same streamed.
import { Agent, run, RunState, setDefaultOpenAIClient, setOpenAIAPI, setTracingDisabled, tool } from "@openai/agents";
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

const deleteFile = tool({
  name: "delete_file",
  description: "Delete a file.",
  parameters: z.object({ name: z.string() }),
  needsApproval: true,
  execute: async ({ name }) => `${name} is deleted`,
});

const agent = new Agent({
  name: "Assistant",
  instructions: "Use the tool, then answer in one short sentence.",
  model: process.env.OPENAI_MODEL ?? "gpt-5-mini",
  tools: [deleteFile],
});

// What another process would do, hours later: load the state and approve what it waits for.
async function approve(saved) {
  const state = await RunState.fromString(agent, saved);
  for (const interruption of state.getInterruptions()) {
    console.log(`approving ${interruption.name}(${interruption.arguments})`);
    state.approve(interruption);
  }
  return state;
}

let result = await run(agent, "Please delete the file Notes.");
while (result.interruptions.length > 0) {
  result = await run(agent, await approve(result.state.toString()));
}
console.log(result.finalOutput);

let stream = await run(agent, "Please delete the file Letters.", { stream: true });
await stream.completed;
while (stream.interruptions.length > 0) {
  stream = await run(agent, await approve(stream.state.toString()), { stream: true });
  for await (const text of stream.toTextStream()) {
    process.stdout.write(text);
  }
  await stream.completed;
}
console.log();
