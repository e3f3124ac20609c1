"""Rate limits at the door: who is let through, what is told of it, and that nothing stays held."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from limited_scene import ANA, BEN, LimitedScene, rule
from test_context import chunks, completion

from scripted_gateway import PATHS, Client, ScriptedReply, json_reply, make_call, question, stream
from trunkline.engine.bounds.limits import estimate_tokens, write_duration
from trunkline.engine.envelope import read_envelope
from trunkline.errors import Failed, TimedOut, Unreachable

CHAT = PATHS["chat"]


def bearer(key: bytes) -> dict[str, str]:
    return {"authorization": f"Bearer {key.decode()}"}


async def ask(scene: LimitedScene, reply: Any = None, key: bytes | None = None, **members: Any) -> Any:
    scene.upstream.answer = json_reply(completion("Hello")) if reply is None else reply
    headers = {} if key is None else bearer(key)
    return await scene.ask(CHAT, question("chat", "chat-model", **members), **headers)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        for _ in iter(condition, True):
            await asyncio.sleep(0.005)


# --- who is let through -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("waits", [False, True])
async def test_requests(waits: bool) -> None:
    """What is over the limit is a 429 that says exactly when to come again, and goes no further."""
    scene = LimitedScene(rules=[rule(requests=3)], waits=waits)
    assert [(await ask(scene)).status for _ in range(3)] == [200] * 3
    refused = await ask(scene)
    assert (refused.status, refused.error["code"]) == (429, "rate_limit_exceeded")
    assert "3 requests per minute for everybody" in refused.error["message"]
    assert "Please try again in 20s." in refused.error["message"]
    headers = {name: refused.headers[name] for name in ("retry-after", "retry-after-ms", "x-should-retry")}
    assert headers == {"retry-after": "20", "retry-after-ms": "20000", "x-should-retry": "true"}
    assert len(scene.upstream.requests) == 3
    record = scene.records.kept[-1]
    assert (record.error_code, record.target, record.attempts) == ("rate_limit_exceeded", "chat/chat-model", [])
    scene.clock.advance(19.999)
    assert (await ask(scene)).headers["retry-after-ms"] == "1"
    scene.clock.advance(0.001)
    assert (await ask(scene)).status == 200


async def test_a_day() -> None:
    """A calendar's day ends at midnight in the zone of its rule; nobody is told to wait on the line for it."""
    scene = LimitedScene(rules=[rule(requests=1, per="day", zone="Europe/Zurich")])
    assert (await ask(scene)).status == 200
    refused = await ask(scene)
    # 14 November 2023, 22:13:20 in London, is 23:13:20 in Zurich.
    assert (refused.headers["retry-after"], refused.headers["x-should-retry"]) == ("2800", "false")
    assert refused.headers["x-ratelimit-reset-requests"] == "46m40s"
    scene.clock.advance(2_800)
    assert (await ask(scene)).status == 200


async def test_tokens() -> None:
    """A guess is reserved, and settled by what it came to."""
    scene = LimitedScene(rules=[rule(tokens=100, per="hour")])
    answer = await ask(scene, max_tokens=50)
    assert int(answer.headers["x-ratelimit-remaining-tokens"]) < 50
    # Seven went in, two came out.
    assert (scene.level().spent, scene.level().held) == (9, 0)


async def test_tokens_used_up() -> None:
    """What goes over is settled all the same; then it takes time."""
    scene = LimitedScene(rules=[rule(tokens=60)])
    reply = completion("Hello")
    reply["usage"] |= {"prompt_tokens": 70, "completion_tokens": 50}
    assert (await ask(scene, json_reply(reply))).status == 200
    refused = await ask(scene, max_tokens=1)
    assert refused.status == 429
    waited = int(refused.headers["retry-after-ms"])
    scene.clock.advance((waited - 1) / 1_000)
    assert (await ask(scene, max_tokens=1)).status == 429
    scene.clock.advance(0.001)
    assert (await ask(scene, max_tokens=1)).status == 200


async def test_a_guess_keeps_nobody_out_for_good() -> None:
    """A request that may come to more than there is gets through when all is there."""
    scene = LimitedScene(rules=[rule(tokens=60)])
    assert (await ask(scene, max_tokens=100_000)).status == 200
    refused = await ask(scene, max_tokens=100_000)
    assert refused.headers["retry-after"] == "9"


async def test_concurrent() -> None:
    """A stream holds its slot to its end."""
    scene = LimitedScene(rules=[rule(concurrent=1)])
    reply = ScriptedReply(pieces=chunks("Hel")[:1], ending="open")
    scene.upstream.answer = reply
    first = await scene.gateway.handle(make_call(CHAT, question("chat", "chat-model", stream=True)))
    pouring = asyncio.create_task(first.body.pour(Client()))  # type: ignore[union-attr]
    await asyncio.sleep(0)
    refused = await ask(scene)
    assert (refused.status, refused.headers["retry-after-ms"]) == (429, "1000")
    assert "all of it is under way" in refused.error["message"]
    reply.say(*chunks("lo"))
    reply.end()
    await pouring
    assert (await ask(scene)).status == 200


async def test_all_or_none() -> None:
    """Where one of several rules refuses, the others count nothing."""
    rules = [rule("a", requests=10), rule("b", requests=1, per="hour"), rule("c", concurrent=5)]
    scene = LimitedScene(rules=rules)
    assert (await ask(scene)).status == 200
    assert (await ask(scene)).status == 429
    assert [scene.level(place).spent for place in range(3)] == [1, 1, 0]
    assert scene.held == [0, 0, 0]


# --- for whom -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("match", "admitted"),
    [
        ({}, 1),
        ({"path": "/team/alpha/**"}, 1),
        ({"path": "/team/**", "each": "path"}, 2),
        ({"path": "/team/**", "each": "key"}, 2),
        ({"path": "/team/alpha/ana"}, 2),
        ({"path": "/team/beta/**"}, 4),
        ({"key": "ana"}, 2),
        ({"key": "k1"}, 2),
        ({"model": "chat/*"}, 1),
        ({"model": "openai/*"}, 4),
        ({"provider": "chat"}, 1),
        ({"provider": "compatible"}, 4),
        ({"provider": "chat", "key": "ben"}, 2),
        ({"provider": "messages", "key": "ben"}, 4),
    ],
)
async def test_matches(match: dict[str, Any], admitted: int) -> None:
    """A rule is for what it names; those below its path share one counter, unless each has its own."""
    scene = LimitedScene(rules=[rule(requests=1, per="hour", **match)])
    answers = [await ask(scene, key=key) for key in (ANA, BEN, ANA, BEN)]
    statuses = sorted(answer.status for answer in answers)
    others = 0 if admitted != 2 or "each" in match else 1
    assert statuses == [200] * (admitted + others) + [429] * (4 - admitted - others)


async def test_nobody_else() -> None:
    """Whom no rule is for is told of none."""
    scene = LimitedScene(rules=[rule(requests=1, path="/team/**")])
    for _ in range(3):
        answer = await ask(scene)
        assert not [name for name in answer.headers if name.startswith("x-ratelimit-")]


async def test_other_rules() -> None:
    """Rules that take the place of others are in force with the next request, and what stays has its count."""
    rules = [rule("a", requests=2, per="hour")]
    scene = LimitedScene(rules=rules)
    await ask(scene)
    scene.limits.replace([*rules, rule("b", requests=5, per="hour")])
    assert (await ask(scene)).headers["x-ratelimit-limit-requests"] == "2"
    assert (await ask(scene)).status == 429
    scene.limits.replace([])
    assert (await ask(scene)).status == 200


async def test_embeddings() -> None:
    """What is passed on as it is counts as well."""
    scene = LimitedScene(rules=[rule(requests=1)])
    scene.upstream.answer = json_reply({"object": "list", "data": [], "usage": {"prompt_tokens": 3, "total_tokens": 3}})
    body = {"model": "responses-model", "input": "x"}
    answers = [await scene.ask("/v1/embeddings", body) for _ in range(2)]
    assert [answer.status for answer in answers] == [200, 429]


async def test_free_routes() -> None:
    """A list of models uses nothing up."""
    scene = LimitedScene(rules=[rule(requests=1)])
    for _ in range(3):
        assert (await scene.ask("/v1/models", method="GET")).status == 200


# --- what is told -----------------------------------------------------------------------------------------------------


async def test_headers() -> None:
    """Of each measure the rule with the least left is told, in OpenAI's words, on good replies and refusals alike."""
    rules = [
        rule("a", requests=5),
        rule("b", requests=3, per="hour"),
        rule("c", tokens=1_000),
        rule("d", concurrent=7),
    ]
    scene = LimitedScene(rules=rules)
    answer = await ask(scene, max_tokens=100)
    told = {name: value for name, value in answer.headers.items() if name.startswith("x-ratelimit-")}
    remaining = int(told.pop("x-ratelimit-remaining-tokens"))
    assert 860 < remaining < 900
    assert told == {
        "x-ratelimit-limit-requests": "3",
        "x-ratelimit-remaining-requests": "2",
        "x-ratelimit-reset-requests": "46m40s",
        "x-ratelimit-limit-tokens": "1000",
        "x-ratelimit-reset-tokens": "0s",
    }
    for _ in range(2):
        await ask(scene)
    refused = await ask(scene)
    assert refused.headers["x-ratelimit-remaining-requests"] == "0"
    assert "x-ratelimit-remaining-tokens" in refused.headers


async def test_headers_of_a_stream() -> None:
    """They stand before a stream too."""
    scene = LimitedScene(rules=[rule(requests=5)])
    answer = await ask(scene, stream(*chunks("Hello")), stream=True)
    assert answer.headers["x-ratelimit-remaining-requests"] == "4"


@pytest.mark.parametrize(
    ("ms", "written"),
    [
        (-1, "0s"),
        (0, "0s"),
        (120, "120ms"),
        (1_000, "1s"),
        (8_640, "8.64s"),
        (59_999, "59.999s"),
        (60_000, "1m0s"),
        (360_000, "6m0s"),
        (61_001, "1m2s"),
        (3_600_000, "1h0m0s"),
        (90_061_000, "25h1m1s"),
    ],
)
def test_durations(ms: int, written: str) -> None:
    """As OpenAI writes them."""
    assert write_duration(ms).decode() == written


def test_a_guess() -> None:
    """A text counts by its length, a picture does not, and the output limit is for each of the choices."""
    text = read_envelope(b'{"model":"m","messages":[{"role":"user","content":"%b"}]}' % (b"x" * 40_000))
    assert 10_000 < estimate_tokens("chat", text) < 10_050
    picture = read_envelope(b'{"model":"m","messages":[{"url":"data:image/png;base64,%b"}]}' % (b"x" * 400_000))
    assert estimate_tokens("chat", picture) == 4_096
    limited = read_envelope(b'{"model":"m","messages":[],"max_tokens":100,"n":3}')
    assert estimate_tokens("chat", limited) == 300 + len(limited.body) // 4


# --- nothing stays held -----------------------------------------------------------------------------------------------

RULES = [rule("slots", concurrent=5), rule("tokens", tokens=1_000_000), rule("day", tokens=1_000_000, per="day")]


@pytest.mark.parametrize(
    "reply",
    [
        Unreachable("no"),
        Failed("no"),
        TimedOut("no"),
        json_reply({"error": {"message": "no"}}, 400),
        json_reply({"error": {"message": "no"}}, 500),
        json_reply(b"not json"),
        RuntimeError("a bug"),
        stream(ending="cut"),
    ],
)
@pytest.mark.parametrize("is_stream", [False, True])
async def test_failed(reply: Any, is_stream: bool) -> None:
    """An upstream that fails, however it does."""
    scene = LimitedScene(rules=RULES, waits=is_stream)
    assert (await ask(scene, reply, stream=is_stream)).status >= 400
    assert scene.held == [0, 0, 0]


async def test_refused_here() -> None:
    """A request that is refused after it was admitted."""
    scene = LimitedScene(rules=RULES)
    answer = await scene.ask(PATHS["messages"], {**question("messages", "chat-model"), "messages": "wrong"})
    assert answer.status == 400
    assert scene.held == [0, 0, 0]
    assert not scene.upstream.requests


async def test_left_before_the_reply() -> None:
    """A client that leaves while the upstream thinks."""
    scene = LimitedScene(rules=RULES)
    thinking = asyncio.Event()

    async def send(request: Any) -> Any:
        thinking.set()
        await asyncio.Event().wait()

    scene.upstream.send = send  # type: ignore[method-assign]
    asking = asyncio.create_task(scene.gateway.handle(make_call(CHAT, question("chat", "chat-model"))))
    await thinking.wait()
    assert scene.held[0] == 1
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    assert scene.held == [0, 0, 0]


@pytest.mark.parametrize("pours", [False, True])
async def test_left_during_the_stream(pours: bool) -> None:
    """A client that leaves in the middle of a stream, or before it has begun to read."""
    scene = LimitedScene(rules=RULES)
    scene.upstream.answer = ScriptedReply(pieces=chunks("Hel")[:1], ending="open")
    reply = await scene.gateway.handle(make_call(CHAT, question("chat", "chat-model", stream=True)))
    assert scene.held[0] == 1
    if pours:
        pouring = asyncio.create_task(reply.body.pour(Client()))  # type: ignore[union-attr]
        await asyncio.sleep(0)
        pouring.cancel()
        await asyncio.gather(pouring, return_exceptions=True)
    else:
        reply.body.close()  # type: ignore[union-attr]
    assert scene.held == [0, 0, 0]


@pytest.mark.parametrize("caller", ["responses", "messages", "chat", "gemini"])
@pytest.mark.parametrize("is_stream", [False, True])
async def test_good(caller: str, is_stream: bool) -> None:
    """A good reply, over each face."""
    scene = LimitedScene(rules=RULES)
    reply = stream(*chunks("Hello")) if is_stream else json_reply(completion("Hello"))
    answer = await scene.generate(caller, "chat", reply, **({"stream": True} if is_stream else {}))
    assert answer.status == 200
    assert scene.held == [0, 0, 0]


async def test_asked_again() -> None:
    """A request that is sent twice, since its target has lost what it goes on from, counts once."""
    scene = LimitedScene(rules=[*RULES, rule("requests", requests=10)], keeps=True)
    scene.upstream.answer = json_reply(completion("Hello"))
    first = await scene.ask("/v1/responses", {"model": "chat-model", "input": "Hi?"})
    body = {"model": "responses-model", "input": "And?", "previous_response_id": first.json["id"]}
    lost = {"error": {"code": "previous_response_not_found", "message": "lost"}}
    replies = iter([json_reply(lost, 400), json_reply({"id": "resp_1", "object": "response", "output": []})])
    scene.upstream.answer = lambda _: next(replies)
    await scene.ask("/v1/responses", body)
    assert scene.held == [0, 0, 0, 0]
    assert scene.level(3).spent == 2


async def test_in_the_background() -> None:
    """A run is admitted before it is queued, holds its slot to its end, and then nothing."""
    scene = LimitedScene(rules=[rule("slots", concurrent=1), *RULES[1:]], keeps=True)
    reply = ScriptedReply(pieces=chunks("Hel")[:1], ending="open")
    scene.upstream.answer = reply
    body = {"model": "chat-model", "input": "Hi?", "background": True}
    first = await scene.ask("/v1/responses", body)
    assert first.json["status"] == "queued"
    assert (await scene.ask("/v1/responses", body)).status == 429
    await until(lambda: reply.is_heard)
    assert scene.held[0] == 1
    reply.say(*chunks("lo"))
    reply.end()
    await until(lambda: not scene.held[0])
    assert scene.held == [0, 0, 0]
    await scene.gateway.close()


async def test_called_off_in_the_background() -> None:
    """A run that is called off."""
    scene = LimitedScene(rules=RULES, keeps=True)
    reply = ScriptedReply(pieces=chunks("Hel")[:1], ending="open")
    scene.upstream.answer = reply
    first = await scene.ask("/v1/responses", {"model": "chat-model", "input": "Hi?", "background": True})
    await until(lambda: reply.is_heard)
    await scene.ask(f"/v1/responses/{first.json['id']}/cancel")
    await until(lambda: not scene.held[0])
    assert scene.held == [0, 0, 0]
    await scene.gateway.close()


@pytest.mark.parametrize("waits", [False, True])
async def test_many_at_once(waits: bool) -> None:
    """64 at once against ten slots: never more than ten, nothing held afterwards, whoever leaves in between."""
    rules = [rule("slots", concurrent=10), rule("requests", requests=1_000)]
    scene = LimitedScene(rules=rules, waits=waits)
    under_way = most = 0

    async def send(request: Any) -> Any:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        try:
            await asyncio.sleep(0.001)
            return json_reply(completion("Hello"))
        finally:
            under_way -= 1

    scene.upstream.send = send  # type: ignore[method-assign]
    call = make_call(CHAT, question("chat", "chat-model"))
    tasks = [asyncio.create_task(scene.gateway.handle(call)) for _ in range(64)]
    await asyncio.sleep(0)
    for task in tasks[::7]:
        task.cancel()
    replies = await asyncio.gather(*tasks, return_exceptions=True)
    assert most == 10
    assert scene.held == [0, 0]
    assert scene.level(1).spent == 10
    assert {reply.status for reply in replies if not isinstance(reply, BaseException)} == {200, 429}
