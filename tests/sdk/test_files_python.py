"""openai-python and its files, uploaded to a gateway process and read back."""

import os
import select
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import OpenAI

from real_gateway import KEY, KINDS, Gateway, model_of, running_gateway

pytestmark = pytest.mark.slow

LIMIT_BYTES = 60_000_000

# A provider that is asked nothing, since a gateway has to have one.
NOBODY = {"OPENAI_API_KEY": "x", "OPENAI_BASE_URL": "http://127.0.0.1:9", "OPENAI_MODELS": "only:m"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keeping")


@pytest.fixture(scope="module")
def keeping(folder: Path) -> Iterator[Gateway]:
    """A gateway without a provider that answers, and with a small limit."""
    with running_gateway(folder, TRUNKLINE_UPLOAD_LIMIT=str(LIMIT_BYTES), **NOBODY) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def client(keeping: Gateway) -> Iterator[OpenAI]:
    with OpenAI(base_url=keeping.base_url, api_key=KEY, max_retries=0) as client:
        yield client


def contents(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "data" / "files").iterdir())


def wait_for(folder: Path, count: int) -> None:
    ends_at = time.monotonic() + 5
    while len(contents(folder)) != count and time.monotonic() < ends_at:
        time.sleep(0.01)
    assert len(contents(folder)) == count


def test_a_files_life(client: OpenAI) -> None:
    """A file is uploaded, listed, found, read and deleted by the client's own methods."""
    file = client.files.create(
        file=("notes.txt", b"Some notes."),
        purpose="user_data",
        expires_after={"anchor": "created_at", "seconds": 3_600},
    )
    assert (file.filename, file.bytes, file.purpose, file.object) == ("notes.txt", 11, "user_data", "file")
    assert file.expires_at == file.created_at + 3_600
    assert file.id in [listed.id for listed in client.files.list(purpose="user_data")]
    assert client.files.retrieve(file.id) == file
    assert client.files.content(file.id).read() == b"Some notes."
    assert client.files.delete(file.id).deleted
    with pytest.raises(openai.NotFoundError, match="No such File object"):
        client.files.retrieve(file.id)


def test_a_list_goes_on(client: OpenAI) -> None:
    """The client pages through a list by itself."""
    made = [client.files.create(file=("a.txt", b"a"), purpose="vision").id for _ in range(5)]
    assert [file.id for file in client.files.list(purpose="vision", limit=2, order="asc")] == made
    for id in made:
        client.files.delete(id)


def test_refused(client: OpenAI) -> None:
    """A purpose that is none is the client's error, with its name."""
    with pytest.raises(openai.BadRequestError) as caught:
        client.files.create(file=("a.txt", b"a"), purpose="fun")  # type: ignore[arg-type]  # what is under test
    assert caught.value.param == "purpose"


def test_memory(client: OpenAI, keeping: Gateway, folder: Path) -> None:
    """A large file costs the gateway little memory, coming and going, and comes back whole."""
    before = peak_bytes(keeping)
    content = os.urandom(1_000_000) * 50
    file = client.files.create(file=("large.bin", content), purpose="user_data")
    assert client.files.content(file.id).read() == content
    assert peak_bytes(keeping) - before < 20_000_000
    client.files.delete(file.id)
    wait_for(folder, 0)


def peak_bytes(gateway: Gateway) -> int:
    """The most memory that the process has had."""
    status = Path(f"/proc/{gateway.process.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1_024


def test_too_large(client: OpenAI, folder: Path) -> None:
    """What is over the limit is refused by its length alone."""
    with pytest.raises(openai.APIStatusError) as caught:
        client.files.create(file=("large.bin", bytes(LIMIT_BYTES + 1)), purpose="user_data")
    assert caught.value.status_code == 413
    assert contents(folder) == []


def test_too_large_without_a_length(keeping: Gateway, folder: Path) -> None:
    """A body that does not say its length is refused when it has grown too large, and not at its end."""
    sent = 0
    with socket.create_connection(("127.0.0.1", keeping.port), timeout=5) as connection:
        connection.sendall(HEAD.replace(b"Content-Length: 1000000", b"Transfer-Encoding: chunked") % KEY.encode())
        connection.sendall(b"%x\r\n%b\r\n" % (len(PART), PART))
        while not select.select([connection], [], [], 0)[0] and sent < 10 * LIMIT_BYTES:
            connection.sendall(b"%x\r\n%b\r\n" % (1_000_000, bytes(1_000_000)))
            sent += 1_000_000
        assert connection.recv(12) == b"HTTP/1.1 413"
    assert sent < 2 * LIMIT_BYTES
    wait_for(folder, 0)


HEAD = (
    b"POST /v1/files HTTP/1.1\r\nHost: here\r\nContent-Length: 1000000\r\n"
    b"Content-Type: multipart/form-data; boundary=b\r\nAuthorization: Bearer %b\r\n\r\n"
)
PART = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'


def _begin(keeping: Gateway, key: str = KEY) -> socket.socket:
    """An upload of which only the beginning has been sent."""
    connection = socket.create_connection(("127.0.0.1", keeping.port), timeout=5)
    connection.sendall(HEAD % key.encode() + PART + bytes(10_000))
    return connection


def test_client_gone(keeping: Gateway, folder: Path) -> None:
    """A client that leaves half-way leaves nothing behind."""
    with _begin(keeping):
        wait_for(folder, 1)
    wait_for(folder, 0)


def test_unknown_key(keeping: Gateway, folder: Path) -> None:
    """Of a caller who is not known nothing is taken."""
    with _begin(keeping, "sk-unknown") as connection:
        assert connection.recv(12) == b"HTTP/1.1 401"
    assert contents(folder) == []


def test_slow_clients(client: OpenAI, keeping: Gateway, folder: Path) -> None:
    """Clients that upload slowly hold up nobody."""
    slow = [_begin(keeping) for _ in range(20)]
    try:
        wait_for(folder, 20)
        started = time.monotonic()
        file = client.files.create(file=("a.txt", b"a"), purpose="user_data")
        assert time.monotonic() - started < 1
        client.files.delete(file.id)
    finally:
        for connection in slow:
            connection.close()
    wait_for(folder, 0)


def test_given_to_a_model(gateway: Gateway, kind: str) -> None:
    """A request may name what was uploaded, whatever kind of provider answers it."""
    with OpenAI(base_url=gateway.base_url, api_key=KEY, max_retries=0) as client:
        file = client.files.create(file=("a.png", b"\x89PNG\r\n\x1a\n a picture"), purpose="user_data")
        question: Any = [
            {"type": "input_text", "text": "What is it?"},
            {"type": "input_image", "file_id": file.id, "detail": "auto"},
        ]
        response = client.responses.create(model=model_of(kind), input=[{"role": "user", "content": question}])
    assert response.status == "completed"


@pytest.mark.parametrize("kind", [kind for kind, (_, speaks) in KINDS.items() if "files" in speaks])
def test_a_large_one_is_given_once(gateway: Gateway, kind: str) -> None:
    """A provider that keeps files has it from the first request on, until it is deleted."""
    content = b"%PDF-1.4\n" + os.urandom(5_000_000)
    with OpenAI(base_url=gateway.base_url, api_key=KEY, max_retries=0) as client:
        file = client.files.create(file=("report.pdf", content), purpose="user_data")
        question: Any = [
            {"type": "input_file", "file_id": file.id},
            {"type": "input_text", "text": "What does it say?"},
        ]
        for _ in range(2):
            client.responses.create(model=model_of(kind), input=[{"role": "user", "content": question}])
        kept = gateway.fakes[kind].stage.files.kept
        assert [copy.data for copy in kept.values()] == [content]
        client.files.delete(file.id)
        assert not kept


def test_after_a_restart(tmp_path: Path) -> None:
    """What was uploaded is there when the gateway comes back."""
    with running_gateway(tmp_path, **NOBODY) as gateway, OpenAI(base_url=gateway.base_url, api_key=KEY) as client:
        file = client.files.create(file=("a.txt", b"Some notes."), purpose="user_data")
    with running_gateway(tmp_path, **NOBODY) as gateway, OpenAI(base_url=gateway.base_url, api_key=KEY) as client:
        assert client.files.content(file.id).read() == b"Some notes."


def test_many_at_once(client: OpenAI, folder: Path) -> None:
    """Files that are uploaded side by side are all there."""
    made: list[str] = []

    def upload(number: int) -> None:
        content = b"%d" % number * 100_000
        file = client.files.create(file=(f"{number}.bin", content), purpose="user_data")
        assert client.files.content(file.id).read() == content
        made.append(file.id)

    threads = [threading.Thread(target=upload, args=(number,)) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert contents(folder) == sorted(made)
    for id in made:
        client.files.delete(id)
