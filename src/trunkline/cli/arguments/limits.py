"""What can be typed behind `trunkline limits`."""

import argparse

from trunkline.cli.arguments.options import Words, add_callers, add_named, add_period, finish

_LIMITS = """\
How many requests or tokens in a stretch of time, or requests at once, and for whom. Works on the store of this
configuration, beside a gateway or without one, or asks a running gateway (--url), which alone knows what is used. See
docs/limits.md.
"""

_SET = """\
Make a limit, or with its ID change one: what is not said stays as it is. All of --path, --key-name, --model and --provider
that are said must match a request for it to count.
"""


def add_limits(commands: Words) -> None:
    limits = commands.add_parser("limits", help="bound how fast requests come", description=_LIMITS)
    actions = limits.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="all limits, and how they stand")
    show = add_named(actions, "show", "one limit, with all that is said of it", "id", "ID")
    setting = actions.add_parser("set", help="make or change a limit, and print its id", description=_SET)
    _add_members(setting)
    reset = add_named(actions, "reset", "forget what was used of a limit (--url)", "id", "ID")
    delete = add_named(actions, "delete", "delete a limit", "id", "ID")
    finish(listing, show, setting, reset, delete)


def _add_members(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID", nargs="?", help="of the limit to change; without one a limit is made")
    most = parser.add_mutually_exclusive_group()
    most.add_argument("--requests", metavar="NUMBER", type=int, help="so many requests per --per")
    most.add_argument("--tokens", metavar="NUMBER", type=int, help="so many tokens, in and out, per --per")
    most.add_argument("--concurrent", metavar="NUMBER", type=int, help="so many requests at once")
    add_period(parser, "minute, hour, day, week, month, or seconds like 30s")
    add_callers(parser)
    parser.add_argument("--model", metavar="GLOB", help="targets, as openai/* or groq/llama-4-scout")
    parser.add_argument("--provider", metavar="NAME", help="a configured provider, as openai or openai-eu")
    parser.add_argument("--each", choices=("key", "path"), help="a count for each key or path, instead of one for all")
