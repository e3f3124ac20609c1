"""How much is kept of what nobody asks whom the gateway knows: a call without a key costs its sender nothing, so it must
neither fill a disk nor keep a database busy."""

# Some attempts at a key, seen whole; of a flood an account every ten seconds, which is 6 MB a day.
_AT_ONCE = 100
_SECONDS_EACH = 10


class Strangers:
    """Says which of their records are kept. `left_out` counts the others."""

    def __init__(self) -> None:
        self.left_out = 0
        self._room = float(_AT_ONCE)
        self._at_micros = 0

    def take(self, at_micros: int) -> bool:
        """Whether one of this moment is kept."""
        since, self._at_micros = at_micros - self._at_micros, max(at_micros, self._at_micros)
        self._room = min(_AT_ONCE, self._room + max(0, since) / (_SECONDS_EACH * 1_000_000))
        if self._room < 1:
            self.left_out += 1
            return False
        self._room -= 1
        return True
