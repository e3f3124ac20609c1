"""`trunkline check`: what would be served, where each setting came from, and what is ignored. Starts nothing."""

import json
from argparse import Namespace
from typing import Any

from trunkline.cli.main import WRONG_CONFIGURATION, complain
from trunkline.cli.setup import EMBEDDED, NO_PROVIDER, load
from trunkline.config.config import Config
from trunkline.providers.account import Account
from trunkline.providers.model_rules import ModelRules


def run(options: Namespace) -> int:
    from trunkline.upstream.embedded import missing

    config = load(options)
    report = make_report(config, missing())
    print(json.dumps(report, indent=2) if options.json else write_report(report))
    if not config.accounts and not config.local:
        complain(NO_PROVIDER)
        return WRONG_CONFIGURATION
    return 0


def make_report(config: Config, lacking: str | None) -> dict[str, Any]:
    """Everything there is to say, without a secret. `lacking` is what the embedded model lacks, if anything."""
    return {
        "serves": [_describe(account) for account in config.accounts]
        + ([{"name": "local", "models": EMBEDDED}] if config.local else []),
        "aliases": dict(config.aliases),
        "listens": {"host": config.server.host, "port": config.server.port, "base_path": config.server.base_path},
        "data_dir": str(config.data_dir),
        "key": _describe_key(config),
        "settings": [{"name": s.name, "value": s.value, "source": s.source} for s in config.shown],
        "ignored": list(config.notes),
        "embedded_model": lacking or f"ready: `{EMBEDDED}`, switched on by --local",
    }


def _describe(account: Account) -> dict[str, Any]:
    return {
        "name": account.name,
        "provider": account.provider.title,
        "base_url": account.base_url,
        "speaks": list(account.speaks),
        "faithful": sorted(account.faithful),
        "models": _describe_models(account.models),
        "certificate": "verified" if account.origin.tls_verify else "NOT VERIFIED",
    }


def _describe_models(rules: ModelRules) -> str:
    names = ", ".join((*sorted(rules.extra), *rules.globs))
    if rules.only:
        return f"only {names}"
    if not rules.has_list:
        return f"{names}, and any by its prefix" if names else "any by its prefix"
    return f"what it lists, and {names}" if names else "what it lists"


def _describe_key(config: Config) -> str:
    if not config.auth:
        return "nobody is asked for one"
    return "configured" if config.master_key else "made at the first start, and shown once"


def write_report(report: dict[str, Any]) -> str:
    """The report for a reader."""
    verdict = (
        "The configuration is sound." if report["serves"] else "The configuration can be read, but serves nothing."
    )
    lines = [verdict, "", "Serves:"]
    for served in report["serves"]:
        speaks = f", by {' and '.join(served['speaks'])}" if "speaks" in served else ""
        where = f" at {served['base_url']}" if "base_url" in served else ""
        lines.append(f"  {served['name']}{where}{speaks}: {served['models']}")
        if served.get("certificate", "verified") != "verified":
            lines.append("    its certificate is NOT verified: anybody on the way can read along")
    if not report["serves"]:
        lines.append("  nothing")
    lines += [f"  {name} → {target}" for name, target in report["aliases"].items()]
    listens = report["listens"]
    lines += [
        "",
        f"Listens on {listens['host']}, port {listens['port']}, below {listens['base_path']}",
        f"Keeps its data in {report['data_dir']}",
        f"Callers' key: {report['key']}",
        f"Embedded model: {report['embedded_model']}",
    ]
    if report["settings"]:
        lines += ["", "Set:"]
        lines += [f"  {s['name']} = {s['value']}  ({s['source']})" for s in report["settings"]]
    if report["ignored"]:
        lines += ["", "Ignored:", *(f"  {note}" for note in report["ignored"])]
    return "\n".join(lines)
