"""What varies by model, seen through the public door: the catalogue's facts at work on whole requests."""

from typing import Any

import msgspec
import pytest

from scripted_gateway import PATHS, Answer, Scene, json_reply
from trunkline.catalog.capabilities import find_capabilities
from trunkline.providers.directory import load_provider

TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}

MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "content": [{"type": "text", "text": "Hi."}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 6, "output_tokens": 2745, "cache_creation_input_tokens": 159217},
}
COMPLETION = {
    "id": "c",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi."}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 100, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 75}},
}
RESPONSE = {"id": "resp_1", "object": "response", "model": "m", "status": "completed", "output": [], "usage": None}


def scene_of(provider: str, model: str, **options: Any) -> Scene:
    """A gateway whose every model has the facts of this one."""
    scene = Scene(**options)
    scene.catalog.capabilities = lambda _, __, base: find_capabilities(provider, model, base)  # type: ignore[method-assign]
    return scene


async def ask(scene: Scene, caller: str, upstream: str, **members: Any) -> Answer:
    """A question in Chat's words, or in Responses' where that is the caller."""
    scene.upstream.answer = json_reply({"messages": MESSAGE, "responses": RESPONSE}.get(upstream, COMPLETION))
    messages = members.pop("messages", [{"role": "user", "content": "Hi?"}])
    history = {"input": messages, "store": False} if caller == "responses" else {"messages": messages}
    return await scene.ask(PATHS[caller], {"model": f"{upstream}-model", **history, **members})


def dropped(answer: Answer) -> str:
    return answer.headers.get("x-trunkline-dropped", "")


# --- sampling ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("caller", ["chat", "responses"])
@pytest.mark.parametrize("model", ["claude-opus-4-7", "claude-sonnet-5", "claude-opus-5-5"])
async def test_t76_no_sampling(caller: str, model: str) -> None:
    """T-76: newer Claudes get no temperature, which is said; its default passes over silently."""
    scene = scene_of("anthropic", model)
    answer = await ask(scene, caller, "messages", temperature=0.3)
    assert "temperature" not in scene.upstream.json
    assert dropped(answer) == "temperature"
    answer = await ask(scene, caller, "messages", temperature=1, top_p=1)
    assert dropped(answer) == ""


async def test_t76_strict() -> None:
    """T-76: in strict mode it is an error that names the parameter."""
    answer = await ask(scene_of("anthropic", "claude-opus-4-7", strict=True), "chat", "messages", temperature=0.3)
    assert (answer.status, answer.error["param"]) == (400, "temperature")


async def test_t76_on_the_native_way() -> None:
    """T-76: a Messages caller is spared the upstream's 400 as well."""
    scene = scene_of("anthropic", "claude-opus-5")
    answer = await ask(scene, "messages", "messages", temperature=0.3, max_tokens=100)
    assert "temperature" not in scene.upstream.json
    assert (dropped(answer), answer.headers["x-trunkline-route"]) == ("temperature", "patch messages/messages-model")


async def test_reasoning_models_without_penalties() -> None:
    """They refuse those as well; none at all passes over silently."""
    scene = scene_of("openai", "o3")
    answer = await ask(scene, "chat", "native_chat", presence_penalty=0.5, frequency_penalty=0)
    assert scene.upstream.json.keys().isdisjoint({"presence_penalty", "frequency_penalty"})
    assert dropped(answer) == "presence_penalty"


@pytest.mark.parametrize(
    ("caller", "upstream"), [("chat", "native_chat"), ("chat", "responses"), ("responses", "chat")]
)
async def test_reasoning_models_without_sampling(caller: str, upstream: str) -> None:
    """A reasoning model of OpenAI's gets no temperature on any way, and older models do."""
    scene = scene_of("openai", "gpt-5-mini")
    answer = await ask(scene, caller, upstream, temperature=0.3)
    assert "temperature" not in scene.upstream.json
    assert dropped(answer) == "temperature"
    scene = scene_of("openai", "gpt-4.1")
    answer = await ask(scene, caller, upstream, temperature=0.3)
    assert (scene.upstream.json["temperature"], dropped(answer)) == (0.3, "")


# --- effort -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "asked", "effort", "thinking", "said"),
    [
        ("claude-opus-5", "xhigh", "xhigh", {"type": "adaptive"}, ""),
        ("claude-opus-4-6", "xhigh", "high", {"type": "adaptive"}, "reasoning_effort"),
        ("claude-opus-5", "none", None, {"type": "disabled"}, ""),
        ("claude-opus-5-5", "none", "low", None, "reasoning_effort"),
        ("claude-sonnet-5-5", "none", None, {"type": "between_tools"}, "reasoning_effort"),
        ("claude-opus-4-5", "medium", None, {"type": "enabled", "budget_tokens": 8192}, ""),
        ("claude-3-5-haiku", "medium", None, None, "reasoning_effort"),
    ],
)
async def test_efforts_of_claude(model: str, asked: str, effort: str | None, thinking: Any, said: str) -> None:
    """An effort becomes what this version understands; what is not the same is said."""
    scene = scene_of("anthropic", model)
    answer = await ask(scene, "chat", "messages", reasoning_effort=asked)
    body = scene.upstream.json
    assert body.get("output_config", {}).get("effort") == effort
    assert body.get("thinking") == thinking
    assert dropped(answer) == said


@pytest.mark.parametrize(
    ("caller", "upstream", "members", "said"),
    [
        ("chat", "native_chat", {"reasoning_effort": "none"}, "reasoning_effort"),
        ("chat", "chat", {"reasoning_effort": "none"}, "reasoning_effort"),
        ("chat", "responses", {"reasoning_effort": "none"}, "reasoning_effort"),
        ("responses", "responses", {"reasoning": {"effort": "none", "summary": "auto"}}, "reasoning.effort"),
        ("responses", "chat", {"reasoning": {"effort": "none"}}, "reasoning.effort"),
    ],
)
async def test_efforts_of_openai(caller: str, upstream: str, members: dict[str, Any], said: str) -> None:
    """A level that a model lacks becomes the nearest, on every way."""
    scene = scene_of("openai", "gpt-5")
    answer = await ask(scene, caller, upstream, **members)
    body = scene.upstream.json
    sent = body["reasoning"]["effort"] if upstream == "responses" else body["reasoning_effort"]
    assert (sent, dropped(answer)) == ("minimal", said)
    if caller == upstream == "responses":
        assert body["reasoning"]["summary"] == "auto"


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("gpt-5", "max_completion_tokens"),
        ("o3", "max_completion_tokens"),
        ("gpt-4o", "max_tokens"),
        ("new", "max_tokens"),
    ],
)
async def test_the_limits_name(model: str, name: str) -> None:
    """OpenAI's models that think refuse a limit by its old name; where both are known it stays as it is."""
    scene = scene_of("openai", model)
    await ask(scene, "chat", "native_chat", max_tokens=99)
    assert {member for member in scene.upstream.json if "tokens" in member} == {name}


async def test_no_thought_of_models_without() -> None:
    """What agents say of it unasked is left out with all that belongs to it, and a wish for shortness as well."""
    scene = scene_of("openai", "gpt-4o")
    answer = await ask(
        scene,
        "responses",
        "responses",
        reasoning={"effort": "none", "summary": "auto"},
        include=["reasoning.encrypted_content", "file_search_call.results"],
        text={"verbosity": "low", "format": {"type": "text"}},
    )
    body = scene.upstream.json
    assert "reasoning" not in body
    assert body["include"] == ["file_search_call.results"]
    assert body["text"] == {"format": {"type": "text"}}
    assert dropped(answer) == "reasoning.effort,reasoning.summary,text.verbosity"


@pytest.mark.parametrize(
    ("provider", "model", "asked", "sent", "said"),
    [
        # These vendors know three levels and none; a model of theirs may know fewer.
        ("groq", "qwen/qwen3-32b", "none", {"reasoning_effort": "none"}, ""),
        ("groq", "openai/gpt-oss-120b", "minimal", {"reasoning_effort": "low"}, "reasoning.effort"),
        ("deepseek", "deepseek-chat", "xhigh", {"reasoning_effort": "high"}, "reasoning.effort"),
        # OpenRouter fits levels to its models itself: none must not become a little.
        ("openrouter", "anthropic/claude-sonnet-4.5", "none", {"reasoning_effort": "none"}, ""),
        # A switch for a dial.
        ("zai", "glm-4.6", "none", {"thinking": {"type": "disabled"}}, ""),
        ("zai", "glm-4.6", "high", {}, "reasoning.effort"),
    ],
)
async def test_efforts_of_chat_vendors(provider: str, model: str, asked: str, sent: dict[str, str], said: str) -> None:
    """Each vendor's own words, from both OpenAI dialects."""
    for caller, members in (("responses", {"reasoning": {"effort": asked}}), ("chat", {"reasoning_effort": asked})):
        scene = Scene()
        facts = find_capabilities(provider, model, load_provider(provider).capabilities)
        scene.catalog.capabilities = lambda *_, facts=facts: facts  # type: ignore[method-assign]
        answer = await ask(scene, caller, "chat", **members)
        body = scene.upstream.json
        assert {name: body[name] for name in ("reasoning_effort", "thinking") if name in body} == sent
        assert dropped(answer) == (said if caller == "responses" else said.replace(".", "_"))


async def test_no_dial_for_effort() -> None:
    """The Agents SDK sends `none` to every model: one without a dial is not bothered."""
    scene = scene_of("openai", "gpt-4.1")
    for caller, members in (("chat", {"reasoning_effort": "none"}), ("responses", {"reasoning": {"effort": "none"}})):
        await ask(scene, caller, {"chat": "native_chat"}.get(caller, caller), **members)
        assert "effort" not in str(scene.upstream.json)


@pytest.mark.parametrize(
    ("model", "thinking", "effort", "sent", "limit"),
    [
        # Claude Code, led to an older model by an alias, and the other way round.
        ("claude-haiku-4-5", {"type": "adaptive"}, "medium", {"type": "enabled", "budget_tokens": 8192}, 12192),
        ("claude-opus-5", {"type": "enabled", "budget_tokens": 2048}, None, {"type": "adaptive"}, 4000),
        ("claude-3-5-haiku", {"type": "adaptive"}, None, None, 4000),
        ("claude-opus-5-5", {"type": "disabled"}, None, None, 4000),
        ("claude-sonnet-5-5", {"type": "disabled"}, None, {"type": "between_tools"}, 4000),
    ],
)
async def test_thinking_of_native_callers(model: str, thinking: Any, effort: str | None, sent: Any, limit: int) -> None:
    """A Messages caller's `thinking` is said in the words of the model that it is led to, and that is said."""
    scene = scene_of("anthropic", model)
    members = {"output_config": {"effort": effort}} if effort else {}
    answer = await ask(scene, "messages", "messages", thinking=thinking, max_tokens=4000, **members)
    assert (scene.upstream.json.get("thinking"), scene.upstream.json["max_tokens"]) == (sent, limit)
    assert "thinking" in dropped(answer)


@pytest.mark.parametrize(
    ("model", "thinking"),
    [
        ("claude-opus-5", {"type": "adaptive", "display": "omitted"}),
        ("claude-opus-4-6", {"type": "enabled", "budget_tokens": 2048}),
        ("claude-haiku-4-5", {"type": "disabled"}),
        ("claude-sonnet-5-5", {"type": "between_tools"}),
        ("somebody-elses-model", {"type": "enabled", "budget_tokens": 2048}),
        ("claude-opus-5", {"type": "a-word-of-tomorrow"}),
    ],
)
async def test_thinking_that_is_understood(model: str, thinking: Any) -> None:
    """What the model understands, or nobody knows, passes untouched."""
    scene = scene_of("anthropic", model)
    answer = await ask(scene, "messages", "messages", thinking=thinking, max_tokens=4000)
    assert scene.upstream.json["thinking"] == thinking
    assert answer.headers["x-trunkline-route"].startswith("tee")


# --- forced tools, prefill, limits ------------------------------------------------------------------------------


async def test_t62_forced_tool_where_thinking_can_be_switched_off() -> None:
    """T-62: thought gives way to a forced tool, and that is said."""
    scene = scene_of("anthropic", "claude-opus-5")
    answer = await ask(scene, "chat", "messages", tools=[TOOL], tool_choice="required", reasoning_effort="high")
    assert scene.upstream.json["thinking"] == {"type": "disabled"}
    assert dropped(answer) == "reasoning_effort"


@pytest.mark.parametrize("model", ["claude-opus-5-5", "claude-sonnet-5-5", "claude-mythos-5"])
async def test_t62_forced_tool_where_thinking_cannot_be_switched_off(model: str) -> None:
    """T-62: a model that always thinks cannot be forced: a 400 of ours that says so, and nothing is sent."""
    scene = scene_of("anthropic", model)
    answer = await ask(scene, "chat", "messages", tools=[TOOL], tool_choice="required")
    assert (answer.status, answer.error["param"]) == (400, "tool_choice")
    assert scene.upstream.requests == []


async def test_prefill() -> None:
    """A last turn of the assistant's goes to models that go on from it, and is a 400 with others."""
    messages = [{"role": "user", "content": "A word?"}, {"role": "assistant", "content": "It is "}]
    scene = scene_of("anthropic", "claude-sonnet-4-5")
    answer = await ask(scene, "chat", "messages", messages=messages)
    assert answer.status == 200
    assert scene.upstream.json["messages"][-1]["content"] == [{"type": "text", "text": "It is"}]
    answer = await ask(scene_of("anthropic", "claude-opus-4-6"), "chat", "messages", messages=messages)
    assert answer.status == 400


@pytest.mark.parametrize(("model", "limit"), [("claude-opus-5", 128000), ("claude-haiku-4-5", 64000)])
async def test_t77_the_models_own_limit(model: str, limit: int) -> None:
    """T-77: who sets no limit gets the model's."""
    scene = scene_of("anthropic", model)
    await ask(scene, "chat", "messages")
    assert scene.upstream.json["max_tokens"] == limit


# --- system messages --------------------------------------------------------------------------------------------

SYSTEM = {"role": "system", "content": "Be brief from now on."}
MIDDLE = [
    {"role": "user", "content": "One."},
    {"role": "assistant", "content": "1"},
    {"role": "user", "content": "Two."},
    SYSTEM,
    {"role": "assistant", "content": "2"},
    {"role": "user", "content": "Three."},
]


@pytest.mark.parametrize("model", ["claude-opus-4-8", "claude-opus-5-5"])
async def test_t55_system_in_place(model: str) -> None:
    """T-55: models that take a system message among the turns get it where it stood."""
    scene = scene_of("anthropic", model)
    await ask(scene, "chat", "messages", messages=MIDDLE)
    roles = [turn["role"] for turn in scene.upstream.json["messages"]]
    assert roles == ["user", "assistant", "user", "system", "assistant", "user"]
    assert "system" not in scene.upstream.json


@pytest.mark.parametrize("model", ["claude-sonnet-5", "claude-sonnet-4-5"])
async def test_t55_system_hoisted(model: str) -> None:
    """T-55: others get it on top."""
    scene = scene_of("anthropic", model)
    await ask(scene, "chat", "messages", messages=MIDDLE)
    assert "system" not in {turn["role"] for turn in scene.upstream.json["messages"]}
    assert "Be brief" in str(scene.upstream.json["system"])


async def test_t55_system_after_the_assistant_waits() -> None:
    """T-55: it may stand only right behind a user's turn, so before one it waits."""
    scene = scene_of("anthropic", "claude-opus-5")
    messages = [MIDDLE[0], MIDDLE[1], SYSTEM, MIDDLE[2]]
    await ask(scene, "chat", "messages", messages=messages)
    assert [turn["role"] for turn in scene.upstream.json["messages"]] == ["user", "assistant", "user", "system"]


CACHED = {"role": "system", "content": [{"type": "text", "text": "Brief.", "cache_control": {"type": "ephemeral"}}]}


async def test_t55_native_callers() -> None:
    """T-55: Claude Code sends it always; an older model gets it on top with its cache point, a newer one as it is."""
    messages = [MIDDLE[0], CACHED, MIDDLE[1], MIDDLE[2]]
    scene = scene_of("anthropic", "claude-sonnet-5")
    answer = await ask(scene, "messages", "messages", messages=messages, system="Code.", max_tokens=10)
    assert answer.headers["x-trunkline-route"].startswith("patch")
    assert scene.upstream.json["system"] == [{"type": "text", "text": "Code."}, *CACHED["content"]]
    assert [turn["role"] for turn in scene.upstream.json["messages"]] == ["user", "assistant", "user"]
    scene = scene_of("anthropic", "claude-opus-4-8")
    answer = await ask(scene, "messages", "messages", messages=messages, max_tokens=10)
    assert answer.headers["x-trunkline-route"].startswith("tee")
    assert scene.upstream.json["messages"] == messages


async def test_t55_to_chat_in_place() -> None:
    """T-55: Chat takes it where it stands."""
    scene = Scene()
    await ask(scene, "messages", "chat", messages=[MIDDLE[0], CACHED, MIDDLE[1], MIDDLE[2]], max_tokens=10)
    assert [turn["role"] for turn in scene.upstream.json["messages"]] == ["user", "system", "assistant", "user"]


# --- usage ------------------------------------------------------------------------------------------------------


async def test_t69_anthropics_usage_for_openai_callers() -> None:
    """T-69: what was written to the cache counts inside the input once, and is told apart."""
    scene = Scene()
    chat = (await ask(scene, "chat", "messages")).json["usage"]
    assert (chat["prompt_tokens"], chat["prompt_tokens_details"]["cache_write_tokens"]) == (159223, 159217)
    responses = (await ask(scene, "responses", "messages")).json["usage"]
    assert (responses["input_tokens"], responses["input_tokens_details"]["cache_write_tokens"]) == (159223, 159217)
    assert responses["total_tokens"] == 159223 + 2745


async def test_t69_an_hours_cache_is_told_apart() -> None:
    """T-69: writes that are kept for an hour cost more, so they have a bucket of their own, by tee and translated."""
    scene = Scene()
    usage = {
        **MESSAGE["usage"],  # type: ignore[dict-item]
        "cache_creation": {"ephemeral_5m_input_tokens": 217, "ephemeral_1h_input_tokens": 159000},
    }
    scene.upstream.answer = json_reply({**MESSAGE, "usage": usage})
    question = {"model": "messages-model", "messages": [{"role": "user", "content": "Hi?"}], "max_tokens": 10}
    for caller in ("chat", "messages"):
        await scene.ask(PATHS[caller], question)
        recorded = scene.records.kept[-1].usage
        assert (recorded.cache_write_tokens, recorded.cache_write_1h_tokens) == (217, 159000)
        assert recorded.total_input == 159223


async def test_t70_openais_usage_for_anthropic_callers() -> None:
    """T-70: cached input is beside the rest."""
    answer = await ask(Scene(), "messages", "chat", max_tokens=10)
    usage = answer.json["usage"]
    assert (usage["input_tokens"], usage["cache_read_input_tokens"]) == (25, 75)


# --- log probabilities, refusals --------------------------------------------------------------------------------

LOGPROB = {"token": "Hi", "bytes": [72, 105], "logprob": -0.1, "top_logprobs": []}


async def test_t78_log_probabilities() -> None:
    """T-78: asked for and given back in each API's way, bytes and all; Anthropic has none to give."""
    scene = Scene()
    choice = {**COMPLETION["choices"][0], "logprobs": {"content": [LOGPROB]}}  # type: ignore[index,dict-item]
    scene.upstream.answer = json_reply({**COMPLETION, "choices": [choice]})
    members = {"model": "chat-model", "input": "Hi?", "top_logprobs": 2, "include": ["message.output_text.logprobs"]}
    answer = await scene.ask(PATHS["responses"], members)
    assert (scene.upstream.json["logprobs"], scene.upstream.json["top_logprobs"]) == (True, 2)
    [message] = answer.json["output"]
    assert message["content"][0]["logprobs"] == [LOGPROB]
    refused = await ask(scene, "chat", "messages", logprobs=True)
    assert (refused.status, refused.error["param"]) == (400, "logprobs")


async def test_t81_refusals() -> None:
    """T-81: a refusal keeps its words in every API."""
    message = {"role": "assistant", "content": None, "refusal": "I will not."}
    reply = {**COMPLETION, "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
    scene = Scene()
    scene.upstream.answer = json_reply(reply)
    question: dict[str, Any] = {"model": "chat-model", "messages": [{"role": "user", "content": "Hi?"}]}
    native = (await scene.ask(PATHS["messages"], {**question, "max_tokens": 10})).json
    assert (native["content"][0]["text"], native["stop_reason"]) == ("I will not.", "refusal")
    responses = (await scene.ask(PATHS["responses"], {"model": "chat-model", "input": "Hi?"})).json
    assert responses["output"][0]["content"] == [{"type": "refusal", "refusal": "I will not."}]
    assert responses["status"] == "completed"
    assert msgspec.json.encode(responses)


# --- why it stopped ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sequences", "told"), [(["END"], ("stop_sequence", "END")), (["END", "X"], ("end_turn", None))]
)
async def test_t28_a_stop_sequence_that_can_only_be_one(sequences: list[str], told: tuple[str, str | None]) -> None:
    """T-28: Cohere and Bedrock say that a sequence was hit, not which."""
    said = {"role": "assistant", "content": [{"text": "Hi."}]}
    converse = {"output": {"message": said}, "stopReason": "stop_sequence"}
    cohere = {"finish_reason": "STOP_SEQUENCE", "message": {**said, "content": [{"type": "text", "text": "Hi."}]}}
    for upstream, reply in (("bedrock", converse), ("cohere", cohere)):
        answer = await Scene().generate("messages", upstream, json_reply(reply), stop_sequences=sequences)
        assert (answer.json["stop_reason"], answer.json["stop_sequence"]) == told


async def test_t81_a_refusal_that_is_explained_is_complete() -> None:
    """T-81: what was said before it as well: nothing incomplete stands in a completed response."""
    refused = {"stop_reason": "refusal", "stop_details": {"type": "refusal", "explanation": "Not this."}}
    answer = await Scene().generate("responses", "messages", json_reply({**MESSAGE, **refused}))
    assert answer.json["status"] == "completed"
    assert [item["status"] for item in answer.json["output"]] == ["completed", "completed"]
