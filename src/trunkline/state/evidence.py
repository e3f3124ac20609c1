"""What was said in requests, and the port that keeps it."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from trunkline.evidence import Evidence, KeptEvidence


class EvidenceRows(Protocol):
    """Keeps evidence for as long as the audit is kept."""

    def keep(self, evidence: Evidence) -> bool:
        """Take it in; `False` when there is no room, and then nothing of it is kept. Never waits."""

    async def settle(self) -> None:
        """Wait until what was taken in can be found. Raises `Unavailable`."""

    async def find(self, ids: Sequence[str]) -> Mapping[str, KeptEvidence]:
        """The evidence of these requests; without those of which there is none. Raises `Unavailable`."""
