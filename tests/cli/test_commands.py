"""The commands, typed: what they say, where they say it, and how they end."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from trunkline.cli.main import main

KEY = "sk-openai-0123456789"

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Types a command in an empty folder with these variables alone; gives status, output and errors."""
    for name in list(os.environ):
        if name not in ("PATH", "LANG"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))

    def typed(*words: str, **variables: str) -> tuple[int, str, str]:
        with monkeypatch.context() as patch:
            for name, value in variables.items():
                patch.setenv(name, value)
            status = main(words)
        said = capsys.readouterr()
        return status, said.out, said.err

    return typed


@pytest.mark.parametrize("words", [("--help",), ("serve", "--help"), ("check", "--help"), ("demo", "--help")])
def test_help(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    """Every command says what it does."""
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 0
    assert "trunkline" in capsys.readouterr().out


def test_unknown_command(capsys: pytest.CaptureFixture[str]) -> None:
    """What is no command ends with 2 and the names of those that are."""
    with pytest.raises(SystemExit) as ended:
        main(["srve"])
    assert ended.value.code == 2
    assert "serve" in capsys.readouterr().err


@pytest.mark.parametrize("words", [("serve",), ("explain", "x")])
def test_no_provider(run: Run, words: tuple[str, ...]) -> None:
    """Without any provider nothing starts; one line says what to set."""
    status, out, error = run(*words)
    assert (status, out) == (2, "")
    assert error.count("\n") == 1
    assert "OPENAI_API_KEY" in error
    assert "--local" in error


def test_wrong_setting(run: Run) -> None:
    """A wrong setting is one line on standard error, and status 2."""
    status, out, error = run("serve", OPENAI_API_KEY=KEY, PORT="http")
    assert (status, out) == (2, "")
    assert error == "trunkline: `PORT` (the environment) should be a port number like 8080\n"


def test_flag_is_named(run: Run) -> None:
    """A wrong flag is called by its own name."""
    assert "`--port`" in run("serve", "--port", "x", OPENAI_API_KEY=KEY)[2]


def test_no_auth_beyond_this_machine(run: Run) -> None:
    """Nobody but this machine is served without a key."""
    status, _, error = run("serve", "--no-auth", "--host", "0.0.0.0", OPENAI_API_KEY=KEY)
    assert status == 2
    assert "--no-auth" in error


def test_own_listener(run: Run) -> None:
    """A client's base URL, left over in the shell, is refused by name."""
    status, _, error = run("serve", OPENAI_API_KEY=KEY, OPENAI_BASE_URL="http://localhost:8080/v1")
    assert status == 2
    assert "`OPENAI_BASE_URL`" in error


def test_administration_from_a_clients_shell(run: Run) -> None:
    """What clients are told to export does not keep their shell from asking what was used."""
    status, out, error = run("usage", "summary", OPENAI_API_KEY=KEY, OPENAI_BASE_URL="http://localhost:8080/v1")
    assert (status, error) == (0, "")
    assert "requests" in out


# --- check ------------------------------------------------------------------------------------------------------


def test_check(run: Run) -> None:
    """What would be served, where settings came from, what is ignored; and no secret."""
    status, out, error = run("check", OPENAI_API_KEY=KEY, AZURE_API_KEY="azure-key", TRUNKLINE_ALIASES="fast=openai/x")
    assert (status, error) == (0, "")
    assert "openai at https://api.openai.com/v1" in out
    assert "fast → openai/x" in out
    assert "OPENAI_API_KEY = (set)  (the environment)" in out
    assert "AZURE_BASE_URL is not, so Azure OpenAI is not served" in out
    assert KEY not in out
    assert "azure-key" not in out


def test_check_json(run: Run) -> None:
    """The same for a program."""
    report = json.loads(run("check", "--json", OPENAI_API_KEY=KEY)[1])
    assert [served["name"] for served in report["serves"]] == ["openai"]
    assert report["settings"] == [{"name": "OPENAI_API_KEY", "value": "(set)", "source": "the environment"}]


def test_check_nothing(run: Run) -> None:
    """Nothing to serve is a configuration that cannot be served."""
    status, out, error = run("check")
    assert status == 2
    assert "serves nothing" in out
    assert "no provider is configured" in error


def test_check_file(run: Run, tmp_path: Path) -> None:
    """The file in this folder is read, or the one that is named."""
    (tmp_path / "trunkline.yaml").write_text("server: {port: 9000}\n")
    (tmp_path / "other.yaml").write_text("server: {prot: 9000}\n")
    assert "server.port = 9000  (trunkline.yaml, line 1)" in run("check", OPENAI_API_KEY=KEY)[1]
    assert "other.yaml, line 1: `server.prot`" in run("check", "--config", "other.yaml", OPENAI_API_KEY=KEY)[2]
    assert "`--config`" in run("check", "--config", "none.yaml")[2]


def test_check_env_file(run: Run, tmp_path: Path) -> None:
    """Keys may stand in a file that is named; one that lies about is not read unasked."""
    (tmp_path / ".env").write_text(f"OPENAI_API_KEY={KEY}\n")
    assert run("check")[0] == 2
    assert "OPENAI_API_KEY = (set)  (.env)" in run("check", "--env-file", ".env")[1]
    assert "there is no file" in run("check", "--env-file", "other.env")[2]


def test_check_unverified_certificate(run: Run) -> None:
    """A provider whose certificate nobody checks is pointed out."""
    assert "NOT verified" in run("check", OPENAI_API_KEY=KEY, OPENAI_TLS_VERIFY="false")[1]


# --- explain ----------------------------------------------------------------------------------------------------

LISTED = {
    "OPENAI_API_KEY": KEY,
    "OPENAI_MODELS": "only:gpt-a,shared",
    "GROQ_API_KEY": KEY,
    "GROQ_MODELS": "only:shared",
}


def test_explain(run: Run) -> None:
    """Where a name leads, by which ways, why, and who else would have it."""
    status, out, _ = run("explain", "shared", **LISTED)
    assert status == 0
    assert "`shared` leads to openai/shared: `openai` lists it." in out
    assert "tee openai/shared" in out
    assert "translate messages>responses openai/shared" in out
    assert "groq/shared" in out


def test_explain_json(run: Run) -> None:
    """The same for a program."""
    report = json.loads(run("explain", "groq/shared", "--json", **LISTED)[1])
    assert report["targets"][0]["target"] == "groq/shared"
    assert report["targets"][0]["ways"]["chat"] == "patch groq/shared"
    assert report["targets"][0]["price"] is None


def test_explain_says_the_price(run: Run) -> None:
    """What a model costs, and who says so."""
    only = {"OPENAI_API_KEY": KEY, "OPENAI_MODELS": "only:gpt-5-mini"}
    out = run("explain", "gpt-5-mini", **only)[1]
    assert "$0.25 in, $0.025 cached, $2 out for a million tokens, as published" in out
    price = json.loads(run("explain", "gpt-5-mini", "--json", **only)[1])["targets"][0]["price"]
    assert (price["source"], price["code_session"], price["flex"]["input"]) == ("published", "0.03", "0.125")


def test_explain_nothing(run: Run) -> None:
    """A name that leads nowhere says which are near, and ends with 1."""
    status, out, error = run("explain", "gpt-b", **LISTED)
    assert (status, out) == (1, "")
    assert "`gpt-a`" in error


def test_explain_local(run: Run) -> None:
    """The embedded model is explained without being started."""
    out = run("explain", "smollm2-135m", "--local")[1]
    assert "local/smollm2-135m" in out
    assert "nothing to pay" in out
