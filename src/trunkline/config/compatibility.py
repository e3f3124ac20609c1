"""The page that shows the table of fates, made from the code: what becomes of each thing that a caller may say."""

from collections.abc import Iterable, Mapping

from trunkline.dialects.compatibility import CALLERS, EFFORTS, TIERS, field_rows
from trunkline.dialects.compatibility.answers import EVENTS, FINISHES
from trunkline.dialects.compatibility.table import UPSTREAMS, Noted, Row
from trunkline.dialects.fates import IDLE_EXTRAS, IDLE_VALUES, IMPLICIT, IN_NODES, MEDIA_TOLD_TO, NODE_NOTES, Fate

_TITLES = {
    "responses": "Responses",
    "chat": "Chat",
    "messages": "Messages",
    "gemini": "Gemini",
    "bedrock": "Bedrock",
    "cohere": "Cohere",
}

_INTRODUCTION = """\
Where a caller's API is the provider's own, everything passes as it is. Where it is another, each field, tool, item,
event and value has one of six fates:

- **same**: the target has it too, under this name or another.
- **mapped**: told in the target's own terms.
- **emulated**: the target lacks it, and the gateway makes up for it; said in `x-trunkline-emulated`.
- **carried**: opaque; sealed on its way to the caller, and given back to who made it.
- **dropped**: a hint or knob that the target lacks; left out, and said in `x-trunkline-dropped` by the caller's own
  name for it. With `x-trunkline-strict: true` it is a 400 instead.
- **refused**: 400, naming the parameter, before anything is sent.

What varies by model is not shown: a provider that is known to take a field is given it whatever the table says, and a
model without tools, pictures or a switch is given what it has. Fields that no API defines are refused on translated
routes, but for those that the target is known to take; `provider_options: {"<provider>": {…}}` is merged
into that provider's body: an object into the object that is there, unless it tells another `type`, anything else in the
place of what is there. It cannot say what the gateway decides or looks up: `model`, `stream`, `store`, `background`, the
conversation, and files by id.\
"""


def write_compatibility() -> str:
    """`compatibility.md`."""
    parts = [_INTRODUCTION]
    for caller, table in CALLERS.items():
        parts.append(f"## {_TITLES[caller]} callers")
        parts += ["### Fields", _write_rows(field_rows(caller))]
        parts += ["### Tools", _write_rows(_plain(caller, table.tools))]
        parts += ["### Choices of tools", _write_rows(_noted(caller, table.choices))]
        parts += ["### What a conversation holds", _write_rows(_noted(caller, table.items))]
        if table.parts:
            parts += ["### Parts", _write_rows(_noted(caller, table.parts))]
    parts += [_write_nodes(), *_write_answers(), _write_values()]
    return "\n\n".join(parts)


def _plain(caller: str, kinds: Mapping[str, Mapping[str, Fate]]) -> Iterable[Row]:
    return (Row(name, {**fates, caller: Fate.SAME}) for name, fates in kinds.items())


def _noted(caller: str, kinds: Mapping[str, Noted]) -> Iterable[Row]:
    return (Row(name, {**fates, caller: Fate.SAME}, note) for name, (fates, note) in kinds.items())


def _write_rows(rows: Iterable[Row]) -> str:
    head = ("", *(_TITLES[upstream] for upstream in UPSTREAMS), "")
    lines = [(f"`{row.name}`", *(row.fates[upstream].value for upstream in UPSTREAMS), row.note) for row in rows]
    return _table(head, lines)


def _write_nodes() -> str:
    lines = [(f"`{name}`", fate.value, NODE_NOTES.get(name, "")) for name, fate in sorted(IN_NODES.items())]
    told = (
        "Fields of one API inside tools, items and parts, towards another. One that is not listed is left out and said"
        " in a model's own turns, and refused elsewhere."
    )
    return "\n\n".join(("## Inside tools, items and parts", told, _table(("", "fate", ""), lines)))


def _write_answers() -> Iterable[str]:
    yield "## What an answer holds"
    for upstream, events in EVENTS.items():
        lines = [(f"`{name}`", fate.value, note) for name, (fate, note) in events.items()]
        yield f"### {_TITLES[upstream]} streams, for callers of another API"
        yield _table(("", "fate", ""), lines)
    yield "### Media in answers, for callers of another API"
    yield (
        "Pictures are told to all. Sound is told as text where its provider says in words what is said in it. `audio` is"
        " the sound itself, `images` are pictures that a Chat answer only names, `inlineData` and `fileData` are what else"
        " Gemini makes, `video` is what Bedrock's models do."
    )
    head = ("", *(_TITLES[caller] for caller in CALLERS))
    told = [
        (f"`{name}`", *((Fate.MAPPED if caller in callers else Fate.DROPPED).value for caller in CALLERS))
        for name, callers in MEDIA_TOLD_TO.items()
    ]
    yield _table(head, told)
    yield "### Why an answer ended"
    ends = [
        (_TITLES[name], f"`{word}`", f"`{ours}`") for name, words in FINISHES.items() for word, ours in words.items()
    ]
    yield _table(("", "the provider's word", "here"), ends)


def _write_values() -> str:
    idle = ", ".join(f"`{name}: {value!r}`" for name, value in {**IDLE_VALUES, **IDLE_EXTRAS}.items())
    efforts = (
        f"Efforts are {_words(EFFORTS)}: one that the model does not know becomes the nearest that it does. Service"
        f" tiers are {_words(TIERS)}. Other words are the provider's to judge where it has the setting."
    )
    unasked = (
        "These are sent unasked by the SDKs, or meant when they are left out, so that not to have them is no error"
        f" under `x-trunkline-strict`: {_words(sorted(IMPLICIT))}."
    )
    silent = f"These ask for nothing, and are passed over without a word: {idle}."
    return f"## Values\n\n{efforts}\n\n{silent}\n\n{unasked}"


def _words(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
