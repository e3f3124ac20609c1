"""What is said in a request, gathered for an audit that keeps bodies. Where it does not, none of this is reached."""

from trunkline.dialects.around import Around
from trunkline.dialects.dialect import Passage
from trunkline.engine.exchange import Exchange
from trunkline.evidence import Evidence
from trunkline.state.store import Store

# What asks a model something; the rest is about objects that are kept anyway.
_ASKING = frozenset({"generate", "embeddings", "count_tokens", "compaction"})


def begin_evidence(x: Exchange, most_bytes: int) -> Evidence | None:
    """What gathers what is said in this request; `None` for one that asks no model."""
    if x.operation not in _ASKING:
        return None
    call = x.call
    return Evidence(x.request_id, x.started_at_micros, x.principal.path, x.dialect, call.headers, call.body, most_bytes)


def keep_evidence(store: Store | None, x: Exchange) -> None:
    """Have what was said kept, and note whether there was room for it."""
    evidence, x.evidence = x.evidence, None
    if evidence is not None:
        x.bodies = "kept" if store is not None and store.evidence.keep(evidence) else "lost"


class Witnessed(Around):
    """A passage of which is heard what it gives to the client."""

    __slots__ = ("_evidence",)

    def __init__(self, inner: Passage, evidence: Evidence) -> None:
        super().__init__(inner)
        self._evidence = evidence

    def change(self, out: bytes) -> bytes:
        if out:
            self._evidence.hear(out)
        return out
