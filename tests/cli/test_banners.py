"""What is printed at a start: an address, a key, and lines to paste."""

import stat
from argparse import Namespace
from pathlib import Path

import pytest

from trunkline.cli.demo import make_report, write_report
from trunkline.cli.serve import write_start, write_url, write_welcome
from trunkline.cli.setup import ensure_key, example_model, fall_back, load
from trunkline.config.config import Config
from trunkline.config.load import load_config
from trunkline.config.sources import Environment

KEY = "sk-openai-0123456789"


def configured(**variables: str) -> Config:
    return load_config(Environment({"HOME": "/", **variables}))


def test_welcome_with_a_provider() -> None:
    """A newcomer finds a curl of Responses with a bare name, and three lines for an Agents SDK program."""
    text = write_welcome(
        configured(OPENAI_API_KEY=KEY, TRUNKLINE_MASTER_KEY="sk-mine-0001"), "http://localhost:8080/v1"
    )
    assert "curl http://localhost:8080/v1/responses" in text
    assert '"model": "gpt-5-mini"' in text
    assert "export OPENAI_BASE_URL=http://localhost:8080/v1" in text
    assert "export OPENAI_API_KEY=sk-mine-0001" in text
    assert "export OPENAI_MODEL=gpt-5-mini" in text
    assert KEY not in text


def test_welcome_with_the_embedded_model() -> None:
    """Without a provider the embedded model is named, by its bare name."""
    text = write_welcome(fall_back(configured()), "http://localhost:8080/v1")
    assert "export OPENAI_MODEL=smollm2-135m" in text
    assert "No provider's key was found" in text


def test_welcome_without_a_known_model() -> None:
    """Where no name can be told, it says how to get one."""
    text = write_welcome(configured(OLLAMA_BASE_URL="http://localhost:11434"), "http://localhost:8080/v1")
    assert "curl http://localhost:8080/v1/models" in text


def test_fall_back_keeps_aliases() -> None:
    """An alias of the operator's own wins over the one that is put there."""
    assert fall_back(configured()).aliases == {"gpt-*": "local/smollm2-135m"}
    own = configured(TRUNKLINE_ALIASES="gpt-*=local/other")
    assert fall_back(own).aliases == {"gpt-*": "local/other"}


@pytest.mark.parametrize(
    ("variables", "model"),
    [
        ({"OPENAI_API_KEY": KEY}, "gpt-5-mini"),
        ({"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": "https://proxy.example"}, None),
        ({"OPENAI_API_KEY": KEY, "OPENAI_MODELS": "b,a"}, "a"),
        ({"VLLM_BASE_URL": "http://h:1", "TRUNKLINE_ALIASES": "fast=vllm/x"}, "fast"),
        ({"TOGETHER_API_KEY": KEY}, None),
    ],
)
def test_example_model(variables: dict[str, str], model: str | None) -> None:
    """A name to paste is one that works."""
    assert example_model(configured(**variables)) == model


def test_start() -> None:
    """A generated key is shown once, an open door is said."""
    config = configured(OPENAI_API_KEY=KEY)
    assert "sk-new" in write_start(config, "http://localhost:8080/v1", "sk-new")
    assert "not shown again" not in write_start(config, "http://localhost:8080/v1", None)
    opened = load_config(Environment({"HOME": "/", "OPENAI_API_KEY": KEY}), auth=False)
    assert "Nobody is asked for a key." in write_start(opened, "http://localhost:8080/v1", None)


@pytest.mark.parametrize(
    ("host", "base_path", "url"),
    [
        ("localhost", "/", "http://localhost:1/v1"),
        ("0.0.0.0", "/ai/", "http://localhost:1/ai/v1"),
        ("::1", "/", "http://[::1]:1/v1"),
    ],
)
def test_url(host: str, base_path: str, url: str) -> None:
    """The address is one that a client can use."""
    assert write_url(configured(BASE_PATH=base_path), host, 1) == url


def test_ensure_key(tmp_path: Path) -> None:
    """A key that has to be made is kept in `.env`, for its owner alone, and not made again."""
    path = tmp_path / ".env"
    path.write_text("OPENAI_API_KEY=x\n")
    config = ensure_key(configured(), path)
    assert config.master_key is not None
    assert path.read_text() == f"OPENAI_API_KEY=x\nTRUNKLINE_MASTER_KEY={config.master_key}\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert ensure_key(config, path) is config


def test_dev_reads_what_it_wrote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second start of `--dev` uses the first one's key, and keeps its data in the checkout."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TRUNKLINE_DATA_DIR", raising=False)
    monkeypatch.delenv("TRUNKLINE_MASTER_KEY", raising=False)
    options = Namespace(command="serve", config=None, env_file=None, dev=True, local=False, no_auth=False)
    first = ensure_key(load(options, falls_back=True), Path(".env"))
    second = load(options, falls_back=True)
    assert second.master_key == first.master_key
    assert second.data_dir == Path(".trunkline")


def test_demo_report() -> None:
    """A tool that was not called is said."""
    assert "the tool was not called" in write_report(make_report("m", "an answer", [], []))
