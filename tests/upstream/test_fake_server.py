"""The fake upstream: true wires, scripts and faults, with a socket and without."""

import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from trunkline.errors import Failed
from trunkline.ports import Origin, UpstreamRequest
from trunkline.upstream.fake.inprocess import FakeUpstream
from trunkline.upstream.fake.script import Script, ScriptedError, read_scripts
from trunkline.upstream.fake.server import FakeServer
from trunkline.upstream.fake.stage import Received, Stage

HELLO = {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}
WHERE = Origin("http", "127.0.0.1", 1)


def post(path: str, body: Any, **headers: str) -> Received:
    return Received("POST", path, headers, json.dumps(body).encode())


def as_port(body: Any, path: str = "/v1/chat/completions") -> UpstreamRequest:
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\n".encode()
    return UpstreamRequest(WHERE, head, json.dumps(body).encode())


async def exchange(server: FakeServer, body: Any) -> bytes:
    """Send one Chat request and read until the server closes."""
    content = json.dumps(body).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: {len(content)}\r\n\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        writer.write(head.encode() + content)
        async with asyncio.timeout(2):
            return await reader.read()
    finally:
        writer.close()
        await asyncio.wait({asyncio.ensure_future(writer.wait_closed())}, timeout=1)


@pytest.fixture
async def server() -> AsyncIterator[FakeServer]:
    scripts = {"cut": Script(stop_after=2, ending="cut"), "reset": Script(stop_after=2, ending="reset")}
    async with FakeServer({**scripts, "silent": Script(stop_after=1, ending="silence")}) as server:
        yield server


@pytest.mark.parametrize(
    ("path", "code"),
    [("/v1/chat/completions", "missing_required_parameter"), ("/v1/nothing", "unknown_url")],
)
def test_refusal(path: str, code: str) -> None:
    """What the vendor would refuse is refused in its envelope."""
    reply = Stage().perform(post(path, {"model": "m"}))
    assert json.loads(reply.body)["error"]["code"] == code


def test_messages_refusal() -> None:
    """A Messages request without its limit is refused as that vendor does."""
    reply = Stage().perform(post("/v1/messages", HELLO))
    assert (reply.status, json.loads(reply.body)["error"]["type"]) == (400, "invalid_request_error")


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer wrong"}, {"x-api-key": "wrong"}])
def test_key(headers: dict[str, str]) -> None:
    """A wrong key is a 401."""
    assert Stage(key="right").perform(post("/v1/chat/completions", HELLO, **headers)).status == 401


def test_lost_result() -> None:
    """A history whose call has no result is refused: a gateway that loses one is found out."""
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    lost = [{"role": "assistant", "tool_calls": [call]}, {"role": "user", "content": "And?"}]
    assert Stage().perform(post("/v1/chat/completions", {"model": "m", "messages": lost})).status == 400


def test_changed_signature() -> None:
    """A thinking block that comes back changed is refused."""
    thought = {"type": "thinking", "thinking": "Hm.", "signature": "other"}
    turns = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": [thought]},
        {"role": "user", "content": "?"},
    ]
    assert Stage().perform(post("/v1/messages", {"model": "m", "max_tokens": 9, "messages": turns})).status == 400


def test_embeddings() -> None:
    """The base64 that an SDK asks for and the numbers are the same vector."""
    asked = {"model": "m", "input": ["a", "b"], "dimensions": 3}
    reply = json.loads(Stage().perform(post("/v1/embeddings", asked)).body)
    assert [len(row["embedding"]) for row in reply["data"]] == [3, 3]


def test_received() -> None:
    """What was asked can be looked at."""
    stage = Stage()
    stage.perform(post("/v1/chat/completions", HELLO))
    assert stage.received[-1].json == HELLO


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/responses", "/v1/messages"])
def test_scripted_error(path: str) -> None:
    """A scripted error comes in the envelope of the API that was asked."""
    stage = Stage({"busy": Script(status=429, error=ScriptedError("slow down"), headers={"retry-after": "7"})})
    reply = stage.perform(post(path, {"model": "busy"}))
    assert (reply.status, reply.headers["retry-after"]) == (429, "7")
    assert json.loads(reply.body)["error"]["type"] == "rate_limit_error"


def test_played_out() -> None:
    """A script with a count is over after it."""
    stage = Stage({"once": Script(status=500, error=ScriptedError("oops"), times=1)})
    asked = post("/v1/chat/completions", {**HELLO, "model": "scripted/once"})
    assert [stage.perform(asked).status for _ in range(3)] == [500, 200, 200]


def test_bytes_by_themselves() -> None:
    """A split body has the same bytes, a piece at a time."""
    asked = {**HELLO, "model": "m", "stream": True}
    stage = Stage({"m": Script(chunks=["é\n\n"], split=1, crlf=True)})
    assert stage.perform(post("/v1/chat/completions", asked)).steps == (b"\xc3", b"\xa9", b"\r", b"\n", b"\r", b"\n")


def test_file(tmp_path: Path) -> None:
    """Scripts are read from a file."""
    path = tmp_path / "scripts.yaml"
    path.write_text("slow:\n  chunks: ['a', {pause: 0.5}, {base64: 'Yg=='}]\n")
    stage = Stage(read_scripts(path))
    assert stage.perform(post("/v1/chat/completions", {**HELLO, "model": "slow"})).steps == (b"a", 0.5, b"b")


def test_wrong_file(tmp_path: Path) -> None:
    """An unknown word in a file is an error that names it."""
    path = tmp_path / "scripts.yaml"
    path.write_text("slow: {chunk: ['a']}\n")
    with pytest.raises(msgspec.ValidationError, match="chunk"):
        read_scripts(path)


async def test_socket_cut(server: FakeServer) -> None:
    """A cut body ends without its last chunk."""
    said = await exchange(server, {**HELLO, "model": "cut", "stream": True})
    assert said.startswith(b"HTTP/1.1 200 OK\r\n")
    assert said.count(b"data: ") == 2
    assert not said.endswith(b"0\r\n\r\n")


async def test_socket_reset(server: FakeServer) -> None:
    """A reset is a reset."""
    with pytest.raises(ConnectionResetError):
        await exchange(server, {**HELLO, "model": "reset", "stream": True})


async def test_socket_left(server: FakeServer) -> None:
    """It notices that a client has left, even in silence."""
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await exchange(server, {**HELLO, "model": "silent", "stream": True})
    async with asyncio.timeout(1):
        while server.open_connections:  # noqa: ASYNC110 - what is awaited is that nothing is left
            await asyncio.sleep(0.01)
    assert len(server.stage.received) == 1


async def test_socket_torn_away(server: FakeServer) -> None:
    """A connection that is reset has been left as well: no end of it is ever read."""
    content = json.dumps({**HELLO, "model": "silent", "stream": True}).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: %d\r\n\r\n" % len(content) + content)
    await reader.readuntil(b"data: ")
    linger = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()
    async with asyncio.timeout(2):
        while server.playing:  # noqa: ASYNC110 - the server tells no one
            await asyncio.sleep(0.01)
    assert server.stage.received[-1].json["model"] == "silent"


async def test_port() -> None:
    """Without a socket the same bytes arrive at the engine's port."""
    reply = await FakeUpstream(Stage()).send(as_port(HELLO))
    body = json.loads(await reply.read(1 << 20))
    assert (reply.status, body["choices"][0]["message"]["content"]) == (200, "ok, you said: Hello")


async def test_port_cut() -> None:
    """A cut body fails there too."""
    reply = await FakeUpstream(Stage({"cut": Script(stop_after=1, ending="cut")})).send(
        as_port({**HELLO, "model": "cut"})
    )
    with pytest.raises(Failed):
        await reply.read(1 << 20)


async def test_port_closed() -> None:
    """Closing a silent reply ends its task."""
    before = asyncio.all_tasks()
    reply = await FakeUpstream(Stage({"m": Script(stop_after=0, ending="silence")})).send(as_port(HELLO))
    await asyncio.sleep(0)
    reply.close()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before


def test_lost_thought() -> None:
    """A turn that called while thinking, and came back without the thought, is refused while thinking is enabled."""
    use = {"type": "tool_use", "id": "c1", "name": "f", "input": {}}
    turns = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": [use]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c1", "content": "x"}]},
    ]
    thinking = {"type": "enabled", "budget_tokens": 1024}
    asked = {"model": "m", "max_tokens": 2048, "messages": turns, "thinking": thinking}
    assert Stage().perform(post("/v1/messages", asked)).status == 400
    assert Stage().perform(post("/v1/messages", {**asked, "thinking": {"type": "adaptive"}})).status == 200


@pytest.mark.parametrize(
    ("path", "body", "member"),
    [
        ("/v1/responses/input_tokens", {"model": "m", "input": "Hello"}, "input_tokens"),
        ("/v1/messages/count_tokens", HELLO, "input_tokens"),
        ("/v1beta/models/m:countTokens", {"contents": [{"role": "user", "parts": [{"text": "Hello"}]}]}, "totalTokens"),
        (
            "/v1beta/models/m:countTokens",
            {
                "generateContentRequest": {
                    "model": "models/m",
                    "contents": [{"role": "user", "parts": [{"text": "Hello"}]}],
                }
            },
            "totalTokens",
        ),
    ],
)
def test_counting(path: str, body: Any, member: str) -> None:
    """The same words are as many tokens on every wire that counts them."""
    assert json.loads(Stage().perform(post(path, body)).body)[member] == 4


def test_counting_what_google_does_not_take() -> None:
    """Gemini refuses a system instruction beside contents: it wants the request wrapped."""
    body = {"contents": [{"role": "user", "parts": [{"text": "Hello"}]}], "systemInstruction": {"parts": []}}
    assert Stage().perform(post("/v1beta/models/m:countTokens", body)).status == 400


@pytest.mark.parametrize(
    ("kind", "schema", "said"),
    [
        ("application/json", {"type": "ARRAY", "items": {"type": "STRING", "enum": ["a", "b"]}}, '["a"]'),
        ("text/x.enum", {"type": "STRING", "enum": ["a", "b"]}, "a"),
    ],
)
def test_googles_own_schemas(kind: str, schema: Any, said: str) -> None:
    """An answer has the shape that is asked for in Google's words, too."""
    config = {"responseMimeType": kind, "responseSchema": schema}
    body = {"contents": [{"role": "user", "parts": [{"text": "Hello"}]}], "generationConfig": config}
    reply = json.loads(Stage().perform(post("/v1beta/models/m:generateContent", body)).body)
    assert reply["candidates"][0]["content"]["parts"][0]["text"] == said


@pytest.mark.parametrize(("model", "status"), [("gemini-2.5-flash", 200), ("gemini-3-pro", 400), ("m", 400)])
def test_signatures_of_google(model: str, status: int) -> None:
    """Without them a call's turn is taken by older models alone."""
    call = {"functionCall": {"name": "f", "args": {}}}
    result = {"functionResponse": {"name": "f", "response": {"output": "done"}}}
    turns = (("user", [{"text": "One"}]), ("model", [call]), ("user", [result]))
    body = {"contents": [{"role": role, "parts": parts} for role, parts in turns]}
    assert Stage().perform(post(f"/v1beta/models/{model}:generateContent", body)).status == status


def test_googles_other_spelling() -> None:
    """Google's API takes names with underscores, one thing for a list, and turns of nobody's for the user's."""
    tool = {"name": "get_it", "parameters": {"type": "OBJECT", "properties": {"some_city": {"type": "STRING"}}}}
    body = {
        "system_instruction": {"parts": {"text": "Be brief."}},
        "contents": {"parts": {"text": "Hello"}},
        "tools": {"function_declarations": [tool]},
        "tool_config": {"function_calling_config": {"mode": "any"}},
    }
    reply = json.loads(Stage().perform(post("/v1beta/models/m:generateContent", body)).body)
    assert reply["candidates"][0]["content"]["parts"][0]["functionCall"]["args"] == {"some_city": "word"}


def test_googles_results_beside_words() -> None:
    """Results answer their calls wherever they stand among the parts of a turn."""
    call = {"functionCall": {"name": "f", "args": {}}, "thoughtSignature": "skip_thought_signature_validator"}
    result = {"functionResponse": {"name": "f", "response": {"output": "done"}}}
    turns = (("user", [{"text": "One"}]), ("model", [call]), ("user", [result, {"text": "Two"}]))
    body = {"contents": [{"role": role, "parts": parts} for role, parts in turns]}
    reply = json.loads(Stage().perform(post("/v1beta/models/m:generateContent", body)).body)
    assert reply["candidates"][0]["content"]["parts"][0]["text"] == "ok, you said: Two (turn 2)"


def test_allowed_tools() -> None:
    """Of many tools those alone are called that a choice allows."""
    tools = [{"type": "function", "name": name} for name in ("get_weather", "get_time")]
    choice = {"type": "allowed_tools", "mode": "auto", "tools": tools[1:]}
    body = {"model": "m", "input": "Weather and time?", "tools": tools, "tool_choice": choice}
    reply = json.loads(Stage().perform(post("/v1/responses", body)).body)
    assert [item["name"] for item in reply["output"]] == ["get_time"]


def test_tools_that_anthropic_defines() -> None:
    """They are called like others, without a schema of the caller's."""
    tools = [{"type": "bash_20250124", "name": "bash"}, {"type": "memory_20250818", "name": "memory"}]
    asked = {"role": "user", "content": "Use the bash."}
    body = {"model": "m", "max_tokens": 99, "messages": [asked], "tools": tools}
    reply = json.loads(Stage().perform(post("/v1/messages", body)).body)
    assert [(block["name"], block["input"]) for block in reply["content"]] == [("bash", {"command": "word"})]


def test_pictures_of_results() -> None:
    """Behind a tool's result a user message with a picture is a part of that result, and no new question."""
    function = {"name": "draw", "arguments": "{}"}
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
    messages = [
        {"role": "user", "content": "Draw"},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "c", "type": "function", "function": function}]},
        {"role": "tool", "tool_call_id": "c", "content": "drawn"},
        {"role": "user", "content": [{"type": "text", "text": "The picture:"}, picture]},
    ]
    tools = [{"type": "function", "function": {"name": "draw"}}]
    body = {"model": "m", "messages": messages, "tools": tools}
    reply = json.loads(Stage().perform(post("/v1/chat/completions", body)).body)
    assert reply["choices"][0]["message"]["content"] == "The tools say: drawn."


def test_compaction() -> None:
    """What the user said, and one item that nobody can read."""
    items = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi"}]
    reply = json.loads(Stage().perform(post("/v1/responses/compact", {"model": "m", "input": items})).body)
    assert reply["object"] == "response.compaction"
    assert [item["type"] for item in reply["output"]] == ["message", "compaction"]


@pytest.mark.parametrize("is_stream", [False, True])
def test_memory(is_stream: bool) -> None:
    """A response can be gone on from, read and deleted by its id, unless it was to leave nothing behind."""
    stage = Stage()

    def ask(text: str, **members: Any) -> dict[str, Any]:
        body = {"model": "m", "input": text, "stream": is_stream, **members}
        reply = stage.perform(post("/v1/responses", body))
        if not is_stream or reply.status != 200:
            return dict(json.loads(reply.body))
        return dict(json.loads(reply.body.rpartition(b"data: ")[2])["response"])

    first = ask("One")
    second = ask("Two", previous_response_id=first["id"])
    assert second["previous_response_id"] == first["id"]
    assert second["output"][0]["content"][0]["text"] == "ok, you said: Two (turn 2)"
    third = ask("Three", previous_response_id=second["id"], store=False)
    assert third["output"][0]["content"][0]["text"] == "ok, you said: Three (turn 3)"
    assert ask("Four", previous_response_id=third["id"])["error"]["code"] == "previous_response_not_found"
    path = f"/v1/responses/{first['id']}"
    assert json.loads(stage.perform(Received("GET", path, {}, b"")).body)["id"] == first["id"]
    assert json.loads(stage.perform(Received("DELETE", path, {}, b"")).body)["deleted"] is True
    assert stage.perform(Received("GET", path, {}, b"")).status == 404
