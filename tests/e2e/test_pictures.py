"""Pictures and files through a real gateway: fetched over sockets from where the operator allows it, and no further."""

import base64
import http.server
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest
from anthropic import AsyncAnthropic
from openai import AsyncOpenAI, BadRequestError

from real_gateway import KEY, Gateway, running, running_gateway
from trunkline.upstream.fake.server import FakeServer

pytestmark = pytest.mark.slow

MODEL = "ollama-model"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 400
PICTURE = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
# Twelve megabytes of base64: real agents send them.
LARGE = f"data:image/png;base64,{base64.b64encode(PNG * 90).decode()}"


class Pictures(http.server.BaseHTTPRequestHandler):
    """`/a.png` is a picture, `/notes.txt` a text, `/away` a redirect into the cloud's metadata."""

    asked: ClassVar[list[tuple[str, dict[str, str]]]] = []

    def do_GET(self) -> None:
        self.asked.append((self.path, dict(self.headers.items())))
        kind, body = {"/a.png": ("image/png", PNG), "/notes.txt": ("text/plain", b"Notes.")}.get(self.path, ("", b""))
        self.send_response(200 if body else 302)
        if not body:
            self.send_header("location", "http://169.254.169.254/latest/meta-data/")
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Quietly."""


@dataclass
class World:
    """A gateway before an Ollama that takes no URL, and a server with pictures on loopback."""

    gateway: Gateway
    ollama: FakeServer
    pictures: str

    @property
    def sent(self) -> list[Any]:
        """The parts that Ollama was sent last."""
        parts: list[Any] = self.ollama.stage.received[-1].json["messages"][-1]["content"]
        return parts


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    ollama = FakeServer(speaks=frozenset({"chat", "models"}), models=[MODEL])
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pictures)
    thread = threading.Thread(target=server.serve_forever, name="pictures", daemon=True)
    thread.start()
    url = f"http://localhost:{server.server_port}"
    folder: Path = tmp_path_factory.mktemp("pictures")
    try:
        with (
            running({"ollama": ollama}),
            running_gateway(
                folder,
                OLLAMA_BASE_URL=ollama.base_url,
                TRUNKLINE_FETCH_HOSTS=f"localhost:{server.server_port}",
            ) as gateway,
        ):
            yield World(gateway, ollama, url)
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def openai(world: World) -> AsyncOpenAI:
    return AsyncOpenAI(base_url=world.gateway.base_url, api_key=KEY, max_retries=0, timeout=30)


def see(url: str) -> Any:
    return [{"role": "user", "content": [{"type": "input_image", "image_url": url, "detail": "auto"}]}]


async def test_t87_a_responses_caller(world: World) -> None:
    """T-87: from the allowed host, without a header of ours or the caller's."""
    async with openai(world) as client:
        response = await client.responses.create(model=MODEL, input=see(f"{world.pictures}/a.png"))
    assert response.status == "completed"
    assert [part["image_url"]["url"] for part in world.sent] == [PICTURE]
    path, headers = Pictures.asked[-1]
    assert path == "/a.png"
    assert {name.lower() for name in headers} == {"host", "user-agent", "accept", "accept-encoding", "connection"}


async def test_a_chat_caller(world: World) -> None:
    """Whose body is passed on but for the URL; streamed."""
    async with openai(world) as client:
        part: Any = {"type": "image_url", "image_url": {"url": f"{world.pictures}/a.png"}}
        stream = await client.chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": [part]}], stream=True
        )
        text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices])
    assert text
    assert [part["image_url"]["url"] for part in world.sent] == [PICTURE]


async def test_a_messages_caller(world: World) -> None:
    """With a picture and a text file, which is told as text since Ollama takes no files."""
    content: Any = [
        {"type": "image", "source": {"type": "url", "url": f"{world.pictures}/a.png"}},
        {"type": "document", "source": {"type": "url", "url": f"{world.pictures}/notes.txt"}},
    ]
    async with AsyncAnthropic(base_url=world.gateway.url, api_key=KEY, max_retries=0, timeout=30) as client:
        reply = await client.messages.with_raw_response.create(
            model=MODEL, max_tokens=50, messages=[{"role": "user", "content": content}]
        )
    assert reply.headers["x-trunkline-emulated"] == "messages[0].content[1]"
    assert world.sent[0]["image_url"]["url"] == PICTURE
    assert world.sent[1] == {"type": "text", "text": '<file name="notes.txt">\nNotes.\n</file>'}


@pytest.mark.parametrize(
    ("url", "why"),
    [
        # This server, but under a name that nobody listed.
        ("http://127.0.0.1:{port}/a.png", "no public address"),
        ("http://[::ffff:127.0.0.1]:{port}/a.png", "no public address"),
        # The gateway itself, under the listed name.
        ("http://localhost:{gateway}/health", "no public address"),
        ("http://localhost:{port}/away", "no public address"),
        ("http://169.254.169.254/latest/meta-data/", "no public address"),
        ("http://localhost:{port}/notes.txt", "is of type `text/plain`"),
        ("data:image/svg+xml;base64,PHN2Zz4=", "SVG"),
        ("data:image/png,AAAA", "is not base64"),
    ],
)
async def test_what_is_refused(world: World, url: str, why: str) -> None:
    """By the part's own name, and without a word to the provider."""
    count = len(world.ollama.stage.received)
    url = url.format(port=world.pictures.rpartition(":")[2], gateway=world.gateway.port)
    async with openai(world) as client:
        with pytest.raises(BadRequestError, match=why) as raised:
            await client.responses.create(model=MODEL, input=see(url))
    assert raised.value.param == "input[0].content[0].image_url"
    assert len(world.ollama.stage.received) == count


async def test_fr26_a_large_picture(world: World) -> None:
    """FR-26: twelve megabytes arrive whole."""
    async with openai(world) as client:
        await client.responses.create(model=MODEL, input=see(LARGE))
    assert world.sent[0]["image_url"]["url"] == LARGE
