"""A disk that fills up."""

import errno

from trunkline.store.segments import Disk


class FullDisk(Disk):
    """Has room for so many files."""

    def __init__(self, room: int) -> None:
        self.room = room

    def allocate(self, descriptor: int, size: int) -> None:
        if self.room == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        self.room -= 1
        super().allocate(descriptor, size)
