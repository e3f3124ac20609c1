"""From a command's options to the configuration it runs with."""

from argparse import Namespace
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from trunkline.config.config import Config
from trunkline.config.load import find_file, load_config, process_environment
from trunkline.config.sources import Environment
from trunkline.errors import ConfigError
from trunkline.keyring import generate_key

ENV_FILE = Path(".env")
_DEV_DATA_DIR = "./.trunkline"
_DEV_ALIAS = "gpt-*"

# The others are given in the shells of clients as well.
_SERVING = ("serve", "check", "explain", "demo")

EMBEDDED = "smollm2-135m"

NO_PROVIDER = (
    "no provider is configured: set OPENAI_API_KEY (or ANTHROPIC_API_KEY, GROQ_API_KEY, OLLAMA_BASE_URL, …),"
    " or add --local for the small model that runs right here"
)


def load(options: Namespace, *, falls_back: bool = False) -> Config:
    """The configuration of a command. `falls_back`: without a provider the embedded model answers, for `gpt-*` too.

    Raises `ConfigError`.
    """
    environment = read_environment(options)
    path = find_file(environment)
    document = None
    if path is not None:
        from trunkline.config.yaml_file import read_yaml

        document = read_yaml(path)
    config = load_config(
        environment,
        document,
        auth=not getattr(options, "no_auth", False),
        local=getattr(options, "local", False),
        serves=options.command in _SERVING,
    )
    return fall_back(config) if falls_back and not config.accounts else config


def read_environment(options: Namespace) -> Environment:
    """The process's environment, the `.env` file that was named (with `--dev` ./.env if there), and the flags."""
    flags = {
        name: (flag, value)
        for name, flag, value in (
            ("TRUNKLINE_CONFIG", "--config", options.config),
            ("PORT", "--port", getattr(options, "port", None)),
            ("TRUNKLINE_HOST", "--host", getattr(options, "host", None)),
        )
        if value is not None
    }
    process = process_environment()
    path = _find_env_file(options)
    env_file: Mapping[str, str] = {}
    if path is not None:
        from trunkline.config.env_file import read_env_file

        env_file = read_env_file(path)
    if getattr(options, "dev", False):
        env_file = {"TRUNKLINE_DATA_DIR": _DEV_DATA_DIR, **env_file}
    return Environment(process, env_file, str(path or ENV_FILE), flags)


def _find_env_file(options: Namespace) -> Path | None:
    if options.env_file is not None:
        return Path(options.env_file)
    reads_unasked = getattr(options, "dev", False) or options.command == "demo"
    return ENV_FILE if reads_unasked and ENV_FILE.is_file() else None


def fall_back(config: Config) -> Config:
    """The configuration with the embedded model, which answers to `gpt-*` as well, so that guides' programs work."""
    aliases = {_DEV_ALIAS: f"local/{EMBEDDED}", **config.aliases}
    return replace(config, local=True, aliases=aliases)


def require_provider(config: Config) -> None:
    """Raises `ConfigError` when nothing would answer: a lost secret must not end in a gateway without models."""
    if not config.accounts and not config.local:
        raise ConfigError(NO_PROVIDER)


def ensure_key(config: Config, path: Path) -> Config:
    """The configuration with an operator's key; one that has to be made is kept in the `.env` file at `path`."""
    if config.master_key is not None or not config.auth:
        return config
    from trunkline.config.env_file import append_to_env_file

    key = generate_key()
    try:
        append_to_env_file(path, "TRUNKLINE_MASTER_KEY", key)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}; set TRUNKLINE_MASTER_KEY instead") from None
    return replace(config, master_key=key)


def example_model(config: Config) -> str | None:
    """A bare name that works for what is configured, for programs to paste; `None` where none can be told."""
    for account in config.accounts:
        if account.models.extra:
            bare = sorted(name for name in account.models.extra if "/" not in name)
            if bare:
                return bare[0]
        if account.provider.example and account.base_url == account.provider.base_url:
            return account.provider.example
    exact = [name for name in config.aliases if not name.endswith("*") and "/" not in name]
    if exact:
        return exact[0]
    return EMBEDDED if config.local else None
