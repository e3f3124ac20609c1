"""Files named by id, given to whatever target a request goes to."""

from base64 import b64encode
from typing import Any

import pytest
from file_scene import ANA, PURPOSE, FileScene, part, put
from msgspec.structs import replace

from scripted_gateway import PATHS, json_reply

PDF = b"%PDF-1.4 a document"
PNG = b"\x89PNG\r\n\x1a\n a picture"


async def keep(scene: FileScene, name: str, content: bytes, media_type: str = "", **headers: str) -> str:
    lines = [f"Content-Type: {media_type}"] if media_type else []
    file = await put(scene, PURPOSE, part("file", content, name, *lines), **headers)
    id: str = file["id"]
    return id


def url(media_type: str, content: bytes) -> str:
    return f"data:{media_type};base64,{b64encode(content).decode()}"


def asking(caller: str, *parts: dict[str, Any], model: str, **members: Any) -> dict[str, Any]:
    """A question with parts of a caller's dialect."""
    if caller == "responses":
        return {"model": model, "input": [{"role": "user", "content": list(parts)}], **members}
    limit = {"max_tokens": 100} if caller == "messages" else {}
    return {"model": model, "messages": [{"role": "user", "content": list(parts)}], **limit, **members}


def naming(caller: str, id: str, kind: str = "file") -> dict[str, Any]:
    """A part that names a file, in a caller's dialect."""
    if caller == "responses":
        return {"type": f"input_{kind}", "file_id": id}
    if caller == "chat":
        return {"type": "file", "file": {"file_id": id}}
    return {"type": "image" if kind == "image" else "document", "source": {"type": "file", "file_id": id}}


REPLIES = {
    "chat": {"choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}]},
    "responses": {"id": "resp_1", "object": "response", "status": "completed", "output": [], "usage": None},
    "messages": {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "content": [{"type": "text", "text": "Hi"}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 1, "output_tokens": 1},
    },
}


async def ask(scene: FileScene, caller: str, upstream: str, *parts: dict[str, Any], **headers: str) -> Any:
    """What a question with these parts is to its upstream, or the error that came of it."""
    reply = REPLIES["chat" if upstream == "native_chat" else upstream]
    scene.upstream.answer = json_reply(reply)
    scene.upstream.requests.clear()
    answer = await scene.ask(PATHS[caller], asking(caller, *parts, model=f"{upstream}-model"), **headers)
    if not scene.upstream.requests:
        return answer
    body = scene.upstream.json
    return body["input" if "input" in body else "messages"][-1]["content"]


# --- the same dialect ---------------------------------------------------------------------------------------------


async def test_document_for_responses() -> None:
    """A file stands in the place of its id, under its own name."""
    scene = FileScene()
    id = await keep(scene, "a.pdf", PDF)
    assert await ask(scene, "responses", "responses", naming("responses", id)) == [
        {"type": "input_file", "file_data": url("application/pdf", PDF), "filename": "a.pdf"}
    ]


async def test_picture_for_responses() -> None:
    """A picture by id becomes one by URL, with its detail."""
    scene = FileScene()
    id = await keep(scene, "a.png", PNG)
    assert await ask(scene, "responses", "responses", naming("responses", id, "image") | {"detail": "high"}) == [
        {"type": "input_image", "image_url": url("image/png", PNG), "detail": "high"}
    ]


async def test_document_for_chat() -> None:
    """A file of a Chat message stands where its id stood."""
    scene = FileScene()
    id = await keep(scene, "a.pdf", PDF)
    assert await ask(scene, "chat", "native_chat", naming("chat", id)) == [
        {"type": "file", "file": {"file_data": url("application/pdf", PDF), "filename": "a.pdf"}}
    ]


async def test_picture_for_chat() -> None:
    """A picture that is named as a file becomes the part that Chat has for pictures."""
    scene = FileScene()
    id = await keep(scene, "a.png", PNG)
    assert await ask(scene, "chat", "native_chat", naming("chat", id)) == [
        {"type": "image_url", "image_url": {"url": url("image/png", PNG)}}
    ]


@pytest.mark.parametrize("kind", ["image", "file"])
async def test_picture_for_messages(kind: str) -> None:
    """A picture is an image block, as whatever it was named."""
    scene = FileScene()
    id = await keep(scene, "a.png", PNG)
    assert await ask(scene, "messages", "messages", naming("messages", id, kind)) == [
        {
            "type": "image",
            "source": {"type": "base64", "media_type": "image/png", "data": b64encode(PNG).decode()},
        }
    ]


async def test_document_for_messages() -> None:
    """A document keeps what else its block says, and gets its file's name."""
    scene = FileScene()
    id = await keep(scene, "a.pdf", PDF)
    block = naming("messages", id) | {"citations": {"enabled": True}}
    assert await ask(scene, "messages", "messages", block) == [
        {
            "type": "document",
            "source": {"type": "base64", "media_type": "application/pdf", "data": b64encode(PDF).decode()},
            "citations": {"enabled": True},
            "title": "a.pdf",
        }
    ]


async def test_text_for_messages() -> None:
    """Text is a document in plain sight."""
    scene = FileScene()
    id = await keep(scene, "a.py", b"print(1)", "application/octet-stream")
    assert await ask(scene, "messages", "messages", naming("messages", id)) == [
        {
            "type": "document",
            "source": {"type": "text", "media_type": "text/plain", "data": "print(1)"},
            "title": "a.py",
        }
    ]


async def test_everything_else_stays() -> None:
    """Of a request that names files everything else is as it was sent."""
    scene = FileScene()
    id = await keep(scene, "a.pdf", PDF)
    scene.upstream.answer = json_reply(REPLIES["responses"])
    body = asking("responses", naming("responses", id), model="responses-model", unknown={"file_id": "kept"})
    await scene.ask(PATHS["responses"], body)
    assert scene.upstream.json["unknown"] == {"file_id": "kept"}
    assert scene.records.kept[-1].route == "tee responses/responses-model"


# --- translated ---------------------------------------------------------------------------------------------------


async def test_translated_document() -> None:
    """A document reaches a target of another dialect in that one's own form."""
    scene = FileScene()
    id = await keep(scene, "a.pdf", PDF)
    (block,) = await ask(scene, "responses", "messages", naming("responses", id))
    assert block["source"] == {
        "type": "base64",
        "media_type": "application/pdf",
        "data": b64encode(PDF).decode(),
    }


async def test_translated_picture() -> None:
    """A picture reaches a target of another dialect."""
    scene = FileScene()
    id = await keep(scene, "a.png", PNG)
    assert await ask(scene, "responses", "native_chat", naming("responses", id, "image")) == [
        {"type": "image_url", "image_url": {"url": url("image/png", PNG)}}
    ]


# --- whose they are -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("caller", ["responses", "chat", "messages"])
async def test_foreign_is_unknown(caller: str) -> None:
    """Another path's file is unknown, and its id goes nowhere."""
    scene = FileScene()
    id = await keep(scene, "a.pdf", PDF)
    upstream = "native_chat" if caller == "chat" else caller
    foreign = await ask(scene, caller, upstream, naming(caller, id), **ANA)
    unknown = await ask(scene, caller, upstream, naming(caller, "file-unknown"), **ANA)
    assert foreign.status == unknown.status == 404
    assert foreign.body.replace(id.encode(), b"file-unknown") == unknown.body
    if caller == "responses":
        assert foreign.error["param"] == "input[0].content[0].file_id"


async def test_the_owners_own() -> None:
    """The operator may name what lies at the provider."""
    scene = FileScene()
    part_ = naming("responses", "file-at-openai")
    assert await ask(scene, "responses", "responses", part_) == [part_]


async def test_deleted_is_unknown_to_all() -> None:
    """A file that was deleted here is unknown even to the operator."""
    scene = FileScene()
    id = await keep(scene, "a.pdf", PDF)
    await scene.delete(f"/v1/files/{id}")
    assert (await ask(scene, "responses", "responses", naming("responses", id))).status == 404


async def test_at_another_provider() -> None:
    """An id that is not ours cannot be the translated target's."""
    answer = await ask(FileScene(), "responses", "messages", naming("responses", "file-at-openai"))
    assert answer.status == 404


@pytest.mark.parametrize(
    "escaped", [b'"\\u0066ile_id":', b'"file\\u005fid":', b'"file_i\\u0064":', b'"fi\\u006ce_id":']
)
async def test_spelt_with_escapes(escaped: bytes) -> None:
    """An id is found however its name is spelt."""
    scene = FileScene()
    id = await keep(scene, "a.pdf", PDF)
    body = b'{"model":"responses-model","input":[{"role":"user","content":[{"type":"input_file",%b"%b"}]}]}'
    answer = await scene.ask(PATHS["responses"], body % (escaped, id.encode()), **ANA)
    assert answer.status == 404


@pytest.mark.parametrize(
    "tools",
    [
        [{"type": "code_interpreter", "container": {"type": "auto", "file_ids": ["file-unknown"]}}],
        [{"type": "image_generation", "input_image_mask": {"file_id": "file-unknown"}}],
    ],
)
async def test_named_by_a_tool(tools: list[dict[str, Any]]) -> None:
    """A file that only a tool is to have is the caller's, or unknown."""
    scene = FileScene()
    body = {"model": "responses-model", "input": "Hi?", "tools": tools}
    answer = await scene.ask(PATHS["responses"], body, **ANA)
    assert answer.status == 404
    assert answer.error["param"].startswith("tools[0].")


@pytest.mark.parametrize(
    ("path", "caller"),
    [
        ("/v1/responses/input_tokens", "responses"),
        ("/v1/responses/compact", "responses"),
        ("/v1/messages/count_tokens", "messages"),
    ],
)
async def test_counted_and_compacted(path: str, caller: str) -> None:
    """Whoever counts or compacts for a provider is given the caller's files, and told of no others."""
    scene = FileScene()
    id = await keep(scene, "a.pdf", PDF)
    scene.upstream.answer = json_reply({"input_tokens": 7, "output": []})
    body = asking(caller, naming(caller, id), model=f"{caller}-model")
    assert (await scene.ask(path, body, **ANA)).status == 404
    assert not scene.upstream.requests
    assert (await scene.ask(path, body)).status == 200
    assert b64encode(PDF) in scene.upstream.body


async def test_ids_that_name_nothing() -> None:
    """Ids in what was said before, and in what a tool takes or brought forth, are not ours to judge."""
    scene = FileScene()
    scene.upstream.answer = json_reply(REPLIES["messages"])
    body = {
        "model": "messages-model",
        "max_tokens": 10,
        "tools": [{"name": "read", "input_schema": {"type": "object", "examples": [{"file_id": "a"}]}}],
        "messages": [
            {"role": "user", "content": "Hi?"},
            {
                "role": "assistant",
                "content": [{"type": "tool_use", "id": "1", "name": "read", "input": {"file_id": "b"}}],
            },
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "1", "content": "c"}]},
        ],
    }
    assert (await scene.ask(PATHS["messages"], body, **ANA)).status == 200
    assert scene.upstream.json["messages"] == body["messages"]


# --- what does not fit --------------------------------------------------------------------------------------------


async def test_no_picture() -> None:
    """A document in the place of a picture is refused by its place."""
    scene = FileScene()
    id = await keep(scene, "a.pdf", PDF)
    answer = await ask(scene, "responses", "responses", naming("responses", id, "image"))
    assert answer.status == 400
    assert answer.error["param"] == "input[0].content[0].file_id"
    assert "no picture" in answer.error["message"]


async def test_too_much_together() -> None:
    """What all files of a request hold together has a limit, which is told before anything is read."""
    scene = FileScene()
    id = await keep(scene, "a.pdf", PDF)
    scene.files.kept[id] = replace(scene.files.kept[id], size_bytes=50_000_001)
    scene.blobs.whole.clear()
    answer = await ask(scene, "responses", "responses", naming("responses", id))
    assert answer.status == 400
    assert "50000000" in answer.error["message"]


async def test_content_gone() -> None:
    """A file whose content is gone is as good as unknown."""
    scene = FileScene()
    id = await keep(scene, "a.pdf", PDF)
    scene.blobs.whole.clear()
    assert (await ask(scene, "responses", "responses", naming("responses", id))).status == 404
