"""openai-node and prompts of the gateway, made through its admin API, on every kind of upstream."""

import json

import pytest

from real_gateway import Gateway, model_of, run_javascript

pytestmark = pytest.mark.slow

PROGRAM = """
import OpenAI from "openai";

const client = new OpenAI({ maxRetries: 0 });
const admin = client.withOptions({ baseURL: process.env.OPENAI_BASE_URL.replace("/v1", "/admin/v1") });
const body = { model: process.env.OPENAI_MODEL, instructions: "Write in {{style}}.", input: "About {{topic}}." };
const made = await admin.post("/prompts", { body: { name: "poem", body } });
const variables = { style: "prose", topic: { type: "input_text", text: "the sea" } };
const prompt = { id: made.id, version: "1", variables };

const whole = await client.responses.create({ prompt, input: "Answer." });
let streamed;
for await (const event of await client.responses.create({ prompt, input: "Answer.", stream: true })) {
  if (event.type === "response.completed") streamed = event.response;
}
const kept = await client.responses.retrieve(whole.id);
const error = await client.responses.create({ prompt: { id: made.id }, input: "x" }).catch((caught) => caught);
console.log(JSON.stringify({
  answers: [whole, streamed, kept].map(({ instructions, prompt }) => [instructions, prompt.id === made.id, prompt.variables]),
  error: [error.status, error.param],
}));
"""


def test_a_prompts_life(gateway: Gateway, kind: str) -> None:
    """Made, named with its variables, shown in each reply, and missed where a variable is."""
    said = json.loads(run_javascript(PROGRAM, gateway.environment | {"OPENAI_MODEL": model_of(kind)}))
    variables = {"style": "prose", "topic": {"type": "input_text", "text": "the sea"}}
    assert said["answers"] == [["Write in prose.", True, variables]] * 3
    assert said["error"] == [400, "prompt.variables.style"]
    received = gateway.fakes[kind].stage.received[-1].body.decode()
    assert "the sea" in received
