"""What can be typed behind `trunkline prompts`."""

import argparse

from trunkline.cli.arguments.options import Words, add_named, finish

_PROMPTS = """\
Prompts that requests name by their id (`prompt: {id, version, variables}`): a model, instructions, messages, tools and
settings, with `{{name}}` where a variable stands. Opens the store of this configuration, or asks a running gateway
(--url). See docs/prompts.md.
"""


def add_prompts(commands: Words) -> None:
    prompts = commands.add_parser("prompts", help="make and change stored prompts", description=_PROMPTS)
    actions = prompts.add_subparsers(dest="action", required=True, metavar="ACTION")
    create = actions.add_parser("create", help="make a prompt, and print its id")
    create.add_argument("--name", metavar="NAME", required=True, help="what people call it")
    _add_body(create)
    listing = actions.add_parser("list", help="list all prompts, the newest first")
    show = add_named(actions, "show", "print a version as YAML, as --file reads it", "id", "ID")
    show.add_argument("--version", metavar="VERSION", help="default: the prompt's default version")
    add = add_named(actions, "add", "add a version, make it the default one, and print its number", "id", "ID")
    _add_body(add)
    add.add_argument("--keep-default", action="store_true", help="leave the default version as it is")
    default = add_named(actions, "default", "choose the version that requests without one get", "id", "ID")
    default.add_argument("version", metavar="VERSION")
    delete = add_named(actions, "delete", "delete a prompt with all its versions", "id", "ID")
    finish(create, listing, show, add, default, delete)


def _add_body(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--file", metavar="FILE", help="YAML or JSON with the members of a request; - reads a pipe")
    parser.add_argument("--model", metavar="MODEL", help="the model that the prompt owns")
    parser.add_argument("--instructions", metavar="TEXT", help="with {{name}} where a variable stands")
    parser.add_argument("--input", metavar="TEXT", help="a message of the user; messages of others are for the file")
    parser.add_argument(
        "--variable", metavar="NAME[=DEFAULT]", action="append", default=[], help="declare a variable; repeatable"
    )
