"""What a provider says that its reply cost, as nano-dollars.

It is read from the digits that stand in the JSON, since no float may hold money. Sources:
https://openrouter.ai/docs/use-cases/usage-accounting, https://docs.x.ai/docs/key-information/usage,
https://docs.perplexity.ai/api-reference/chat-completions-post, https://deepinfra.com/docs.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct

from trunkline.dialects.shapes import UNREADABLE, lenient_object
from trunkline.money import round_half_even

_NANO_PER_DOLLAR = 1_000_000_000
_TICKS_PER_NANO = 10

_MEMBERS = frozenset({"cost", "cost_in_usd_ticks", "estimated_cost"})

# A reply of a million dollars is a mistake; beyond it numbers could be written that no sum, and no memory, holds.
_MOST_DIGITS = 6
_MOST_TICKS = 10**_MOST_DIGITS * _NANO_PER_DOLLAR * _TICKS_PER_NANO


class _Inner(Struct):
    usage: Any = None


class _Body(Struct):
    """A reply, or an event that holds one, or the end of one."""

    usage: Any = None
    response: _Inner | None = None
    message: _Inner | None = None


_decode = msgspec.json.Decoder(_Body, float_hook=Decimal).decode


def read_told_cost(usage: Mapping[str, Any], body: bytes) -> int | None:
    """What a usage object says of its cost; `body` are the bytes that it was read from. `None` where it says
    nothing."""
    if _MEMBERS.isdisjoint(usage):
        return None
    try:
        found = _decode(body)
    except (*UNREADABLE, ArithmeticError):
        return None
    inner = found.response or found.message
    return _find_cost(lenient_object(found.usage) or lenient_object(inner and inner.usage))


def _find_cost(usage: Mapping[str, Any]) -> int | None:
    ticks = usage.get("cost_in_usd_ticks")
    if type(ticks) is int and 0 <= ticks < _MOST_TICKS:
        return round_half_even(ticks, _TICKS_PER_NANO)
    cost = usage.get("cost")
    # Perplexity's is an object.
    told = _nano(lenient_object(cost).get("total_cost", cost))
    if told is None:
        return _nano(usage.get("estimated_cost"))
    if usage.get("is_byok") is True:
        # OpenRouter's own fee; the provider's bill comes to the same company, for its own key.
        told += _nano(lenient_object(usage.get("cost_details")).get("upstream_inference_cost")) or 0
    return told


def _nano(dollars: Any) -> int | None:
    """Dollars as they were written → nano-dollars, half to even."""
    if type(dollars) is int:
        return dollars * _NANO_PER_DOLLAR if 0 <= dollars < 10**_MOST_DIGITS else None
    if type(dollars) is not Decimal or not dollars.is_finite() or dollars < 0 or dollars.adjusted() >= _MOST_DIGITS:
        return None
    if dollars.adjusted() < -2 * _MOST_DIGITS:
        return 0
    numerator, denominator = dollars.as_integer_ratio()
    return round_half_even(numerator * _NANO_PER_DOLLAR, denominator)
