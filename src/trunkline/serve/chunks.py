"""The lines between the chunks of a request body: sizes and nothing else.

The parser reads chunk extensions and skips them. Nobody sends them but to make two servers disagree, so they are
refused; and since the parser does not show them, this reads the same bytes once more, skipping the data.
"""

from trunkline.errors import InvalidRequest

_HEX = frozenset(b"0123456789abcdefABCDEF")
# Sixteen digits hold any size; more are only there to be long.
_LONGEST_SIZE = 16


class ChunkLines:
    """Reads a chunked body in any pieces; after the last chunk `is_over` is true and `beyond` counts what follows.

    `ahead` is how much of the chunk under way is still to come.
    """

    def __init__(self) -> None:
        self._line = b""
        self.ahead = 0
        self.is_over = False
        self.beyond = 0

    def feed(self, data: bytes) -> None:
        """Raises `InvalidRequest` at the first size line that holds more than a size."""
        at = 0
        end = len(data)
        while at < end:
            if self.is_over:
                self.beyond += end - at
                return
            if self.ahead:
                step = min(self.ahead, end - at)
                self.ahead -= step
                at += step
                continue
            found = data.find(b"\n", at, at + _LONGEST_SIZE + 2)
            stop = found + 1 if found >= 0 else min(end, at + _LONGEST_SIZE + 2)
            self._line += data[at:stop]
            at = stop
            self._read_line()

    def _read_line(self) -> None:
        line = self._line
        digits = line.removesuffix(b"\n").removesuffix(b"\r")
        if len(digits) > _LONGEST_SIZE or not all(byte in _HEX for byte in digits):
            raise InvalidRequest("a chunk's size line holds more than a size; chunk extensions are not accepted here")
        if line.endswith(b"\n"):
            self._line = b""
            size = int(digits or b"0", 16)
            # The data, and the line's end behind it.
            self.ahead = size + 2 if size else 0
            self.is_over = not size
