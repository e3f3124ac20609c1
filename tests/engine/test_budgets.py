"""Budgets: what a call may cost is reserved before it is sent, and what it cost is settled after."""

import asyncio
from typing import Any

import msgspec
import pytest
from budget_scene import LIMIT, UNKNOWN, BudgetScene, estimate, make_budget, question

from memory_store import make_store
from scripted_gateway import Answer, json_reply, stream
from scripted_gateway import question as ask_in
from trunkline.clock import FakeClock
from trunkline.errors import Failed, Unreachable
from trunkline.money import Tariff, fill_rates, write_dollars
from trunkline.principal import Principal
from trunkline.state.budgets import Budget

PATH = "/v1/chat/completions"
INPUT = estimate(msgspec.json.encode(question(max_tokens=LIMIT)))
PRICE = (INPUT * 2_000_000_000 + LIMIT * 10_000_000_000) // 1_000_000
"""What a question with a limit of `LIMIT` costs: the estimate of its input, and the whole of its limit."""


async def ask(scene: BudgetScene, **members: Any) -> Answer:
    return await scene.scene.ask(PATH, question(**members))


def for_calls(count: int, **said: Any) -> Budget:
    """A budget for so many questions with a limit."""
    return make_budget(write_dollars(PRICE * count), **said)


# --- reserved and settled ---------------------------------------------------------------------------------------


async def test_a_call_that_fits_is_served_and_settled() -> None:
    """What it cost is spent, and nothing is held any more."""
    scene = BudgetScene(make_budget())
    answer = await ask(scene, max_tokens=LIMIT)
    assert answer.status == 200
    assert scene.levels() == (PRICE, 0)
    assert scene.scene.records.only.cost == PRICE


async def test_all_that_a_call_may_cost_is_held_while_it_is_under_way() -> None:
    """Nothing outgrows what is reserved for it: the whole of the limit counts until less has been used."""
    scene = BudgetScene(make_budget())
    scene.gate.clear()
    scene.tokens = 10
    asking = asyncio.create_task(ask(scene, max_tokens=LIMIT))
    await asyncio.sleep(0)
    assert scene.levels() == (0, PRICE)
    scene.gate.set()
    await asking
    assert scene.levels() == (PRICE - 90 * 10_000, 0)


async def test_calls_at_once_never_pass_the_cap() -> None:
    """Of five hundred calls at once a budget for a hundred serves a hundred."""
    scene = BudgetScene(for_calls(100))
    scene.gate.clear()
    asking = [asyncio.create_task(ask(scene, max_tokens=LIMIT)) for _ in range(500)]
    await asyncio.sleep(0.05)
    scene.gate.set()
    answers = await asyncio.gather(*asking)
    assert sum(answer.status == 200 for answer in answers) == 100
    assert {answer.status for answer in answers} == {200, 429}
    assert scene.levels() == (PRICE * 100, 0)


async def test_calls_without_a_limit_never_pass_the_cap() -> None:
    """What the model can write is what is reserved, and no more of it is asked for."""
    facts = {"max_output_tokens": 1_000}
    scene = BudgetScene(for_calls(100), facts=facts)
    scene.tokens = 1_000
    scene.gate.clear()
    asking = [asyncio.create_task(ask(scene)) for _ in range(500)]
    await asyncio.sleep(0.05)
    scene.gate.set()
    answers = await asyncio.gather(*asking)
    served = sum(answer.status == 200 for answer in answers)
    assert served
    assert scene.spent() == sum(scene.costs) <= PRICE * 100
    assert scene.spent() > PRICE * 100 - max(scene.costs)


async def test_a_call_that_was_never_made_costs_nothing() -> None:
    """All that was reserved for it is given back."""
    scene = BudgetScene(make_budget())
    scene.scene.upstream.answer = Unreachable("nobody there")
    assert (await ask(scene, max_tokens=LIMIT)).status == 503
    assert scene.levels() == (0, 0)


async def test_a_call_that_broke_off_costs_what_its_record_says() -> None:
    """It may have been executed: nobody was told what it used, so that is estimated."""
    scene = BudgetScene(make_budget())
    scene.scene.upstream.answer = Failed("gone")
    assert (await ask(scene, max_tokens=LIMIT)).status == 502
    assert scene.levels() == (scene.costs[0], 0)


async def test_a_caller_who_leaves_holds_nothing() -> None:
    """A call that is given up is settled like any other."""
    scene = BudgetScene(make_budget())
    scene.gate.clear()
    asking = asyncio.create_task(ask(scene, max_tokens=LIMIT))
    await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert scene.levels()[1] == 0


async def test_a_stream_is_settled_when_it_has_ended() -> None:
    """Streams are paid for like whole replies."""
    scene = BudgetScene(make_budget())
    usage = {"prompt_tokens": INPUT, "completion_tokens": LIMIT, "total_tokens": INPUT + LIMIT}
    choice = {"index": 0, "delta": {"content": "Hi"}, "finish_reason": "stop"}
    chunks = [{"id": "1", "choices": [choice]}, {"id": "1", "choices": [], "usage": usage}]
    events = [b"data: %b\n\n" % msgspec.json.encode(chunk) for chunk in chunks]
    scene.scene.upstream.answer = stream(*events, b"data: [DONE]\n\n")
    answer = await ask(scene, max_tokens=LIMIT, stream=True)
    assert answer.status == 200
    assert scene.levels() == (PRICE, 0)


async def test_every_budget_that_covers_a_call_pays_for_it() -> None:
    """A team's and the whole company's are counted together, and the smaller one decides."""
    scene = BudgetScene(for_calls(3), for_calls(1, name="small", path="/**"))
    assert (await ask(scene, max_tokens=LIMIT)).status == 200
    refused = await ask(scene, max_tokens=LIMIT)
    assert (refused.status, refused.headers["x-trunkline-budget"]) == (429, "small")
    assert scene.spent("alpha") == scene.spent("small") == PRICE


async def test_a_budget_of_others_is_not_asked() -> None:
    """What a budget does not cover costs it nothing."""
    scene = BudgetScene(for_calls(0, path="/team/**"), for_calls(0, key="ana"), for_calls(0, label=("app", "web")))
    assert (await ask(scene, max_tokens=LIMIT)).status == 200


async def test_a_new_window_begins_with_nothing_spent() -> None:
    """What was spent yesterday is no concern of today."""
    scene = BudgetScene(for_calls(1))
    await ask(scene, max_tokens=LIMIT)
    assert (await ask(scene, max_tokens=LIMIT)).status == 429
    scene.scene.clock.advance(86_400)
    assert (await ask(scene, max_tokens=LIMIT)).status == 200


# --- refused ----------------------------------------------------------------------------------------------------


async def test_a_refusal_for_want_of_money_says_whose_and_until_when() -> None:
    """The caller learns which budget it is, who owns it, when it is full again, and not to try before."""
    scene = BudgetScene(for_calls(1, owner="Team Alpha <alpha@example.org>"))
    await ask(scene, max_tokens=LIMIT)
    refused = await ask(scene, max_tokens=LIMIT)
    assert refused.status == 429
    assert refused.error["code"] == "budget_exceeded"
    assert "`alpha` of Team Alpha <alpha@example.org> has $0 of $" in refused.error["message"]
    assert "until 2023-11-15T00:00:00Z" in refused.error["message"]
    assert refused.headers["x-should-retry"] == "false"
    assert "retry-after" not in refused.headers
    assert refused.headers["x-trunkline-budget-reset"] == "2023-11-15T00:00:00Z"


async def test_a_refusal_for_calls_under_way_is_worth_another_try() -> None:
    """Where only reservations stand in the way, a moment later there may be room."""
    scene = BudgetScene(for_calls(1))
    scene.gate.clear()
    asking = asyncio.create_task(ask(scene, max_tokens=LIMIT))
    await asyncio.sleep(0)
    refused = await ask(scene, max_tokens=LIMIT)
    assert refused.status == 429
    assert "reserved for calls under way" in refused.error["message"]
    assert (refused.headers["x-should-retry"], refused.headers["retry-after"]) == ("true", "1")
    scene.gate.set()
    await asking


@pytest.mark.parametrize("caller", ["responses", "messages", "gemini"])
async def test_a_refusal_is_drawn_in_every_dialect(caller: str) -> None:
    """Each client finds it where it looks for a limit that it has run into."""
    scene = BudgetScene(make_budget("0"))
    answer = await scene.scene.generate(caller, "chat", json_reply({}))
    assert answer.status == 429
    kinds = {"responses": ("code", "budget_exceeded"), "messages": ("type", "rate_limit_error")}
    name, word = kinds.get(caller, ("status", "RESOURCE_EXHAUSTED"))
    assert answer.error[name] == word
    assert "The budget `alpha`" in answer.error["message"]


async def test_a_model_without_a_price_is_refused_with_the_mend() -> None:
    """Nobody knows what it costs, so no budget can hold it: the error says what to do."""
    scene = BudgetScene(make_budget(), tariff=None)
    answer = await ask(scene)
    assert (answer.status, answer.error["code"]) == (403, "model_unpriced")
    assert "`prices:`" in answer.error["message"]


async def test_a_model_without_a_price_may_be_allowed() -> None:
    """Then it costs the budget nothing."""
    scene = BudgetScene(make_budget(unpriced="allow"), tariff=None)
    assert (await ask(scene)).status == 200
    assert scene.levels() == (0, 0)


# --- the limit that is sent -------------------------------------------------------------------------------------


async def test_a_request_without_a_limit_is_sent_with_all_that_the_model_can_write() -> None:
    """So much is reserved, so no more may come."""
    scene = BudgetScene(make_budget("10"), facts={"max_output_tokens": 5_000})
    answer = await ask(scene)
    assert scene.scene.upstream.json["max_completion_tokens"] == 5_000
    assert answer.headers["x-trunkline-route"].startswith("patch")


async def test_where_nobody_knows_what_a_model_can_write_a_set_limit_is_sent() -> None:
    """The one that the operator has chosen."""
    scene = BudgetScene(make_budget("10"))
    await ask(scene)
    assert scene.scene.upstream.json["max_completion_tokens"] == UNKNOWN


async def test_a_request_with_a_limit_passes_as_it_is() -> None:
    """What its caller has bounded needs no other bound."""
    scene = BudgetScene(make_budget())
    answer = await ask(scene, max_tokens=LIMIT)
    assert scene.scene.upstream.json == question(max_tokens=LIMIT)
    assert answer.headers["x-trunkline-route"].startswith("tee")


async def test_without_a_budget_no_limit_is_sent() -> None:
    """A gateway that bounds nothing changes nothing."""
    scene = BudgetScene()
    await ask(scene)
    assert scene.scene.upstream.json == question()


@pytest.mark.parametrize("upstream", ["chat", "messages", "gemini", "bedrock", "cohere", "responses"])
@pytest.mark.parametrize("caller", ["responses", "messages", "gemini", "chat"])
async def test_the_limit_reaches_every_upstream(caller: str, upstream: str) -> None:
    """Each wire has its own place for it."""
    scene = BudgetScene(make_budget("10"), facts={"max_output_tokens": 5_000})
    members = {"max_tokens": 5_000} if caller == "messages" else {}
    await scene.scene.generate(caller, upstream, json_reply({}), **members)
    sent = scene.scene.upstream.json
    sent = sent.get("inferenceConfig", sent.get("generationConfig", sent))
    assert 5_000 in sent.values()


async def test_a_larger_choice_of_answers_is_reserved_for_each() -> None:
    """Three answers may each be as long as the limit says."""
    scene = BudgetScene(make_budget())
    scene.gate.clear()
    asking = asyncio.create_task(ask(scene, max_tokens=LIMIT, n=3))
    await asyncio.sleep(0)
    assert scene.levels()[1] >= PRICE + 2 * LIMIT * 10_000
    scene.gate.set()
    await asking


# --- cut ----------------------------------------------------------------------------------------------------------


async def test_the_last_call_may_be_cut_instead_of_refused() -> None:
    """What is left is sent as the limit, to the last token that it pays for."""
    body = msgspec.json.encode(question(max_tokens=100_000))
    for_input, for_output = estimate(body) * 2_000, 1_000 * 10_000
    scene = BudgetScene(make_budget(write_dollars(for_input + for_output + 9_999), on_low="cut"))
    answer = await ask(scene, max_tokens=100_000)
    assert answer.status == 200
    assert scene.scene.upstream.json["max_completion_tokens"] == 1_000
    assert answer.headers["x-trunkline-budget-cut"] == "alpha"


async def test_a_call_is_not_cut_below_an_answer() -> None:
    """With less than 256 tokens it would be of no use."""
    scene = BudgetScene(for_calls(1, on_low="cut"))
    assert (await ask(scene, max_tokens=100_000)).status == 429


async def test_a_small_limit_may_be_cut_to_nothing_less_than_itself() -> None:
    """Who asks for less than 256 tokens gets them whole or not at all."""
    scene = BudgetScene(make_budget(write_dollars(PRICE - 1), on_low="cut"))
    assert (await ask(scene, max_tokens=LIMIT)).status == 429


async def test_a_call_is_not_cut_below_what_it_is_told_to_think_with() -> None:
    """A provider refuses a limit that leaves no room for the thinking that was asked for."""
    body = ask_in("messages", "messages-model", max_tokens=9_000, thinking={"type": "enabled", "budget_tokens": 8_000})
    scene = BudgetScene(make_budget("0.05", on_low="cut"))
    assert (await scene.scene.ask("/v1/messages", body)).status == 429
    body["thinking"]["budget_tokens"] = 2_000
    await scene.scene.ask("/v1/messages", body)
    assert 2_000 < scene.scene.upstream.json["max_tokens"] < 9_000


# --- what is reserved beyond the request --------------------------------------------------------------------------


async def test_what_a_caller_says_to_the_provider_alone_is_reserved_too() -> None:
    """A limit that is raised in the provider's own words is the limit that counts."""
    scene = BudgetScene(for_calls(2))
    refused = await ask(scene, max_tokens=LIMIT, provider_options={"openai": {"max_completion_tokens": 1_000_000}})
    assert refused.status == 429
    assert scene.scene.upstream.requests == []
    assert scene.levels() == (0, 0)


async def test_the_tokens_that_a_thinking_model_gets_on_top_are_reserved() -> None:
    """On the way to some models the limit is raised by what they think with."""
    facts = {"thinking": "manual", "max_output_tokens": 64_000}
    scene = BudgetScene(make_budget("0.1"), facts=facts)
    body = ask_in("responses", "messages-model", max_output_tokens=100, reasoning={"effort": "high"})
    refused = await scene.scene.ask("/v1/responses", body)
    assert refused.status == 429
    assert scene.levels() == (0, 0)


async def test_an_answer_that_pauses_is_paid_for_as_often_as_it_goes_on() -> None:
    """Each go is reserved on its own, and what all of them cost is settled."""
    scene = BudgetScene(make_budget("10"))
    paused = {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_reason": "pause_turn",
        "content": [{"type": "text", "text": "Wait."}], "usage": {"input_tokens": 1000, "output_tokens": 100},
    }  # fmt: skip
    held: list[int] = []
    replies = iter([json_reply(paused), json_reply({**paused, "stop_reason": "end_turn"})])

    def answer(_: Any) -> Any:
        held.append(scene.levels()[1])
        return next(replies)

    scene.scene.upstream.answer = answer
    body = ask_in("responses", "messages-model", max_output_tokens=1_000)
    assert (await scene.scene.ask("/v1/responses", body)).status == 200
    assert held[1] > 2 * held[0]
    assert scene.levels() == (2 * (1000 * 2_000 + 100 * 10_000), 0)


async def test_a_hosted_tool_is_reserved_with_its_fees() -> None:
    """A search costs by the call, however little is written about it."""
    dear = Tariff(fill_rates({"input": 0, "output": 0, "web_search": 10_000_000}))
    scene = BudgetScene(make_budget("0.05"), tariff=dear)
    tools = [{"type": "web_search"}]
    body = ask_in("responses", "responses-model", tools=tools, max_output_tokens=10, max_tool_calls=6)
    assert (await scene.scene.ask("/v1/responses", body)).status == 429
    await scene.scene.ask("/v1/responses", {**body, "max_tool_calls": 5})
    assert scene.scene.upstream.json["max_tool_calls"] == 5


async def test_embeddings_are_paid_for_by_what_goes_in() -> None:
    """They have no output, and no limit is put into them."""
    scene = BudgetScene(make_budget())
    usage = {"prompt_tokens": 1_000, "total_tokens": 1_000}
    scene.scene.upstream.answer = json_reply({"object": "list", "data": [], "usage": usage})
    body = {"model": "native_chat-model", "input": "Hi?"}
    assert (await scene.scene.ask("/v1/embeddings", body)).status == 200
    assert scene.scene.upstream.json == body
    assert scene.levels() == (2_000_000, 0)


# --- who pays -----------------------------------------------------------------------------------------------------

ANA = Principal("ana", "/team/alpha/ana", "tl123", labels={"app": "web"})


@pytest.mark.parametrize(
    ("said", "covers"),
    [
        ({}, True),
        ({"path": "/team/alpha/**"}, True),
        ({"path": "/team/alpha"}, False),
        ({"path": "/team/beta/**"}, False),
        ({"key": "ana"}, True),
        ({"key": "tl123"}, True),
        ({"key": "bob"}, False),
        ({"label": ("app", "web")}, True),
        ({"label": ("app", "mail")}, False),
        ({"key": "ana", "path": "/team/beta/**"}, False),
    ],
)
def test_all_that_a_budget_says_must_match(said: dict[str, Any], covers: bool) -> None:
    """Path, key and label, as far as they are said."""
    scene = BudgetScene(make_budget(**said))
    assert bool(scene.funds.covering(ANA, ANA.labels)) is covers


def test_what_covers_a_key_follows_its_labels() -> None:
    """What is remembered of a key does not outlive the labels of a call."""
    scene = BudgetScene(make_budget(label=("app", "web")))
    assert scene.funds.covering(ANA, ANA.labels)
    assert not scene.funds.covering(ANA, {"app": "mail"})


def test_a_budget_that_is_changed_keeps_what_is_known_of_it() -> None:
    """A larger cap is no new beginning."""
    scene = BudgetScene(make_budget("1"))
    fund = scene.funds.find("alpha")
    assert fund is not None
    fund.claim(5, 1)
    fund.seen = 7
    scene.funds.replace([make_budget("2")])
    changed = scene.funds.find("alpha")
    assert changed is not None
    assert (changed.budget.cap, changed.seen) == (2_000_000_000, 7)


def test_a_budget_that_covers_others_is_counted_anew() -> None:
    """What was spent by those whom it covered is no concern of theirs."""
    scene = BudgetScene(make_budget())
    fund = scene.funds.find("alpha")
    assert fund is not None
    key = fund.claim(5, 1).key
    fund.seen = 7
    scene.funds.replace([make_budget(path="/team/**")])
    changed = scene.funds.find("alpha")
    assert changed is not None
    assert changed.seen == 0
    assert changed.claim(5, 1).key != key


def test_a_reset_counts_anew() -> None:
    """What was spent before it is counted elsewhere."""
    budget = make_budget()
    window = budget.window(86_400_000_000 * 3 + 5)
    reset = make_budget(since_micros=window.start + 1)
    assert reset.window(window.start + 2).start == window.start + 1
    assert reset.counter(reset.window(window.start + 2)) != budget.counter(window)
    assert reset.window(window.end + 1) == budget.window(window.end + 1)


# --- what a caller is not shown -----------------------------------------------------------------------------------


def _responses_reply(**said: Any) -> dict[str, Any]:
    usage = {"input_tokens": 5, "output_tokens": 1, "total_tokens": 6}
    return {"id": "resp_1", "object": "response", "status": "completed", "output": [], "usage": usage, **said}


@pytest.mark.parametrize("upstream", ["responses", "messages"])
async def test_a_responses_reply_does_not_show_a_limit_that_its_caller_did_not_set(upstream: str) -> None:
    """It says again what was asked, and that was nothing."""
    clock = FakeClock()
    scene = BudgetScene(make_budget("10"), facts={"max_output_tokens": 5_000}, clock=clock, store=make_store(clock))
    reply = _responses_reply(max_output_tokens=5_000, max_tool_calls=10)
    if upstream == "messages":
        reply = {"type": "message", "role": "assistant", "content": [], "stop_reason": "end_turn", "usage": {}}
    scene.scene.upstream.answer = json_reply(reply)
    answer = await scene.scene.ask("/v1/responses", ask_in("responses", f"{upstream}-model"))
    sent = scene.scene.upstream.json
    assert 5_000 in (sent.get("max_output_tokens"), sent.get("max_tokens"))
    assert answer.json["max_output_tokens"] is None


async def test_a_streamed_response_does_not_show_it_either() -> None:
    """Wherever the stream shows the response object."""
    clock = FakeClock()
    scene = BudgetScene(make_budget("10"), facts={"max_output_tokens": 5_000}, clock=clock, store=make_store(clock))
    events = [
        {"type": name, "sequence_number": number, "response": _responses_reply(max_output_tokens=5_000)}
        for number, name in enumerate(["response.created", "response.completed"])
    ]
    pieces = [b"event: %b\ndata: %b\n\n" % (event["type"].encode(), msgspec.json.encode(event)) for event in events]  # type: ignore[attr-defined]
    scene.scene.upstream.answer = stream(*pieces)
    answer = await scene.scene.ask("/v1/responses", ask_in("responses", "responses-model", stream=True))
    assert scene.scene.upstream.json["max_output_tokens"] == 5_000
    assert b"5000" not in answer.body
    assert answer.body.count(b'"max_output_tokens":null') == 2


# --- asked by the gateway itself ----------------------------------------------------------------------------------


def _completion(text: str) -> dict[str, Any]:
    usage = {"prompt_tokens": 1_000, "completion_tokens": 100, "total_tokens": 1_100}
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return {"id": "1", "object": "chat.completion", "model": "m", "choices": [choice], "usage": usage}


LONG = [
    {"role": role, "content": "All work and no play makes Jack a dull boy. " * 60} for role in ("user", "assistant") * 2
]


@pytest.mark.parametrize("path", ["/v1/responses", "/v1/responses/compact"])
async def test_a_summary_is_paid_for_by_itself(path: str) -> None:
    """It is reserved before it is asked for, and all that the request cost is settled once."""
    scene = BudgetScene(make_budget("10"))
    held: list[int] = []

    def answer(_: Any) -> Any:
        held.append(scene.levels()[1])
        return json_reply(_completion("<summary>Short.</summary>"))

    scene.scene.upstream.answer = answer
    body: dict[str, Any] = {"model": "chat-model", "input": LONG}
    if path == "/v1/responses":
        body |= {"context_management": [{"type": "compaction", "compact_threshold": 1_000}], "max_output_tokens": 50}
    assert (await scene.scene.ask(path, body)).status == 200
    assert len(held) == (2 if path == "/v1/responses" else 1)
    record = scene.scene.records.only
    assert record.cost == len(held) * (1_000 * 2_000 + 100 * 10_000)
    assert scene.levels() == (record.cost, 0)


async def test_a_summary_that_cannot_be_paid_is_not_asked_for() -> None:
    """What a request may cost includes what the gateway asks on its way."""
    body = {
        "model": "chat-model",
        "input": LONG,
        "context_management": [{"type": "compaction", "compact_threshold": 1_000}],
        "max_output_tokens": 16,
    }
    scene = BudgetScene(make_budget("0.02"))
    answer = await scene.scene.ask("/v1/responses", body)
    assert (answer.status, scene.scene.upstream.requests) == (429, [])
    assert scene.levels() == (0, 0)


async def test_a_response_that_is_made_in_the_background_is_refused_at_once() -> None:
    """Its caller hears of it, and not whoever comes for it later."""
    clock = FakeClock()
    scene = BudgetScene(make_budget("0"), clock=clock, store=make_store(clock))
    answer = await scene.scene.ask("/v1/responses", {"model": "chat-model", "input": "Hi?", "background": True})
    assert (answer.status, answer.error["code"]) == (429, "budget_exceeded")


async def test_a_history_that_the_provider_keeps_is_reserved_as_long_as_it_is() -> None:
    """The response before has said how many tokens it was."""
    clock = FakeClock()
    scene = BudgetScene(make_budget("0.1"), clock=clock, store=make_store(clock))
    usage = {"input_tokens": 9_000, "output_tokens": 1_000, "total_tokens": 10_000}
    scene.scene.upstream.answer = json_reply({**_responses_reply(), "usage": usage})
    body = ask_in("responses", "responses-model", max_output_tokens=100)
    first = await scene.scene.ask("/v1/responses", body)
    held: list[int] = []

    def answer(_: Any) -> Any:
        held.append(scene.levels()[1])
        return json_reply({**_responses_reply(), "id": "resp_2"})

    scene.scene.upstream.answer = answer
    body["previous_response_id"] = first.json["id"]
    assert (await scene.scene.ask("/v1/responses", body)).status == 200
    assert 10_000 * 2_000 < held[0] < 11_000 * 2_000
