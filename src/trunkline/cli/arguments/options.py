"""Options that many commands take: where the configuration comes from, which gateway is asked, whom a rule is for."""

import argparse
from typing import TypeAlias

Words: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
"""What may be typed next: commands, or what one of them can do."""


def add_sources(parser: argparse.ArgumentParser) -> None:
    """Where a command's configuration comes from, and for whom it speaks."""
    parser.add_argument("--config", metavar="FILE", help="the YAML file (TRUNKLINE_CONFIG; default: ./trunkline.yaml)")
    parser.add_argument("--env-file", metavar="FILE", help="variables that are not in the environment")
    parser.add_argument("--json", action="store_true", help="say it for a program")


def add_gateway(parser: argparse.ArgumentParser) -> None:
    """Which running gateway is asked, instead of the store beside."""
    parser.add_argument("--url", metavar="URL", help="a running gateway, as http://localhost:8080/v1")
    parser.add_argument("--key", metavar="KEY", help="its master key (TRUNKLINE_MASTER_KEY), or one with the scope")


def add_named(actions: Words, word: str, help: str, name: str, metavar: str) -> argparse.ArgumentParser:
    """An action on one object, which is typed behind it."""
    action = actions.add_parser(word, help=help)
    action.add_argument(name, metavar=metavar)
    return action


def add_period(parser: argparse.ArgumentParser, periods: str) -> None:
    """The stretch of time that a rule counts in."""
    parser.add_argument("--per", metavar="PERIOD", help=periods)
    parser.add_argument("--zone", metavar="ZONE", help="where days begin, as Europe/Zurich; default: UTC")


def add_callers(parser: argparse.ArgumentParser) -> None:
    """Whose calls a rule counts."""
    parser.add_argument("--path", metavar="PATTERN", help="as /team/alpha, or /team/alpha/** for all below it as well")
    parser.add_argument("--key-name", metavar="NAME", help="a key's name or id")


def finish(*parsers: argparse.ArgumentParser) -> None:
    """What is typed last of actions that a gateway can be asked for."""
    for parser in parsers:
        add_sources(parser)
        add_gateway(parser)
