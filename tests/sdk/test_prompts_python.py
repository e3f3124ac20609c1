"""openai-python and prompts of the gateway, made on the command line, on every kind of upstream."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import OpenAI

from real_gateway import KEY, Gateway, gateway_before_fakes, model_of
from trunkline.cli.main import main

pytestmark = pytest.mark.slow

PIXEL = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
PDF = "data:application/pdf;base64,JVBERi0xLjEKJSVFT0YK"

PROMPT = """\
model: {model}
instructions: Write in {{{{style}}}}.
input:
  - role: user
    content: "Look: {{{{picture}}}} What is it?"
  - role: assistant
    content: I have seen it.
variables:
  style: {{default: prose}}
"""


@pytest.fixture
def client(gateway: Gateway) -> Iterator[OpenAI]:
    with OpenAI(base_url=gateway.base_url, api_key=KEY, max_retries=0) as client:
        yield client


@pytest.fixture
def prompt_id(gateway: Gateway, kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """A prompt with a variable in its instructions and one in its first message."""
    (tmp_path / "prompt.yaml").write_text(PROMPT.format(model=model_of(kind)), encoding="utf-8")
    words = ["create", "--name", "look", "--file", str(tmp_path / "prompt.yaml")]
    assert main(["prompts", *words, "--url", gateway.base_url, "--key", KEY]) == 0
    return capsys.readouterr().out.strip()


def received(gateway: Gateway, kind: str) -> str:
    return gateway.fakes[kind].stage.received[-1].body.decode()


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(
    ("picture", "sent"),
    [
        ("a cat", "Look: a cat What is it?"),
        ({"type": "input_image", "image_url": PIXEL, "detail": "auto"}, PIXEL.partition(",")[2]),
        ({"type": "input_file", "file_data": PDF, "filename": "cat.pdf"}, PDF.partition(",")[2]),
    ],
    ids=["text", "image", "file"],
)
def test_variables_reach_the_model(
    gateway: Gateway, kind: str, client: OpenAI, prompt_id: str, picture: Any, sent: str, streamed: bool
) -> None:
    """In their places; the response says which prompt it was."""
    prompt: Any = {"id": prompt_id, "version": "1", "variables": {"picture": picture}}
    if streamed:
        events = list(client.responses.create(prompt=prompt, input="Answer.", stream=True))
        assert events[0].type == "response.created"
        assert events[0].response.prompt is not None
        assert events[-1].type == "response.completed"
        response: Any = events[-1].response
    else:
        response = client.responses.create(prompt=prompt, input="Answer.")
    assert response.prompt.id == prompt_id
    assert response.instructions == "Write in prose."
    assert response.output_text == "ok, you said: Answer. (turn 2)"
    body = received(gateway, kind)
    assert sent in body
    assert body.index("What is it?") < body.index("Answer.")
    assert prompt_id not in body
    kept = client.responses.retrieve(response.id)
    assert kept.prompt is not None
    assert kept.prompt.id == prompt_id


def test_a_chain_names_its_prompt_in_each_turn(gateway: Gateway, kind: str, client: OpenAI, prompt_id: str) -> None:
    """Its messages stand before the conversation, once."""
    prompt: Any = {"id": prompt_id, "variables": {"picture": "a cat"}}
    first = client.responses.create(prompt=prompt, input="One")
    second = client.responses.create(prompt=prompt, input="Two", previous_response_id=first.id)
    assert second.output_text == "ok, you said: Two (turn 3)"
    body = received(gateway, kind)
    assert body.count("What is it?") == 1
    assert body.index("What is it?") < body.index("One") < body.index("Two")


def test_a_run_in_the_background_has_a_prompt(kind: str, client: OpenAI, prompt_id: str) -> None:
    """Found out before anybody waits for it."""
    response = client.responses.create(
        prompt={"id": prompt_id, "variables": {"picture": "a cat"}}, input="One", background=True
    )
    while response.status in ("queued", "in_progress"):
        time.sleep(0.02)
        response = client.responses.retrieve(response.id)
    assert response.output_text == "ok, you said: One (turn 2)"
    assert response.prompt is not None
    assert response.prompt.id == prompt_id


def test_what_is_missing_is_said(client: OpenAI, prompt_id: str) -> None:
    """By its name, as the SDK's users see it."""
    with pytest.raises(openai.BadRequestError, match=r"\{\{picture\}\}") as caught:
        client.responses.create(prompt={"id": prompt_id}, input="One")
    assert caught.value.param == "prompt.variables.picture"
    with pytest.raises(openai.BadRequestError, match="has no version '7'"):
        client.responses.create(prompt={"id": prompt_id, "version": "7"}, input="One")


def test_a_prompt_that_is_made_beside_the_gateway_is_known_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command line opens the store that a gateway has open."""
    with gateway_before_fakes(tmp_path) as gateway, OpenAI(base_url=gateway.base_url, api_key=KEY) as client:
        monkeypatch.setenv("TRUNKLINE_DATA_DIR", str(tmp_path / "data"))
        monkeypatch.chdir(tmp_path)
        words = ["--name", "x", "--model", model_of("chat"), "--instructions", "Be brief."]
        assert main(["prompts", "create", *words]) == 0
        response = client.responses.create(prompt={"id": capsys.readouterr().out.strip()}, input="Hi")
        assert response.instructions == "Be brief."
