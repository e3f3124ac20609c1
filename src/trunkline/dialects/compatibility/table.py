"""How a table of fates is written down: what a caller may say, and what becomes of it towards each upstream."""

from collections.abc import Mapping

from msgspec import Struct

from trunkline.dialects.fates import CARRIED, DROPPED, EMULATED, MAPPED, REFUSED, Fate

UPSTREAMS = ("responses", "chat", "messages", "gemini", "bedrock", "cohere")

FieldFate = str | tuple[Fate, str]
"""The setting that a field is, or `+` for one that only its dialect knows, or a fate and a note."""

Noted = tuple[Mapping[str, Fate], str]


class Row(Struct, frozen=True):
    """One thing that a caller may say, and its fate towards each upstream; `note` says more where a word is short."""

    name: str
    fates: Mapping[str, Fate]
    note: str = ""


class CallerTable(Struct, frozen=True, kw_only=True):
    """One caller's words. `items` are kinds of items, messages or blocks.

    The fate of a tool is that towards an upstream of another dialect whose model has tools and reads pictures. A
    custom tool is the target's own where its capabilities say so.
    """

    fields: Mapping[str, FieldFate]
    tools: Mapping[str, Mapping[str, Fate]]
    choices: Mapping[str, Noted]
    items: Mapping[str, Noted]
    parts: Mapping[str, Noted] = {}


def towards(fate: Fate, **others: Fate) -> dict[str, Fate]:
    """A fate towards all upstreams but `others`."""
    return {upstream: others.get(upstream, fate) for upstream in UPSTREAMS}


MAPPED_BY_ALL = towards(MAPPED)
EMULATED_BY_ALL = towards(EMULATED)
CARRIED_BY_ALL = towards(CARRIED)
DROPPED_BY_ALL = towards(DROPPED)
REFUSED_BY_ALL = towards(REFUSED)
SERVED = towards(REFUSED, responses=MAPPED, messages=MAPPED, gemini=MAPPED)
"""What providers run by themselves, where they have the like."""

FROM_THE_STORE = "kept by the gateway, whatever the target"
SEE_TOOLS = "see the tools below"
