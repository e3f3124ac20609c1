"""All that is kept, as the engine is given it."""

from collections.abc import Awaitable, Callable, Mapping

from msgspec import Struct

from trunkline.state.acts import Acts
from trunkline.state.budgets import BudgetStore
from trunkline.state.completions import Completions
from trunkline.state.conversations import Conversations
from trunkline.state.evidence import EvidenceRows
from trunkline.state.files import Blobs, Files
from trunkline.state.keys import KeptKeys
from trunkline.state.limits import KeptLimits
from trunkline.state.prompts import Prompts
from trunkline.state.responses import Responses
from trunkline.state.runs import Runs
from trunkline.state.sessions import SessionRows
from trunkline.state.usage import UsageRows


class Store(Struct, frozen=True, kw_only=True):
    """The ports of one store. `erase` removes all that is kept of a path and of the paths below it, and says how many
    objects of each kind there were."""

    responses: Responses
    conversations: Conversations
    runs: Runs
    completions: Completions
    prompts: Prompts
    files: Files
    blobs: Blobs
    acts: Acts
    usage: UsageRows
    evidence: EvidenceRows
    sessions: SessionRows
    erase: Callable[[str], Awaitable[Mapping[str, int]]]
    limits: KeptLimits
    budgets: BudgetStore
    keys: KeptKeys
