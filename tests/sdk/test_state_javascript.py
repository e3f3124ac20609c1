"""openai-node and what the gateway remembers for it, on every kind of upstream."""

import json

import pytest

from real_gateway import Gateway, model_of, run_javascript

pytestmark = pytest.mark.slow

RESPONSES = """
import OpenAI from "openai";

const client = new OpenAI({ maxRetries: 0 });
const model = process.env.OPENAI_MODEL;
const said = {};
const failed = async (call) => call.then(() => "nothing failed", (error) => ({ status: error.status, code: error.code }));

for (const how of ["whole", "streamed"]) {
  const respond = async (members) => {
    if (how === "whole") return client.responses.create({ model, ...members });
    const stream = client.responses.stream({ model, ...members });
    return stream.finalResponse();
  };
  const first = await respond({ input: "One" });
  const found = await client.responses.retrieve(first.id);
  const second = await respond({ input: "Two", previous_response_id: first.id });
  const items = [];
  for await (const item of client.responses.inputItems.list(second.id, { order: "asc", limit: 2 })) items.push(item);
  await client.responses.delete(first.id);
  said[how] = {
    store: first.store,
    found: found.output_text,
    second: second.output_text,
    items: items.map((item) => [item.role, item.content[0].text]),
    gone: await failed(client.responses.retrieve(first.id)),
    unstored: await failed(
      respond({ input: "x", store: false }).then((left) => respond({ input: "y", previous_response_id: left.id })),
    ),
    cancelled: await failed(client.responses.cancel(second.id)),
  };
}
console.log(JSON.stringify(said));
"""


def test_responses(gateway: Gateway, kind: str) -> None:
    """They are kept, gone on from, listed with all that they inherited, and deleted."""
    said = json.loads(run_javascript(RESPONSES, gateway.environment | {"OPENAI_MODEL": model_of(kind)}))
    for how in ("whole", "streamed"):
        assert said[how] == {
            "store": True,
            "found": "ok, you said: One",
            "second": "ok, you said: Two (turn 2)",
            "items": [["user", "One"], ["assistant", "ok, you said: One"], ["user", "Two"]],
            "gone": {"status": 404, "code": None},
            "unstored": {"status": 400, "code": "previous_response_not_found"},
            "cancelled": {"status": 400, "code": None},
        }


CONVERSATIONS = """
import OpenAI from "openai";

const client = new OpenAI({ maxRetries: 0 });
const model = process.env.OPENAI_MODEL;

const conversation = await client.conversations.create();
const many = Array.from({ length: 30 }, (_, number) => ({
  role: number % 2 ? "assistant" : "user", content: `message ${number}`,
}));
const added = await client.conversations.items.create(conversation.id, { items: many });
const response = await client.responses.create({ model, input: "Hello", conversation: conversation.id });
const items = [];
for await (const item of client.conversations.items.list(conversation.id, { order: "asc" })) items.push(item);
const after = await client.conversations.items.delete(items[0].id, { conversation_id: conversation.id });
const labelled = await client.conversations.update(conversation.id, { metadata: { topic: "demo" } });
const completion = await client.chat.completions.create({
  model, messages: [{ role: "user", content: "Hello" }], store: true, metadata: { topic: model },
});
const listed = [];
for await (const kept of client.chat.completions.list({ metadata: { topic: model } })) listed.push(kept.id);
const messages = await client.chat.completions.messages.list(completion.id);
await client.chat.completions.delete(completion.id);
const deleted = await client.conversations.delete(conversation.id);
console.log(JSON.stringify({
  added: added.data.length,
  answer: response.output_text,
  roles: items.slice(-3).map((item) => item.role),
  items: items.length,
  after: after.id === conversation.id,
  metadata: labelled.metadata,
  listed: listed.length === 1 && listed[0] === completion.id,
  messages: messages.data.map((message) => message.content),
  deleted: deleted.deleted,
}));
"""


def test_conversations_and_completions(gateway: Gateway, kind: str) -> None:
    """Their whole life, by the client's own methods."""
    said = json.loads(run_javascript(CONVERSATIONS, gateway.environment | {"OPENAI_MODEL": model_of(kind)}))
    assert said == {
        "added": 30,
        "answer": "ok, you said: Hello (turn 16)",
        "roles": ["assistant", "user", "assistant"],
        "items": 32,
        "after": True,
        "metadata": {"topic": "demo"},
        "listed": True,
        "messages": ["Hello"],
        "deleted": True,
    }


BACKGROUND = """
import OpenAI from "openai";

const client = new OpenAI({ maxRetries: 0 });
const model = process.env.OPENAI_MODEL;
const input = "Hello to you and to all the others who may be listening to this long sentence";
const underWay = ["queued", "in_progress"];
const poll = async (id) => {
  for (;;) {
    const response = await client.responses.retrieve(id);
    if (!underWay.includes(response.status)) return response;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
};

const queued = await client.responses.create({ model, input: "Hello", background: true });
const ended = await poll(queued.id);
const next = await client.responses.create({ model, input: "And?", previous_response_id: ended.id });

const seen = [];
let id = "";
const stream = await client.responses.create({ model, input, background: true, stream: true });
for await (const event of stream) {
  if (event.type === "response.created") id = event.response.id;
  seen.push(event.sequence_number);
  if (seen.length === 6) break;
}
let last = "";
for await (const event of await client.responses.retrieve(id, { stream: true, starting_after: seen.at(-1) })) {
  seen.push(event.sequence_number);
  last = event.type;
}

const other = await client.responses.create({ model: process.env.SILENT_MODEL, input, background: true });
const cancelled = await client.responses.cancel(other.id);
const again = await client.responses.cancel(other.id);
const counted = await client.responses.inputTokens.count({ input: "And?", previous_response_id: ended.id });

console.log(JSON.stringify({
  queued: [queued.status, queued.background],
  ended: [ended.status, ended.output_text],
  next: next.output_text,
  numbers: seen.every((number, place) => number === place) && seen.length > 6,
  last,
  streamed: (await poll(id)).output_text === `ok, you said: ${input}`,
  cancelled: [cancelled.status, again.status],
  counted: counted.input_tokens > 0,
}));
"""


def test_in_the_background(gateway: Gateway, kind: str) -> None:
    """Polled, gone on from, come back for, and called off, whoever makes it."""
    silent = model_of(kind) if kind == "responses" else f"{kind}-silent"
    variables = {"OPENAI_MODEL": model_of(kind), "SILENT_MODEL": silent}
    said = json.loads(run_javascript(BACKGROUND, gateway.environment | variables))
    assert said == {
        "queued": ["queued", True],
        "ended": ["completed", "ok, you said: Hello"],
        "next": "ok, you said: And? (turn 2)",
        "numbers": True,
        "last": "response.completed",
        "streamed": True,
        "cancelled": ["cancelled", "cancelled"],
        "counted": True,
    }
