"""Pictures, files and sound for tests, and what becomes of one on its way to a target."""

import base64
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import pytest

from trunkline.capabilities import Capabilities
from trunkline.dialects import anthropic, bedrock, gemini, openai_chat, openai_responses
from trunkline.dialects.forms import Forms
from trunkline.dialects.media import Materials
from trunkline.errors import CallerError
from trunkline.items import Message, Part
from trunkline.ports import Fetched
from trunkline.request import ModelRequest

CALLERS = {d.name: d for d in (openai_responses.DIALECT, openai_chat.DIALECT, anthropic.DIALECT, gemini.DIALECT)}
UPSTREAMS = {**CALLERS, "bedrock": bedrock.DIALECT}

PNG = b"\x89PNG\r\n\x1a\n" + bytes(4)
JPEG = b"\xff\xd8\xff\xe0" + bytes(8)
PDF = b"%PDF-1.7 " + bytes(3)
SVG = b"<svg xmlns='http://www.w3.org/2000/svg'/>"


def in_base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def url_of(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{in_base64(data)}"


PICTURE = url_of("image/png", PNG)
PAGE = url_of("application/pdf", PDF)
HELD = {
    "https://x.test/a.png": Fetched("image/png", PNG),
    "https://x.test/a": Fetched("application/octet-stream", JPEG),
    "https://x.test/report.pdf?sig=1": Fetched("application/pdf", PDF),
    "https://x.test/notes.txt": Fetched("text/plain", b"Notes."),
    "https://x.test/old.txt": Fetched("text/plain", b"caf\xe9", "iso-8859-1"),
    "https://x.test/v.svg": Fetched("image/svg+xml", SVG),
    "https://x.test/page": Fetched("text/html", b"<html>"),
    "https://x.test/odd": Fetched("application/octet-stream", b"\x00\x01"),
}


def read(caller: str, body: dict[str, Any]) -> ModelRequest:
    return CALLERS[caller].read_request(body, lambda sealed: None)


def take(
    parts: list[Part], forms: Forms | None = None, **facts: Any
) -> tuple[Materials, Callable[[Mapping[str, Fetched]], list[Part]]]:
    """The materials of one user message, and a function that fills them."""
    request = ModelRequest(model="m", items=[Message(role="user", parts=parts)])
    materials = Materials(request, forms or Forms(), Capabilities(**facts), list)

    def fill(contents: Mapping[str, Fetched]) -> list[Part]:
        (message,) = materials.fill(contents).items
        assert isinstance(message, Message)
        return message.parts

    return materials, fill


def checked(part: Part, forms: Forms | None = None, **facts: Any) -> Part:
    materials, fill = take([part], forms, **facts)
    assert materials.wants == []
    return fill({})[0]


INLINE = Forms(urls=frozenset())


CALL = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}


def ask(caller: str, part: dict[str, Any]) -> dict[str, Any]:
    """A caller's body: some text, then the part."""
    if caller == "responses":
        content = [{"type": "input_text", "text": "See."}, part]
        return {"model": "m", "input": [{"role": "user", "content": content}]}
    if caller == "gemini":
        return {"model": "m", "contents": [{"role": "user", "parts": [{"text": "See."}, part]}]}
    limit = {"max_tokens": 9} if caller == "messages" else {}
    return {"model": "m", "messages": [{"role": "user", "content": [{"type": "text", "text": "See."}, part]}], **limit}


def refusal(caller: str, body: dict[str, Any], upstream: str = "bedrock", **facts: Any) -> CallerError:
    """What a caller is told."""
    request = read(caller, body)
    again = msgspec.json.decode(msgspec.json.encode(body))
    with pytest.raises(CallerError) as raised:
        Materials(request, UPSTREAMS[upstream].media, Capabilities(**facts), lambda: CALLERS[caller].media.find(again))
    return raised.value
