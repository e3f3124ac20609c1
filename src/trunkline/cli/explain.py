"""`trunkline explain MODEL`: where a name leads, by which ways, and why."""

import asyncio
import json
from argparse import Namespace
from typing import Any

from trunkline.cli.setup import load, require_provider
from trunkline.config.config import Config
from trunkline.money import NOTHING_TO_PAY, Rates, Tariff, write_dollars

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
    from trunkline.build.dialects import DIALECTS
    from trunkline.build.gateway import open_router
    from trunkline.engine.envelope import NO_REQUEST
    from trunkline.engine.way import choose_way

    async with open_router(config) as (router, catalog):
        await catalog.settle(_LISTS_WITHIN_SECONDS)
        plan = router().resolve(model)
        unknown = [name for name, listed in catalog.listing().items() if not listed.complete]
    targets = [
        {
            "target": target.name,
            "why": target.reason,
            "price": describe_tariff(target.tariff),
            "ways": {caller: choose_way(DIALECTS[caller], target, NO_REQUEST).route for caller in _CALLERS},
        }
        for target in plan.targets
    ]
    return {"asked": model, "targets": targets, "others": list(plan.others), "unknown_lists": unknown}


def describe_tariff(tariff: Tariff | None) -> dict[str, Any] | None:
    """What a model costs, in dollars for a million tokens (of `web_search` and the like: for one call); `None` where
    nobody says."""
    if tariff is None:
        return None
    return {"source": tariff.source, **_describe_rates(tariff)}


def _describe_rates(tariff: Tariff) -> dict[str, Any]:
    found: dict[str, Any] = {name: write_dollars(getattr(tariff.rates, name)) for name in Rates.__struct_fields__}
    found |= {f"above_{step.above_tokens}": _describe_rates(Tariff(step.rates)) for step in tariff.long}
    return found | {tier: _describe_rates(inner) for tier, inner in tariff.tiers.items()}


def write_price(price: dict[str, Any] | None) -> str:
    """A price for a reader: the main figures, and where others are looked up."""
    if price is None:
        return "no price: declare one under `prices` in the configuration"
    if price["source"] == NOTHING_TO_PAY:
        return "nothing to pay"
    more = [name.replace("_", " ") for name, value in price.items() if isinstance(value, dict)]
    beside = f"; other prices {', '.join(more)}" if more else ""
    main = f"${price['input']} in, ${price['cached_input']} cached, ${price['output']} out"
    return f"{main} for a million tokens, as {price['source']}{beside}"


def write_report(report: dict[str, Any]) -> str:
    """The report for a reader."""
    lines = []
    for target in report["targets"]:
        lines.append(f"`{report['asked']}` leads to {target['target']}: {target['why']}.")
        lines += [f"  {caller + ' callers':18} {route}" for caller, route in target["ways"].items()]
        lines.append(f"  {'price':18} {write_price(target['price'])}")
    if report["others"]:
        lines.append(f"Also there, but later in order: {', '.join(report['others'])}.")
    if report["unknown_lists"]:
        lines.append(f"Did not tell what they serve: {', '.join(report['unknown_lists'])}.")
    return "\n".join(lines)
