"""What can be typed behind `trunkline keys`."""

import argparse

from trunkline.cli.arguments.options import Words, add_named, add_sources, finish

_KEYS = """\
Keys of callers: a name, a path that everything they make belongs to, and bounds. Opens the store of this configuration, or
asks a running gateway (--url). A new key is shown once. See docs/keys.md.
"""

_KNOWN_AS = ("known_as", "NAME_OR_ID")


def add_keys(commands: Words) -> None:
    keys = commands.add_parser("keys", help="issue, change and revoke keys of callers", description=_KEYS)
    actions = keys.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="list all keys, and say which still wait for a new hash")
    create = add_named(actions, "create", "issue a key, and print it", "known_as", "NAME")
    _add_path(create)
    show = add_named(actions, "show", "print what is known of a key", *_KNOWN_AS)
    update = add_named(actions, "update", "change what is said, and leave the rest", *_KNOWN_AS)
    update.add_argument("--name", metavar="NAME", help="another name")
    rotate = add_named(actions, "rotate", "print another key under the same id, in the place of this one", *_KNOWN_AS)
    rotate.add_argument("--overlap", metavar="SECONDS", type=int, default=0, help="how long both work; default: 0")
    revoke = add_named(actions, "revoke", "let a key open nothing any more, and keep it in the list", *_KNOWN_AS)
    delete = add_named(actions, "delete", "delete a key, and leave its name to others", *_KNOWN_AS)
    hash = add_named(
        actions, "hash", "print a new key, and the entry that declares it in trunkline.yaml", "known_as", "NAME"
    )
    _add_path(hash)
    for action in (create, update, hash):
        _add_bounds(action, takes_away=action is update)
    finish(listing, create, show, update, rotate, revoke, delete)
    add_sources(hash)


def _add_path(action: argparse.ArgumentParser) -> None:
    action.add_argument("--path", metavar="PATH", required=True, help="as /team/alpha/ana; / is the root")


def _add_bounds(action: argparse.ArgumentParser, *, takes_away: bool) -> None:
    action.add_argument(
        "--models", metavar="LIST", help="globs of provider/model and aliases, with commas; default: all"
    )
    action.add_argument("--label", metavar="NAME=VALUE", action="append", default=[], help="repeatable")
    action.add_argument("--scopes", metavar="LIST", help="what it may administer: keys, usage:read, …, with commas")
    action.add_argument("--expires", metavar="TIME", help="as 2027-01-31 or 2027-01-31T12:00:00Z; default: never")
    if takes_away:
        for bound, help in (
            ("models", "let it use every model"),
            ("labels", "take all labels away"),
            ("scopes", "let it administer nothing"),
            ("expires", "let it never expire"),
        ):
            action.add_argument(f"--no-{bound}", action="store_true", help=help)
