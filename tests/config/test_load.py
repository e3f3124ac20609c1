"""Environment and file → one configuration, or one sentence that says what to type instead."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from trunkline.config.config import Config
from trunkline.config.load import find_file, load_config
from trunkline.config.settings import SETTINGS
from trunkline.config.sources import Environment
from trunkline.config.yaml_file import parse_yaml
from trunkline.errors import ConfigError

KEY = "sk-openai-0123456789"
HOME = {"HOME": "/home/ana", "OPENAI_API_KEY": KEY}


def load(variables: Mapping[str, str] | None = None, yaml: str = "", **options: bool) -> Config:
    document = parse_yaml(yaml, "trunkline.yaml") if yaml else None
    return load_config(Environment({**HOME, **(variables or {})}), document, **options)


def refused(variables: Mapping[str, str] | None = None, yaml: str = "", **options: bool) -> str:
    with pytest.raises(ConfigError) as caught:
        load(variables, yaml, **options)
    return str(caught.value)


def names(config: Config) -> list[str]:
    return [account.name for account in config.accounts]


# --- general settings -------------------------------------------------------------------------------------------


def test_zero_configuration() -> None:
    """A provider's key in the environment is enough."""
    config = load()
    assert names(config) == ["openai"]
    assert (config.server.host, config.server.port, config.server.base_path) == ("localhost", 8080, "/")
    assert config.server.body_limit_bytes == 32_000_000
    assert config.master_key is None
    assert config.auth


def test_environment_over_file() -> None:
    """The environment wins over the file, and each setting says where it came from."""
    config = load({"PORT": "81"}, "server: {port: 82, host: 127.0.0.1}\nstrict: true\n")
    assert (config.server.port, config.server.host, config.strict) == (81, "127.0.0.1", True)
    shown = {shown.name: (shown.value, shown.source) for shown in config.shown}
    assert shown["PORT"] == ("81", "the environment")
    assert shown["server.host"] == ("127.0.0.1", "trunkline.yaml, line 1")


def test_env_file_under_environment() -> None:
    """A `.env` file counts, but less than the environment."""
    environment = Environment({**HOME, "PORT": "81"}, {"PORT": "82", "TRUNKLINE_LOG": "json"})
    config = load_config(environment)
    assert (config.server.port, config.log_format) == (81, "json")
    assert {shown.source for shown in config.shown} == {"the environment", ".env"}


def test_flags_over_all() -> None:
    """What the command line says wins."""
    config = load_config(Environment({**HOME, "PORT": "81"}, flags={"PORT": ("--port", "83")}))
    assert config.server.port == 83


def test_empty_is_unset() -> None:
    """A variable without a value is as if it were not there."""
    assert load({"PORT": "", "ANTHROPIC_API_KEY": " "}).server.port == 8080


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("PORT", "http"),
        ("PORT", "70000"),
        ("TRUNKLINE_BODY_LIMIT", "big"),
        ("TRUNKLINE_BODY_LIMIT", "0"),
        ("TRUNKLINE_TRUSTED_PROXIES", "10.0.0.1/8"),
        ("TRUNKLINE_TRUSTED_PROXIES", "proxy.internal"),
        ("TRUNKLINE_DRAIN_SECONDS", "-1"),
        ("TRUNKLINE_DRAIN_SECONDS", "nan"),
        ("TRUNKLINE_LOG", "xml"),
        ("TRUNKLINE_STRICT", "maybe"),
        ("TRUNKLINE_MASTER_KEY", "short"),
        ("TRUNKLINE_MASTER_KEY", "with a space"),
        ("TRUNKLINE_SECRET", "c2hvcnQ"),
        ("TRUNKLINE_SECRET", "!" * 50),
        ("BASE_PATH", "no-slash"),
        ("TRUNKLINE_TLS_CERT", "/nowhere/cert.pem"),
        ("OPENAI_SPEAKS", "chatt"),
        ("OPENAI_FAITHFUL", "all"),
        ("OPENAI_TLS_VERIFY", "perhaps"),
        ("OPENAI_BASE_URL", "api.openai.com"),
    ],
)
def test_wrong_value(name: str, text: str) -> None:
    """A value that cannot be is refused by the variable's name."""
    assert f"`{name}`" in refused({name: text})


@pytest.mark.parametrize(("text", "size"), [("1000", 1000), ("32MB", 32_000_000), ("64 KiB", 65536), ("1.5kb", 1500)])
def test_sizes(text: str, size: int) -> None:
    """Sizes are typed as people say them."""
    assert load({"TRUNKLINE_BODY_LIMIT": text}).server.body_limit_bytes == size


def test_trusted_proxies() -> None:
    """Addresses and networks of both kinds; none unless they are named."""
    assert load({}).server.trusted_proxies == ()
    networks = load({"TRUNKLINE_TRUSTED_PROXIES": "10.0.0.0/8, 127.0.0.1,::1"}).server.trusted_proxies
    assert [str(network) for network in networks] == ["10.0.0.0/8", "127.0.0.1/32", "::1/128"]


def test_tls_needs_both() -> None:
    """A certificate without its key is half a setting."""
    assert "TRUNKLINE_TLS_KEY" in refused({"TRUNKLINE_TLS_CERT": __file__})


def test_data_dir() -> None:
    """Data lives below XDG_DATA_HOME, unless it is told where."""
    assert load({"XDG_DATA_HOME": "/data"}).data_dir == Path("/data/trunkline")
    assert load({"TRUNKLINE_DATA_DIR": "./here"}).data_dir == Path("here")


def test_timeouts_reach_the_accounts() -> None:
    """How long providers may take is the same for all."""
    assert load({"TRUNKLINE_IDLE_SECONDS": "7"}).accounts[0].timeouts.idle == 7


def test_proxies() -> None:
    """Proxy variables are handed on as they are."""
    config = load({"https_proxy": "http://p:1", "NO_PROXY": "x", "ALL_PROXY": ""})
    assert config.proxies == {"https_proxy": "http://p:1", "NO_PROXY": "x"}


def test_no_auth_on_loopback_alone() -> None:
    """Without a key nobody but this machine is served."""
    assert not load(auth=False).auth
    assert "--no-auth" in refused({"TRUNKLINE_HOST": "0.0.0.0"}, auth=False)


def test_no_secret_is_shown() -> None:
    """Neither repr nor what `check` prints holds a secret."""
    secret = "c2VjcmV0" * 6
    config = load({"TRUNKLINE_MASTER_KEY": "sk-master-key-1", "TRUNKLINE_SECRET": secret})
    for text in (repr(config), repr(config.shown), repr(config.accounts)):
        assert KEY not in text
        assert "sk-master-key-1" not in text
        assert secret not in text


# --- what is not known ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("yaml", "said"),
    [
        ("strct: true", "line 1: `strct` is not a setting; did you mean `strict`?"),
        ("server:\n  prot: 1", "line 2: `server.prot` is not a setting; did you mean `port`?"),
        (
            "providers:\n  openai:\n    apikey: env:X",
            "line 3: `providers.openai.apikey` is not a setting; did you mean",
        ),
        ("providers: {opena: {}}", "there is no provider `opena`; did you mean `openai`?"),
        ("providers: {eu: {}}", "an instance of one needs a `type`"),
        ("aliases: {a: {targt: x}}", "`aliases.a.targt` is not a setting; did you mean `target`?"),
        ("aliases: {a: {target: x, emulate: [prose]}}", "line 1: `aliases.a.emulate` should be a list of verbosity"),
        ("aliases: {a: {target: x, cache_points: on}}", "line 1: `aliases.a.cache_points` should be auto or off"),
        ("server: 8080", "`server` should be a mapping"),
        ("server: {port: [1, {a: b}]}", "should be a plain value"),
        ("- a", "should be a mapping"),
        ("strict: true\nstrict: false", "line 2: `strict` is there already, on line 1"),
        ("a: [", "this is not YAML"),
        ("a: &x [*x]", "nested too deeply"),
        ("? [a]\n: b", "a key should be a plain word"),
    ],
)
def test_unknown_in_file(yaml: str, said: str) -> None:
    """What the file says in vain is refused, with its line and the nearest name that is known."""
    assert said in refused(yaml=yaml)


def test_aliases_of_aliases_are_bounded() -> None:
    """Nine lines of aliases would stand for a thousand million values: the start says so, and does not hang."""
    lines = ["a0: &a0 [x]", *(f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10))]
    assert "more than 100000 values" in refused(yaml="\n".join(lines))


def test_unknown_variable() -> None:
    """A mistyped variable is refused with the nearest one."""
    assert "did you mean `TRUNKLINE_BODY_LIMIT`?" in refused({"TRUNKLINE_BODYLIMIT": "1MB"})


def test_kubernetes_variables() -> None:
    """What Kubernetes puts beside a service called trunkline is left alone."""
    config = load(
        {
            "TRUNKLINE_PORT": "tcp://10.0.0.1:80",
            "TRUNKLINE_SERVICE_HOST": "10.0.0.1",
            "TRUNKLINE_PORT_80_TCP_PORT": "80",
        }
    )
    assert config.server == load({}).server


def test_test_variable() -> None:
    """The tests' own variable does not stop a start."""
    assert load({"TRUNKLINE_TEST_DATA": "/x"}).shown == load({}).shown


# --- references -------------------------------------------------------------------------------------------------


def test_references(tmp_path: Path) -> None:
    """A secret may stand in another variable or a file."""
    (tmp_path / "key").write_text("sk-from-a-file\n")
    yaml = f"""
        master_key: env:MINE
        providers:
          openai: {{api_key: "file:{tmp_path}/key"}}
    """
    document = parse_yaml(yaml, "trunkline.yaml")
    config = load_config(Environment({"HOME": "/", "MINE": "sk-from-a-variable"}), document)
    assert config.master_key == "sk-from-a-variable"
    assert config.accounts[0].api_key == "sk-from-a-file"


@pytest.mark.parametrize(
    ("yaml", "said"),
    [
        ("master_key: env:NOT_SET", "`NOT_SET`, which is not set"),
        ("master_key: file:/nowhere/key", "/nowhere/key, which cannot be read"),
        ("master_key: sk-in-the-file", "should not stand in the file"),
        ("providers: {openai: {api_key: sk-in-the-file}}", "should not stand in the file"),
        ("providers: {openai: {api_key: env:OPENAI_API_KEY, base_url: '${WHERE}/v1'}}", "`${WHERE}`"),
    ],
)
def test_bad_references(yaml: str, said: str) -> None:
    """A reference that leads nowhere stops the start, naming it; a secret in the file likewise, without quoting it."""
    document = parse_yaml(yaml, "trunkline.yaml")
    with pytest.raises(ConfigError) as caught:
        load_config(Environment({"HOME": "/"} | ({"OPENAI_API_KEY": KEY} if "WHERE" in yaml else {})), document)
    assert said in str(caught.value)
    assert "sk-in-the-file" not in str(caught.value)


def test_unexpanded_in_environment() -> None:
    """A `${NAME}` that no shell has expanded is no key."""
    assert "`${SECRET_KEY}`" in refused({"OPENAI_API_KEY": "${SECRET_KEY}"})


def test_empty_secret_file(tmp_path: Path) -> None:
    """An empty file is no secret."""
    (tmp_path / "key").write_text("\n")
    assert "is empty" in refused({"OPENAI_API_KEY": f"file:{tmp_path}/key"})


# --- providers --------------------------------------------------------------------------------------------------


def test_order() -> None:
    """The file's order first, then the well-known ones, then the alphabet."""
    variables = {f"{name}_API_KEY": "key-0123456" for name in ("XAI", "ANTHROPIC", "GROQ", "DEEPSEEK", "MISTRAL")}
    config = load(variables, "providers: {xai: {}, mistral: {}}")
    assert names(config) == ["xai", "mistral", "openai", "anthropic", "deepseek", "groq"]


def test_instances() -> None:
    """A second account exists only when its key and its address are both set."""
    both = {"OPENAI_EU_API_KEY": "sk-eu-01234567", "OPENAI_EU_BASE_URL": "https://eu.example"}
    config = load(both)
    assert names(config) == ["openai", "openai-eu"]
    assert config.accounts[1].base_url == "https://eu.example/v1"
    assert config.accounts[1].api_key == "sk-eu-01234567"
    for name, value in both.items():
        assert names(load({name: value})) == ["openai"]


def test_instance_in_file() -> None:
    """An instance in the file is of a type, and the environment wins there too."""
    yaml = "providers: {eu-west: {type: openai, api_key: env:K, base_url: 'https://a.example'}}"
    config = load({"K": "sk-eu-01234567", "EU_WEST_BASE_URL": "https://b.example"}, yaml)
    assert config.accounts[0].name == "eu-west"
    assert config.accounts[0].base_url == "https://b.example/v1"


def test_local_servers_by_address() -> None:
    """A server without keys is configured by its address alone."""
    config = load({"OLLAMA_BASE_URL": "http://localhost:11434", "OLLAMA_MODELS": "/var/lib/ollama"})
    assert names(config) == ["openai", "ollama"]
    assert not config.accounts[1].models.names_models
    assert names(load({"VLLM_API_KEY": "key-0123456"})) == ["openai"]


def test_declared_local_server() -> None:
    """In the file its name is enough, where there is an address to assume."""
    assert names(load(yaml="providers: {ollama: }")) == ["ollama", "openai"]
    assert "has no address" in refused(yaml="providers: {compatible: {}}")


def test_no_key() -> None:
    """An address without a key is named as not served; in the file it is an error."""
    config = load({"GROQ_BASE_URL": "https://groq.example"})
    assert names(config) == ["openai"]
    assert any("GROQ_API_KEY is not" in note for note in config.notes)
    assert "GROQ_API_KEY" in refused(yaml="providers: {groq: {}}")


def test_provider_settings() -> None:
    """What a provider is spoken to in, and which models it has, can be told."""
    config = load({"COMPATIBLE_BASE_URL": "http://host:1", "COMPATIBLE_SPEAKS": "chat, responses"})
    account = config.accounts[-1]
    assert account.speaks == ("chat", "responses")
    account = load({"OPENAI_MODELS": "only:a,b", "OPENAI_FAITHFUL": "none"}).accounts[0]
    assert (account.models.extra, account.models.only, account.faithful) == (frozenset("ab"), True, frozenset())


def test_own_settings() -> None:
    """A setting that a provider declares itself is read by the same rule."""
    account = load({"OPENAI_PROJECT": "proj_1"}).accounts[0]
    assert b"openai-project: proj_1\r\n" in account.head("chat")
    assert "OPENAI_PROJECT" in refused({"OPENAI_PROJECT": "a\nb"})


def test_bad_key_is_not_quoted() -> None:
    """A key with a line break in it is refused without being shown."""
    said = refused({"OPENAI_API_KEY": "sk-one two"})
    assert "`OPENAI_API_KEY`" in said
    assert "sk-one" not in said


def test_embedded_needs_its_switch() -> None:
    """The embedded model is no account of the environment."""
    config = load({"LOCAL_BASE_URL": "http://127.0.0.1:1"}, local=True)
    assert names(config) == ["openai"]
    assert config.local


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:8080/v1",
        "http://127.0.0.1:8080",
        "http://[::1]:8080/v1",
        "http://0.0.0.0:8080/v1",
        "http://LOCALHOST.:8080/v1",
    ],
)
@pytest.mark.parametrize("name", ["OPENAI_BASE_URL", "GROQ_BASE_URL"])
def test_our_own_listener(name: str, url: str) -> None:
    """A base URL that a client left in the shell is refused by name, whether or not its provider is configured."""
    said = refused({name: url})
    assert f"`{name}`" in said
    assert "this gateway itself" in said


def test_another_port_is_not_ours() -> None:
    """A server on this machine at another port is no loop."""
    config = load({"OPENAI_API_KEY": "sk-1234567", "OPENAI_BASE_URL": "http://localhost:8081/v1"})
    assert config.accounts[0].origin.port == 8081


# --- cache points -----------------------------------------------------------------------------------------------


def test_cache_points() -> None:
    """They are set unless a provider or an alias says otherwise; the environment's alias is one of its own."""
    yaml = """
providers: {anthropic: {cache_points: off}}
aliases:
  a: {target: openai/x, cache_points: off}
  b: {target: openai/x, cache_points: auto}
  c: {target: openai/x, cache_points: off}
  d: openai/x
"""
    keys = {"ANTHROPIC_API_KEY": "sk-ant-1", "OPENROUTER_API_KEY": "sk-or-1", "TRUNKLINE_ALIASES": "c=openai/y"}
    config = load(keys, yaml=yaml)
    assert config.uncached == {"a"}
    marks = {account.name: account.capabilities.cache_marks for account in config.accounts}
    assert (marks["anthropic"], marks["openrouter"]) == (False, True)
    assert "`ANTHROPIC_CACHE_POINTS`" in refused({**keys, "ANTHROPIC_CACHE_POINTS": "never"})


def test_what_is_told_in_words() -> None:
    """A provider's models have it, or an alias; the environment's alias is one of its own."""
    yaml = """
providers: {anthropic: {emulate: [verbosity]}}
aliases:
  a: {target: openai/x, emulate: [verbosity]}
  b: {target: openai/x, emulate: [verbosity]}
  c: openai/x
"""
    keys = {"ANTHROPIC_API_KEY": "sk-ant-1", "OPENROUTER_API_KEY": "sk-or-1", "TRUNKLINE_ALIASES": "b=openai/y"}
    config = load(keys, yaml=yaml)
    assert config.emulating == {"a": {"verbosity"}}
    told = {account.name: account.capabilities.emulated for account in config.accounts}
    assert (told["anthropic"], told["openrouter"]) == ({"verbosity"}, frozenset())
    assert "`ANTHROPIC_EMULATE`" in refused({**keys, "ANTHROPIC_EMULATE": "prose"})


# --- aliases ----------------------------------------------------------------------------------------------------


def test_aliases() -> None:
    """Aliases of both places, those of the environment on top."""
    yaml = 'aliases: {fast: openai/a, "gpt-*": {target: openai/b}}'
    config = load({"TRUNKLINE_ALIASES": "fast=openai/c, x = openai/d"}, yaml)
    assert config.aliases == {"fast": "openai/c", "gpt-*": "openai/b", "x": "openai/d"}


@pytest.mark.parametrize("text", ["fast", "=x", "a=", "a*b=x", "a=x*", "a b=x", "a=x,a=y", "a=b,b=openai/x"])
def test_bad_aliases(text: str) -> None:
    """An alias is one name for one target."""
    assert "alias" in refused({"TRUNKLINE_ALIASES": text}).lower()


def test_stray_price() -> None:
    """A price of an account that is not there counts for nothing, and says so."""
    price = "{input: 1, output: 1}"
    config = load({}, f'prices: {{"opnai/gpt-5": {price}, "open*/x": {price}, "*/*": {price}}}')
    assert config.notes == ("`prices.opnai/gpt-5` is of no account that is configured",)


def test_stray_alias() -> None:
    """An alias to a provider that is not configured is named."""
    notes = load({"TRUNKLINE_ALIASES": "fast=groq/llama"}).notes
    assert any("`fast`" in note and "`groq`" in note for note in notes)


# --- the file ---------------------------------------------------------------------------------------------------


def test_find_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file in the working directory counts; one that is named must be there."""
    monkeypatch.chdir(tmp_path)
    assert find_file(Environment({})) is None
    (tmp_path / "trunkline.yaml").write_text("strict: true")
    assert find_file(Environment({})) == Path("trunkline.yaml")
    with pytest.raises(ConfigError, match="TRUNKLINE_CONFIG"):
        find_file(Environment({"TRUNKLINE_CONFIG": "other.yaml"}))


def test_lists_in_file() -> None:
    """A list in the file is the environment's comma list."""
    yaml = "providers: {openai: {api_key: env:OPENAI_API_KEY, speaks: [chat], models: [a, b]}}"
    account = load(yaml=yaml).accounts[0]
    assert account.speaks == ("chat",)
    assert account.models.extra == frozenset("ab")


def test_names_are_unique() -> None:
    """No setting has two meanings."""
    assert len({setting.environment for setting in SETTINGS}) == len(SETTINGS)
    places = [setting.yaml for setting in SETTINGS if setting.yaml]
    assert len(set(places)) == len(places)


# --- providers that settings configure ----------------------------------------------------------------------------


def test_vertex_is_configured_by_its_project() -> None:
    """And by a file of credentials, under its own name or Google's."""
    variables = {"VERTEX_PROJECT": "p", "GOOGLE_APPLICATION_CREDENTIALS": "/k.json", "VERTEX_LOCATION": "us-east1"}
    config = load(variables)
    [_, account] = config.accounts
    assert (account.name, account.settings["credentials"]) == ("vertex", "/k.json")
    assert account.origin.host == "us-east1-aiplatform.googleapis.com"


def test_vertex_needs_no_file() -> None:
    """A login on this machine, or the machine itself, opens it as well."""
    assert names(load({"VERTEX_PROJECT": "p"})) == ["openai", "vertex"]
    assert names(load({"VERTEX_LOCATION": "us-east1"})) == ["openai"]


BEDROCK = {"BEDROCK_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret/key+1"}


def test_bedrock_is_configured_by_its_region() -> None:
    """AWS's own keys open it then, and none of them is shown."""
    config = load(BEDROCK)
    [_, account] = config.accounts
    assert account.base_url == "https://bedrock-runtime.eu-west-1.amazonaws.com"
    assert account.settings["secret_access_key"] == "secret/key+1"
    shown = {entry.name: entry.value for entry in config.shown}
    assert (shown["AWS_ACCESS_KEY_ID"], shown["AWS_SECRET_ACCESS_KEY"]) == ("(set)", "(set)")
    assert "secret/key" not in repr(account)


def test_bedrocks_own_key_is_enough() -> None:
    """AWS's name for it, its own region or AWS's."""
    [_, account] = load({"AWS_BEARER_TOKEN_BEDROCK": "bedrock-api-key-0123", "AWS_REGION": "us-west-2"}).accounts
    assert (account.name, account.api_key) == ("bedrock", "bedrock-api-key-0123")
    assert account.origin.host == "bedrock-runtime.us-west-2.amazonaws.com"


def test_keys_of_aws_are_often_there_for_other_things() -> None:
    """They configure nothing by themselves."""
    others = {name: value for name, value in BEDROCK.items() if name != "BEDROCK_REGION"}
    assert names(load({"AWS_REGION": "eu-west-1", **others})) == ["openai"]


def test_bedrock_needs_no_key() -> None:
    """What AWS's own tools would find opens it; half a key does not, and is passed over."""
    variables = {"BEDROCK_REGION": "eu-west-1", "AWS_PROFILE": "work", "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE"}
    [_, account] = load(variables).accounts
    assert (account.provider.cloud, account.settings["profile"]) == ("aws", "work")
    [_, account] = load(BEDROCK).accounts
    assert account.provider.cloud == ""


def test_azure_is_opened_by_an_application() -> None:
    """In the place of a key; half of one is said."""
    variables = {"AZURE_BASE_URL": "https://r.openai.azure.com", "AZURE_TENANT_ID": "t", "AZURE_CLIENT_ID": "c"}
    [_, account] = load({**variables, "AZURE_CLIENT_SECRET": "s-0123456789"}).accounts
    assert account.provider.cloud == "entra"
    assert "s-0123456789" not in repr(account)
    [note] = [note for note in load(variables).notes if "Azure" in note]
    assert "nor AZURE_CLIENT_SECRET, nor AZURE_FEDERATED_TOKEN_FILE, nor AZURE_MANAGED_IDENTITY" in note


def test_azure_needs_its_address() -> None:
    """Its key may have the name that Azure's own tools read; without an address that is said, and no more."""
    key = {"AZURE_OPENAI_API_KEY": "0123456789abcdef"}
    config = load(key)
    assert "AZURE_OPENAI_API_KEY is set, but AZURE_BASE_URL is not, so Azure OpenAI is not served" in config.notes
    [_, account] = load({**key, "AZURE_OPENAI_ENDPOINT": "https://r.openai.azure.com/"}).accounts
    assert account.base_url == "https://r.openai.azure.com/openai/v1"


def test_others_names_are_for_the_first_account_alone() -> None:
    """A second account in the file has its own key, or none."""
    with pytest.raises(ConfigError, match=r"`providers\.second` has no key"):
        load({"CO_API_KEY": "co-0123456789"}, "providers: {second: {type: cohere}}")
    [_, account] = load({"CO_API_KEY": "co-0123456789"}).accounts
    assert account.name == "cohere"


def test_secrets_of_a_provider_stand_in_the_file_as_references() -> None:
    """Its own secrets as much as its key."""
    with pytest.raises(ConfigError, match="should not stand in the file"):
        load({}, "providers: {bedrock: {access_key_id: AKIDEXAMPLE, secret_access_key: x}}")
