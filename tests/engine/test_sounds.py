"""Sound, pictures and other media in an answer: told where the caller's API has a place for them, and said to be left out elsewhere."""

import asyncio
import json
from base64 import b64encode
from typing import Any

import msgspec
import pytest

from scripted_gateway import PATHS, Client, Scene, ScriptedReply, json_reply, make_call, question, stream

# Of one byte and of two: each has an end of its own, so that they are not one by being put together.
PIECES = [b64encode(piece).decode() for piece in (b"\1", b"\2\3")]


def _frame(*parts: Any) -> dict[str, Any]:
    return {
        "candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": "STOP"}],
        "usageMetadata": {"promptTokenCount": 7, "candidatesTokenCount": 5},
    }


def _blob(data: str, kind: str = "audio/L16;codec=pcm;rate=24000") -> dict[str, Any]:
    return {"inlineData": {"mimeType": kind, "data": data}}


def _event(frame: Any) -> bytes:
    return b"data: %b\r\n\r\n" % msgspec.json.encode(frame)


def _streamed(*frames: Any) -> ScriptedReply:
    return stream(*map(_event, frames))


async def test_a_caller_of_chat_hears_it() -> None:
    """All of it in one, beside the text."""
    scene = Scene()
    spoken = json_reply(_frame({"text": "Hear:"}, *map(_blob, PIECES)))
    answer = await scene.generate("chat", "gemini", spoken)
    message = answer.json["choices"][0]["message"]
    assert message["content"] == "Hear:"
    assert message["audio"]["data"] == b64encode(b"\1\2\3").decode()
    assert message["audio"].keys() == {"id", "data", "expires_at", "transcript"}
    assert "x-trunkline-dropped" not in answer.headers


async def test_a_caller_of_chat_hears_it_piece_by_piece() -> None:
    """The first says what it is called."""
    scene = Scene()
    answer = await scene.generate("chat", "gemini", _streamed(*(_frame(_blob(data)) for data in PIECES)), stream=True)
    chunks = [json.loads(line[6:]) for line in answer.body.split(b"\n") if line.startswith(b"data: {")]
    told = [each["delta"]["audio"] for chunk in chunks for each in chunk["choices"] if "audio" in each["delta"]]
    assert [each["data"] for each in told] == PIECES
    assert ["id" in each for each in told] == [True, False]


async def test_what_is_not_base64_is_told_as_it_is() -> None:
    """Nothing is made of it."""
    answer = await Scene().generate("chat", "gemini", json_reply(_frame(_blob("AAAAA"), _blob("A"))))
    assert answer.json["choices"][0]["message"]["audio"]["data"] == "AAAAAA"


@pytest.mark.parametrize("caller", ["messages", "responses"])
@pytest.mark.parametrize("is_stream", [False, True])
async def test_others_are_told_that_it_is_left_out(caller: str, is_stream: bool) -> None:
    """In the head of the reply, and in the record."""
    scene, spoken = Scene(), _frame(_blob(PIECES[0]))
    reply = _streamed(spoken) if is_stream else json_reply(spoken)
    answer = await scene.generate(caller, "gemini", reply, stream=is_stream)
    assert answer.status == 200
    assert answer.headers["x-trunkline-dropped"] == "audio"
    assert scene.records.only.dropped == ["audio"]


@pytest.mark.parametrize("caller", ["messages", "responses"])
async def test_the_record_says_what_a_head_could_not(caller: str) -> None:
    """Text has come first, so that the head of the stream is out."""
    scene, begun = Scene(), {"candidates": [{"content": {"parts": [{"text": "Hear:"}]}}]}
    spoken = scene.upstream.answer = stream(_event(begun), ending="open")
    reply = await scene.gateway.handle(make_call(PATHS[caller], question(caller, "gemini-model", stream=True)))
    assert not isinstance(reply.body, bytes)
    pouring = asyncio.create_task(reply.body.pour(Client()))
    spoken.say(_event(_frame(_blob(PIECES[0]))))
    spoken.end()
    await pouring
    assert b"x-trunkline-dropped" not in dict(reply.headers)
    assert scene.records.only.dropped == ["audio"]


@pytest.mark.parametrize("caller", ["chat", "messages", "responses"])
async def test_other_media_are_left_out_for_all(caller: str) -> None:
    """And said to be."""
    answer = await Scene().generate(caller, "gemini", json_reply(_frame(_blob("AAAA", "video/mp4"))))
    assert answer.headers["x-trunkline-dropped"] == "inlineData"


def _spoken(**members: Any) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", "content": None, **members}, "finish_reason": "stop"}
    return {"id": "c", "object": "chat.completion", "model": "m", "choices": [choice]}


def _chunk(finish: str | None = None, **delta: Any) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return b"data: %b\n\n" % msgspec.json.encode({"id": "c", "model": "m", "choices": [choice]})


_SOUND = {"id": "audio_1", "data": b64encode(b"RIFF\0\0\0\0WAVE").decode(), "expires_at": 1, "transcript": "Hear."}


@pytest.mark.parametrize("caller", ["messages", "responses"])
@pytest.mark.parametrize("is_stream", [False, True])
async def test_what_openai_says_aloud_is_told_in_writing(caller: str, is_stream: bool) -> None:
    """And that its sound is left out."""
    pieces = [_chunk(audio={name: value}) for name, value in _SOUND.items()]
    reply = stream(*pieces, _chunk("stop")) if is_stream else json_reply(_spoken(audio=_SOUND))
    scene = Scene()
    answer = await scene.generate(caller, "native_chat", reply, stream=is_stream)
    assert answer.status == 200
    assert b"Hear." in answer.body
    assert _SOUND["data"].encode() not in answer.body
    assert scene.records.only.dropped == ["audio"]


async def test_a_caller_of_gemini_hears_what_openai_says() -> None:
    """Beside the words of it, and as what it is."""
    answer = await Scene().generate("gemini", "native_chat", json_reply(_spoken(audio=_SOUND)))
    blob = {"inlineData": {"mimeType": "audio/wav", "data": _SOUND["data"]}}
    assert answer.json["candidates"][0]["content"]["parts"] == [{"text": "Hear."}, blob]
    assert "x-trunkline-dropped" not in answer.headers


async def test_a_caller_of_gemini_hears_it_piece_by_piece() -> None:
    """Samples without a head are OpenAI's own."""
    answer = await Scene().generate(
        "gemini", "native_chat", stream(*(_chunk(audio={"data": data}) for data in PIECES), _chunk("stop")), stream=True
    )
    frames = [json.loads(line[6:]) for line in answer.body.split(b"\r\n") if line]
    parts = [part for frame in frames for part in frame["candidates"][0]["content"]["parts"] if "inlineData" in part]
    assert parts == [_blob(data, "audio/L16;rate=24000") for data in PIECES]


async def test_a_picture_in_a_chat_answer_is_told() -> None:
    """As OpenRouter has it; streamed it comes in one."""
    image = {"type": "image_url", "image_url": {"url": "data:image/webp;base64,AAAA"}}
    answer = await Scene().generate("responses", "chat", json_reply(_spoken(content="Look:", images=[image])))
    assert [item["type"] for item in answer.json["output"]] == ["message", "image_generation_call"]
    assert answer.json["output"][1]["result"] == "AAAA"
    assert answer.json["output"][1]["id"].startswith("ig_")
    answer = await Scene().generate("gemini", "chat", stream(_chunk(images=[image]), _chunk("stop")), stream=True)
    assert b'"inlineData":{"mimeType":"image/webp","data":"AAAA"}' in answer.body


async def test_a_picture_elsewhere_is_said_to_be_left_out() -> None:
    """Nothing is fetched for an answer."""
    image = {"type": "image_url", "image_url": {"url": "https://pictures.example/1.png"}}
    answer = await Scene().generate("messages", "chat", json_reply(_spoken(content="Look:", images=[image])))
    assert answer.headers["x-trunkline-dropped"] == "images"


async def test_a_picture_that_bedrock_makes_is_told() -> None:
    """As any other; what else its models make is said to be left out."""
    blocks = [{"image": {"format": "png", "source": {"bytes": "AAAA"}}}, {"video": {"format": "mp4", "source": {}}}]
    made = {"output": {"message": {"role": "assistant", "content": blocks}}, "stopReason": "end_turn", "usage": {}}
    answer = await Scene().generate("gemini", "bedrock", json_reply(made))
    [part] = answer.json["candidates"][0]["content"]["parts"]
    assert part == _blob("AAAA", "image/png")
    assert answer.headers["x-trunkline-dropped"] == "video"


async def test_files_in_an_answer_are_said_to_be_left_out() -> None:
    """They stand at Google's, for Google's callers."""
    made = {"fileData": {"mimeType": "video/mp4", "fileUri": "https://files.example/1"}}
    answer = await Scene().generate("chat", "gemini", json_reply(_frame({"text": "See:"}, made)))
    assert answer.headers["x-trunkline-dropped"] == "fileData"
