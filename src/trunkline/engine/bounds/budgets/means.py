"""What whoever administers budgets works with."""

from collections.abc import Awaitable, Callable, Sequence

from msgspec import Struct

from trunkline.engine.bounds.budgets.funds import Fund
from trunkline.engine.bounds.budgets.treasury import Standing
from trunkline.state.budgets import Budget, BudgetStore


class Means(Struct, frozen=True):
    """`store` keeps all budgets but those that are `declared` in the configuration.

    `look` says how funds stand, `refresh` puts in force what was changed; `check_url` raises `InvalidRequest` for a webhook's
    URL that is never followed, and `chance` gives so many random bytes.
    """

    store: BudgetStore
    declared: Sequence[Budget]
    look: Callable[[Sequence[Fund]], Awaitable[Sequence[Standing]]]
    refresh: Callable[[], Awaitable[None]]
    check_url: Callable[[str], None]
    chance: Callable[[int], bytes]
