"""Fields of one dialect inside tools, items and parts, towards another: each with its stated fate.

The writers put out their own dialect's extras alone, so that there is nothing to take away here, only to say.
"""

from typing import Any

from trunkline.dialects.fates import IN_NODES, Fate
from trunkline.dialects.lowering.outcome import Notes
from trunkline.errors import UnknownParameter, Unsupported
from trunkline.items import Extras

_CALLERS = "allowed_callers"

# Converse has the same words for what is asked of a document.
_OF_DOCUMENTS = ("context", "citations")


def lower_extras(extras: Extras, upstream: str, path: str, notes: Notes, *, is_answer: bool) -> None:
    """Note what is left out; raise for what changes the meaning, and for what nobody knows.

    `is_answer`: the node is a model's own, sent back: what others have added to it is noted, never refused.
    """
    for dialect, fields in extras.items():
        if dialect == upstream:
            continue
        for name, value in fields.items():
            if value is None or value in ([], {}, "") or (upstream == "bedrock" and name in _OF_DOCUMENTS):
                continue
            _lower_field(name, value, path, notes, is_answer=is_answer)


def _lower_field(name: str, value: Any, path: str, notes: Notes, *, is_answer: bool) -> None:
    fate = IN_NODES.get(name)
    if name == "citations" and isinstance(value, list):
        # A text's own, which have become annotations; a document's is a wish for them.
        return
    if name == _CALLERS:
        if "direct" not in value:
            raise Unsupported(f"`{path}.{name}` must hold 'direct' with this model", param=f"{path}.{name}")
    elif fate is Fate.DROPPED or (fate is None and is_answer):
        notes.drop(name)
    elif fate is Fate.REFUSED:
        raise Unsupported(f"`{path}.{name}` is not possible with this model: leave it out", param=f"{path}.{name}")
    elif fate is None:
        raise UnknownParameter(f"`{path}.{name}` is not a known parameter", param=f"{path}.{name}")
