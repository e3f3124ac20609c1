"""The command line as processes: a gateway that starts, prints what works, and ends; and the demo."""

import asyncio
import json
import os
import re
import signal
import stat
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from trunkline.upstream.fake.server import FakeServer

pytestmark = pytest.mark.slow


@asynccontextmanager
async def running(folder: Path, *words: str, **variables: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """`trunkline …` in a folder of its own, killed at the end if it still runs."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "trunkline",
        *words,
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), **variables},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def read_until(process: asyncio.subprocess.Process, word: str) -> str:
    """What the process prints, up to the line that holds a word."""
    said = ""
    assert process.stdout is not None
    async with asyncio.timeout(30):
        while word not in said:
            line = await process.stdout.readline()
            assert line, said
            said += line.decode()
    return said


async def call(url: str, key: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
    """One request over a plain connection."""
    host, port, base = re.fullmatch(r"http://([^:]+):(\d+)(.*)/v1", url).groups()
    reader, writer = await asyncio.open_connection(host, int(port))
    method = "POST" if body else "GET"
    writer.write(
        f"{method} {base}/v1{path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {key}\r\nconnection: close\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n".encode()
        + body
    )
    async with asyncio.timeout(20):
        head, _, content = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    await writer.wait_closed()
    return int(head.split()[1]), content


async def test_serve_generates_a_key(tmp_path: Path) -> None:
    """`serve` without a key prints one, once, that opens the door; at SIGTERM it goes."""
    async with FakeServer() as fake:
        variables = {"SCRIPTED_BASE_URL": fake.base_url, "PORT": "0", "TRUNKLINE_HOST": "127.0.0.1"}
        async with running(tmp_path, "serve", "--json", **variables) as process:
            started = json.loads(await read_until(process, "}"))
            assert (await call(started["url"], started["generated_key"], "/models"))[0] == 200
            assert (await call(started["url"], "sk-wrong", "/models"))[0] == 401
            process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(10):
                await process.communicate()
            assert process.returncode == -signal.SIGTERM
        async with running(tmp_path, "serve", "--json", **variables) as process:
            again = json.loads(await read_until(process, "}"))
            assert again["generated_key"] is None
            assert (await call(again["url"], started["generated_key"], "/models"))[0] == 200


async def test_dev(tmp_path: Path) -> None:
    """`serve --dev` prints lines that work as they are, and keeps its key in `.env`."""
    async with FakeServer() as fake:
        variables = {"SCRIPTED_BASE_URL": fake.base_url, "SCRIPTED_MODELS": "scripted-model", "PORT": "0"}
        async with running(tmp_path, "serve", "--dev", **variables) as process:
            said = await read_until(process, "OPENAI_MODEL=")
            exported = dict(re.findall(r"export (\w+)=(\S+)", said))
            assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600
            assert f"TRUNKLINE_MASTER_KEY={exported['OPENAI_API_KEY']}\n" == (tmp_path / ".env").read_text()
            body = json.dumps({"model": exported["OPENAI_MODEL"], "input": "Reply with exactly ok."}).encode()
            url = exported["OPENAI_BASE_URL"].replace("localhost", "127.0.0.1")
            status, content = await call(url, exported["OPENAI_API_KEY"], "/responses", body)
            assert status == 200
            assert b'"ok"' in content


async def test_no_auth(tmp_path: Path) -> None:
    """`--no-auth` asks nobody for a key."""
    async with FakeServer() as fake:
        variables = {"SCRIPTED_BASE_URL": fake.base_url, "PORT": "0", "TRUNKLINE_HOST": "127.0.0.1"}
        async with running(tmp_path, "serve", "--json", "--no-auth", **variables) as process:
            started = json.loads(await read_until(process, "}"))
            assert (await call(started["url"], "whatever", "/models"))[0] == 200


async def test_demo(tmp_path: Path) -> None:
    """The demo's agent calls its tool through the gateway, and says what it took."""
    async with (
        FakeServer() as fake,
        running(tmp_path, "demo", "--model", "scripted-model", "--json", SCRIPTED_BASE_URL=fake.base_url) as process,
    ):
        async with asyncio.timeout(40):
            out, error = await process.communicate()
        assert process.returncode == 0, error.decode()
        report = json.loads(out)
        assert len(report["tool_calls"]) == 1
        assert len(report["requests"]) == 2
        assert all(request["outcome"] == "ok" and request["output_tokens"] > 0 for request in report["requests"])
        assert "scripted/scripted-model" in report["requests"][0]["route"]


async def test_administrators_on_their_own_port(tmp_path: Path) -> None:
    """What a call used is found there by the time that its caller has the reply, and there alone it is administered."""
    async with FakeServer() as fake:
        variables = {"SCRIPTED_BASE_URL": fake.base_url, "PORT": "0", "TRUNKLINE_HOST": "127.0.0.1"}
        admins = {"TRUNKLINE_ADMIN_PORT": "0", "TRUNKLINE_ADMIN_HOST": "127.0.0.1"}
        async with running(tmp_path, "serve", "--json", **variables, **admins) as process:
            started = json.loads(await read_until(process, "}"))
            url, admin, key = started["url"], started["admin_url"], started["generated_key"]
            body = json.dumps({"model": "scripted-model", "input": "Hi", "stream": True}).encode()
            status, _ = await call(url, key, "/responses", body)
            assert status == 200
            used = json.loads((await call(url, key, "/usage"))[1])["data"]
            assert [each["model"] for each in used] == ["scripted-model"]
            assert (await call(url, key, "/../admin/v1/usage"))[0] in (400, 404)
            assert (await call(admin, key, "/models"))[0] == 404
            for place, found in ((url, 404), (admin, 200)):
                assert (await call(place.replace("/v1", "/admin/v1"), key, "/acts"))[0] == found
            typed = ("usage", "show", used[0]["id"], "--url", admin, "--key", key, "--json")
            async with running(tmp_path, *typed) as shown:
                out, error = await shown.communicate()
                assert shown.returncode == 0, error.decode()
                assert json.loads(out)["attempts"][0]["provider"] == "scripted"
            typed = ("store", "erase", "/", "--url", admin, "--key", key, "--json")
            async with running(tmp_path, *typed) as erased:
                out, error = await erased.communicate()
                assert erased.returncode == 0, error.decode()
            async with running(tmp_path, "audit", "verify", "--json") as verified:
                checked = json.loads((await verified.communicate())[0])
                assert (checked["sound"], checked["entries"]) == (True, 1)
            async with running(tmp_path, "audit", "live", "--url", admin, "--key", key) as live:
                reading = asyncio.create_task(read_until(live, "/v1/models"))
                # It takes its time to come, and is told what happens from then on.
                while not reading.done():
                    await call(url, key, "/models")
                    await asyncio.wait({reading}, timeout=0.5)
                assert "GET /v1/models" in reading.result()
                process.send_signal(signal.SIGTERM)
                async with asyncio.timeout(10):
                    await process.communicate()
