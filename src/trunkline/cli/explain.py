"""`trunkline explain MODEL`: where a name leads, by which ways, and why."""

import asyncio
import json
from argparse import Namespace
from typing import Any

from trunkline.cli.setup import load, require_provider
from trunkline.config.config import Config

_LISTS_WITHIN_SECONDS = 10.0
_CALLERS = ("responses", "chat", "messages")


def run(options: Namespace) -> int:
    config = load(options, falls_back=False)
    require_provider(config)
    report = asyncio.run(explain(config, options.model))
    print(json.dumps(report, indent=2) if options.json else write_report(report))
    return 0


async def explain(config: Config, model: str) -> dict[str, Any]:
    """The plan of a name, once the providers have been asked for their lists. Raises `ModelNotFound`."""
    from trunkline import build
    from trunkline.engine.envelope import NO_REQUEST
    from trunkline.engine.way import choose_way

    async with build.open_router(config) as (router, catalog):
        await catalog.settle(_LISTS_WITHIN_SECONDS)
        plan = router().resolve(model)
        unknown = [name for name, listed in catalog.listing().items() if not listed.complete]
    targets = [
        {
            "target": target.name,
            "why": target.reason,
            "ways": {caller: choose_way(build.DIALECTS[caller], target, NO_REQUEST).route for caller in _CALLERS},
        }
        for target in plan.targets
    ]
    return {"asked": model, "targets": targets, "others": list(plan.others), "unknown_lists": unknown}


def write_report(report: dict[str, Any]) -> str:
    """The report for a reader."""
    lines = []
    for target in report["targets"]:
        lines.append(f"`{report['asked']}` leads to {target['target']}: {target['why']}.")
        lines += [f"  {caller + ' callers':18} {route}" for caller, route in target["ways"].items()]
    if report["others"]:
        lines.append(f"Also there, but later in order: {', '.join(report['others'])}.")
    if report["unknown_lists"]:
        lines.append(f"Did not tell what they serve: {', '.join(report['unknown_lists'])}.")
    return "\n".join(lines)
