"""What a caller is told whose call a budget does not cover."""

from datetime import UTC, datetime

from trunkline.engine.bounds.budgets.funds import Fund
from trunkline.errors import BudgetExceeded, Forbidden
from trunkline.money import write_dollars
from trunkline.state.budgets import Budget
from trunkline.state.counters import Level

# Nobody knows when a call will be over: a good moment to ask again.
_SOON_SECONDS = 1.0

# Of nano-dollars nobody wants to read all nine decimals; what is left is rounded down, what is asked for up.
_SHOWN = 10_000


def refuse(fund: Fund, level: Level, amount: int, *, in_flight: bool) -> BudgetExceeded:
    """The error for a call that may cost so much. `in_flight`: only what calls under way may cost stands in the way."""
    budget, resets = fund.budget, write_moment(fund.window.end)
    whose = f"the budget `{budget.name}`" + (f" of {budget.owner}" if budget.owner else "")
    most = write_dollars(-(-amount // _SHOWN) * _SHOWN)
    cap = write_dollars(budget.cap)
    if in_flight:
        held = write_dollars(level.held)
        message = (
            f"{whose} is reserved for calls under way: ${held} of ${cap}, and this call may cost up to ${most}. Try again"
            " in a moment"
        )
    else:
        left = write_dollars(max(0, budget.cap - level.spent) // _SHOWN * _SHOWN)
        message = (
            f"{whose} has ${left} of ${cap} left until {resets}, and this call may cost up to ${most}: allow it less"
            " output, or ask for a larger budget"
        )
    error = BudgetExceeded(message[0].upper() + message[1:], retry_after_seconds=_SOON_SECONDS if in_flight else None)
    error.should_retry = in_flight
    error.headers = (
        (b"x-trunkline-budget", budget.name.encode()),
        (b"x-trunkline-budget-reset", resets.encode()),
    )
    return error


def refuse_unpriced(budget: Budget, target: str) -> Forbidden:
    """The error for a model without a price, which a budget does not allow."""
    return Forbidden(
        f"`{target}` has no price, and the budget `{budget.name}` is for models that have one: name it under `prices:` in"
        " the configuration, or let the budget allow it with `unpriced: allow`",
        param="model",
        code="model_unpriced",
    )


def write_moment(at_micros: int) -> str:
    """`2026-12-01T00:00:00Z`."""
    return f"{datetime.fromtimestamp(at_micros // 1_000_000, UTC):%Y-%m-%dT%H:%M:%SZ}"
