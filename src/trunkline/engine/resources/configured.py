"""What the gateway was started with, as administrators see it: settings without secrets, models with their prices."""

from typing import Any

from trunkline.call import Reply
from trunkline.engine.caller.scopes import check_root
from trunkline.engine.desk import Desk
from trunkline.engine.exchange import Exchange
from trunkline.engine.router import Target
from trunkline.money import Tariff, write_dollars


async def list_settings(desk: Desk, x: Exchange) -> Reply:
    """`GET /admin/v1/settings`: what was set, and where. It names other paths, so this is only at the root."""
    check_root(x.principal, "settings are those")
    data = [
        {"object": "setting", "name": setting.name, "value": setting.value, "source": setting.source}
        for setting in desk.parts.settings
    ]
    return desk.say(x, {"object": "list", "data": data, "has_more": False})


async def list_models(desk: Desk, x: Exchange) -> Reply:
    """`GET /admin/v1/models`: every name that works for this key, where it leads, and what that costs."""
    names = await desk.settled_names(x.principal)
    data = [
        {
            "object": "model",
            "id": name,
            "alias": account is None,
            "targets": [_write_target(target) for target in names.resolve(name).targets],
        }
        for name, account in names.names()
    ]
    return desk.say(x, {"object": "list", "data": data, "has_more": False})


def _write_target(target: Target) -> dict[str, Any]:
    return {
        "name": target.name,
        "provider": target.account.name,
        "model": target.model,
        "price": None if target.tariff is None else _write_price(target.tariff),
    }


def _write_price(tariff: Tariff) -> dict[str, str]:
    """Dollars for a million tokens, at the usual place."""
    rates = tariff.rates
    return {
        "input": write_dollars(rates.input),
        "cached_input": write_dollars(rates.cached_input),
        "cache_write": write_dollars(rates.cache_write),
        "output": write_dollars(rates.output),
        "source": tariff.source,
    }
