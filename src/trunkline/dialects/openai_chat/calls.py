"""Which call a fragment belongs to: vendors repeat, rotate, omit and misnumber what should tell.

Used by the reader and by the mending passage, so that a call is the same call on both ways. Knows neither events nor
bytes.
"""

import msgspec


class OpenCall:
    """One call as it grows. `number` counts from 0; `pieces` are its arguments so far; `id` may be empty: the vendor
    gave none, or one that another call already has. `is_started` is the user's own mark."""

    __slots__ = ("id", "is_started", "kind", "name", "number", "pieces", "tag")

    def __init__(self, number: int, id: str) -> None:
        self.number = number
        self.id = id
        self.name = ""
        self.kind = "function"
        self.pieces: list[str] = []
        self.is_started = False
        self.tag = 0

    def is_complete(self) -> bool:
        """Whether the arguments are a whole JSON object already."""
        try:
            msgspec.json.decode("".join(self.pieces), type=dict[str, msgspec.Raw])
        except msgspec.DecodeError:
            return False
        return True


class Calls:
    """The calls of one choice, in order of their appearance."""

    __slots__ = ("_at", "_ids", "all")

    def __init__(self) -> None:
        self.all: list[OpenCall] = []
        self._at: dict[int, OpenCall] = {}
        self._ids: dict[str, OpenCall] = {}

    def find(self, index: object, id: str, name: str, has_arguments: bool) -> OpenCall:
        """The call that a fragment continues, or a new one.

        The index is the key where there is one. A new id together with a name is another call at the same index
        (Ollama, Gemini's compatible endpoint); a new id alone is not (GitHub Copilot rotates them). Without an index
        the id decides, and without both the last call goes on, unless it is complete and a name comes again.
        """
        if type(index) is int:
            open_call = self._at.get(index)
            if open_call is None or self._is_another(open_call, id, name, has_arguments):
                open_call = self._at[index] = self._add(id)
        else:
            open_call = self._ids.get(id) if id else None
            if open_call is None and self.all:
                open_call = self.all[-1]
                if name and (id or open_call.is_complete()):
                    open_call = None
            if open_call is None:
                open_call = self._add(id)
        if name and not open_call.name:
            open_call.name = name
        if id and not open_call.id and not open_call.is_started and id not in self._ids:
            open_call.id = id
            self._ids[id] = open_call
        return open_call

    def _is_another(self, open_call: OpenCall, id: str, name: str, has_arguments: bool) -> bool:
        if not name or not open_call.name:
            return False
        if id:
            return bool(open_call.id) and id != open_call.id
        return has_arguments and open_call.is_complete()

    def _add(self, id: str) -> OpenCall:
        free_id = "" if id in self._ids else id
        open_call = OpenCall(len(self.all), free_id)
        self.all.append(open_call)
        if free_id:
            self._ids[free_id] = open_call
        return open_call


def read_arguments(value: object) -> str:
    """A fragment of arguments as JSON text: objects are written out (Ollama), null is nothing (Cohere)."""
    if type(value) is str:
        return value
    if value is None:
        return ""
    return msgspec.json.encode(value).decode()


def make_call_id(reply_id: str, number: int) -> str:
    """An id for a call that has none of its own: as unique as the reply's."""
    letters = "".join(letter for letter in reply_id if letter.isascii() and letter.isalnum())
    return f"call_{letters[-32:]}_{number}"
