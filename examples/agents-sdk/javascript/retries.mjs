// Retries: four attempts with backoff, where the gateway says a retry is safe, or the network or a status asks for one.
import { Agent, retryPolicies, Runner, setDefaultOpenAIClient, setOpenAIAPI, setTracingDisabled } from "@openai/agents";
import OpenAI from "openai";

setDefaultOpenAIClient(
  new OpenAI({
    baseURL: process.env.OPENAI_BASE_URL ?? "http://localhost:8080/v1",
    apiKey: process.env.OPENAI_API_KEY,
  }),
);
setOpenAIAPI("responses");
setTracingDisabled(true);

const runner = new Runner({
  modelSettings: {
    retry: {
      maxRetries: 3,
      backoff: { initialDelayMs: 250, multiplier: 2, jitter: true },
      policy: retryPolicies.any(
        retryPolicies.providerSuggested(),
        retryPolicies.retryAfter(),
        retryPolicies.networkError(),
        retryPolicies.httpStatus([408, 409, 429, 500, 502, 503, 504]),
      ),
    },
  },
});

const agent = new Agent({
  name: "Assistant",
  instructions: "Answer in one short sentence.",
  model: process.env.OPENAI_MODEL ?? "gpt-5-mini",
  // A part of its own, merged with the Runner's; where both speak, the agent wins (in Python, the run).
  modelSettings: { retry: { backoff: { maxDelayMs: 2000 } } },
});

const result = await runner.run(agent, "Say hello to the gateway.");
console.log(result.finalOutput);
