"""All that is kept, as the engine is given it."""

from msgspec import Struct

from trunkline.state.acts import Acts
from trunkline.state.completions import Completions
from trunkline.state.conversations import Conversations
from trunkline.state.files import Blobs, Files
from trunkline.state.prompts import Prompts
from trunkline.state.responses import Responses
from trunkline.state.runs import Runs


class Store(Struct, frozen=True, kw_only=True):
    """The ports of one store."""

    responses: Responses
    conversations: Conversations
    runs: Runs
    completions: Completions
    prompts: Prompts
    files: Files
    blobs: Blobs
    acts: Acts
