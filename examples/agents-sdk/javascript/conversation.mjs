// Conversation: a session that the gateway keeps, for any model, and that another program can go on with by its id.
import {
  Agent,
  OpenAIConversationsSession,
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

const agent = new Agent({
  name: "Assistant",
  instructions: "Answer in one short sentence.",
  model: process.env.OPENAI_MODEL ?? "gpt-5-mini",
});

const session = new OpenAIConversationsSession();
for (const text of ["My name is Ana.", "I live in Oslo."]) {
  const result = await run(agent, text, { session });
  console.log(`> ${text}\n${result.finalOutput}`);
}

const again = new OpenAIConversationsSession({ conversationId: await session.getSessionId() });
const question = "Who am I, and where do I live?";
const result = await run(agent, question, { session: again });
console.log(`> ${question}\n${result.finalOutput}`);
console.log(`${(await again.getItems()).length} items in the conversation`);
await again.clearSession();
