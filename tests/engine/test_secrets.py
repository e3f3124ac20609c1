"""Our credential at a provider reaches neither a caller nor a record, wherever the provider quotes it."""

import msgspec
import pytest

from scripted_gateway import PATHS, UPSTREAM_KEY, Scene, json_reply, stream

QUOTED = f"the key {UPSTREAM_KEY}"

TEXT = b'data: {"id":"c","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"Hi"}}]}\n\n'


def check(scene: Scene, body: bytes, headers: dict[str, str]) -> None:
    assert UPSTREAM_KEY.encode() not in body
    assert not any(UPSTREAM_KEY in value for value in headers.values())
    assert UPSTREAM_KEY not in str(msgspec.to_builtins(scene.records.only))


@pytest.mark.parametrize("upstream", ["chat", "responses", "messages"])
@pytest.mark.parametrize("caller", list(PATHS))
@pytest.mark.parametrize("status", [400, 404, 429, 500, 503])
@pytest.mark.parametrize("member", ["message", "type", "code", "param"])
async def test_an_error_that_quotes_it(member: str, status: int, caller: str, upstream: str) -> None:
    """In any member of the error."""
    scene = Scene()
    reply = json_reply({"error": {"message": "no", member: QUOTED}}, status)
    answer = await scene.generate(caller, upstream, reply)
    check(scene, answer.body, answer.headers)


@pytest.mark.parametrize("caller", list(PATHS))
@pytest.mark.parametrize("said", [b"", TEXT])
@pytest.mark.parametrize("member", ["message", "type", "code", "param"])
async def test_an_error_in_a_stream_that_quotes_it(member: str, said: bytes, caller: str) -> None:
    """Before content came, and after."""
    scene = Scene()
    event = b"data: " + msgspec.json.encode({"error": {"message": "no", member: QUOTED}}) + b"\n\n"
    answer = await scene.generate(caller, "chat", stream(said + event), stream=True)
    check(scene, answer.body, answer.headers)


@pytest.mark.parametrize("name", ["x-request-id", "request-id", "x-ratelimit-limit-requests", "openai-processing-ms"])
@pytest.mark.parametrize("status", [200, 400])
async def test_a_header_that_quotes_it(name: str, status: int) -> None:
    """Those that are passed on are no way out either."""
    scene = Scene()
    body = {"id": "c", "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}}]}
    reply = json_reply(body if status == 200 else {"error": {"message": "no"}}, status, **{name: QUOTED})
    answer = await scene.generate("chat", "chat", reply)
    assert answer.status == status
    check(scene, answer.body, answer.headers)


async def test_a_word_of_any_length_is_cut() -> None:
    """So that a provider cannot fill the log."""
    scene = Scene()
    await scene.generate("chat", "chat", json_reply({"error": {"message": "no", "code": "x" * 9999}}, 400))
    assert len(scene.records.only.error_code) < 1000
