"""A stranger's walk through the pages on what is kept: every program and command of theirs, word for word."""

import contextlib
import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import OpenAI

from postgresql_server import running_postgresql
from real_gateway import (
    KEY,
    ROOT,
    TRUNKLINE,
    UPSTREAM_KEY,
    Gateway,
    plain_environment,
    running,
    running_gateway,
    upstream_environment,
)
from trunkline.upstream.fake.server import FakeServer

pytestmark = pytest.mark.slow

SECRET = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA"
MODELS = {
    "messages": ({"messages", "count_tokens", "models"}, ("claude-sonnet-5",)),
    "responses": ({"responses", "responses:count", "chat", "models"}, ("gpt-5-mini", "gpt-5")),
}


def blocks(page: str, language: str) -> list[str]:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def fakes() -> Iterator[Mapping[str, FakeServer]]:
    fakes = {
        kind: FakeServer({}, key=UPSTREAM_KEY, speaks=frozenset(speaks), models=models)
        for kind, (speaks, models) in MODELS.items()
    }
    with running(fakes):
        yield fakes


@pytest.fixture(scope="module")
def postgresql_url() -> Iterator[str]:
    with running_postgresql() as server:
        yield str(server.get_uri("postgres"))


@pytest.fixture(params=["sqlite", "postgresql", "sealed"])
def settings(request: pytest.FixtureRequest, fakes: Mapping[str, FakeServer]) -> dict[str, str]:
    """The variables of each kind of store that the pages tell of."""
    kept = {**upstream_environment(fakes), "TRUNKLINE_SECRET": SECRET}
    if request.param == "postgresql":
        kept["TRUNKLINE_DATABASE_URL"] = request.getfixturevalue("postgresql_url")
    if request.param == "sealed":
        kept["TRUNKLINE_STORE_ENCRYPT"] = "true"
    return kept


def connect(gateway: Gateway) -> OpenAI:
    return OpenAI(base_url=gateway.base_url, api_key=KEY, timeout=20)


def type_all(script: str, folder: Path, settings: Mapping[str, str]) -> str:
    """What a shell says to these lines, each of which must succeed."""
    variables = {"TRUNKLINE_DATA_DIR": str(folder / "data"), "TRUNKLINE_MASTER_KEY": KEY, **settings}
    path = f"{Path(TRUNKLINE).parent}:{plain_environment()['PATH']}"
    typed = subprocess.run(
        ["bash", "-euc", script],
        cwd=folder,
        env=plain_environment() | variables | {"PATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert typed.returncode == 0, typed.stderr
    return typed.stdout


def test_the_pages(tmp_path: Path, settings: dict[str, str]) -> None:
    """On every kind of store: what is made is there, what is typed works, and what is erased is gone."""
    (tmp_path / "report.pdf").write_bytes(b"%PDF-1.4\n%%EOF\n")
    (tmp_path / "caption.yaml").write_text(blocks("prompts.md", "yaml")[0], encoding="utf-8")
    create, others, changing = blocks("prompts.md", "sh")
    # The first command prints the id that those of the last block name.
    (prompt_id,) = type_all(create, tmp_path, settings).split()
    assert prompt_id in type_all(others, tmp_path, settings)
    with running_gateway(tmp_path, **settings) as gateway, connect(gateway) as client:
        made = run_program(blocks("files.md", "python")[0], client, tmp_path)
        (response_id,) = [response.id for response in made["responses"]]
        prompt = json.loads(blocks("prompts.md", "json")[0].replace("pmpt_…", prompt_id).replace('"2"', '"1"'))
        poem = client.responses.create(**prompt)
        assert poem.instructions == "Write a poem in haiku"
        assert client.files.content(made["file"].id).read() == b"%PDF-1.4\n%%EOF\n"
        chained = client.responses.create(model="gpt-5-mini", input="And?", previous_response_id=response_id)
    shown = type_all(f"ID={prompt_id}\n{changing.replace(' --json', ' --json')}", tmp_path, settings)
    assert '"gpt-5"' in shown
    said = type_all(blocks("store.md", "sh")[0], tmp_path, settings)
    assert "/team/alpha" in said or "responses" in said
    with running_gateway(tmp_path, **settings) as gateway, connect(gateway) as client:
        items = client.responses.input_items.list(chained.id).data
        assert [item.type for item in items] == ["message"] * 3
    erased = type_all("trunkline store erase / --json", tmp_path, settings)
    assert json.loads(erased)["erased"]["responses"] == 3
    assert json.loads(erased)["erased"]["files"] == 1
    with running_gateway(tmp_path, **settings) as gateway, connect(gateway) as client:
        for gone in (client.responses.retrieve, client.files.retrieve):
            with pytest.raises(openai.NotFoundError):
                gone(response_id if gone == client.responses.retrieve else made["file"].id)


def run_program(source: str, client: OpenAI, folder: Path) -> dict[str, Any]:
    """Run a program of a page with a client of ours; what it named, and the responses that it made."""
    create, responses = client.responses.create, []

    def keep(**members: Any) -> Any:
        responses.append(create(**members))
        return responses[-1]

    with contextlib.ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        patch.setattr(client.responses, "create", keep)
        named: dict[str, Any] = {
            "client": client,
            "open": lambda name, mode: stack.enter_context((folder / name).open(mode)),
        }
        exec(source, named)
    return {**named, "responses": responses}


def test_where_nothing_may_be_kept(tmp_path: Path, fakes: Mapping[str, FakeServer]) -> None:
    """Requests go on and say so; what is nothing but kept is refused, and the policy is named."""
    (tmp_path / "trunkline.yaml").write_text('store:\n  paths: {"/**": {store: never}}\n', encoding="utf-8")
    settings = {**upstream_environment(fakes), "TRUNKLINE_SECRET": SECRET}
    with running_gateway(tmp_path, **settings) as gateway, connect(gateway) as client:
        for members in ({}, {"store": True}):
            told = client.responses.with_raw_response.create(model="gpt-5-mini", input="Hi", **members)
            assert told.parse().store is False
            assert told.headers.get("x-trunkline-dropped") == "store"
            with pytest.raises(openai.NotFoundError):
                client.responses.retrieve(told.parse().id)
        with pytest.raises(openai.APIStatusError, match="store: never"):
            client.files.create(file=("a.txt", b"a"), purpose="user_data")
        with pytest.raises(openai.APIStatusError, match="store: never"):
            client.conversations.create()
        with pytest.raises(openai.APIStatusError, match="store: never"):
            client.responses.create(model="gpt-5-mini", input="Hi", background=True)
    assert json.loads(type_all("trunkline store verify --json", tmp_path, settings))["counts"].get("responses") is None
