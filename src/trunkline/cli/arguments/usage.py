"""What can be typed behind `trunkline usage` and `trunkline audit`."""

import argparse

from trunkline.cli.arguments.options import Words, add_named, finish

_USAGE = """\
What requests used and what they cost. Reads the store of this configuration, or asks a running gateway (--url). Times
are dates, moments (2026-11-25T08:00:00Z) or seconds; without any, sums are those of the last thirty days. See
docs/usage.md.
"""

_AUDIT = """\
Who called what, and what administrators have done. Reads the store of this configuration, or asks a running gateway
(--url). See docs/usage.md.
"""

_FILTERS = (
    ("--start", "TIME", "from then on"),
    ("--end", "TIME", "until then"),
    ("--zone", "ZONE", "where days begin, as Europe/Zurich; default: UTC"),
    ("--path", "PATH", "of a path and of those below it"),
    ("--key-name", "NAME", "of keys with this name"),
    ("--key-id", "ID", "of one key"),
    ("--provider", "NAME", "with an attempt there"),
    ("--model", "NAME", "with an attempt at this model of a provider"),
    ("--label", "NAME=VALUE", "with this label"),
    ("--session", "ID", "of this session"),
    ("--operation", "NAME", "as generate or embeddings"),
    ("--status", "NUMBER", "answered so"),
    ("--outcome", "WORD", "ok, incomplete, error or cancelled"),
)
_ACT_FILTERS = (
    *_FILTERS[:4],
    _FILTERS[5],
    ("--kind", "KIND", "as key.create"),
    ("--object-id", "ID", "to this object"),
)


def add_usage(commands: Words) -> None:
    usage = commands.add_parser("usage", help="what was used, and what it cost", description=_USAGE)
    actions = usage.add_subparsers(dest="action", required=True, metavar="ACTION")
    summary = actions.add_parser("summary", help="sums, by model unless --by says otherwise")
    summary.add_argument(
        "--by",
        metavar="WHAT",
        default="provider,model",
        help="day, hour, model, provider, path, key, key_id, label, session, operation, outcome; several with commas;"
        " `all` for one sum of it all",
    )
    listing = actions.add_parser("list", help="requests, the newest first")
    _add_limit(listing)
    show = add_named(actions, "show", "one request, with its attempts", "id", "REQUEST_ID")
    export = _add_export(actions)
    export.add_argument("--rows", choices=("requests", "attempts"), default="requests", help="default: requests")
    recalculate = actions.add_parser(
        "recalculate", help="compute what requests cost by today's prices; what a provider told itself stays"
    )
    recalculate.add_argument("--dry-run", action="store_true", help="only say what would change")
    _add_filters(_FILTERS, summary, listing, export, recalculate)
    finish(summary, listing, show, export, recalculate)


def add_audit(commands: Words) -> None:
    audit = commands.add_parser("audit", help="who called what, and what was administered", description=_AUDIT)
    actions = audit.add_subparsers(dest="action", required=True, metavar="ACTION")
    log = actions.add_parser("log", help="requests, the newest first")
    _add_limit(log)
    show = add_named(actions, "show", "all that is known of one request", "id", "REQUEST_ID")
    sessions = actions.add_parser("sessions", help="sessions, those of the newest requests first")
    _add_limit(sessions)
    session = add_named(actions, "session", "what was said in one session, in order", "id", "SESSION")
    _add_limit(session)
    export = _add_export(actions)
    live = actions.add_parser("live", help="requests as they come, until Ctrl-C")
    acts = actions.add_parser("acts", help="what administrators have done, the newest first")
    _add_limit(acts)
    verify = actions.add_parser("verify", help="see whether anybody has been at the chain of acts")
    verify.add_argument("--head", metavar="NUMBER:HASH", help="an earlier end of it, which must still be there")
    _add_filters(_FILTERS, log, export, live)
    _add_filters(_ACT_FILTERS, acts)
    _add_filters(_FILTERS[:4], sessions, session)
    finish(log, show, sessions, session, export, live, acts, verify)


def _add_limit(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--limit", metavar="NUMBER", type=int, default=20, help="how many at most; default: 20")


def _add_export(actions: Words) -> argparse.ArgumentParser:
    export = actions.add_parser("export", help="all of them, the oldest first")
    export.add_argument("--format", choices=("jsonl", "csv"), default="jsonl", help="default: jsonl")
    export.add_argument("--output", metavar="FILE", help="default: standard output")
    return export


def _add_filters(filters: tuple[tuple[str, str, str], ...], *parsers: argparse.ArgumentParser) -> None:
    for parser in parsers:
        for flag, metavar, help in filters:
            parser.add_argument(flag, metavar=metavar, help=help)
