"""Pictures and files from every caller to every target."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import pytest
from media_parts import CALL, CALLERS, HELD, PAGE, PDF, PICTURE, PNG, UPSTREAMS, ask, in_base64, read, refusal, url_of

from trunkline.capabilities import Capabilities
from trunkline.dialects import openai_chat
from trunkline.dialects.media import Materials
from trunkline.errors import Unsupported

FUNCTION = {"type": "object", "properties": {}}

BODIES: Mapping[str, dict[str, Any]] = {
    "responses": {
        "model": "m",
        "input": [
            {
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "Compare."},
                    {"type": "input_image", "image_url": PICTURE, "detail": "high"},
                    {"type": "input_image", "image_url": "https://x.test/a"},
                    {"type": "input_file", "file_data": PAGE, "filename": "page.pdf"},
                    {"type": "input_file", "file_url": "https://x.test/report.pdf?sig=1"},
                    {"type": "input_file", "file_data": url_of("text/plain", b"Hi"), "filename": "hi.txt"},
                ],
            },
            {"type": "function_call", "call_id": "c1", "name": "look", "arguments": "{}"},
            {
                "type": "function_call_output",
                "call_id": "c1",
                "output": [
                    {"type": "input_text", "text": "Seen."},
                    {"type": "input_image", "image_url": PICTURE},
                    {"type": "input_file", "file_data": PAGE, "filename": "page.pdf"},
                ],
            },
        ],
        "tools": [{"type": "function", "name": "look", "parameters": FUNCTION, "strict": False}],
    },
    "chat": {
        "model": "m",
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "Compare."},
                    {"type": "image_url", "image_url": {"url": PICTURE, "detail": "high"}},
                    {"type": "image_url", "image_url": {"url": "https://x.test/a"}},
                    {"type": "file", "file": {"file_data": PAGE, "filename": "page.pdf"}},
                ],
            },
            {"role": "assistant", "content": None, "tool_calls": [CALL]},
            {
                "role": "tool",
                "tool_call_id": "c1",
                "content": [{"type": "text", "text": "Seen."}, {"type": "image_url", "image_url": {"url": PICTURE}}],
            },
        ],
        "tools": [{"type": "function", "function": {"name": "look", "parameters": FUNCTION}}],
    },
    "messages": {
        "model": "m",
        "max_tokens": 99,
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "Compare."},
                    {
                        "type": "image",
                        "source": {"type": "base64", "media_type": "image/png", "data": in_base64(PNG)},
                    },
                    {"type": "image", "source": {"type": "url", "url": "https://x.test/a"}},
                    {
                        "type": "document",
                        "source": {"type": "base64", "media_type": "application/pdf", "data": in_base64(PDF)},
                        "title": "page.pdf",
                    },
                    {"type": "document", "source": {"type": "url", "url": "https://x.test/report.pdf?sig=1"}},
                    {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "Hi"}},
                ],
            },
            {"role": "assistant", "content": [{"type": "tool_use", "id": "c1", "name": "look", "input": {}}]},
            {
                "role": "user",
                "content": [
                    {
                        "type": "tool_result",
                        "tool_use_id": "c1",
                        "content": [
                            {"type": "text", "text": "Seen."},
                            {
                                "type": "image",
                                "source": {"type": "base64", "media_type": "image/png", "data": in_base64(PNG)},
                            },
                        ],
                    }
                ],
            },
        ],
        "tools": [{"name": "look", "input_schema": FUNCTION}],
    },
    "gemini": {
        "model": "m",
        "contents": [
            {
                "role": "user",
                "parts": [
                    {"text": "Compare."},
                    {"inlineData": {"mimeType": "image/png", "data": in_base64(PNG)}},
                    {"fileData": {"mimeType": "image/jpeg", "fileUri": "https://x.test/a"}},
                    {"inlineData": {"mimeType": "application/pdf", "data": in_base64(PDF), "displayName": "page.pdf"}},
                    {"fileData": {"fileUri": "https://x.test/report.pdf?sig=1"}},
                ],
            },
        ],
    },
}


@pytest.mark.parametrize("upstream", UPSTREAMS)
@pytest.mark.parametrize("caller", CALLERS)
def test_t38_t86_every_pair(caller: str, upstream: str, golden: Callable[[str, Any], None]) -> None:
    """T-38 and T-86: pictures and files in messages and in results, as each upstream takes them."""
    target = UPSTREAMS[upstream]
    capabilities = Capabilities()
    materials = Materials(read(caller, BODIES[caller]), target.media, capabilities, list)
    wanted = {want.url: HELD[want.url] for want in materials.wants}
    written = target.write_request(materials.fill(wanted), capabilities)
    golden(f"media.{caller}-{upstream}", msgspec.json.decode(msgspec.json.encode(written.body)))


def test_pictures_by_url_where_only_data_is_taken() -> None:
    """T-87: a Chat provider that fetches nothing."""
    part = {"type": "input_image", "image_url": "https://x.test/a.png"}
    capabilities = Capabilities(image_urls=False)
    materials = Materials(read("responses", ask("responses", part)), openai_chat.DIALECT.media, capabilities, list)
    body = openai_chat.DIALECT.write_request(materials.fill(HELD), capabilities).body
    assert body["messages"][0]["content"][1] == {"type": "image_url", "image_url": {"url": PICTURE}}


@pytest.mark.parametrize("upstream", ["responses", "messages", "bedrock"])
def test_sound_where_there_is_none(upstream: str) -> None:
    """Refused by name before anything is sent."""
    body = ask("chat", {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}})
    error = refusal("chat", body, upstream)
    assert isinstance(error, Unsupported)
    assert error.param == "messages[0].content[1]"


def test_sound_where_there_is_some() -> None:
    """Gemini's Chat callers and Chat's Gemini callers keep it."""
    body = ask("chat", {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}})
    for upstream, wanted in (
        ("chat", {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}),
        ("gemini", {"inlineData": {"mimeType": "audio/wav", "data": "AAAA"}}),
    ):
        materials = Materials(read("chat", body), UPSTREAMS[upstream].media, Capabilities(), list)
        written = UPSTREAMS[upstream].write_request(materials.request, Capabilities()).body
        content = written["messages"][0]["content"] if upstream == "chat" else written["contents"][0]["parts"]
        assert content[1] == wanted
