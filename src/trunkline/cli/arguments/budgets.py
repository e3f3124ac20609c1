"""What can be typed behind `trunkline budgets`."""

import argparse

from trunkline.cli.arguments.options import Words, add_callers, add_named, add_period, finish

_BUDGETS = """\
How much money may be spent in a stretch of time, and on whom. Works on the store of this configuration, beside a gateway
or without one, or asks a running gateway (--url), which alone knows what is reserved. See docs/budgets.md.
"""

_SET = """\
Make a budget, or change the one of this name: what is not said stays as it is. All of --path, --key-name and --label that
are said must match a call for the budget to pay for it.
"""


def add_budgets(commands: Words) -> None:
    budgets = commands.add_parser("budgets", help="bound what is spent", description=_BUDGETS)
    actions = budgets.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="all budgets, and whose they are")
    status = actions.add_parser("status", help="what is spent, reserved and left of each")
    status.add_argument("name", metavar="NAME", nargs="?", help="of one budget alone")
    show = add_named(actions, "show", "one budget, with all that is said of it", "name", "NAME")
    setting = actions.add_parser("set", help="make or change a budget", description=_SET)
    _add_members(setting)
    reset = add_named(actions, "reset", "count anew from now on, as if nothing had been spent", "name", "NAME")
    delete = add_named(actions, "delete", "delete a budget", "name", "NAME")
    finish(listing, status, show, setting, reset, delete)


def _add_members(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="what people call it; refusals say it")
    parser.add_argument("--dollars", metavar="DOLLARS", help="how much, as 500 or 12.50")
    add_period(parser, "hour, day, week, month, or seconds like 3600s")
    add_callers(parser)
    parser.add_argument("--label", metavar="NAME=VALUE", help="as app=web")
    parser.add_argument("--owner", metavar="TEXT", help="whom to ask for more; refusals say it")
    parser.add_argument("--unpriced", choices=("refuse", "allow"), help="models without a price; default: refuse")
    parser.add_argument(
        "--on-low", choices=("refuse", "cut"), help="a call that what is left does not wholly pay for; default: refuse"
    )
    parser.add_argument("--webhook", metavar="URL", help="whom to tell when a share is spent; `none` for nobody")
    parser.add_argument("--webhook-secret", metavar="REF", help="what to sign with, as env:NAME or file:/path")
    parser.add_argument("--shares", metavar="LIST", help="of which shares, in per cent; default: 50,80,100")
