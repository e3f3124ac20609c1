// Streaming: the answer printed while it is made, and the other events by name.
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

const stream = await run(agent, "Say hello to the gateway.", { stream: true });
for await (const event of stream) {
  if (event.type === "raw_model_stream_event" && event.data.type === "output_text_delta") {
    process.stdout.write(event.data.delta);
  } else if (event.type === "run_item_stream_event") {
    console.log(`\n[${event.name}]`);
  }
}
await stream.completed;
console.log(`Final: ${stream.finalOutput}`);
