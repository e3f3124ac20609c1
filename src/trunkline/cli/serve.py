"""`trunkline serve`: the gateway, until a signal; and what it says when it has started."""

import json
import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from trunkline import __version__
from trunkline.cli.setup import ENV_FILE, ensure_key, example_model, load, require_provider
from trunkline.config.config import Config
from trunkline.keyring import open_keyring


def run(options: Namespace) -> int:
    config = load(options, falls_back=options.dev)
    require_provider(config)
    from trunkline.build.servers import serve
    from trunkline.serve.server import Address

    if options.dev:
        config = ensure_key(config, Path(options.env_file or ENV_FILE))
    keyring, generated = open_keyring(
        config.data_dir,
        secret=config.secret,
        previous_secrets=config.previous_secrets,
        master_key=config.master_key,
        auth=config.auth,
    )
    for note in config.notes:
        print(f"trunkline: {note}", file=sys.stderr)

    def announce(addresses: Sequence[Address], admin: Sequence[Address]) -> None:
        url = write_url(config, config.server.host, addresses[0].port)
        admin_url = write_url(config, config.server.admin_host, admin[0].port) if admin else None
        if options.json:
            text = json.dumps({"url": url, "generated_key": generated, "admin_url": admin_url})
        elif options.dev:
            text = write_welcome(config, url)
        else:
            text = write_start(config, url, generated, admin_url)
        print(text, flush=True)

    serve(config, keyring, announce)
    return 0


def write_url(config: Config, host: str, port: int) -> str:
    """The address that a client uses."""
    if host in ("0.0.0.0", "::"):  # noqa: S104  # not bound: it is named as a client would
        host = "localhost"
    scheme = "https" if config.server.tls_cert else "http"
    name = f"[{host}]" if ":" in host else host
    return f"{scheme}://{name}:{port}{config.server.base_path.rstrip('/')}/v1"


def write_start(config: Config, url: str, generated: str | None, admin_url: str | None = None) -> str:
    """What an operator reads: the address, who is served, and a key that was made just now."""
    lines = [f"trunkline {__version__} listens on {url}, in front of {', '.join(_served(config))}"]
    if admin_url is not None:
        lines.append(f"Administrators are served on {admin_url.removesuffix('v1')}admin/v1 alone.")
    if generated is not None:
        lines += [
            "",
            f"  key  {generated}",
            "",
            "It was made just now and is not shown again; only its hash is kept. To choose one yourself, set",
            "TRUNKLINE_MASTER_KEY.",
        ]
    if not config.auth:
        lines.append("Nobody is asked for a key.")
    return "\n".join(lines)


def write_welcome(config: Config, url: str) -> str:
    """What a newcomer reads: what to paste."""
    model = example_model(config)
    shown = model or "MODEL"
    key = config.master_key or "unused"
    lines = [
        f"trunkline {__version__} is running.",
        "",
        f"  address  {url}",
        f"  key      {key}",
        f"  serves   {', '.join(_served(config))}",
    ]
    if not config.accounts:
        lines += [
            "",
            "No provider's key was found, so a small model answers that runs right here: it is slow of mind, but real.",
            f"For better ones put a key into {ENV_FILE} (OPENAI_API_KEY=…, ANTHROPIC_API_KEY=…) and start again.",
        ]
    if model is None:
        lines += ["", f'For MODEL put a name that this lists: curl {url}/models -H "Authorization: Bearer {key}"']
    lines += [
        "",
        "Try it:",
        "",
        f"  curl {url}/responses \\",
        f'    -H "Authorization: Bearer {key}" \\',
        '    -H "Content-Type: application/json" \\',
        f"""    -d '{json.dumps({"model": shown, "input": "Reply with exactly ok."})}'""",
        "",
        "Then, in another shell, an ordinary program of the OpenAI Agents SDK works after these:",
        "",
        f"  export OPENAI_BASE_URL={url}",
        f"  export OPENAI_API_KEY={key}",
        f"  export OPENAI_MODEL={shown}",
        "",
    ]
    return "\n".join(lines)


def _served(config: Config) -> list[str]:
    return [account.name for account in config.accounts] + (["the embedded model"] if config.local else [])
