// Kept responses: the plain client counts a request, reads a response and its input back, and compacts a conversation.
import OpenAI from "openai";

const client = new OpenAI({
  baseURL: process.env.OPENAI_BASE_URL ?? "http://localhost:8080/v1",
  apiKey: process.env.OPENAI_API_KEY,
});
const model = process.env.OPENAI_MODEL ?? "gpt-5-mini";

const counted = await client.responses.inputTokens.count({ model, input: "My name is Ana." });
console.log(`${counted.input_tokens} tokens`);

const first = await client.responses.create({ model, input: "My name is Ana." });
const second = await client.responses.create({ model, input: "Who am I?", previous_response_id: first.id });
const found = await client.responses.retrieve(second.id);
console.log(found.output_text);
for await (const item of client.responses.inputItems.list(second.id, { order: "asc" })) {
  console.log(`${item.role}: ${item.content[0].text}`);
}

const compacted = await client.responses.compact({ model, previous_response_id: second.id });
console.log(compacted.output.map((item) => item.type).join(", "));
const third = await client.responses.create({ model, input: [...compacted.output, { role: "user", content: "And?" }] });
console.log(third.status);

await client.responses.delete(second.id);
