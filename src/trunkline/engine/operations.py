"""What answers each operation but `generate`, which is the gateway's own: a table."""

from collections.abc import Awaitable, Callable, Mapping

from trunkline.call import Reply
from trunkline.engine.desk import Desk
from trunkline.engine.exchange import Exchange
from trunkline.engine.resources.embeddings import embed
from trunkline.engine.resources.models import answer_list, answer_one
from trunkline.engine.resources.tokens import count_tokens

OPERATIONS: Mapping[str, Callable[[Desk, Exchange], Awaitable[Reply]]] = {
    "embeddings": embed,
    "count_tokens": count_tokens,
    "models": answer_list,
    "model": answer_one,
}
