"""Azure OpenAI's two surfaces, and what it adds to OpenAI's wire."""

import json
from typing import Any

import pytest

from scripted_gateway import Scene, json_reply, stream
from trunkline.providers.account import Account, make_account
from trunkline.providers.directory import load_provider

RESOURCE = "https://r.openai.azure.com"
KEY = "0123456789abcdef"


def account_at(base_url: str, version: str = "", **members: Any) -> Account:
    settings = {"api_version": version} if version else {}
    return make_account(load_provider("azure"), base_url=base_url, api_key=KEY, settings=settings, **members)


def line_of(account: Account, dialect: str) -> str:
    return account.head(dialect, "my/deployment").split(b"\r\n")[0].decode()


@pytest.mark.parametrize("end", ["", "/", "/openai", "/openai/", "/openai/v1", "/openai/v1/"])
def test_the_undated_surface(end: str) -> None:
    """However much of its path the address has."""
    account = account_at(RESOURCE + end)
    assert account.base_url == f"{RESOURCE}/openai/v1"
    assert account.speaks == ("responses", "chat")
    assert line_of(account, "chat") == "POST /openai/v1/chat/completions HTTP/1.1"
    assert line_of(account, "responses") == "POST /openai/v1/responses HTTP/1.1"
    assert f"api-key: {KEY}\r\n".encode() in account.head("chat")
    assert b"authorization" not in account.head("chat").lower()


def test_a_preview_of_the_undated_surface() -> None:
    """Is asked for in the query."""
    account = account_at(RESOURCE, "preview")
    assert line_of(account, "responses") == "POST /openai/v1/responses?api-version=preview HTTP/1.1"


@pytest.mark.parametrize("end", ["", "/", "/openai", "/openai/deployments/gpt-4o"])
def test_the_dated_surface(end: str) -> None:
    """By deployment, whose name is encoded."""
    account = account_at(RESOURCE + end, "2024-10-21")
    assert account.base_url == f"{RESOURCE}/openai"
    assert account.speaks == ("chat",)
    path = "/openai/deployments/my%2Fdeployment"
    assert line_of(account, "chat") == f"POST {path}/chat/completions?api-version=2024-10-21 HTTP/1.1"
    assert line_of(account, "embeddings") == f"POST {path}/embeddings?api-version=2024-10-21 HTTP/1.1"


def test_an_address_that_names_the_undated_surface_decides() -> None:
    """A version left in the environment by other tools does no harm."""
    assert line_of(account_at(f"{RESOURCE}/openai/v1", "2024-10-21"), "chat") == (
        "POST /openai/v1/chat/completions HTTP/1.1"
    )


def test_responses_of_a_dated_version() -> None:
    """For the versions that have them, when told so."""
    account = account_at(RESOURCE, "2025-04-01-preview", speaks=("responses", "chat"))
    assert line_of(account, "responses") == "POST /openai/responses?api-version=2025-04-01-preview HTTP/1.1"


def test_behind_a_proxy() -> None:
    """A path of one's own stays."""
    assert account_at("https://proxy.test/azure/openai").base_url == "https://proxy.test/azure/openai/v1"


def scene() -> Scene:
    account = account_at(RESOURCE, name="azure")
    return Scene(accounts=[account])


FILTERED = {
    "error": {
        "message": "The response was filtered due to the prompt triggering Azure OpenAI's content management policy.",
        "type": None,
        "param": "prompt",
        "code": "content_filter",
        "status": 400,
        "innererror": {"code": "ResponsibleAIPolicyViolation", "content_filter_result": {"hate": {"filtered": True}}},
    }
}


@pytest.mark.parametrize("caller", ["chat", "responses", "messages"])
async def test_a_filtered_prompt(caller: str) -> None:
    """Is the caller's 400, with the words of the filter, and not asked for again elsewhere."""
    here = scene()
    got = await here.generate(caller, "azure", json_reply(FILTERED, 400))
    assert got.status == 400
    assert "content management policy" in got.error["message"]
    assert here.records.only.outcome == "error"


def chunk(**members: Any) -> bytes:
    return b"data: " + json.dumps({"object": "chat.completion.chunk", **members}).encode() + b"\n\n"


FIRST = chunk(id="", created=0, model="", choices=[], prompt_filter_results=[{"prompt_index": 0}])


def chat_stream() -> list[bytes]:
    head = {"id": "chatcmpl-1", "created": 7, "model": "gpt-5-mini"}
    delta = {"role": "assistant", "content": "Hi"}
    return [
        FIRST,
        chunk(**head, choices=[{"index": 0, "delta": delta, "finish_reason": None, "content_filter_results": {}}]),
        chunk(**head, choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}]),
        chunk(**head, choices=[], usage={"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}),
        b"data: [DONE]\n\n",
    ]


async def test_results_of_filters_come_first() -> None:
    """T-27: they pass through to a Chat caller, and open nothing for another one."""
    account = account_at(RESOURCE, name="azure", speaks=("chat",))
    for caller in ("chat", "responses", "messages"):
        here = Scene(accounts=[account])
        got = await here.generate(caller, "azure", stream(*chat_stream()), stream=True)
        assert got.status == 200
        assert here.records.only.usage.total == 5
        if caller == "chat":
            assert got.body.startswith(FIRST)
        else:
            assert b'"Hi"' in got.body
            assert b"gpt-5-mini" in got.body
            assert b'"model":""' not in got.body
