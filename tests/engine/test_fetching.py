"""What a target cannot get by URL, on its way through the gateway."""

import asyncio
import base64
from collections.abc import Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from scripted_gateway import PATHS, UPSTREAM_KEY, Scene, json_reply
from trunkline.dialects.forms import Want
from trunkline.engine.gateway import Gateway
from trunkline.engine.materials.fetching import fetch_all
from trunkline.errors import InvalidRequest, Unsupported
from trunkline.ports import Fetched, FetchLimits
from trunkline.providers.account import make_account
from trunkline.providers.directory import load_provider

PNG = b"\x89PNG\r\n\x1a\n" + bytes(4)
PICTURE = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
COMPLETION = {
    "id": "c",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "A dot."}, "finish_reason": "stop"}],
}


class Shelf:
    """Gives a picture for every URL but those that hold `missing`; keeps what it was asked, and how many at once."""

    def __init__(self, data: bytes = PNG) -> None:
        self.data = data
        self.asked: list[tuple[str, int, float, tuple[str, ...]]] = []
        self.running = 0
        self.most = 0

    async def fetch(self, url: str, size_bytes: int, seconds: float, types: Sequence[str]) -> Fetched:
        self.asked.append((url, size_bytes, seconds, tuple(types)))
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await asyncio.sleep(0)
            if "missing" in url:
                raise InvalidRequest("`x.test` answered with status 404")
            return Fetched("image/png", self.data)
        finally:
            self.running -= 1


def scene_with(fetch: Shelf | None, limits: FetchLimits | None = None) -> Scene:
    """A gateway that may fetch, with a provider that cannot."""
    accounts = [
        make_account(
            load_provider(provider), name=name, base_url="https://x.test/v1", api_key=UPSTREAM_KEY, speaks=("chat",)
        )
        for name, provider in (("chat", "compatible"), ("plain", "ollama"))
    ]
    scene = Scene(accounts=accounts)
    parts = replace(scene.gateway._parts, fetch=fetch, fetch_limits=limits or FetchLimits())
    scene.gateway = Gateway(parts)
    scene.upstream.answer = json_reply(COMPLETION)
    return scene


def look(caller: str, model: str, *urls: str, **members: Any) -> dict[str, Any]:
    """A caller's question about pictures."""
    if caller == "responses":
        content: list[Any] = [{"type": "input_image", "image_url": url} for url in urls]
        return {"model": model, "input": [{"role": "user", "content": content}], **members}
    if caller == "messages":
        content = [{"type": "image", "source": {"type": "url", "url": url}} for url in urls]
        return {"model": model, "max_tokens": 9, "messages": [{"role": "user", "content": content}], **members}
    content = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    return {"model": model, "messages": [{"role": "user", "content": content}], **members}


def sent_urls(scene: Scene) -> list[str]:
    content = scene.upstream.json["messages"][0]["content"]
    return [part["image_url"]["url"] for part in content]


@pytest.mark.parametrize("caller", ["responses", "messages", "chat"])
async def test_a_picture_is_fetched_for_who_cannot(caller: str) -> None:
    """By translation and by patch alike; data stays what it is, and one URL is fetched once."""
    shelf = Shelf()
    scene = scene_with(shelf)
    urls = ["https://x.test/a.png", "https://x.test/b.png", "https://x.test/a.png"]
    answer = await scene.ask(PATHS[caller], look(caller, "plain-model", *urls))
    assert answer.status == 200, answer.body
    assert sent_urls(scene) == [PICTURE] * 3
    assert sorted(url for url, *_ in shelf.asked) == ["https://x.test/a.png", "https://x.test/b.png"]
    assert shelf.asked[0][1:] == (20_000_000, 20.0, ("image/",))


@pytest.mark.parametrize("caller", ["responses", "messages", "chat"])
async def test_nothing_is_fetched_for_who_can(caller: str) -> None:
    """The URL is the provider's to follow."""
    shelf = Shelf()
    scene = scene_with(shelf)
    answer = await scene.ask(PATHS[caller], look(caller, "chat-model", "https://x.test/a.png"))
    assert answer.status == 200, answer.body
    assert sent_urls(scene) == ["https://x.test/a.png"]
    assert shelf.asked == []


async def test_a_patched_body_keeps_what_nobody_knows() -> None:
    """Only the URL is replaced."""
    scene = scene_with(Shelf())
    await scene.ask(PATHS["chat"], look("chat", "plain-model", "https://x.test/a.png", odd={"a": [1.5]}))
    assert scene.upstream.json["odd"] == {"a": [1.5]}


@pytest.mark.parametrize(
    ("caller", "path"),
    [
        ("responses", "input[0].content[1].image_url"),
        ("messages", "messages[0].content[1].source.url"),
        ("chat", "messages[0].content[1].image_url.url"),
    ],
)
async def test_a_failure_names_the_part(caller: str, path: str) -> None:
    """In the caller's own words, with the mend; nothing is sent."""
    scene = scene_with(Shelf())
    body = look(caller, "plain-model", "https://x.test/a.png", "https://x.test/missing.png")
    answer = await scene.ask(PATHS[caller], body)
    assert answer.status == 400
    assert answer.error["message"] == (
        f"`{path}` could not be fetched: `x.test` answered with status 404. Mend the URL, or send a `data:` URL"
    )
    if caller != "messages":
        assert (answer.error["param"], answer.error["code"]) == (path, "failed_to_download_image")
    assert scene.upstream.requests == []
    assert scene.records.only.outcome == "error"


@pytest.mark.parametrize("caller", ["responses", "messages", "chat"])
async def test_a_gateway_that_may_not(caller: str) -> None:
    """Says what would be right."""
    answer = await scene_with(None).ask(PATHS[caller], look(caller, "plain-model", "https://x.test/a.png"))
    assert answer.status == 400
    assert "send a `data:` URL" in answer.error["message"]


async def test_t87_data_is_checked_before_anything_is_fetched() -> None:
    """T-87: what is wrong with the second part is said without asking for the first."""
    shelf = Shelf()
    scene = scene_with(shelf)
    body = look("responses", "plain-model", "https://x.test/a.png", "data:image/svg+xml;base64,PHN2Zz4=")
    answer = await scene.ask(PATHS["responses"], body)
    assert (answer.status, answer.error["param"]) == (400, "input[0].content[1].image_url")
    assert answer.error["code"] == "unsupported_image_media_type"
    assert shelf.asked == []


# --- bounds -------------------------------------------------------------------------------------------------------


def wants(*urls: str, size: int = 0) -> list[Want]:
    return [Want(url, f"input[{number}]", "image", ("image/",), size) for number, url in enumerate(urls)]


async def test_few_at_a_time() -> None:
    """Side by side, but not all at once."""
    shelf = Shelf()
    found = await fetch_all(shelf, FetchLimits(), wants(*(f"https://x.test/{number}" for number in range(20))))
    assert (len(found), shelf.most) == (20, 4)


async def test_how_many_urls() -> None:
    """One more is too many."""
    limits = FetchLimits(urls=2)
    await fetch_all(Shelf(), limits, wants("https://x.test/a", "https://x.test/b", "https://x.test/a"))
    with pytest.raises(InvalidRequest, match="holds 3 URLs to be fetched, but 2"):
        await fetch_all(Shelf(), limits, wants("https://x.test/a", "https://x.test/b", "https://x.test/c"))


@pytest.mark.parametrize("count", [3, 30])
async def test_how_many_bytes_together(count: int) -> None:
    """Counted over all URLs of the request."""
    limits = FetchLimits(url_bytes=100, request_bytes=200)
    asked = wants(*(f"https://x.test/{number}" for number in range(count)))
    with pytest.raises(InvalidRequest, match="more than 200 bytes together"):
        await fetch_all(Shelf(bytes(90)), limits, asked)


async def test_no_more_than_the_model_takes() -> None:
    """Nor more than the gateway fetches, nor than is left for the request."""
    for size, limits, least in ((5, FetchLimits(), 5), (500, FetchLimits(url_bytes=7), 7), (0, FetchLimits(9, 4), 4)):
        shelf = Shelf(b"x")
        await fetch_all(shelf, limits, wants("https://x.test/a", size=size))
        assert shelf.asked[0][1] == least


async def test_one_failure_ends_the_others() -> None:
    """And leaves none of them running."""
    shelf = Shelf()
    with pytest.raises(InvalidRequest, match="404"):
        await fetch_all(shelf, FetchLimits(), wants("https://x.test/missing", *"abcdefgh"))
    assert shelf.running == 0


async def test_leaving_ends_them_all() -> None:
    """A caller who goes leaves no fetch behind."""
    shelf = Shelf()
    task = asyncio.ensure_future(fetch_all(shelf, FetchLimits(), wants(*"abcdefgh")))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert shelf.running == 0
    assert len(shelf.asked) < 8


async def test_without_permission() -> None:
    """The first part is named."""
    with pytest.raises(Unsupported) as raised:
        await fetch_all(None, FetchLimits(), wants("https://x.test/a"))
    assert raised.value.param == "input[0]"
