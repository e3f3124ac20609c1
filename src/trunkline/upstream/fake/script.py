"""Scripts: what a model's name makes the server do, byte for byte, and how it fails. Reads files; opens no socket."""

import base64
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal

import msgspec
import yaml
from msgspec import Struct, field

Ending = Literal["end", "cut", "reset", "silence"]
"""`end`: as a sound reply ends. `cut`: the connection closes within the body. `reset`: it is reset. `silence`: nothing
more comes until the client leaves."""


class Chunk(Struct, frozen=True, forbid_unknown_fields=True):
    """One piece of a body that is no text: bytes, or seconds of waiting."""

    base64: str = ""
    pause: float = 0.0


class ScriptedError(Struct, frozen=True, forbid_unknown_fields=True):
    """An error, drawn in the envelope of the API that was asked."""

    message: str
    code: str | None = None
    param: str | None = None


class Script(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What happens instead of the plain answer.

    Without `chunks` and `error` the body is the model's own answer. `wait` seconds pass before the head, `pause`
    before each chunk. After `stop_after` chunks the body stops, and `ending` says how. `split` tears the body into
    pieces of so many bytes; `crlf` ends its lines as some vendors do. After `times` requests the script is over and
    the model answers plainly.
    """

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    chunks: list[str | Chunk] | None = None
    error: ScriptedError | None = None
    wait: float = 0.0
    pause: float = 0.0
    stop_after: int | None = None
    ending: Ending = "end"
    split: int = 0
    crlf: bool = False
    times: int | None = None


class Performance(Struct, frozen=True, kw_only=True):
    """A reply as it will be played: a number among the steps is seconds of waiting."""

    status: int
    headers: Mapping[str, str]
    steps: tuple[bytes | float, ...]
    wait: float = 0.0
    ending: Ending = "end"

    @property
    def body(self) -> bytes:
        """All its bytes."""
        return b"".join(step for step in self.steps if isinstance(step, bytes))


def read_scripts(path: Path) -> dict[str, Script]:
    """The scripts of a YAML or JSON file: `{name: script}`. Raises `msgspec.ValidationError`, naming the field."""
    return msgspec.convert(yaml.safe_load(path.read_text(encoding="utf-8")) or {}, dict[str, Script])


def direct(script: Script, plain: Performance) -> Performance:
    """The script played, with `plain` where it leaves the answer to the model."""
    steps = plain.steps if script.chunks is None else tuple(_read_chunk(chunk) for chunk in script.chunks)
    if script.stop_after is not None:
        steps = steps[: script.stop_after]
    if script.crlf:
        steps = tuple(re.sub(b"\r?\n", b"\r\n", step) if isinstance(step, bytes) else step for step in steps)
    if script.split > 0:
        steps = tuple(_split(steps, script.split))
    if script.pause > 0:
        steps = tuple(one for step in steps for one in (script.pause, step))
    return Performance(
        status=script.status if script.status != 200 else plain.status,
        headers={**plain.headers, **script.headers},
        steps=steps,
        wait=script.wait,
        ending=script.ending,
    )


def _read_chunk(chunk: str | Chunk) -> bytes | float:
    if isinstance(chunk, str):
        return chunk.encode()
    return chunk.pause or base64.b64decode(chunk.base64)


def _split(steps: Iterable[bytes | float], size: int) -> Iterable[bytes | float]:
    for step in steps:
        if isinstance(step, bytes):
            yield from (step[at : at + size] for at in range(0, len(step), size))
        else:
            yield step
