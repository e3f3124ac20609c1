"""Every provider file is asked the same questions; a new one is asked unbidden."""

import subprocess
import sys
from urllib.parse import urlsplit

import pytest

from trunkline.errors import ConfigError, Garbled, ModelNotFound
from trunkline.providers.account import make_account, read_base_url
from trunkline.providers.directory import load_provider, provider_names
from trunkline.providers.model_rules import ModelRules, read_model_rules
from trunkline.providers.provider import DIALECTS

NAMES = provider_names()
KEY = "sk-test-0123456789abcdef"


def account_of(name: str, **differences: object):
    provider = load_provider(name)
    base_url = None if provider.base_url or provider.address else "http://127.0.0.1:9/v1"
    return make_account(provider, **{"base_url": base_url, "api_key": KEY, **differences})


def test_the_list() -> None:
    """The issue's providers are all there."""
    promised = (
        "openai anthropic groq deepseek xai openrouter mistral together fireworks cerebras zai minimax moonshot "
        "perplexity nvidia huggingface ollama vllm sglang llamacpp lmstudio compatible local scripted"
    )
    assert set(promised.split()) <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_name_is_the_files(name: str) -> None:
    """A provider is called what its file is called."""
    assert load_provider(name).name == name


@pytest.mark.parametrize("name", NAMES)
def test_states_its_facts(name: str) -> None:
    """A provider has a title, a documentation link and a docstring that states its limits."""
    provider = load_provider(name)
    assert provider.title
    assert urlsplit(provider.docs).scheme == "https"
    assert len(sys.modules[f"trunkline.providers.{name}"].__doc__ or "") > 80


@pytest.mark.parametrize("name", NAMES)
def test_dialects_are_known(name: str) -> None:
    """What it speaks are dialects of ours, and only what it speaks can be faithful."""
    provider = load_provider(name)
    assert provider.speaks
    assert set(provider.speaks) <= set(DIALECTS)
    assert len(set(provider.speaks)) == len(provider.speaks)
    assert provider.faithful <= set(provider.speaks)


@pytest.mark.parametrize("name", NAMES)
def test_base_url_is_whole(name: str) -> None:
    """A base URL stays what it is when it is read, and gets its version when it lacks it."""
    provider = load_provider(name)
    if provider.base_url is None:
        return
    account = make_account(provider, api_key=KEY)
    assert account.base_url == provider.base_url
    origin = account.origin
    assert origin.scheme == "https" or origin.host == "localhost"
    bare = provider.base_url.removesuffix(provider.version)
    assert make_account(provider, api_key=KEY, base_url=bare + "/").base_url == provider.base_url


@pytest.mark.parametrize("name", NAMES)
def test_heads(name: str) -> None:
    """Every dialect and operation it serves has a head that HTTP allows, with our key in it."""
    account = account_of(name)
    provider = account.provider
    for operation in {*provider.speaks, *provider.operations, *({"models"} & provider.paths.keys())}:
        lines = account.head(operation).split(b"\r\n")
        assert lines[-1] == b""
        method, target, version = lines[0].split(b" ")
        assert (method, version) == (b"GET" if operation == "models" else b"POST", b"HTTP/1.1")
        assert target.startswith(b"/")
        names = [line.split(b":")[0] for line in lines[1:-1]]
        assert len(set(names)) == len(names)
        assert all(line == line.strip() and b": " in line for line in lines[1:-1])
        assert b"host" in names
        assert b"content-length" not in names
        assert provider.token or KEY.encode() in account.head(operation)


@pytest.mark.parametrize("name", NAMES)
def test_no_key_no_header(name: str) -> None:
    """Without a key there is no empty credential either."""
    account = account_of(name, api_key="")
    head = account.head(account.speaks[0]).lower()
    assert b"bearer" not in head
    assert b"x-api-key" not in head
    assert b"x-goog-api-key" not in head


@pytest.mark.parametrize("name", NAMES)
def test_caller_headers_are_free(name: str) -> None:
    """What is taken from the caller is in no head already, and holds no credential."""
    account = account_of(name)
    for header in account.provider.caller_headers:
        assert header == header.lower()
        assert header not in (b"authorization", b"x-api-key", b"cookie", b"host")
        assert header + b":" not in account.head(account.speaks[0])


@pytest.mark.parametrize("name", NAMES)
def test_reads_models(name: str) -> None:
    """Its list of models is read by id, strangers in it passed over."""
    provider = load_provider(name)
    read = provider.read_models
    if "gemini" in provider.speaks:
        assert read(b'{"models":[{"name":"models/a"},{"id":"b"},7,{"name":""}],"nextPageToken":"x"}') == ["a"]
        return
    if "cohere" in provider.speaks:
        assert read(b'{"models":[{"name":"a","endpoints":["chat"]},{"id":"b"},7,{"name":""}]}') == ["a"]
        return
    if "bedrock" in provider.speaks:
        assert read(b'{"modelSummaries":[{"modelId":"a","modelName":"A"},{"id":"b"},7,{"modelId":""}]}') == ["a"]
        assert read(b'{"inferenceProfileSummaries":[{"inferenceProfileId":"us.a"}],"nextToken":"x"}') == ["us.a"]
        return
    assert read(b'{"data":[{"id":"a","owned_by":"x"},{"name":"b"},7,{"id":""}],"object":"list"}') == ["a"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("body", [b"", b"<html>", b'{"data":7}', b"7", b'"\xff"', b"[" * 5000])
def test_garbled_models(name: str, body: bytes) -> None:
    """A list that is none is the provider's fault."""
    with pytest.raises(Garbled):
        load_provider(name).read_models(body)


@pytest.mark.parametrize("name", NAMES)
def test_settings(name: str) -> None:
    """A provider's own setting that becomes a header is in every head when it is set, and in none otherwise."""
    for setting in load_provider(name).settings:
        assert setting.meaning
        if setting.header:
            head = account_of(name, settings={setting.name: "acme"}).head("models")
            assert setting.header + b": acme\r\n" in head
            assert setting.header not in account_of(name).head("models")


def test_settings_in_a_path() -> None:
    """A setting may have its place in the address and in every path; what is not set is as stated."""
    account = account_of("vertex", settings={"project": "my-project", "location": "europe-west4"})
    assert account.base_url == "https://europe-west4-aiplatform.googleapis.com/v1"
    line = account.head("gemini", "gemini-2.5-pro", stream=True).partition(b"\r\n")[0].decode()
    assert line == (
        "POST /v1/projects/my-project/locations/europe-west4/publishers/google/models/gemini-2.5-pro"
        ":streamGenerateContent?alt=sse HTTP/1.1"
    )
    assert account_of("vertex", settings={"project": "p"}).origin.host == "aiplatform.googleapis.com"


@pytest.mark.parametrize("model", ["..", ".", "a/../b", "../a", "a//b", "a/.."])
def test_no_model_leads_up_the_path(model: str) -> None:
    """Its name is the caller's word."""
    account = account_of("gemini")
    with pytest.raises(ModelNotFound, match="relative segment"):
        account.head("gemini", model)
    assert b"/models/a%2F.b%0D%0A%3F:generateContent HTTP/1.1\r\n" in account.head("gemini", "a/.b\r\n?")


def test_nothing_is_loaded_unasked() -> None:
    """Naming the providers imports none of them."""
    program = (
        "import sys; from trunkline.providers.directory import provider_names; names = provider_names();"
        "print([name for name in names if 'trunkline.providers.' + name in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30)
    assert said.stdout.strip() == "[]"


def test_unknown_provider() -> None:
    """What stands beside the providers is none."""
    with pytest.raises(KeyError):
        load_provider("account")


# --- accounts ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "host", "port", "path"),
    [
        ("https://api.example.com", "api.example.com", 443, "/v1"),
        ("https://api.example.com/", "api.example.com", 443, "/v1"),
        ("https://api.example.com/v1/", "api.example.com", 443, "/v1"),
        ("http://[::1]:81/openai", "::1", 81, "/openai/v1"),
        ("https://api.example.com/v1beta", "api.example.com", 443, "/v1beta"),
        ("https://api.example.com/v1/projects/p/openapi", "api.example.com", 443, "/v1/projects/p/openapi"),
        (" https://API.example.com/api/paas/v4 ", "api.example.com", 443, "/api/paas/v4"),
    ],
)
def test_read_base_url(url: str, host: str, port: int, path: str) -> None:
    """A base URL works with or without its version, with or without a slash at its end."""
    origin, read = read_base_url(url)
    assert (origin.host, origin.port, read) == (host, port, path)


@pytest.mark.parametrize(
    "url",
    [
        "plain.example.com",
        "ftp://example.com",
        "https:///v1",
        "https://u:p@example.com",
        "https://e.com?x=1",
        "https://e.com#x",
        "http://e.com:port",
        "https://e.com/a b",
        "https://e.com/\r\nx: y",
    ],
)
def test_bad_base_url(url: str) -> None:
    """What is no base URL is refused without being quoted."""
    with pytest.raises(ConfigError) as caught:
        read_base_url(url)
    assert url not in str(caught.value)


@pytest.mark.parametrize("key", ["two words", "line\nbreak", "schlüssel"])
def test_bad_key(key: str) -> None:
    """A key that cannot stand in a header is refused without being quoted."""
    with pytest.raises(ConfigError) as caught:
        account_of("openai", api_key=key)
    assert key not in str(caught.value)


def test_key_stays_out_of_repr() -> None:
    """Neither the key nor a head that holds it is shown."""
    assert KEY not in repr(account_of("openai"))


@pytest.mark.parametrize("text", [f"bad key {KEY}", f"bad key {KEY[:12]}****cdef.", f"{KEY}{KEY}"])
def test_redact(text: str) -> None:
    """Our key is taken out of a provider's message, whole or starred out."""
    redacted = account_of("openai").redact(text)
    assert KEY[:8] not in redacted
    assert "[redacted]" in redacted


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("x", "max exceeded"),
        ("ollama", "ollama cannot find ollama-model"),
        ("sk-code", "sk-code"),
        ("server_error", "server_error"),
        ("invalid_key_0123456789", "invalid_request_error at invalid_id"),
        ("token1", "token10 and a-token1"),
        (KEY, "no such model"),
    ],
)
def test_redact_leaves_the_rest(key: str, text: str) -> None:
    """Nothing is taken out for a placeholder, nor a word that begins as a key does."""
    assert account_of("openai", api_key=key).redact(text) == text


@pytest.mark.parametrize("key", ["token-abc123", "hunter2", "AKIDEXAMPLE"])
def test_redact_short(key: str) -> None:
    """A key that somebody made up for a server of their own is one, too."""
    assert account_of("vllm", api_key=key).redact(f'"{key}" is wrong: {key}.') == '"[redacted]" is wrong: [redacted].'


def test_version_setting() -> None:
    """An endpoint without a version in its path can be told so."""
    account = account_of("compatible", base_url="https://e.com/inference", settings={"version": "none"})
    assert account.base_url == "https://e.com/inference"


@pytest.mark.parametrize(
    ("text", "listed", "served"),
    [
        ("", ["a", "b"], {"a", "b"}),
        ("x, y", ["a"], {"a", "x", "y"}),
        ("only:x", ["a"], {"x"}),
        ("only:gpt-*,x", ["gpt-5", "tts"], {"gpt-5", "x"}),
        ("gpt-*", ["gpt-5", "tts"], {"gpt-5"}),
    ],
)
def test_model_rules(text: str, listed: list[str], served: set[str]) -> None:
    """Names are added, `only:` replaces, a star filters."""
    assert read_model_rules(text).apply(listed) == served


def test_rules_that_need_no_list() -> None:
    """The provider is not asked when all its models are named."""
    assert not read_model_rules("only:x").needs_list
    assert read_model_rules("only:x*").needs_list
    assert not ModelRules().names_models
