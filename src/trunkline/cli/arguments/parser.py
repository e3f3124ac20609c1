"""What can be typed, and what `--help` says of it."""

import argparse
from collections.abc import Sequence

from trunkline import __version__
from trunkline.cli.arguments.budgets import add_budgets
from trunkline.cli.arguments.keys import add_keys
from trunkline.cli.arguments.limits import add_limits
from trunkline.cli.arguments.options import Words, add_gateway, add_sources
from trunkline.cli.arguments.prompts import add_prompts
from trunkline.cli.arguments.usage import add_audit, add_usage

_EPILOG = """\
examples:
  OPENAI_API_KEY=sk-… trunkline serve          serve OpenAI's models on http://localhost:8080/v1
  trunkline serve --local                      serve the small model that runs right here
  trunkline serve --env-file .env --port 9000  take keys from a file
  trunkline check                              say what would be served, and what is ignored
  trunkline explain gpt-5-mini                 say where a model name leads, and why
  trunkline demo                               run an agent with a tool through the gateway

Settings are environment variables or ./trunkline.yaml: see docs/configuration.md.
"""

_SERVE = """\
Serve every configured provider on one address, until SIGTERM or Ctrl-C. A provider is configured by its key
(OPENAI_API_KEY, ANTHROPIC_API_KEY, GROQ_API_KEY, …) or, where it needs none, by its address (OLLAMA_BASE_URL, …).
Callers need a key: TRUNKLINE_MASTER_KEY, or one that is made at the first start and shown once.
"""

_CHECK = """\
Read the whole configuration, say where each setting came from, what would be served and what is ignored. Nothing is
started and nobody is called.
"""

_EXPLAIN = """\
Say which provider a model name leads to, and why, and what else would have it. Asks the providers for their lists.
"""

_STORE = """\
What is kept of requests: responses, conversations, completions, prompts, files. Works on the store of this
configuration, while no gateway runs on its data directory; a path is also erased by a gateway that runs (--url). See
docs/store.md.
"""

_MIGRATE = """\
Bring the tables of the database up to date. A gateway does so itself when it starts; this is for those who want it done
before. Several may do it at once: one does the work, the others wait.
"""

_DEMO = """\
Start a gateway for half a minute at most, run an agent of the OpenAI Agents SDK with a tool through it, and say which
way it went, what it cost in tokens and how long it took. Without a provider the embedded model answers.
"""


def read_arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    """The command and its options. Ends the process for `--help`, `--version` and what cannot be understood."""
    return make_parser().parse_args(words)


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="trunkline",
        description="An AI gateway: one endpoint in front of every model.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"trunkline {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_serve(commands)
    _add_check(commands)
    _add_explain(commands)
    _add_demo(commands)
    add_keys(commands)
    add_prompts(commands)
    add_limits(commands)
    add_budgets(commands)
    add_usage(commands)
    add_audit(commands)
    _add_store(commands)
    _add_migrate(commands)
    return parser


def _add_serve(commands: Words) -> None:
    serve = commands.add_parser("serve", help="start the gateway", description=_SERVE)
    add_sources(serve)
    serve.add_argument("--host", metavar="HOST", help="where to listen (TRUNKLINE_HOST; default: localhost)")
    serve.add_argument("--port", metavar="PORT", help="0 takes any free one (PORT; default: 8080)")
    serve.add_argument("--local", action="store_true", help="serve the embedded model as well")
    serve.add_argument("--no-auth", action="store_true", help="ask nobody for a key; on a loopback address alone")
    serve.add_argument(
        "--dev",
        action="store_true",
        help="what `make run` starts: read ./.env, write a key into it if there is none, fall back on the embedded"
        " model, and print what to paste",
    )


def _add_check(commands: Words) -> None:
    check = commands.add_parser("check", help="validate the configuration", description=_CHECK)
    add_sources(check)
    check.add_argument("--local", action="store_true", help="as `serve --local`")


def _add_explain(commands: Words) -> None:
    explain = commands.add_parser("explain", help="say where a model name leads", description=_EXPLAIN)
    explain.add_argument("model", metavar="MODEL", help="the name as a caller would send it")
    add_sources(explain)
    explain.add_argument("--local", action="store_true", help="as `serve --local`")


def _add_demo(commands: Words) -> None:
    demo = commands.add_parser("demo", help="run an agent through the gateway", description=_DEMO)
    demo.add_argument("--model", metavar="MODEL", help="the model to ask; default: a usual one of the first provider")
    add_sources(demo)


def _add_store(commands: Words) -> None:
    store = commands.add_parser("store", help="erase, read through or seal anew what is kept", description=_STORE)
    actions = store.add_subparsers(dest="action", required=True, metavar="ACTION")
    erase = actions.add_parser("erase", help="remove every object of a path and of the paths below it, for good")
    erase.add_argument("path", metavar="PATH", help="as /team/alpha; / is everything")
    verify = actions.add_parser("verify", help="read everything, and say what cannot be opened")
    reencrypt = actions.add_parser("reencrypt", help="seal everything as it would be sealed now, after a new secret")
    add_gateway(erase)
    for action in (erase, verify, reencrypt):
        add_sources(action)


def _add_migrate(commands: Words) -> None:
    migrate = commands.add_parser("migrate", help="bring the database's tables up to date", description=_MIGRATE)
    add_sources(migrate)
