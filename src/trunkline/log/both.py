"""Two ledgers as one."""

from trunkline.ports import Ledger
from trunkline.records import Record


class Both:
    """Records go to both; it is the first one that says whether there is room."""

    def __init__(self, first: Ledger, second: Ledger) -> None:
        self._first = first
        self._keep = first.record
        self._tell = second.record
        self.check = first.check

    def record(self, record: Record) -> None:
        self._keep(record)
        self._tell(record)

    @property
    def is_short(self) -> bool:
        return self._first.is_short
